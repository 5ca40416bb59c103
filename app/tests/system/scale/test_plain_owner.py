"""A managed PostgreSQL whose database belongs to somebody who may create neither extensions nor roles."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from tests.support.cluster import Cluster, folder_for_postgres
from tests.system.scale.conftest import managed_by

NAME, WORD = "covidtrends_geo", "a-word"
PASSWORDS = {"geo_api": "of-the-api", "geo_loader": "of-the-loader", "geo_reader": "of-the-reader"}
SCHEMA = settings.REPO_DIR / "data" / "schema"
WORLD = (
    "from tests.support import demo_regions as w; w.build(); "
    "from django.db import connection as c; print(c.settings_dict['USER'])"
)
READY = (
    "from django.test import Client; from django.db import connection;"
    "answer = Client().get('/readyz', headers={'Host': 'localhost'});"
    "print(answer.status_code, connection.settings_dict['USER'])"
)


@pytest.fixture
def server() -> Iterator[Cluster]:
    """Start one where the provider made the extension and an administrator, who is no superuser, may create roles."""
    with folder_for_postgres("plain") as folder:
        cluster = Cluster(folder / "data", "of-the-provider")
        try:
            cluster.make()
            cluster.start()
            cluster.sql(f"create role admin login createrole password '{WORD}'")
            cluster.sql(f"create role plain login password '{WORD}'")
            for name in (NAME, "restored"):
                cluster.sql(f"create database {name} owner plain")
                cluster.sql("create extension postgis", name)
            yield cluster
        finally:
            cluster.stop()


def manage(cluster: Cluster, *command: str, **keys: str) -> str:
    """Run a command of the service as the owner, and return what it says."""
    done = managed_by(f"postgis://plain:{WORD}@127.0.0.1:{cluster.port}/{NAME}", *command, **keys)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def ask(cluster: Cluster, role: str, statement: str, name: str = NAME) -> object:
    """Return the first value that a statement gives a role."""
    password = PASSWORDS.get(role, WORD)
    # Rights are what is tried, not the read-only sessions that some roles begin with.
    options = "-c default_transaction_read_only=off"
    connection = psycopg2.connect(
        host="127.0.0.1", port=cluster.port, dbname=name, user=role, password=password, options=options
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def test_without_roles_everything_runs_as_the_owner_and_migrate_says_so(server: Cluster) -> None:
    said = manage(server, "migrate", "--noinput")
    for role in PASSWORDS:
        assert f"role {role} does not exist" in said
    assert manage(server, "shell", "-v0", "-c", WORLD, COVIDTRENDS_GEO_ROLE="loader").strip() == "plain"
    assert manage(server, "shell", "-v0", "-c", READY, COVIDTRENDS_GEO_ROLE="web").split()[-2:] == ["200", "plain"]
    assert ask(server, "plain", "select count(*) from geo.health_regions") == 6


@pytest.mark.parametrize("first", ["roles", "tables"])
def test_an_administrator_makes_the_roles_and_the_next_migrate_grants(server: Cluster, first: str) -> None:
    if first == "tables":
        manage(server, "migrate", "--noinput")
    ask(server, "admin", (SCHEMA / "020_roles.sql").read_text(encoding="utf-8"))
    for role, password in PASSWORDS.items():
        ask(server, "admin", f"alter role {role} password '{password}'")
    keys = {f"DB_{role.removeprefix('geo_').upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    said = manage(server, "migrate", "--noinput", **keys)
    assert "does not exist" not in said
    assert "another role" not in said
    assert manage(server, "shell", "-v0", "-c", WORLD, **keys, COVIDTRENDS_GEO_ROLE="loader").strip() == "geo_loader"
    assert manage(server, "shell", "-v0", "-c", READY, **keys, COVIDTRENDS_GEO_ROLE="web").split()[-2:] == ["200", "geo_api"]
    assert ask(server, "geo_reader", "select count(*) from health_regions") == 6
    assert ask(server, "geo_reader", "show statement_timeout") == "1min"
    for statement in ("select from public.region", "create table geo.mine (id int)", "create temporary table mine (id int)"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            ask(server, "geo_reader", statement)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(server, "geo_api", "delete from region")


def test_the_owner_can_back_up_and_restore(server: Cluster, tmp_path: Path) -> None:
    manage(server, "migrate", "--noinput")
    manage(server, "shell", "-v0", "-c", WORLD)
    file = tmp_path / "backup"
    retained = {key: value for key, value in os.environ.items() if not key.startswith(("DB_", "DATABASE", "PG"))}
    for command, name in (("backup", NAME), ("restore", "restored")):
        address = f"postgis://plain:{WORD}@127.0.0.1:{server.port}/{name}"
        program = [str(settings.REPO_DIR / "bin" / "db"), command, str(file)]
        done = subprocess.run(program, env=retained | {"DATABASE_URL": address}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    assert ask(server, "plain", "select count(*) from geo.health_regions", "restored") == 6

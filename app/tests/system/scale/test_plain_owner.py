"""Managed PostgreSQL with a database owner who may create neither extensions nor roles."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from tests.support.cluster import Cluster, folder_for_postgres
from tests.system.scale.conftest import managed_by

NAME, PASSWORD = "covidtrends_geo", "a-word"
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
    """Yield a server with the extension installed and an administrator without superuser rights who may create roles."""
    with folder_for_postgres("plain") as folder:
        cluster = Cluster(folder / "data", "of-the-provider")
        try:
            cluster.make()
            cluster.start()
            cluster.sql(f"create role admin login createrole password '{PASSWORD}'")
            cluster.sql(f"create role plain login password '{PASSWORD}'")
            for name in (NAME, "restored"):
                cluster.sql(f"create database {name} owner plain")
                cluster.sql("create extension postgis", name)
            yield cluster
        finally:
            cluster.stop()


def manage(cluster: Cluster, *command: str, **keys: str) -> str:
    """Run manage.py as the owner, and return its output."""
    done = managed_by(f"postgis://plain:{PASSWORD}@127.0.0.1:{cluster.port}/{NAME}", *command, **keys)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def execute(cluster: Cluster, role: str, statement: str, name: str = NAME) -> object:
    """Execute a statement as a role, and return the first value of its result."""
    password = PASSWORDS.get(role, PASSWORD)
    # Tests the privileges, not the read-only default of some roles.
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


def test_without_roles_owner_runs_everything_and_migrate_warns(server: Cluster) -> None:
    output = manage(server, "migrate", "--noinput")
    for role in PASSWORDS:
        assert f"role {role} does not exist" in output
    assert manage(server, "shell", "-v0", "-c", WORLD, COVIDTRENDS_GEO_ROLE="loader").strip() == "plain"
    assert manage(server, "shell", "-v0", "-c", READY, COVIDTRENDS_GEO_ROLE="web").split()[-2:] == ["200", "plain"]
    assert execute(server, "plain", "select count(*) from geo.health_regions") == 6


@pytest.mark.parametrize("first", ["roles", "tables"])
def test_administrator_creates_roles_and_migrate_grants(server: Cluster, first: str) -> None:
    if first == "tables":
        manage(server, "migrate", "--noinput")
    execute(server, "admin", (SCHEMA / "020_roles.sql").read_text(encoding="utf-8"))
    for role, password in PASSWORDS.items():
        execute(server, "admin", f"alter role {role} password '{password}'")
    keys = {f"DB_{role.removeprefix('geo_').upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    output = manage(server, "migrate", "--noinput", **keys)
    assert "does not exist" not in output
    assert "another role" not in output
    assert manage(server, "shell", "-v0", "-c", WORLD, **keys, COVIDTRENDS_GEO_ROLE="loader").strip() == "geo_loader"
    assert manage(server, "shell", "-v0", "-c", READY, **keys, COVIDTRENDS_GEO_ROLE="web").split()[-2:] == ["200", "geo_api"]
    assert execute(server, "geo_reader", "select count(*) from health_regions") == 6
    assert execute(server, "geo_reader", "show statement_timeout") == "1min"
    for statement in ("select from public.region", "create table geo.mine (id int)", "create temporary table mine (id int)"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(server, "geo_reader", statement)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        execute(server, "geo_api", "delete from region")


def test_owner_can_back_up_and_restore(server: Cluster, tmp_path: Path) -> None:
    manage(server, "migrate", "--noinput")
    manage(server, "shell", "-v0", "-c", WORLD)
    file = tmp_path / "backup"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("DB_", "DATABASE", "PG"))}
    for command, name in (("backup", NAME), ("restore", "restored")):
        address = f"postgis://plain:{PASSWORD}@127.0.0.1:{server.port}/{name}"
        program = [str(settings.REPO_DIR / "bin" / "db"), command, str(file)]
        done = subprocess.run(program, env=inherited | {"DATABASE_URL": address}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    assert execute(server, "plain", "select count(*) from geo.health_regions", "restored") == 6

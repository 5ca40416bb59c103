"""A managed PostgreSQL, as docs/deploy-azure.md has it: TLS only, an owner who is no superuser and makes the roles itself."""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from tests.support.cluster import ROOT, Cluster, folder_for_postgres
from tests.system.scale.conftest import managed_by

OWNER, NAME, WORD = "geoadmin", "covidtrends_geo", "a-word-with-$-in-it"
PASSWORDS = {"DB_API_PASSWORD": "of-the-api", "DB_LOADER_PASSWORD": "of-the-loader", "DB_READER_PASSWORD": "of-the-reader"}


@pytest.fixture(scope="module")
def managed() -> Iterator[Cluster]:
    with folder_for_postgres("managed") as folder:
        cluster = Cluster(folder / "data", "of-the-provider", "ssl = on\n")
        try:
            cluster.make()
            key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
            files = [folder / "data" / "server.key", folder / "data" / "server.crt"]
            subprocess.run([*key, "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
            for file in files:
                file.chmod(0o600)
                if ROOT:
                    shutil.chown(file, "postgres")
            # Nobody but the provider comes in without TLS.
            rules = "host all postgres 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
            (folder / "data" / "pg_hba.conf").write_text(rules, encoding="ascii")
            cluster.start()
            for name, value in server_parameters():
                cluster.sql(f"alter system set {name} = '{value}'")
            cluster.sql("select pg_reload_conf()")
            cluster.sql(f"create role {OWNER} login createrole createdb password '{WORD}'")
            cluster.sql(f"create database {NAME} owner {OWNER}")
            # There the administrator may do this, once the extension is on the list of those allowed.
            cluster.sql("create extension postgis", NAME)
            yield cluster
        finally:
            cluster.stop()


def server_parameters() -> list[tuple[str, str]]:
    """Return the server parameters that docs/deploy-azure.md sets, without those of extensions that only the provider has."""
    document = (settings.REPO_DIR / "docs" / "deploy-azure.md").read_text(encoding="utf-8")
    parameters = re.findall(r"^set_parameter (log_\w+) (\S+)$", document, re.MULTILINE)
    assert len(parameters) >= 5
    return parameters


def manage(cluster: Cluster, *command: str, **keys: str) -> "subprocess.CompletedProcess[str]":
    place = f"127.0.0.1:{cluster.port}/{NAME}?sslmode={keys.pop('sslmode', 'require')}"
    url = f"postgis://{OWNER}:{WORD.replace('$', '%24')}@{place}"
    return managed_by(url, *command, **{"DEBUG": "false"} | PASSWORDS | keys)


def test_its_owner_migrates_and_every_role_comes_in_by_tls_only(managed: Cluster) -> None:
    refused = manage(managed, "migrate", "-v0", "--noinput", sslmode="disable")
    assert refused.returncode != 0
    assert "no encryption" in refused.stderr
    done = manage(managed, "migrate", "-v0", "--noinput")
    assert done.returncode == 0, done.stderr[-2000:]
    for key, role in zip(PASSWORDS, ("geo_api", "geo_loader", "geo_reader"), strict=True):
        with (
            contextlib.closing(
                psycopg2.connect(
                    host="127.0.0.1", port=managed.port, dbname=NAME, user=role, password=PASSWORDS[key], sslmode="require"
                )
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
            assert cursor.fetchone() == (True,)
            cursor.execute("select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user")
            assert cursor.fetchone() == (False,)
    assert managed.sql(f"select rolsuper from pg_roles where rolname = '{OWNER}'") == "f"


def test_the_loader_loads_and_the_service_answers(managed: Cluster) -> None:
    manage(managed, "migrate", "-v0", "--noinput")
    world = (
        "from tests.support import demo_regions as w; w.build(); "
        "from django.db import connection as c; print(c.settings_dict['USER'])"
    )
    loaded = manage(managed, "shell", "-v0", "-c", world, COVIDTRENDS_GEO_ROLE="loader")
    assert (loaded.stdout.strip(), loaded.returncode) == ("geo_loader", 0), loaded.stderr[-2000:]
    ask = (
        "from django.test import Client; from django.db import connection;"
        "answer = Client().get('/readyz', headers={'Host': 'localhost'});"
        "print(answer.status_code, connection.settings_dict['USER'])"
    )
    requested = manage(managed, "shell", "-v0", "-c", ask, COVIDTRENDS_GEO_ROLE="web")
    assert requested.stdout.split() == ["200", "geo_api"], requested.stdout + requested.stderr[-2000:]


def test_with_the_settings_of_the_document_there_is_nothing_to_warn_of(managed: Cluster) -> None:
    keys = {"SECURE_PROXY": "true", "TRUSTED_PROXIES": "1", "METRICS_TOKEN": "m" * 32, "ALLOWED_HOSTS": "geo.example.org"}
    secret = "kX3-vQ8_zR5tY1uB7nW2sE9dF4gH6jL0pAqCwSxZmNbVfTrGy-7h"
    check = manage(managed, "check", "--deploy", "--database", "default", "--fail-level", "WARNING", **keys, SECRET_KEY=secret)
    assert check.returncode == 0, check.stderr[-2000:]

"""Managed PostgreSQL as in docs/deploy-azure.md: TLS only, an owner without superuser rights who creates the roles."""

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

OWNER, NAME, PASSWORD = "geoadmin", "covidtrends_geo", "a-word-with-$-in-it"
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
            # Only the provider's role may connect without TLS.
            rules = "host all postgres 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
            (folder / "data" / "pg_hba.conf").write_text(rules, encoding="ascii")
            cluster.start()
            for name, value in server_parameters():
                cluster.sql(f"alter system set {name} = '{value}'")
            cluster.sql("select pg_reload_conf()")
            cluster.sql(f"create role {OWNER} login createrole createdb password '{PASSWORD}'")
            cluster.sql(f"create database {NAME} owner {OWNER}")
            # On Azure the administrator may create allow-listed extensions.
            cluster.sql("create extension postgis", NAME)
            yield cluster
        finally:
            cluster.stop()


def server_parameters() -> list[tuple[str, str]]:
    """Return the server parameters of docs/deploy-azure.md, without those of the provider's own extensions."""
    document = (settings.REPO_DIR / "docs" / "deploy-azure.md").read_text(encoding="utf-8")
    parameters = re.findall(r"^set_parameter (log_\w+) (\S+)$", document, re.MULTILINE)
    assert len(parameters) >= 5
    return parameters


def manage(cluster: Cluster, *command: str, **keys: str) -> "subprocess.CompletedProcess[str]":
    server = f"127.0.0.1:{cluster.port}/{NAME}?sslmode={keys.pop('sslmode', 'require')}"
    url = f"postgis://{OWNER}:{PASSWORD.replace('$', '%24')}@{server}"
    return managed_by(url, *command, **{"DEBUG": "false"} | PASSWORDS | keys)


def test_owner_migrates_and_roles_connect_by_tls_only(managed: Cluster) -> None:
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


def test_loader_loads_and_service_is_ready(managed: Cluster) -> None:
    manage(managed, "migrate", "-v0", "--noinput")
    world = (
        "from tests.support import demo_regions as w; w.build(); "
        "from django.db import connection as c; print(c.settings_dict['USER'])"
    )
    loaded = manage(managed, "shell", "-v0", "-c", world, COVIDTRENDS_GEO_ROLE="loader")
    assert (loaded.stdout.strip(), loaded.returncode) == ("geo_loader", 0), loaded.stderr[-2000:]
    script = (
        "from django.test import Client; from django.db import connection;"
        "answer = Client().get('/readyz', headers={'Host': 'localhost'});"
        "print(answer.status_code, connection.settings_dict['USER'])"
    )
    ready = manage(managed, "shell", "-v0", "-c", script, COVIDTRENDS_GEO_ROLE="web")
    assert ready.stdout.split() == ["200", "geo_api"], ready.stdout + ready.stderr[-2000:]


def test_check_deploy_passes_with_documented_settings(managed: Cluster) -> None:
    keys = {"SECURE_PROXY": "true", "TRUSTED_PROXIES": "1", "METRICS_TOKEN": "m" * 32, "ALLOWED_HOSTS": "geo.example.org"}
    secret = "kX3-vQ8_zR5tY1uB7nW2sE9dF4gH6jL0pAqCwSxZmNbVfTrGy-7h"
    check = manage(managed, "check", "--deploy", "--database", "default", "--fail-level", "WARNING", **keys, SECRET_KEY=secret)
    assert check.returncode == 0, check.stderr[-2000:]

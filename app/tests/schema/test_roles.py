"""Privileges of each database role, tested on a connection of the role."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from geography.models import Vintage
from loader.publication import publish
from tests.support import boundary_files as files
from tests.support.processes import wait_until
from tests.support.roles import connected

pytestmark = pytest.mark.django_db

TABLES = [model._meta.db_table for model in apps.get_app_config("geography").get_models()]
WRITES = [
    "INSERT INTO coverage (slug, name_en, name_fr) VALUES ('x', 'x', 'x')",
    "UPDATE vintage SET status = 'published'",
    "DELETE FROM region",
    "TRUNCATE region_part",
    "UPDATE region_level SET geojson = ''",
    "DELETE FROM overlap",
]
DEFINITIONS = [
    "CREATE TABLE public.mine (id int)",
    "CREATE TABLE geo.mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE VIEW geo.fsa AS SELECT 1",
    "CREATE EXTENSION dblink",
    "CREATE ROLE mine",
    "DROP VIEW geo.fsa",
    "DROP TABLE region",
    "ALTER TABLE region ADD COLUMN mine int",
    "COMMENT ON VIEW geo.fsa IS 'mine'",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "SELECT pg_read_file('/etc/passwd')",
    "SET ROLE covidtrends_geo",
]


def assert_denied(role: str, statement: str) -> None:
    """Assert that a role is denied a statement, even in a session that it sets to read-write."""
    with connected(role) as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidParameterValue)):
            cursor.execute(statement)


@pytest.mark.parametrize("statement", [*WRITES, *DEFINITIONS])
@pytest.mark.parametrize("role", ["geo_reader", "geo_api"])
def test_read_only_roles_cannot_write(role: str, statement: str) -> None:
    assert_denied(role, statement)


# A load of indicators copies its changes through a temporary table.
@pytest.mark.parametrize("statement", [text for text in DEFINITIONS if "TEMPORARY" not in text])
def test_loader_role_cannot_change_definitions(statement: str) -> None:
    assert_denied("geo_loader", statement)


@pytest.mark.parametrize("table", [*TABLES, "django_migrations"])
def test_reader_role_cannot_read_tables(table: str) -> None:
    assert_denied("geo_reader", f"SELECT FROM public.{table}")


@pytest.mark.parametrize("role", ["geo_reader", "geo_api"])
def test_read_only_roles_start_read_only_sessions(role: str) -> None:
    with connected(role) as cursor, pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        cursor.execute("CREATE TABLE public.mine (id int)")


def test_reader_role_cannot_create_large_objects() -> None:
    with connected("geo_reader") as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        cursor.execute("SELECT has_function_privilege('lo_creat(integer)', 'execute')")
        if cursor.fetchone() == (True,):
            # The owner creates the test database; large objects are denied only where a superuser set the database up.
            pytest.skip("only a superuser can close large objects")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT lo_creat(-1)")


def test_reader_role_has_timeouts_and_search_path() -> None:
    with connected("geo_reader") as cursor:
        settings_ = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "search_path")
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in settings_))
        assert cursor.fetchone() == ("1min", "10s", "5min", "geo, public")
        cursor.execute(
            "SELECT rolconnlimit, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
            " WHERE rolname = 'geo_reader'"
        )
        assert cursor.fetchone() == (20, False, False, False, False, False)
        cursor.execute("SELECT count(*) FROM fsa")


def test_reader_role_cannot_see_other_statements() -> None:
    with connected("geo_reader") as cursor, connected("geo_loader") as other:
        other.execute("SELECT 43.6426, -79.3871")
        cursor.execute("SELECT query FROM pg_stat_activity WHERE usename = 'geo_loader'")
        assert {query for (query,) in cursor} <= {"<insufficient privilege>"}


def test_api_role_reads_present_and_future_tables() -> None:
    with connected() as owner:
        owner.execute("CREATE TABLE public.later (id bigserial PRIMARY KEY, name text)")
        try:
            with connected("geo_api") as cursor:
                for table in [*TABLES, "django_migrations", "later"]:
                    cursor.execute(f"SELECT FROM public.{table} LIMIT 1")
            assert_denied("geo_api", "INSERT INTO later (name) VALUES ('x')")
            assert_denied("geo_reader", "SELECT FROM later")
            with connected("geo_loader") as cursor:
                cursor.execute("INSERT INTO later (name) VALUES ('x')")
        finally:
            owner.execute("DROP TABLE public.later")


def test_passwords_use_scram_and_wrong_password_fails() -> None:
    with connected("geo_reader") as cursor:
        cursor.execute("SELECT current_setting('password_encryption')")
        assert cursor.fetchone() == ("scram-sha-256",)
    item = connection.settings_dict
    with pytest.raises(psycopg2.OperationalError, match=r"password|no pg_hba"):
        psycopg2.connect(host=item["HOST"], port=item["PORT"], dbname=item["NAME"], user="geo_reader", password="guess")


@pytest.fixture
def run_load() -> Iterator[Any]:
    """Return a function that runs load_boundaries in a process as geo_loader; delete every vintage afterwards."""

    def run(path: Path, vintage: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {
            "DB_NAME": str(connection.settings_dict["NAME"]),
            "DB_PASSWORD": "the owner's password is not needed",
            "SECRET_KEY": "x",
        }
        command = [sys.executable, "manage.py", "load_boundaries", "--coverage=health-regions", f"--vintage={vintage}"]
        options = [
            "--effective-from=2022-12-01",
            "--representation=digital",
            "--title=Test",
            f"--file={path}",
            "--no-downloads",
        ]
        return subprocess.run(
            [*command, *options], cwd=settings.APP_DIR, env=environment, capture_output=True, text=True, check=False
        )

    yield run
    for vintage in Vintage.objects.all():
        publish.delete(vintage)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the address is in DATABASE_URL, with the owner's password")
def test_load_runs_as_loader_role(run_load: Any, tmp_path: Path) -> None:
    if not settings.DATABASE_ROLE_PASSWORDS["geo_loader"]:
        pytest.skip("geo_loader has no password here")
    done = run_load(files.shape(tmp_path / "hr", files.grid()), "2022")
    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    assert Vintage.objects.get(label="2022").region_count == 4
    with connected() as owner:
        owner.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'region_part'")
        assert owner.fetchone()[0] > 0, "no statistics of the new rows"


@pytest.mark.django_db(transaction=True)
def test_reader_role_cannot_block_migrate_or_load(run_load: Any, tmp_path: Path) -> None:
    with connected("geo_reader") as cursor:
        # Advisory locks of older versions; these functions are denied where a superuser set the database up.
        for number in (33470001, 33472021):
            with suppress(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        for table in ("public.load_lock", "public.django_migrations"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"BEGIN; LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
            cursor.execute("ROLLBACK")
        call_command("migrate", verbosity=0)
        done = run_load(files.shape(tmp_path / "hr", files.grid()), "2022")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("role", ["geo_reader", "geo_api"])
def test_read_only_roles_cannot_lock_tables(role: str) -> None:
    for table in ("public.load_lock", "public.django_migrations"):
        with connected(role) as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(f"BEGIN READ WRITE; LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_reader_role_cannot_connect_to_other_databases(database: str) -> None:
    require_private_cluster()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"), connected("geo_reader", database):
        pass


def test_reader_role_has_a_temp_file_limit() -> None:
    require_private_cluster()
    with connected("geo_reader") as cursor:
        cursor.execute("SHOW temp_file_limit")
        assert cursor.fetchone() == ("1GB",)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SET temp_file_limit = -1")


def test_server_log_has_no_values_of_reader_queries() -> None:
    require_private_cluster()
    with connected("geo_reader") as cursor:
        with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
            cursor.execute("SELECT 'K1A 0B1 marked'::double precision")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SET log_min_messages = debug5")
        cursor.execute("SET client_min_messages = error")
    log = Path(os.environ["DB_CLUSTER"]) / "server.log"
    assert "marked" not in log.read_text(encoding="utf-8", errors="replace")


def test_end_long_reads_terminates_reader_sessions() -> None:
    with connected("geo_reader") as busy, connected("geo_reader") as idle, connected("geo_reader") as quick:
        busy.execute("SET statement_timeout = 0")
        idle.execute("SET idle_in_transaction_session_timeout = 0")
        idle.execute("BEGIN; SELECT count(*) FROM geo.fsa")
        with ThreadPoolExecutor(1) as pool:
            submit = pool.submit(busy.execute, "SELECT pg_sleep(60)")
            wait_until(submit.running)
            with connected("geo_api") as service, connected() as owner:
                wait_until(lambda: _long_reads(owner) == 2)
                service.execute("SELECT public.end_long_reads('1 s', '1 s')")
                assert service.fetchone() == (2,)
            with pytest.raises(psycopg2.OperationalError):
                submit.result(timeout=30)
        with pytest.raises(psycopg2.OperationalError):
            idle.execute("SELECT 1")
        quick.execute("SELECT 1")


def _long_reads(owner: Any) -> int:
    """Return the number of sessions of geo_reader with a statement, or a pause in a transaction, of more than a second."""
    owner.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE usename = 'geo_reader' AND datname = current_database() AND state <> 'idle'"
        " AND CASE state WHEN 'active' THEN query_start ELSE state_change END < clock_timestamp() - interval '1 s'"
    )
    return int(owner.fetchone()[0])


def test_other_roles_cannot_end_sessions() -> None:
    for role in ("geo_reader", "geo_loader"):
        assert_denied(role, "SELECT public.end_long_reads('0 s', '0 s')")


def require_private_cluster() -> None:
    """Skip outside the private PostGIS: only a superuser sets up the tested privileges."""
    if not os.environ.get("DB_CLUSTER"):
        pytest.skip("only in the private PostGIS")

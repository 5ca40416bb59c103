"""What each role may not do, tried with its own password over a connection of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from geography.models import Vintage
from loader import publish
from tests import loader_files as files
from tests.db.roles import connected

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


def refused(role: str, statement: str) -> None:
    """Assert that a role may not, even if it takes its session's own brake off first."""
    with connected(role) as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidParameterValue)):
            cursor.execute(statement)


@pytest.mark.parametrize("statement", [*WRITES, *DEFINITIONS])
@pytest.mark.parametrize("role", ["geo_reader", "geo_api"])
def test_who_reads_changes_nothing(role: str, statement: str) -> None:
    refused(role, statement)


@pytest.mark.parametrize("statement", DEFINITIONS)
def test_a_load_changes_rows_and_no_definition(statement: str) -> None:
    refused("geo_loader", statement)


@pytest.mark.parametrize("table", [*TABLES, "django_migrations"])
def test_analysts_do_not_see_the_tables(table: str) -> None:
    refused("geo_reader", f"SELECT FROM public.{table}")


@pytest.mark.parametrize("role", ["geo_reader", "geo_api"])
def test_a_session_that_reads_is_read_only_to_begin_with(role: str) -> None:
    with connected(role) as cursor, pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        cursor.execute("CREATE TABLE public.mine (id int)")


def test_large_objects_are_closed_too() -> None:
    with connected("geo_reader") as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        cursor.execute("SELECT has_function_privilege('lo_creat(integer)', 'execute')")
        if cursor.fetchone() == (True,):
            # The test database is made by its owner. Only in the database that a superuser set up are they closed.
            pytest.skip("only a superuser can close large objects")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT lo_creat(-1)")


def test_an_analyst_has_limits_and_finds_the_views_without_a_schema() -> None:
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


def test_an_analyst_sees_nobody_elses_statement() -> None:
    with connected("geo_reader") as cursor, connected("geo_loader") as other:
        other.execute("SELECT 43.6426, -79.3871")
        cursor.execute("SELECT query FROM pg_stat_activity WHERE usename = 'geo_loader'")
        assert {query for (query,) in cursor} <= {"<insufficient privilege>"}


def test_the_service_reads_every_table_of_ours_now_and_later() -> None:
    with connected() as owner:
        owner.execute("CREATE TABLE public.later (id bigserial PRIMARY KEY, name text)")
        try:
            with connected("geo_api") as cursor:
                for table in [*TABLES, "django_migrations", "later"]:
                    cursor.execute(f"SELECT FROM public.{table} LIMIT 1")
            refused("geo_api", "INSERT INTO later (name) VALUES ('x')")
            refused("geo_reader", "SELECT FROM later")
            with connected("geo_loader") as cursor:
                cursor.execute("INSERT INTO later (name) VALUES ('x')")
        finally:
            owner.execute("DROP TABLE public.later")


def test_passwords_are_kept_as_scram_and_a_wrong_one_is_refused() -> None:
    with connected("geo_reader") as cursor:
        cursor.execute("SELECT current_setting('password_encryption')")
        assert cursor.fetchone() == ("scram-sha-256",)
    one = connection.settings_dict
    with pytest.raises(psycopg2.OperationalError, match=r"password|no pg_hba"):
        psycopg2.connect(host=one["HOST"], port=one["PORT"], dbname=one["NAME"], user="geo_reader", password="guess")


@pytest.fixture
def loads() -> Iterator[Any]:
    """Return what runs a load as a process of its own, as geo_loader; clears up after it."""

    def run(path: Path, vintage: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {
            "DB_NAME": str(connection.settings_dict["NAME"]),
            "DB_PASSWORD": "the owner's password is not needed",
            "SECRET_KEY": "x",
        }
        command = [sys.executable, "manage.py", "load_boundaries", "--coverage=health-regions", f"--vintage={vintage}"]
        options = ["--effective-from=2022-12-01", "--representation=digital", "--title=Test", f"--file={path}"]
        return subprocess.run(
            [*command, *options], cwd=settings.APP_DIR, env=environment, capture_output=True, text=True, check=False
        )

    yield run
    for vintage in Vintage.objects.all():
        publish.delete(vintage)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the address is in DATABASE_URL, with the owner's password")
def test_a_load_needs_no_more_than_its_role(loads: Any, tmp_path: Path) -> None:
    if not settings.DATABASE_ROLE_PASSWORDS["geo_loader"]:
        pytest.skip("geo_loader has no password here")
    done = loads(files.shape(tmp_path / "hr", files.grid()), "2022")
    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    assert Vintage.objects.get(label="2022").region_count == 4
    with connected() as owner:
        owner.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'region_part'")
        assert owner.fetchone()[0] > 0, "the planner was told nothing of the new rows"

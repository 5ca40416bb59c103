"""Connection check of the PostGIS of DATABASE_URL or DB_HOST: one line instead of Django's traceback.

An argument is the role to connect as: _check_database.py geo_api.
"""

import sys
from pathlib import Path

import environ
import psycopg2

env = environ.Env()
env.read_env(Path(__file__).resolve().parents[1] / ".env")


def address() -> dict[str, object]:
    if env.str("DATABASE_URL", ""):
        url = env.db("DATABASE_URL")
        return {key.lower(): url[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}
    return {
        "host": env.str("DB_HOST"),
        "port": env.str("DB_PORT", "") or 5432,
        "name": env.str("DB_NAME", "") or "covidtrends_geo",
        "user": env.str("DB_USER", "") or "covidtrends_geo",
        "password": env.str("DB_PASSWORD", ""),
    }


target = address()
if len(sys.argv) > 1:
    target |= {"user": sys.argv[1], "password": env.str("DB_API_PASSWORD", "")}
where = f"{target['name']} at {target['host'] or 'the local socket'}:{target['port'] or 5432}"
try:
    connection = psycopg2.connect(
        host=target["host"] or None,
        port=target["port"] or None,
        dbname=target["name"],
        user=target["user"] or None,
        password=target["password"] or None,
        connect_timeout=5,
    )
except psycopg2.OperationalError as error:
    as_role = f" as {sys.argv[1]}" if len(sys.argv) > 1 else ""
    sys.exit(f"cannot connect to {where}{as_role}: {str(error).strip().splitlines()[0]}")
with connection, connection.cursor() as cursor:
    cursor.execute(
        "select exists (select from pg_extension where extname = 'postgis')"
        " or (select rolsuper from pg_roles where rolname = current_user)"
    )
    if not cursor.fetchone()[0]:
        sys.exit(f"{where} has no PostGIS: run as a superuser: create extension postgis")

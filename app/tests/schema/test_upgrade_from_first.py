"""Upgrade from the first migration: the upgraded database gives the same responses as a new one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from loader import pipeline
from loader.progress import Steps
from tests.support.demo_regions import World, position
from tests.support.roles import connected

NAME = "test_upgrade_from_first"
HERE = position(2_000, 2_000)
AT = f"lat={HERE['lat']}&lon={HERE['lon']}"
PATHS = (
    "/health-regions?detail=none",
    "/health-regions?detail=high&lang=fr",
    "/health-regions/3501?detail=full",
    "/health-regions/3501?detail=none&vintage=2018",
    "/health-regions/3501/neighbours?detail=none",
    "/health-regions/3502/fsa?detail=none",
    "/fsa/M1A",
    "/fsa/M5V/boundary",
    f"/locate?{AT}",
    f"/locate?{AT}&at=2019-01-01&lang=fr",
    "/vintages",
    "/vintages/health-regions/2018/changes/2022",
)
REQUEST_SCRIPT = """
import json
from django.test import Client
client = Client()
print(json.dumps([[answer.status_code, answer.json()] for answer in map(client.get, {questions!r})]))
"""
# A start completes published vintages: see load_boundaries --embedded.
COMPLETE = "from loader import pipeline; from loader.progress import Steps; pipeline.complete(Steps(quiet=True))"


def manage(*command: str) -> str:
    database = settings.DATABASES["default"]
    keys = {f"DB_{key}": str(database[key]) for key in ("HOST", "PORT", "USER", "PASSWORD")}
    environment = (
        os.environ | keys | {"DB_NAME": NAME, "DATABASE_URL": "", "SECRET_KEY": "x", "DOWNLOADS_DIR": "/dev/null/none"}
    )
    environment |= {"BODY_CACHE_MB": "0", "ALLOWED_HOSTS": "testserver"}
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.APP_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def first_schema(db: None) -> Iterator[None]:
    with connected() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
        cursor.execute(f"CREATE DATABASE {NAME}")
    try:
        with connected(database=NAME) as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS postgis")
            cursor.execute((Path(__file__).parent / "first_schema.sql").read_text(encoding="utf-8"))
        yield
    finally:
        with connected() as cursor:
            cursor.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def responses(client: Client) -> list[Any]:
    return [[response.status_code, response.json()] for response in map(client.get, PATHS)]


def test_upgraded_database_equals_a_new_one(first_schema: None, world: World, client: Client) -> None:
    manage("migrate", "-v0", "--noinput")
    manage("shell", "-v0", "-c", COMPLETE)
    # The new database gets its borders and changes in the same way.
    pipeline.complete(Steps(quiet=True))
    data = json.loads(manage("shell", "-v0", "-c", REQUEST_SCRIPT.format(questions=PATHS)))
    for path, value, other in zip(PATHS, data, responses(client), strict=True):
        assert value[0] == 200, path
        assert value == other, path
    with connected(database=NAME) as cursor:
        # The views of schema geo hold the shares of the FSA.
        cursor.execute("SELECT hruid, share_of_fsa FROM geo.fsa_health_regions WHERE cfsauid = 'M1A' ORDER BY 1")
        assert [(code, round(share, 2)) for code, share in cursor.fetchall()] == [("3501", 0.4), ("3502", 0.6)]
    assert connection.settings_dict["NAME"] != NAME

"""Fixtures of tests of analysts' programs, which read the demonstration as geo_reader in an environment of their own."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from tests.support.optional import left_out
from tests.support.roles import address


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests with a reason unless TEST_CLIENTS is set."""
    left_out(items, Path(__file__).parent, "clients", "QGIS and other clients")


@pytest.fixture(scope="session")
def database(demonstration: None, django_db_blocker: DjangoDbBlocker) -> dict[str, str]:
    """Return the libpq parameters of a connection to the demonstration as geo_reader."""
    with django_db_blocker.unblock():
        item = address("geo_reader")
    return {key: str(value) for key, value in item.items() if value}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a program and returns its output.

    PROJ_DATA and GDAL_DATA of the Python wheels are not passed on: the system's programs have other versions.
    """

    def program(*command: str, **environment: str) -> str:
        plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(
            command, env=plain | environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return program


def require_program(path: str | Path, what: str) -> str:
    """Return the path of a program, or fail the test if it is not installed."""
    which = shutil.which(str(path))
    if which is None:
        pytest.fail(f"{what} is not installed: bin/clients installs it")
    return which


def run_in_qgis(script: str, options: dict[str, Any], home: Path) -> Any:
    """Return the JSON that a script of this folder prints in the system's Python with QGIS.

    Args:
        options: its standard input, as JSON.
        home: an empty folder for the settings of QGIS.
    """
    python = require_program("/usr/bin/python3", "the system's Python with python3-qgis")
    done = subprocess.run(
        [python, str(Path(__file__).with_name(script))],
        input=json.dumps(options),
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_RUNTIME_DIR": str(home),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def venv_python(name: str) -> str:
    """Return the Python of a virtual environment that bin/clients creates."""
    return require_program(settings.REPO_DIR / ".local" / name / "bin" / "python", name)


def libpq(database: dict[str, str]) -> dict[str, str]:
    """Return the environment variables with which programs based on libpq connect."""
    names: dict[str, Any] = {
        "host": "PGHOST",
        "port": "PGPORT",
        "dbname": "PGDATABASE",
        "user": "PGUSER",
        "password": "PGPASSWORD",
    }
    return {names[key]: value for key, value in database.items()}

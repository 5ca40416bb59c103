"""Programs that analysts use, on the demonstration in the test database, as geo_reader and with an environment of their own."""

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
    """Leave these out of a quick run, and say so."""
    left_out(items, Path(__file__).parent, "clients", "QGIS and other clients")


@pytest.fixture(scope="session")
def database(demonstration: None, django_db_blocker: DjangoDbBlocker) -> dict[str, str]:
    """Return what libpq needs to read the demonstration as geo_reader."""
    with django_db_blocker.unblock():
        item = address("geo_reader")
    return {key: str(value) for key, value in item.items() if value}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Return what runs a program and gives its output.

    Without the wheels' PROJ_DATA and GDAL_DATA, which are of other versions than the system's programs.
    """

    def program(*command: str, **environment: str) -> str:
        plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(
            command, env=plain | environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return program


def need(path: str | Path, what: str) -> str:
    """Return the path of a program. Raises: Failed where it is not installed: these tests only run where they are asked for."""
    which = shutil.which(str(path))
    if which is None:
        pytest.fail(f"{what} is not installed: bin/clients installs it")
    return which


def private(name: str) -> str:
    """Return the Python of one of the virtual environments that bin/clients makes."""
    return need(settings.REPO_DIR / ".local" / name / "bin" / "python", name)


def libpq(database: dict[str, str]) -> dict[str, str]:
    """Return the environment by which libpq's programs connect."""
    names: dict[str, Any] = {
        "host": "PGHOST",
        "port": "PGPORT",
        "dbname": "PGDATABASE",
        "user": "PGUSER",
        "password": "PGPASSWORD",
    }
    return {names[key]: value for key, value in database.items()}

"""Real server with the embedded demonstration, for the tests of documents, browser and clients.

Tests that use it run one after the other (tests.conftest), so that it is loaded once; it is removed before any other test.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from geography.models import Coverage, Vintage
from indicators.models import Indicator, Place
from loader.publication import publish
from tests.support.cluster import free_port
from tests.support.priority import raised
from tests.support.processes import responds, stop, wait_until

_open = contextlib.ExitStack()


def remove_demonstration() -> None:
    """Stop the server and delete the layers and series, if present."""
    _open.close()


@pytest.fixture(scope="session")
def demonstration(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Load the embedded layers and series into the test database, until a test that does not use them (tests.conftest).

    DEMONSTRATION_BACKUP: file for a backup of the database (bin/db backup), from which another server can restore it.
    """
    # Everything is deleted at the end: only in a test database.
    assert connection.settings_dict["NAME"].startswith("test_")
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert any(item.nodeid.endswith("@demonstration") for item in request.session.items), "pytest-xdist ignores groups"
    # These tests take longer one after the other than all others in three processes.
    _open.enter_context(raised(5))
    _open.callback(_delete_all, django_db_blocker)
    with django_db_blocker.unblock():
        call_command("load_boundaries", "--embedded", verbosity=0)
        call_command("load_series", "--embedded", verbosity=0, stdout=StringIO())
        call_command("export", verbosity=0, stdout=StringIO())
        if backup := os.environ.get("DEMONSTRATION_BACKUP"):
            environment = os.environ | {"DB_NAME": str(connection.settings_dict["NAME"])}
            subprocess.run([settings.REPO_DIR / "bin" / "db", "backup", backup], env=environment, check=True)
    yield
    remove_demonstration()


def _delete_all(blocker: DjangoDbBlocker) -> None:
    with blocker.unblock():
        for vintage in Vintage.objects.all():
            publish.delete(vintage)
        Coverage.objects.all().delete()
        Indicator.objects.all().delete()
        Place.objects.all().delete()


@pytest.fixture(scope="session")
def start_service(
    demonstration: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., str]:
    """Return a function that serves the test database and the static files with the server that bin/serve runs.

    Its arguments are settings of the environment; it returns the address of the server.
    """
    static_root = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=str(static_root)):
        call_command("collectstatic", "--noinput", verbosity=0)
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
    database = settings.DATABASES["default"]
    keys = {f"DB_{key}": str(database[key]) for key in ("HOST", "PORT", "USER", "PASSWORD")}
    environment = (
        os.environ
        | keys
        | {
            "DB_NAME": name,
            "DATABASE_URL": "",
            "SECRET_KEY": "for-tests",
            "DOWNLOADS_DIR": str(settings.DOWNLOADS_DIR),
            "DEBUG": "false",
            "STATIC_ROOT": str(static_root),
        }
    )

    def start(**more: str) -> str:
        port = free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "config.wsgi:application"]
        server = subprocess.Popen(command, cwd=settings.APP_DIR, env=environment | more, stderr=subprocess.DEVNULL)
        _open.callback(stop, server)
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: responds(f"{address}/livez"), "a response of the server")
        return address

    return start


@pytest.fixture(scope="session")
def service(start_service: Callable[..., str]) -> str:
    """Serve the demonstration; return the address."""
    return start_service()

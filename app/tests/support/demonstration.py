"""A real server over the embedded demonstration, for what the documents promise and for what a browser does.

Tests that use it run last (tests.conftest), so that it is set up once and what it loads meets no other test.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from geography.models import Vintage
from indicators.models import Indicator, Place
from loader.publication import publish
from tests.support.cluster import free_port


@pytest.fixture(scope="session")
def demonstration(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Load the embedded layers into the test database, and take them out again.

    DEMONSTRATION_BACKUP: a file for a backup of the database (bin/db backup), so that another server need not load them too.
    """
    # At the end everything is deleted: never in a database that somebody uses.
    assert connection.settings_dict["NAME"].startswith("test_")
    with django_db_blocker.unblock():
        call_command("load_boundaries", "--embedded", verbosity=0)
        call_command("load_series", "--embedded", verbosity=0, stdout=StringIO())
        call_command("export", verbosity=0, stdout=StringIO())
        if backup := os.environ.get("DEMONSTRATION_BACKUP"):
            environment = os.environ | {"DB_NAME": str(connection.settings_dict["NAME"])}
            subprocess.run([settings.REPO_DIR / "bin" / "db", "backup", backup], env=environment, check=True)
    yield
    with django_db_blocker.unblock():
        for vintage in Vintage.objects.all():
            publish.delete(vintage)
        Indicator.objects.all().delete()
        Place.objects.all().delete()


@pytest.fixture(scope="session")
def service(demonstration: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the test database and the static files with the server that bin/serve runs; yield its address."""
    static_root = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=str(static_root)):
        call_command("collectstatic", "--noinput", verbosity=0)
    port = free_port()
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
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "config.wsgi:application"]
    with subprocess.Popen(command, cwd=settings.APP_DIR, env=environment, stderr=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/livez")
            yield address
        finally:
            server.terminate()


def _wait_for(address: str) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"{address} does not answer")

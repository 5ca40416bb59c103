"""Fixtures of the API tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client

from loader.export import make
from loader.progress import Steps
from tests.support.front_door import FrontDoorClient
from tests.support.wsgi import Counted


@pytest.fixture
def client(cache_folder: Path) -> Client:
    """Return a client of the service as production runs it: fast path, response cache, catalogue in memory."""
    return FrontDoorClient()


@pytest.fixture
def cache_folder(settings: Any, tmp_path: Path) -> Path:
    """Turn the response cache on; return its folder."""
    settings.GEODATA_CACHE = str(tmp_path)
    settings.BODY_CACHE_MB = 16
    return tmp_path / "bodies"


@pytest.fixture
def exported_code_tables(world: Any, settings: Any, tmp_path: Path) -> None:
    """Export the code tables of the published vintages, and no other files."""
    settings.DOWNLOADS_DIR = tmp_path
    tables = [download for download in make.published_downloads() if download.format.name in {"csv", "csvw"}]
    make.export(tables, Steps(quiet=True))


@pytest.fixture
def django() -> Iterator[Counted]:
    """Return Django, which does not close the test's database connection, as with the test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Counted()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)

"""Fixtures of the indicator tests: the embedded series, loaded once for this folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from geography.models import Vintage
from indicators.models import Indicator, Place
from indicators.queries import catalogue
from loader.export import make
from loader.progress import Steps
from loader.series import pipeline
from loader.series.declarations import read_series
from tests.support import now_regions, reporting_regions
from tests.support.bodies import body
from tests.support.front_door import FrontDoorClient
from tests.support.issue_history import ALL_GATES, SMALL_HISTORY, SmallIssue, changes_text, declared


@pytest.fixture(scope="package")
def embedded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Load the embedded series (cases, deaths) once for this folder."""
    with django_db_blocker.unblock():
        try:
            for source in read_series().values():
                if source.embedded:
                    pipeline.load(source)
            yield
        finally:
            Indicator.objects.all().delete()
            Place.objects.all().delete()


@pytest.fixture
def client(embedded: None, settings: Any, tmp_path: Path) -> Client:
    """Return a client of the service as production runs it: fast path, response cache, catalogue in memory."""
    settings.GEODATA_CACHE, settings.BODY_CACHE_MB = str(tmp_path / "cache"), 16
    return FrontDoorClient()


@pytest.fixture
def sql(embedded: None, db: None) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that runs SQL and returns the rows."""

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    return run


@pytest.fixture(scope="module")
def files(embedded: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Export the files of cases and deaths once for a module, and return DOWNLOADS_DIR."""
    folder = tmp_path_factory.mktemp("downloads")
    with override_settings(DOWNLOADS_DIR=folder):
        with django_db_blocker.unblock():
            assert make.export(make.indicator_downloads(), Steps(quiet=True)).failed == {}
        yield folder


@pytest.fixture
def content(client: Any) -> Callable[..., bytes]:
    """Return a function that downloads a file through the API and returns its content."""

    def read(name: str) -> bytes:
        response = client.get(f"/downloads/indicators/{'cases' if name.startswith('cases') else 'deaths'}/{name}")
        assert response.status_code == 200, response.content
        return body(response)

    return read


def published_file(name: str) -> Path:
    """Return a file of the publisher from GEODATA_DIR; skip the test with a reason if it is missing."""
    path = Path(settings.GEODATA_DIR) / "series" / name
    if not path.exists():
        pytest.skip(f"GEODATA_DIR ({settings.GEODATA_DIR}) has no series/{name}")
    return path


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., None]:
    """Return a function that loads a history of the indicator `history`, from a file of changes."""
    source, toml = declared(tmp_path)

    def run(history: list[SmallIssue], accept: frozenset[str] = ALL_GATES) -> None:
        path = tmp_path / "changes.csv"
        path.write_text(changes_text(history), encoding="utf-8")
        acceptance = pipeline.Acceptance(accept, "as it was published", "A. Person", named=True)
        list(pipeline.load_issues(source, path, acceptance=acceptance, declarations=toml))
        catalogue.clear()

    return run


@pytest.fixture
def history(load: Callable[..., None]) -> Iterator[list[SmallIssue]]:
    """Load the small history, its incident accepted; return the issues with their values."""
    load(SMALL_HISTORY)
    yield SMALL_HISTORY
    catalogue.clear()


@pytest.fixture
def boundaries(db: None, settings: Any, tmp_path: Path) -> Vintage:
    """Publish the health regions and FSAs of `tests.support.now_regions` with their indexes; return the health regions."""
    settings.DOWNLOADS_DIR = tmp_path / "downloads"
    return now_regions.publish_regions()


@pytest.fixture
def vintage(db: None) -> Vintage:
    """Publish the vintage of `tests.support.reporting_regions`."""
    return reporting_regions.publish_vintage()

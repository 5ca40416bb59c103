"""Fixtures for every test: demo regions in the database, test clients, checks of responses."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.test import Client, override_settings
from jsonschema import Draft202012Validator

from api.responses import now
from geography.lookup import registry
from geography.vintages import catalogue
from indicators.queries import catalogue as indicator_catalogue
from indicators.queries import latest
from tests.support import demo_regions as worlds
from tests.support.browser import browser
from tests.support.demonstration import demonstration, remove_demonstration, service, start_service
from tests.support.loading import load, published

__all__ = ["browser", "demonstration", "load", "published", "service", "start_service"]

# Hypothesis fails an example that takes more than 200 ms, and slow generation; a busy machine exceeds both.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

# Longest parameter that is written out in the id of a test, characters.
_ID_TEXT_MAX = 200


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests for pytest-xdist, expensive groups first, and mark every test that uses the database by way of a fixture.

    pytest-django creates a test database only if a selected test is marked. Without the mark, a fixture that loads and deletes
    boundaries for a single module would use the database of bin/serve.
    """
    cost = {item: 0 if _uses_demonstration(item) else 1 if _package(item) else 2 for item in items}
    items.sort(key=lambda item: cost[item])
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
        if "django_db_setup" in getattr(item, "fixturenames", ()) and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.django_db)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Return a short id for a long text, None for pytest's own: every process of pytest-xdist sends all ids."""
    return f"{argname}-of-{len(val)}" if isinstance(val, str | bytes) and len(val) > _ID_TEXT_MAX else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remove the demonstration before a test that does not use it."""
    if not _uses_demonstration(item):
        remove_demonstration()


def _group(item: pytest.Item) -> str:
    """Return the group whose tests one worker runs: those that share an expensive fixture, else those of a module."""
    if _uses_demonstration(item):
        return "demonstration"
    return _package(item) or str(item.path.relative_to(item.config.rootpath))


def _uses_demonstration(item: pytest.Item) -> bool:
    return any(fixture.argname == "demonstration" and fixture.scope == "session" for fixture in _fixtures(item))


def _package(item: pytest.Item) -> str | None:
    """Return the folder of the package-wide fixtures that the test uses, None if it uses none."""
    return next((fixture.baseid for fixture in _fixtures(item) if fixture.scope == "package"), None)


def _fixtures(item: pytest.Item) -> list[pytest.FixtureDef[Any]]:
    """Return the definitions of the fixtures that a test uses."""
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest has no public name
    return [fixtures[-1] for fixtures in definitions.values()]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Create the test database; end the run in any other database."""
    from django.db import connection

    if not str(connection.settings_dict["NAME"]).startswith("test_"):
        pytest.exit("the tests would run in the database of bin/serve", returncode=3)


@pytest.fixture(scope="session")
def no_files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an empty folder."""
    return str(tmp_path_factory.mktemp("no_files"))


@pytest.fixture(autouse=True)
def static_root(settings: Any, no_files: str) -> None:
    """Set STATIC_ROOT to an empty folder (WhiteNoise warns about a missing folder), and disable the response cache."""
    settings.STATIC_ROOT = no_files
    # Responses cached by one test must not reach another; the tests of the cache enable it.
    settings.BODY_CACHE_MB = 0


@pytest.fixture(autouse=True)
def fresh_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear what the process holds and set the maximum age to zero, so that a test sees every publication at once."""
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 0.0)
    monkeypatch.setattr(catalogue, "STALE_MAX_S", 0.0)
    catalogue.clear()
    indicator_catalogue.clear()
    latest.clear()
    now.clear()


@pytest.fixture(autouse=True)
def no_open_indexes() -> None:
    """Close the lookup indexes that another test has opened."""
    registry.clear()


@pytest.fixture(scope="session", autouse=True)
def downloads_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Set DOWNLOADS_DIR to a folder of the test run, and create no download files at publication."""
    folder = tmp_path_factory.getbasetemp() / "downloads"
    with override_settings(DOWNLOADS_AT_PUBLISH=False, DOWNLOADS_DIR=folder):
        yield folder


@pytest.fixture
def world(request: pytest.FixtureRequest, db: None) -> worlds.World:
    """Return the demo regions of tests.support.demo_regions in the database; the fixture `related` adds borders and changes."""
    return worlds.build(related="related" in request.fixturenames)


@pytest.fixture
def related(world: worlds.World) -> worlds.World:
    """Return the demo regions with borders and changes, computed as by a load."""
    return world


@pytest.fixture
def plain_client() -> Client:
    """Return Django's test client; an exception in a view gives a response with status 500, as in production."""
    return Client(raise_request_exception=False)


@pytest.fixture
def client(plain_client: Client) -> Client:
    """Return the test client; tests/api overrides it with a client of the fast path."""
    return plain_client


@pytest.fixture
def get(client: Client) -> Callable[..., Any]:
    """Return a function that sends a GET request for a path with parameters and returns the response."""

    def ask(path: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
        return client.get(path, params, headers=headers)

    return ask


@pytest.fixture
def assert_schema() -> Callable[[str, Any], None]:
    """Return a function that validates a body against a schema of the OpenAPI document."""
    from api.openapi.schemas import COMPONENTS, ref

    def check(name: str, body: Any) -> None:
        Draft202012Validator(ref(name) | {"components": {"schemas": COMPONENTS}}).validate(body)

    return check


@pytest.fixture
def assert_problem(assert_schema: Callable[[str, Any], None]) -> Callable[..., dict[str, Any]]:
    """Return a function that checks that a response is a given problem (RFC 9457), and returns its body."""

    def check(response: Any, status: int, slug: str, **members: Any) -> dict[str, Any]:
        assert response.headers["Content-Type"] == "application/problem+json"
        body: dict[str, Any] = response.json()
        assert (response.status_code, body["status"], body["type"]) == (status, status, f"/problems/{slug}"), body
        assert_schema("Problem", body)
        assert {name: body.get(name) for name in members} == members
        return body

    return check


@pytest.fixture
def database_away(db: None) -> Iterator[None]:
    """Database unavailable: every query raises OperationalError until the end of the test, before its rollback."""
    from django.db import OperationalError
    from django.db.backends.utils import CursorWrapper

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("could not connect to server at 43.6426,-79.3871 M5V")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", fail)
        yield

"""Fixtures for every test: a tiny world in the database, and ways to ask the service about it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from jsonschema import Draft202012Validator

from geography.lookup import registry
from geography.vintages import catalogue
from indicators.queries import catalogue as indicator_catalogue
from tests.support import demo_regions as worlds
from tests.support.browser import browser
from tests.support.demonstration import demonstration, remove_demonstration, service
from tests.support.loading import load, published

__all__ = ["browser", "demonstration", "load", "published", "service"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests for pytest-xdist, expensive groups first, and mark every test that uses the database by way of a fixture.

    pytest-django makes a test database only where some test that runs is marked. Without one, what loads and deletes boundaries
    for a single file of tests would do so in the database of bin/serve.
    """
    cost = {item: 0 if _uses_demonstration(item) else 1 if _package(item) else 2 for item in items}
    items.sort(key=lambda item: cost[item])
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
        if "django_db_setup" in getattr(item, "fixturenames", ()) and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.django_db)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let no other test meet the demonstration."""
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
    """Make the test database, and go no further in any other."""
    from django.db import connection

    if not str(connection.settings_dict["NAME"]).startswith("test_"):
        pytest.exit("the tests would run in the database of bin/serve", returncode=3)


@pytest.fixture(scope="session")
def no_files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an empty folder."""
    return str(tmp_path_factory.mktemp("no_files"))


@pytest.fixture(autouse=True)
def static_root(settings: Any, no_files: str) -> None:
    """Give WhiteNoise a folder to look at: it warns where collectstatic has not run."""
    settings.STATIC_ROOT = no_files
    # No test meets what another one kept; the tests of that say otherwise.
    settings.BODY_CACHE_MB = 0


@pytest.fixture(autouse=True)
def fresh_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test meet what another one published: what is remembered of the tables is too old at once."""
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 0.0)
    monkeypatch.setattr(catalogue, "STALE_MAX_S", 0.0)
    catalogue.clear()
    indicator_catalogue.clear()


@pytest.fixture(autouse=True)
def empty_atlas(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tables answer: a thread that reads them would not see what a test has put there, and might outlive the test."""
    settings.LOOKUP_MEMORY_VERTICES = 0
    monkeypatch.setattr(registry, "load_async", lambda _: None)
    registry.clear()


@pytest.fixture(scope="session", autouse=True)
def downloads_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give files to take away a folder of the test run's own; only the tests about them make any."""
    folder = tmp_path_factory.getbasetemp() / "downloads"
    with override_settings(DOWNLOADS_AT_PUBLISH=False, DOWNLOADS_DIR=folder):
        yield folder


@pytest.fixture
def world(request: pytest.FixtureRequest, db: None) -> worlds.World:
    """Return the tiny world of tests.support.demo_regions, in the database; `related` adds borders and changes."""
    return worlds.build(related="related" in request.fixturenames)


@pytest.fixture
def related(world: worlds.World) -> worlds.World:
    """Return the tiny world with its borders and changes, computed as a load computes them."""
    return world


@pytest.fixture
def plain_client() -> Client:
    """Return a client of Django alone, to which a crash is an answer, as it is to a real one."""
    return Client(raise_request_exception=False)


@pytest.fixture
def client(plain_client: Client) -> Client:
    """Return a client; the tests of the API have one that goes through the fast path."""
    return plain_client


@pytest.fixture
def get(client: Client) -> Callable[..., Any]:
    """Return a function that asks a path with parameters and gives the response."""

    def ask(path: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
        return client.get(path, params, headers=headers)

    return ask


@pytest.fixture
def assert_schema() -> Callable[[str, Any], None]:
    """Return a function that holds a body against a schema of the OpenAPI document."""
    from api.openapi.schemas import COMPONENTS, ref

    def check(name: str, body: Any) -> None:
        Draft202012Validator(ref(name) | {"components": {"schemas": COMPONENTS}}).validate(body)

    return check


@pytest.fixture
def assert_problem(assert_schema: Callable[[str, Any], None]) -> Callable[..., dict[str, Any]]:
    """Return a function that checks that a response is this problem, and gives its body."""

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
    """Make every query fail as it does when the server is gone, until before the test's transaction is rolled back."""
    from django.db import OperationalError
    from django.db.backends.utils import CursorWrapper

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("could not connect to server at 43.6426,-79.3871 M5V")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", fail)
        yield

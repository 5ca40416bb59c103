"""Fast path while the catalogue of indicators cannot be read: the full stack answers."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection

from geography.vintages import catalogue
from indicators.queries.catalogue import published_indicators
from tests.support import demo_regions as worlds
from tests.support.roles import connected

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def locked_indicators(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lock the table of indicators, of which nothing is cached, while the catalogue of boundaries is fresh."""
    worlds.build()
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    catalogue.published()
    with connected() as other, connection.cursor() as cursor:
        other.execute("BEGIN; LOCK TABLE indicator IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SET lock_timeout = '50ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            published_indicators()
        yield
        other.execute("ROLLBACK")
        cursor.execute("RESET lock_timeout")


@pytest.mark.usefixtures("locked_indicators")
def test_boundaries_are_served_without_the_catalogue_of_indicators(get):
    assert catalogue.get_fresh() is not None
    response = get("/health-regions/3501", detail="none")
    assert (response.status_code, response.json()["id"]) == (200, "3501")


@pytest.mark.usefixtures("locked_indicators")
def test_indicators_without_their_catalogue_are_a_problem(get, assert_problem):
    response = get("/indicators")
    assert_problem(response, 503, "database-busy")
    assert response.headers["Retry-After"] == "5"

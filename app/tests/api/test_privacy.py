"""No latitude, longitude or postal code is ever logged."""

import logging

import pytest
from django.db import DataError

from tests.support import demo_regions as worlds

SECRETS = ("43.123456", "79.654321", "M5V", "m5v", "3L9", "3l9", "K1A", "Q1Q")


@pytest.fixture
def logged(caplog, settings):
    """Return a function that returns everything logged so far, at any level."""
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(f"{record.getMessage()} {record.exc_text} {record.exc_info}" for record in caplog.records)


def assert_no_secrets(text):
    assert not [secret for secret in SECRETS if secret in text], text


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/locate?lat=43.123456&lon=-79.654321", 200),
        ("/locate?lat=43.123456&lon=79.654321", 400),
        ("/locate?lat=43.123456&lon=x79.654321", 400),
        ("/locate?43.123456=1", 400),
        ("/health-regions?lat=43.123456&lon=-79.654321", 200),
        ("/health-regions?q=M5V+3L9", 200),
        ("/fsa/M5V3L9", 200),
        ("/fsa/m5v 3l9/boundary", 200),
        ("/fsa/K1A", 404),
        ("/fsa/Q1Q", 400),
        ("/now?lat=43.123456&lon=-79.654321", 200),
        ("/now?lat=43.123456&lon=79.654321", 400),
        ("/now?fsa=M5V+3L9", 200),
        ("/now?fsa=K1A", 404),
        ("/now?fsa=Q1Q", 400),
        ("/nowhere/M5V3L9?lat=43.123456", 404),
    ],
)
def test_requests_log_the_route_without_values(client, logged, path, status):
    assert client.get(path).status_code == status
    text = logged()
    assert_no_secrets(text)
    if status != 200:
        assert f"{status} " in text
        assert "GET fsa/<str:code>" in text or "/fsa" not in path


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("debug", [False, True])
def test_exception_logs_its_location_without_values(client, logged, monkeypatch, settings, debug):
    def fail(**kwargs):
        raise DataError("invalid input: SELECT ST_MakePoint(-79.654321, 43.123456) for M5V 3L9")

    settings.DEBUG = debug
    monkeypatch.setattr("api.responses.locate.locate_with", fail)
    response = client.get("/locate", {"lat": "43.123456", "lon": "-79.654321"})
    assert response.status_code == 500
    text = logged()
    assert_no_secrets(text)
    # With DEBUG the page has the traceback, and the log has none.
    assert ("500 internal-error: GET locate: DataError at fail" in text) == (not debug)


@pytest.mark.usefixtures("database_away")
def test_database_unavailable_logs_no_statement(client, logged):
    assert client.get("/fsa/M5V3L9").status_code == 503
    assert_no_secrets(logged())
    assert "503 database-away: GET fsa/<str:code>: OperationalError" in logged()


@pytest.mark.usefixtures("world")
def test_sql_statements_are_not_logged(plain_client, logged, django_assert_num_queries):
    # django_assert_num_queries turns on the cursor that logs statements, as DEBUG does.
    with django_assert_num_queries(8):
        plain_client.get("/locate", worlds.position(2_000, 5_000))
    assert "SELECT" not in logged()

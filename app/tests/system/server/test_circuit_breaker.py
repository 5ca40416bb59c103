"""operations.circuit_breaker: what counts as a sign of life."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.db import connection

from operations.circuit_breaker import HealthProbe
from tests.support.cluster import free_port
from tests.support.faults import Wire

pytestmark = pytest.mark.django_db


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A way to the database over which every question takes 0.12 s to be answered."""
    result = Wire(int(connection.get_connection_params()["port"]))
    result.delay_s = 0.06
    yield result
    result.close()


@pytest.fixture
def connect(wire: Wire) -> Callable[[], Any]:
    parameters = connection.get_connection_params() | {"host": "127.0.0.1", "port": wire.port}

    def connected() -> Any:
        made = psycopg2.connect(**parameters)
        made.autocommit = True
        return made

    return connected


def test_a_new_connection_is_a_sign_of_life_however_long_its_exchanges_take_together(connect: Callable[[], Any]) -> None:
    probe = HealthProbe(connect, patience_s=0.01, connecting_s=30)
    assert probe.is_answering()
    # An answer to a bare question takes longer than this one has patience for.
    assert not probe.is_answering()
    assert probe.is_answering()


def test_a_connection_that_was_closed_by_the_other_end_says_nothing_about_the_database(connect: Callable[[], Any]) -> None:
    made: list[Any] = []

    def remembered() -> Any:
        made.append(connect())
        return made[-1]

    probe = HealthProbe(remembered, patience_s=30, connecting_s=30)
    assert probe.is_answering()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [made[0].get_backend_pid()])
    assert probe.is_answering()
    assert probe.is_answering()
    assert len(made) == 2


def test_a_refusal_is_a_sign_of_life_and_what_swallows_everything_is_none(wire: Wire, connect: Callable[[], Any]) -> None:
    port = free_port()
    assert HealthProbe(lambda: psycopg2.connect(host="127.0.0.1", port=port), patience_s=0.5, connecting_s=30).is_answering()
    wire.silent.set()
    assert not HealthProbe(connect, patience_s=0.5, connecting_s=0.5).is_answering()

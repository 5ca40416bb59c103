"""Health probe of operations.circuit_breaker: when the database counts as available."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.db import connection

from operations.circuit_breaker import HealthProbe
from tests.support.cluster import free_port
from tests.support.faults import TcpProxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    """Yield a proxy to the database with a round trip of 0.12 s."""
    result = TcpProxy(int(connection.get_connection_params()["port"]))
    result.delay_s = 0.06
    yield result
    result.close()


@pytest.fixture
def connect(proxy: TcpProxy) -> Callable[[], Any]:
    parameters = connection.get_connection_params() | {"host": "127.0.0.1", "port": proxy.port}

    def new_connection() -> Any:
        connections = psycopg2.connect(**parameters)
        connections.autocommit = True
        return connections

    return new_connection


def test_slow_new_connection_counts_as_available(connect: Callable[[], Any]) -> None:
    probe = HealthProbe(connect, patience_s=0.01, connecting_s=30)
    assert probe.is_answering()
    # The round trip of a query on the open connection exceeds the patience of 0.01 s.
    assert not probe.is_answering()
    assert probe.is_answering()


def test_connection_closed_by_server_is_replaced(connect: Callable[[], Any]) -> None:
    connections: list[Any] = []

    def recorded_connect() -> Any:
        connections.append(connect())
        return connections[-1]

    probe = HealthProbe(recorded_connect, patience_s=30, connecting_s=30)
    assert probe.is_answering()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connections[0].get_backend_pid()])
    assert probe.is_answering()
    assert probe.is_answering()
    assert len(connections) == 2


def test_connection_refused_counts_as_available_and_blackhole_does_not(proxy: TcpProxy, connect: Callable[[], Any]) -> None:
    port = free_port()
    assert HealthProbe(lambda: psycopg2.connect(host="127.0.0.1", port=port), patience_s=0.5, connecting_s=30).is_answering()
    proxy.blackhole.set()
    assert not HealthProbe(connect, patience_s=0.5, connecting_s=0.5).is_answering()

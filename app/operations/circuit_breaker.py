"""Circuit breaker for an unresponsive database: a health check thread (probe) per database and process opens and closes it.

A server that is down refuses connections at once. A server that is frozen, or behind a network that drops every packet, does
not: a thread that connects or waits for a statement would block until a timeout of seconds. So a probe thread in each web
worker sends `SELECT 1` on its own connection as soon as a thread has waited for a third of `DB_UNAVAILABLE_AFTER_MS`. While the
probe is answered the circuit stays closed, and slow statements continue. If the probe is not answered within the other two
thirds, the circuit opens: waiting statements are aborted, new ones fail fast (`check_available`), and the probe repeats until
an answer closes the circuit. Without a connection the probe opens a new one. A new connection counts as an answer too, and has
the connect timeout of every other connection.

A lock wait, a refused connection and an exhausted connection limit are answers: none of them opens the circuit.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from django.db import OperationalError, connections

from operations import statement_watchdog
from operations.metrics import DATABASE_UNAVAILABLE

logger = logging.getLogger(__name__)

_TICK_S = 0.05
# Pause between two probes while a statement waits and probes are answered.
_PROBE_INTERVAL_S = 0.3
# Pause between two probes while no statement waits. Keeps the connection alive through a firewall, and opens the circuit before
# the next request needs the database.
_HEARTBEAT_S = 10.0


class DatabaseUnavailable(OperationalError):
    """The circuit is open, or connecting timed out."""


@dataclass(slots=True)
class _Circuit:
    """State of the circuit of a database, shared by all threads.

    Attributes:
        limit_s: connect timeout.
        connect_s: additional connect time for several hosts: libpq tries the next host only after its own timeout.
        opened_at: monotonic time at which the circuit opened; None while it is closed.
    """

    limit_s: float
    connect_s: float
    opened_at: float | None = None


# By alias. A database without an entry has no circuit breaker: its statements wait without a limit.
_circuits: dict[str, _Circuit] = {}


def is_monitored(alias: str) -> bool:
    """Return whether a database has a circuit breaker. Only web workers have them."""
    return alias in _circuits


def is_unavailable(alias: str) -> bool:
    """Return whether the circuit of a database is open."""
    circuit = _circuits.get(alias)
    return circuit is not None and circuit.opened_at is not None


def check_available(alias: str) -> None:
    """Fail fast while the circuit is open. Raises: DatabaseUnavailable."""
    if is_unavailable(alias):
        raise DatabaseUnavailable("database unavailable: circuit open")


def connect_with_timeout(alias: str, connect: Callable[[], Any]) -> Any:
    """Return the connection that `connect` opens. It runs in its own thread, since libpq's shortest timeout is two seconds.

    A connection that opens after the timeout is closed. Raises: DatabaseUnavailable, and every error of `connect`.
    """
    circuit = _circuits.get(alias)
    if circuit is None:
        return connect()
    check_available(alias)
    return _call_with_timeout(circuit.limit_s + circuit.connect_s, connect, cancelled=lambda: is_unavailable(alias))


def _call_with_timeout(
    timeout_s: float, open_connection: Callable[[], Any], *, cancelled: Callable[[], bool] = lambda: False
) -> Any:
    """Return the connection of `open_connection`; raise DatabaseUnavailable after the timeout or once `cancelled` is true."""
    lock, done = threading.Lock(), threading.Event()
    outcome: list[tuple[Any, BaseException | None]] = []
    timed_out = False

    def run() -> None:
        connection, failure = None, None
        try:
            connection = open_connection()
        except BaseException as error:  # raised again in the waiting thread
            failure = error
        with lock:
            outcome.append((connection, failure))
        if timed_out and connection is not None:
            connection.close()
        done.set()

    threading.Thread(target=run, name="database-connect", daemon=True).start()
    deadline = time.monotonic() + timeout_s
    while not done.wait(_TICK_S) and time.monotonic() < deadline and not cancelled():
        pass
    with lock:
        if not outcome:
            timed_out = True
            raise DatabaseUnavailable("database unavailable: connect timeout")
        connection, failure = outcome[0]
    if failure is not None:
        raise failure
    return connection


class HealthProbe:
    """Health check of a database over its own connection."""

    def __init__(self, connect: Callable[[], Any], patience_s: float, connecting_s: float) -> None:
        """Prepare the probe.

        Args:
            connect: opens a connection.
            patience_s: timeout of `SELECT 1`, in seconds.
            connecting_s: timeout of connecting, in seconds: several round trips.
        """
        self._connect = connect
        self._patience_s = patience_s
        self._connecting_s = connecting_s
        self._connection: Any = None

    def is_answering(self) -> bool:
        """Return whether the server answered in time: with a result, a connection or a refusal."""
        previous, self._connection = self._connection, None
        try:
            if previous is not None:
                with suppress(psycopg2.Error):  # closed by the server since the last probe
                    self._connection = _call_with_timeout(self._patience_s, lambda: _query_health(previous))
                    return True
            self._connection = _call_with_timeout(self._connecting_s, self._connect)
        except DatabaseUnavailable:
            if previous is not None:
                _close_socket(previous)
            return False
        except Exception:  # refused, connection limit reached, starting up
            return True
        return True


def _query_health(connection: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return connection


def _close_socket(connection: Any) -> None:
    with suppress(Exception), socket(fileno=os.dup(connection.fileno())) as duplicate:
        duplicate.shutdown(SHUT_RDWR)


def start(unavailable_after_ms: int) -> None:
    """Start a probe thread for each database; none if the limit is 0."""
    if unavailable_after_ms <= 0:
        return
    for alias in connections:
        _start_probe(alias, unavailable_after_ms / 1000)


def _start_probe(alias: str, limit_s: float) -> None:
    parameters = connections[alias].get_connection_params()
    additional_hosts = str(parameters.get("host", "")).count(",")
    circuit = _circuits[alias] = _Circuit(limit_s, additional_hosts * float(parameters["connect_timeout"]))
    DATABASE_UNAVAILABLE.labels(alias).set(0)  # exported from the start: an alert rule needs a series to evaluate

    def connect() -> Any:
        connection = psycopg2.connect(**parameters)
        connection.autocommit = True
        return connection

    probe = HealthProbe(connect, limit_s * 2 / 3, limit_s + circuit.connect_s)

    def probe_repeatedly() -> None:
        probed_at = 0.0
        while True:
            time.sleep(_TICK_S)
            interval_s = _PROBE_INTERVAL_S if statement_watchdog.longest_wait(alias) >= limit_s / 3 else _HEARTBEAT_S
            if is_unavailable(alias) or time.monotonic() - probed_at >= interval_s:
                probed_at = time.monotonic()
                _update(alias, circuit, probe.is_answering())

    threading.Thread(target=probe_repeatedly, name=f"database-probe-{alias}", daemon=True).start()


def _update(alias: str, circuit: _Circuit, answered: bool) -> None:
    if answered:
        if circuit.opened_at is not None:
            open_s = time.monotonic() - circuit.opened_at
            logger.warning("database '%s' available again after %.1f s; circuit closed", alias, open_s)
            circuit.opened_at = None
            DATABASE_UNAVAILABLE.labels(alias).set(0)
        return
    if circuit.opened_at is None:
        circuit.opened_at = time.monotonic()
        logger.error(
            "database '%s' unavailable: no answer for %.1f s (timeout); circuit open, requests that need it get 503",
            alias,
            circuit.limit_s,
        )
        DATABASE_UNAVAILABLE.labels(alias).set(1)
    statement_watchdog.abort_stalled_statements(0.0, alias=alias)

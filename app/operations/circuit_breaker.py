"""A database that says nothing: known to every thread of a process within a second, and asked by one of them only.

A server that is gone refuses at once. One that is frozen, or behind a network that swallows everything, does not: whoever
connects or waits for a statement would sit there until some limit of seconds. So a thread in each serving process asks it
`SELECT 1`, on a connection of its own, as soon as anything has waited for a third of `DB_SILENT_AFTER_MS`. Whatever needs long
goes on as long as that question is answered. Where it is not within the other two thirds, the database is silent: everything
that waits is cut, nobody waits any more (`guard`), and the thread goes on asking until there is an answer. Where it has no
connection (any more), a new one is an answer too, and may take as long as anybody's.

A statement that waits for a lock, a server that refuses or has no connection left: all of them say something, and are none of
this module's business.
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
from operations.metrics import DATABASE_SILENT

logger = logging.getLogger(__name__)

_TICK_S = 0.05
# Between two questions while something waits and they are answered.
_PAUSE_S = 0.3
# Nothing waits: so that the connection is not taken for a dead one by a firewall, and silence is known before anybody asks.
_HEARTBEAT_S = 10.0


class DatabaseUnavailable(OperationalError):
    """The database is known to say nothing, or did not say anything in time."""


@dataclass(slots=True)
class _State:
    """What all threads know of a database.

    Attributes:
        limit_s: how long connecting may take.
        connect_s: how much longer, since libpq goes on to the next of several hosts only after its own limit.
        since: when it was found to say nothing, on the monotonic clock; None while it answers.
    """

    limit_s: float
    connect_s: float
    since: float | None = None


# By alias. What is not in it is not watched: then everything waits as long as it has to.
_states: dict[str, _State] = {}


def is_monitored(alias: str) -> bool:
    """Say whether somebody asks a database whether it says anything: so it is in a process that answers requests."""
    return alias in _states


def is_unavailable(alias: str) -> bool:
    """Say whether a database is known to say nothing."""
    state = _states.get(alias)
    return state is not None and state.since is not None


def check_available(alias: str) -> None:
    """Let nobody begin to wait. Raises: DatabaseSilent."""
    if is_unavailable(alias):
        raise DatabaseUnavailable("the database says nothing")


def connect_with_timeout(alias: str, connect: Callable[[], Any]) -> Any:
    """Return the connection that `connect` makes, in a thread of its own: libpq's own limit is two seconds at least.

    One that is there too late is closed. Raises: DatabaseSilent, and whatever `connect` raises.
    """
    state = _states.get(alias)
    if state is None:
        return connect()
    check_available(alias)
    return _call_with_timeout(state.limit_s + state.connect_s, connect, unless=lambda: is_unavailable(alias))


def _call_with_timeout(limit_s: float, make: Callable[[], Any], *, unless: Callable[[], bool] = lambda: False) -> Any:
    """Return the connection that `make` makes; raise DatabaseSilent where it takes longer, or as soon as `unless` holds."""
    lock, done = threading.Lock(), threading.Event()
    result: list[tuple[Any, BaseException | None]] = []
    given_up = False

    def run() -> None:
        item: tuple[Any, BaseException | None]
        try:
            item = (make(), None)
        except BaseException as error:  # raised where it is waited for
            item = (None, error)
        with lock:
            result.append(item)
        if given_up and item[0] is not None:
            item[0].close()
        done.set()

    threading.Thread(target=run, name="database-connect", daemon=True).start()
    until = time.monotonic() + limit_s
    while not done.wait(_TICK_S) and time.monotonic() < until and not unless():
        pass
    with lock:
        if not result:
            given_up = True
            raise DatabaseUnavailable("the database says nothing")
    entry, error = result[0]
    if error is not None:
        raise error
    return entry


class HealthProbe:
    """Asks whether the database says anything."""

    def __init__(self, connect: Callable[[], Any], patience_s: float, connecting_s: float) -> None:
        """Prepare to ask.

        Args:
            connect: makes a connection.
            patience_s: how long an answer may take.
            connecting_s: how long connecting may take, which is several questions and answers.
        """
        self._connect = connect
        self._patience_s = patience_s
        self._connecting_s = connecting_s
        self._connection: Any = None

    def is_answering(self) -> bool:
        """Say whether anything came back in time: an answer, a connection, or a refusal."""
        held, self._connection = self._connection, None
        try:
            if held is not None:
                with suppress(psycopg2.Error):  # closed by the other end since it was last used
                    self._connection = _call_with_timeout(self._patience_s, lambda: _query_health(held))
                    return True
            self._connection = _call_with_timeout(self._connecting_s, self._connect)
        except DatabaseUnavailable:
            if held is not None:
                _close_socket(held)
            return False
        except Exception:  # refused, no connection left, starting up
            return True
        return True


def _query_health(connection: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return connection


def _close_socket(connection: Any) -> None:
    with suppress(Exception), socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(SHUT_RDWR)


def start(silent_after_ms: int) -> None:
    """Start a thread for each database that asks; none for 0."""
    if silent_after_ms <= 0:
        return
    for alias in connections:
        _start_probe(alias, silent_after_ms / 1000)


def _start_probe(alias: str, limit_s: float) -> None:
    parameters = connections[alias].get_connection_params()
    hosts = str(parameters.get("host", "")).count(",")
    state = _states[alias] = _State(limit_s, hosts * float(parameters["connect_timeout"]))
    DATABASE_SILENT.labels(alias).set(0)  # told from the start, so that an alarm has something to look at

    def connect() -> Any:
        connection = psycopg2.connect(**parameters)
        connection.autocommit = True
        return connection

    probe = HealthProbe(connect, limit_s * 2 / 3, limit_s + state.connect_s)

    def ask_and_ask() -> None:
        asked_at = 0.0
        while True:
            time.sleep(_TICK_S)
            since = time.monotonic() - asked_at
            pause_s = _PAUSE_S if statement_watchdog.longest_wait(alias) >= limit_s / 3 else _HEARTBEAT_S
            if is_unavailable(alias) or since >= pause_s:
                asked_at = time.monotonic()
                _set_state(alias, state, probe.is_answering())

    threading.Thread(target=ask_and_ask, name=f"database-probe-{alias}", daemon=True).start()


def _set_state(alias: str, state: _State, answered: bool) -> None:
    if answered:
        if state.since is not None:
            logger.warning("the database %s answers again, after %.1f s", alias, time.monotonic() - state.since)
            state.since = None
            DATABASE_SILENT.labels(alias).set(0)
        return
    if state.since is None:
        state.since = time.monotonic()
        logger.error("the database %s says nothing: nobody waits for it until it does", alias)
        DATABASE_SILENT.labels(alias).set(1)
    statement_watchdog.kill_stalled_statements(0.0, alias=alias)

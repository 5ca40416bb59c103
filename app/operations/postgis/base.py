"""The module that Django loads by its name: settings.DATABASES, ENGINE."""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.gis.db.backends.postgis.base import DatabaseWrapper as PostGIS
from django.db import InterfaceError, OperationalError

from operations import circuit_breaker
from operations.db_permits import acquire_permit
from operations.statement_watchdog import statement_timer, timed

# A statement whose session was ended is sent once more, unless it had been under way for longer.
AGAIN_S = 1.0


class DatabaseWrapper(PostGIS):
    """PostGIS, with a stopwatch at every statement, at connecting and at the question whether a connection still works."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(_timed)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. Raises: what psycopg2 raises, and `silence.DatabaseSilent` where nothing comes back in time."""
        with acquire_permit(self.alias):
            return timed(
                lambda: circuit_breaker.connect_with_timeout(self.alias, lambda: self._connect(conn_params)), None, self.alias
            )

    def _connect(self, conn_params: dict[str, Any]) -> Any:
        return super().get_new_connection(conn_params)

    def init_connection_state(self) -> None:
        """Set what a session needs; where it cannot be sent along with the question for a connection, that is a statement."""
        with acquire_permit(self.alias):
            timed(super().init_connection_state, self.connection, self.alias)

    def is_usable(self) -> bool:
        """Say whether the connection still works: a statement too, and one that goes past the wrappers."""
        if circuit_breaker.is_unavailable(self.alias):
            return False
        # Without a place: it is asked before anybody knows what the request wants, and waits for no lock.
        return bool(timed(super().is_usable, self.connection, self.alias))


def _timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    to = context["connection"]
    circuit_breaker.check_available(to.alias)
    with acquire_permit(to.alias):
        return _executed(execute, sql, params, many, context)


def _executed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    to = context["connection"]
    statement_timer.statements += 1
    started = time.perf_counter()
    try:
        return timed(lambda: execute(sql, params, many, context), to.connection, to.alias)
    except (OperationalError, InterfaceError):
        if time.perf_counter() - started > AGAIN_S or not _ended_by_the_server(to, context["cursor"]):
            raise
    # What answers requests only reads, so it may ask twice.
    to.close()
    # Not connect(): a server that is gone altogether must be Django's error, which everybody knows.
    to.ensure_connection()
    context["cursor"].cursor = to.create_cursor()
    return timed(lambda: execute(sql, params, many, context), to.connection, to.alias)


def _ended_by_the_server(to: Any, cursor: Any) -> bool:
    """Say whether a session that held nothing is gone, of a process that answers requests."""
    return (
        circuit_breaker.is_monitored(to.alias)
        and not circuit_breaker.is_unavailable(to.alias)
        and not to.in_atomic_block
        and bool(to.connection and to.connection.closed)
        and getattr(cursor.cursor, "name", None) is None
    )

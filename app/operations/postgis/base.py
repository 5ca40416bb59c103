"""PostGIS backend of the web workers: statement timing, permits and the circuit breaker around every statement.

`settings.DATABASES` names it as the ENGINE of the role `web` only. Management commands and loads use Django's own PostGIS
backend, without a wrapper.
"""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.gis.db.backends.postgis.base import DatabaseWrapper as PostGIS
from django.db import InterfaceError, OperationalError

from operations import circuit_breaker
from operations.db_permits import acquire_permit
from operations.statement_watchdog import statement_timer, timed

# Retry limit: a statement whose session was terminated is sent again, unless it ran for longer than this.
RETRY_WITHIN_S = 1.0


class DatabaseWrapper(PostGIS):
    """PostGIS connection that times and guards each statement, each connection attempt and each health check."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(guarded_execute)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a new connection. Raises: errors of psycopg2; DatabaseUnavailable on a timeout; PoolExhausted."""
        with acquire_permit(self.alias):
            return timed(
                lambda: circuit_breaker.connect_with_timeout(self.alias, lambda: self._connect(conn_params)), None, self.alias
            )

    def _connect(self, conn_params: dict[str, Any]) -> Any:
        return super().get_new_connection(conn_params)

    def init_connection_state(self) -> None:
        """Initialize the session. That is a statement of its own where connecting cannot carry the options."""
        with acquire_permit(self.alias):
            timed(super().init_connection_state, self.connection, self.alias)

    def is_usable(self) -> bool:
        """Return whether the connection still works. Sends a statement that bypasses the execute wrappers."""
        if circuit_breaker.is_unavailable(self.alias):
            return False
        # No permit: Django checks the connection before the request is routed, and the check waits for no lock.
        return bool(timed(super().is_usable, self.connection, self.alias))


def guarded_execute(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Execute a statement with a permit while the circuit is closed. Raises: DatabaseUnavailable; PoolExhausted."""
    alias = context["connection"].alias
    circuit_breaker.check_available(alias)
    with acquire_permit(alias):
        return _execute_with_retry(execute, sql, params, many, context)


def _execute_with_retry(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    database = context["connection"]
    statement_timer.statements += 1
    started = time.perf_counter()
    try:
        return timed(lambda: execute(sql, params, many, context), database.connection, database.alias)
    except (OperationalError, InterfaceError):
        if time.perf_counter() - started > RETRY_WITHIN_S or not _session_was_terminated(database, context["cursor"]):
            raise
    # Requests only read, so a retry is safe.
    database.close()
    # ensure_connection() and not connect(): a server that is down raises Django's error, which the API maps to 503.
    database.ensure_connection()
    context["cursor"].cursor = database.create_cursor()
    return timed(lambda: execute(sql, params, many, context), database.connection, database.alias)


def _session_was_terminated(database: Any, cursor: Any) -> bool:
    """Return whether the server closed a session without a transaction or a server-side cursor."""
    return (
        circuit_breaker.is_monitored(database.alias)
        and not circuit_breaker.is_unavailable(database.alias)
        and not database.in_atomic_block
        and bool(database.connection and database.connection.closed)
        and getattr(cursor.cursor, "name", None) is None
    )

"""Statement timing and watchdog: closes the connection of a statement that outlives its limit.

`statement_timeout` is enforced by the server, and has no effect if its answer never arrives. TCP keepalives detect a machine
that is down, but not a process that hangs. So a thread in each web worker closes the connection of a statement that runs longer
than the server itself would have allowed, and the waiting request gets 503. If the server does not answer at all,
`operations.circuit_breaker` detects it sooner.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import Error

from operations.metrics import STATEMENTS_ABORTED

logger = logging.getLogger(__name__)

# Margin beyond the server's limit: the server ends the statement first.
GRACE_S = 2.0


class StatementTimer(threading.local):
    """Database time and number of statements of this thread. Both only grow."""

    seconds = 0.0
    statements = 0


statement_timer = StatementTimer()

# By thread: start of the wait, connection, database alias.
_waiting: dict[int, tuple[float, Any, str]] = {}


def timed(run: Callable[[], Any], connection: Any, alias: str) -> Any:
    """Return the result of `run`. Meanwhile this thread is registered as waiting, and its time is added to `statement_timer`.

    Args:
        run: a statement or a connection attempt.
        connection: the connection of the statement; None while connecting.
        alias: of the database.
    """
    thread = threading.get_ident()
    started = time.perf_counter()
    _waiting[thread] = (started, connection, alias)
    try:
        return run()
    finally:
        _waiting.pop(thread, None)
        statement_timer.seconds += time.perf_counter() - started


def longest_wait(alias: str) -> float:
    """Return the longest current wait for a database, in seconds; 0.0 if no thread waits."""
    now = time.perf_counter()
    return max((now - started for started, _, waits_for in list(_waiting.values()) if waits_for == alias), default=0.0)


def abort_stalled_statements(limit_s: float, alias: str | None = None) -> list[int]:
    """Close the connections of statements that run longer than `limit_s` seconds; return the threads that waited for them.

    Args:
        limit_s: age of a statement, in seconds.
        alias: of the database whose connections are closed; None for all.
    """
    aborted = []
    for thread, wait in list(_waiting.items()):
        started, connection, waits_for = wait
        if (
            connection is None
            or alias not in {None, waits_for}
            or time.perf_counter() - started < limit_s
            or _waiting.get(thread) is not wait
        ):
            continue
        # A duplicate of the descriptor: libpq keeps its own, reads the end of the stream and reports an error.
        with contextlib.suppress(OSError, Error), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
            aborted.append(thread)
            STATEMENTS_ABORTED.inc()
    if aborted:
        logger.error(
            "statement watchdog: %d statements without an answer from the database (timeout); connections closed", len(aborted)
        )
    return aborted


def start(statement_timeout_ms: int) -> threading.Thread | None:
    """Start the watchdog thread and return it; None if statements have no limit."""
    if statement_timeout_ms <= 0:
        return None
    limit_s = statement_timeout_ms / 1000 + GRACE_S

    def every_second() -> None:
        while True:
            time.sleep(1)
            abort_stalled_statements(limit_s)

    thread = threading.Thread(target=every_second, name="statement-watchdog", daemon=True)
    thread.start()
    return thread

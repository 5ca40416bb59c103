"""Statement timing and watchdog: closes the connection of a statement that outlives its limit.

`statement_timeout` is the server's: it does not help when its answer never comes. TCP keepalives notice a machine that is gone
but not a process that hangs. So a thread in each serving process cuts the connection of a statement that has been under way for
longer than the server itself would have allowed it, and the request that waits for it gets its 503. Where nothing at all comes
from the server, `operations.circuit_breaker` knows sooner.
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

from operations.metrics import STATEMENTS_CUT

logger = logging.getLogger(__name__)

# How much longer than the server's own limit: it is asked to end the statement first.
GRACE_S = 2.0


class StatementTimer(threading.local):
    """The time that this thread has spent in the database, and in how many statements. Both only grow."""

    seconds = 0.0
    statements = 0


statement_timer = StatementTimer()

# By thread, what it waits for: when it began, on which connection, and to which database.
_waiting: dict[int, tuple[float, Any, str]] = {}


def timed(act: Callable[[], Any], connection: Any, to: str) -> Any:
    """Return what `act` returns; meanwhile this thread is known to wait.

    Args:
        connection: on which; None while there is none yet.
        to: alias of the database.
    """
    thread = threading.get_ident()
    started = time.perf_counter()
    _waiting[thread] = (started, connection, to)
    try:
        return act()
    finally:
        _waiting.pop(thread, None)
        statement_timer.seconds += time.perf_counter() - started


def longest_wait(alias: str) -> float:
    """Return for how many seconds the thread that has waited for the longest has waited for a database."""
    now = time.perf_counter()
    return max((now - started for started, _, to in list(_waiting.values()) if to == alias), default=0.0)


def kill_stalled_statements(limit_s: float, alias: str | None = None) -> list[int]:
    """Cut the connections on which a statement has been under way for longer than this; return the threads that waited.

    Args:
        alias: of the one database whose connections are meant; None for all.
    """
    cut = []
    for thread, entry in list(_waiting.items()):
        started, connection, to = entry
        if (
            connection is None
            or alias not in {None, to}
            or time.perf_counter() - started < limit_s
            or _waiting.get(thread) is not entry
        ):
            continue
        # A copy of the descriptor: the connection's own stays with libpq, which sees the end of the stream and gives up.
        with contextlib.suppress(OSError, Error), socket.socket(fileno=os.dup(connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
            cut.append(thread)
            STATEMENTS_CUT.inc()
    if cut:
        logger.error("%d statements without an answer from the database: connections cut", len(cut))
    return cut


def start(statement_timeout_ms: int) -> threading.Thread | None:
    """Start the thread that cuts; none where statements have no limit."""
    if statement_timeout_ms <= 0:
        return None
    limit_s = statement_timeout_ms / 1000 + GRACE_S

    def every_second() -> None:
        while True:
            time.sleep(1)
            kill_stalled_statements(limit_s)

    thread = threading.Thread(target=every_second, name="database-watch", daemon=True)
    thread.start()
    return thread

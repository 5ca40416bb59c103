"""How long the database takes, and an end to waiting for one that says nothing.

`statement_timeout` is the server's: it does not help when the server is frozen or the network swallows its answers. TCP
keepalives notice a machine that is gone but not a process that hangs. So a thread in each serving process cuts the connection
of a statement that has been under way for longer than the server itself would have allowed it, and the request that waits for
it gets its 503.
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


class Stopwatch(threading.local):
    """The time that this thread has spent in the database, and in how many statements. Both only grow."""

    seconds = 0.0
    statements = 0


stopwatch = Stopwatch()

# By thread, what it waits for: when it began, on which connection, and to which database.
_waiting: dict[int, tuple[float, Any, str]] = {}


def attach(connection: Any, **kwargs: Any) -> None:
    """Time every statement on a new connection (a receiver of `connection_created`)."""
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)
        # The question whether an old connection still works is a statement too, and goes past the wrappers.
        is_usable = connection.is_usable
        connection.is_usable = lambda: _timed(lambda *_: is_usable(), None, None, False, {"connection": connection})


def _timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    thread = threading.get_ident()
    started = time.perf_counter()
    _waiting[thread] = (started, context["connection"].connection, context["connection"].alias)
    try:
        return execute(sql, params, many, context)
    finally:
        _waiting.pop(thread, None)
        stopwatch.seconds += time.perf_counter() - started
        stopwatch.statements += 1


def cut_after(limit_s: float, alias: str | None = None) -> list[int]:
    """Cut the connections on which a statement has been under way for longer than this; return the threads that waited.

    Args:
        alias: of the one database whose connections are meant; None for all.
    """
    cut = []
    for thread, entry in list(_waiting.items()):
        started, connection, to = entry
        if alias not in {None, to} or time.perf_counter() - started < limit_s or _waiting.get(thread) is not entry:
            continue
        # A copy of the descriptor: the connection's own stays with libpq, which sees the end of the stream and gives up.
        with contextlib.suppress(OSError, Error), socket.socket(fileno=os.dup(connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
            cut.append(thread)
            STATEMENTS_CUT.inc()
    if cut:
        logger.error("%d statements without an answer from the database after %.0f s: connections cut", len(cut), limit_s)
    return cut


def watch(statement_timeout_ms: int) -> threading.Thread | None:
    """Start the thread that cuts; none where statements have no limit."""
    if statement_timeout_ms <= 0:
        return None
    limit_s = statement_timeout_ms / 1000 + GRACE_S

    def every_second() -> None:
        while True:
            time.sleep(1)
            cut_after(limit_s)

    thread = threading.Thread(target=every_second, name="database-watch", daemon=True)
    thread.start()
    return thread

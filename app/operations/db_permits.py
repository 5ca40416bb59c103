"""Bulkhead: at most N-1 of the N threads of a worker may block on the database.

A thread answers one request at a time and has its own connection: permits replace the limit of a connection pool. Without a
bound, a locked table would block every thread, and requests that need no table would wait too. So a thread that answers
requests (one with a request id) acquires a permit before it waits for the
database and holds it while it waits. After a permit was unavailable for `PATIENCE_S`, or was held as long, the bulkhead is
saturated and fails fast (503) until a permit is released sooner.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connections

from operations import request_id

# Statements end sooner than this on a busy machine too.
PATIENCE_S = 1.0


class PoolExhausted(OperationalError):
    """No permit became free in time: 503 with Retry-After."""


class Permits:
    """Bounded semaphore that fails fast while it is saturated."""

    def __init__(self, count: int, patience_s: float = PATIENCE_S) -> None:
        self.free = count
        self.saturated = False
        self.patience_s = patience_s
        self._change = threading.Condition()

    def acquire(self) -> None:
        """Take a permit, waiting for at most `patience_s`. Raises: PoolExhausted."""
        with self._change:
            if not self.free and (self.saturated or not self._change.wait_for(lambda: self.free, self.patience_s)):
                self.saturated = True
                raise PoolExhausted("database permits exhausted")
            self.free -= 1

    def release(self, held_s: float) -> None:
        """Return a permit that was held for `held_s` seconds."""
        with self._change:
            self.free += 1
            self.saturated = held_s > self.patience_s
            self._change.notify()


class _Thread(threading.local):
    def __init__(self) -> None:
        # Aliases of the databases of which this thread holds a permit.
        self.holds: set[str] = set()


_thread = _Thread()
# By alias.
_permits: dict[str, Permits] = {}


def configure(threads: int) -> None:
    """Create `threads` - 1 permits for each database. A process with one thread has no thread to reserve, and no permits."""
    _permits.clear()
    if threads > 1:
        _permits.update({alias: Permits(threads - 1) for alias in connections})


@contextmanager
def acquire_permit(alias: str) -> Iterator[None]:
    """Hold a permit for a database during a `with` block; a nested block takes no second one. Raises: PoolExhausted."""
    permits = _permits.get(alias)
    if permits is None or not request_id.current() or alias in _thread.holds:
        yield
        return
    permits.acquire()
    _thread.holds.add(alias)
    acquired_at = time.monotonic()
    try:
        yield
    finally:
        _thread.holds.discard(alias)
        permits.release(time.monotonic() - acquired_at)

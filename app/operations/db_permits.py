"""Bulkhead: at most N-1 of the N threads of a worker may block on the database.

A thread answers one request at a time. Without a bound, a locked table would block every thread, and requests that need no
table would wait too. So a serving thread acquires a permit before it waits for the database and holds it while it waits. After
a permit was unavailable for `PATIENCE_S`, or was held as long, the bulkhead is saturated and fails fast (503) until a permit is
released sooner.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connections

# On a machine that is busy with other things, too, a statement is done sooner.
PATIENCE_S = 1.0


class PoolExhausted(OperationalError):
    """Every place is taken, and none becomes free: answered by a 503 with Retry-After."""


class Permits:
    """Places for threads that wait."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.hang = False
        self._change = threading.Condition()

    def acquire(self) -> None:
        """Take a place. Raises: NoPlace."""
        with self._change:
            if not self.free and (self.hang or not self._change.wait_for(lambda: self.free, PATIENCE_S)):
                self.hang = True
                raise PoolExhausted("every place is taken")
            self.free -= 1

    def release(self, held_s: float) -> None:
        """Give a place back that was held for so many seconds."""
        with self._change:
            self.free += 1
            self.hang = held_s > PATIENCE_S
            self._change.notify()


class _Thread(threading.local):
    answers = False

    def __init__(self) -> None:
        # The aliases of the databases of which it has a place.
        self.holds: set[str] = set()


_thread = _Thread()
# By alias.
_permits: dict[str, Permits] = {}


def configure(threads: int) -> None:
    """Let all threads of this process but one wait for the database at once; with one thread there is nothing to keep free."""
    _permits.clear()
    if threads > 1:
        _permits.update({alias: Permits(threads - 1) for alias in connections})


def mark_serving_thread() -> None:
    """Say that this thread answers requests: from now on it takes a place before it waits."""
    _thread.answers = True


@contextmanager
def acquire_permit(alias: str) -> Iterator[None]:
    """Hold a place at a database for the length of a `with` block; whoever has one already takes no other. Raises: NoPlace."""
    places = _permits.get(alias)
    if places is None or not _thread.answers or alias in _thread.holds:
        yield
        return
    places.acquire()
    _thread.holds.add(alias)
    since = time.monotonic()
    try:
        yield
    finally:
        _thread.holds.discard(alias)
        places.release(time.monotonic() - since)

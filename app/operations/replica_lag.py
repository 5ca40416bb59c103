"""Replica lag monitor: reads go to the standby while it is behind by no more than DB_REPLICA_MAX_LAG_S.

How far behind it is, is found out by asking both where they are in the log of changes: the standby lacks nothing that the
primary had at the last moment whose position it has reached. That needs no clock but this process's own, and notices a standby
that has stopped receiving, which by its own account is behind nothing. While the primary is away nothing can be measured, and
nothing is published either: a standby that kept up until then goes on being read.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import Error, connections

from geography.db.routing import PRIMARY, REPLICA
from operations.statement_watchdog import kill_stalled_statements

logger = logging.getLogger(__name__)

CHECK_S = 0.5
# Without an answer for as long as this, the standby is away.
SILENT_S = 2.5
_POSITIONS = 4096

_POSITION_SQL = """
    SELECT pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0'
    )::bigint
"""


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """How the standby stands.

    Attributes:
        up: whether it answers.
        lag_s: how far it was behind at most, in seconds; None where that cannot be told.
        used: whether reads go to it.
    """

    up: bool
    lag_s: float | None
    used: bool


class ReplicaMonitor:
    """What this process knows about the standby."""

    def __init__(self, max_lag_s: float) -> None:
        self.max_lag_s = max_lag_s
        self.lag_s: float | None = None
        self._near = True
        self._answered: float | None = None
        self._told: str | None = None
        self._lock = threading.Lock()
        self._known = -math.inf
        # When the primary was where in its log, in bytes, the oldest first.
        self._positions: deque[tuple[float, int]] = deque(maxlen=_POSITIONS)

    def is_usable(self) -> bool:
        """Say whether to read from the standby now."""
        return self._near and self.up()

    def up(self) -> bool:
        """Say whether it has answered of late."""
        return self._answered is not None and time.monotonic() - self._answered < SILENT_S

    def status(self) -> ReplicaStatus:
        """Return all of that at once."""
        return ReplicaStatus(self.up(), self.lag_s, self.is_usable())

    def mark_unhealthy(self) -> None:
        """Read from it no more until it has answered again."""
        self._answered = None

    def ask_primary(self) -> None:
        """Note where the primary is. One that is away may take its time, for which nobody waits who asks the standby."""
        started = time.monotonic()
        position = _wal_position(PRIMARY)
        if position is not None:
            with self._lock:
                self._positions.append((started, position))
                self._known = time.monotonic()

    def ask_standby(self) -> None:
        """See how far the standby is behind that."""
        position = _wal_position(REPLICA)
        if position is None:
            self._answered = None
        else:
            with self._lock:
                self._measure(position)
            self._answered = time.monotonic()
        self._tell()

    def _measure(self, replica: int) -> None:
        if time.monotonic() - self._known > SILENT_S:
            self.lag_s = None
            return
        reached = None
        while self._positions and self._positions[0][1] <= replica:
            reached = self._positions.popleft()
        if reached is None:
            # Further behind than this process can look back.
            self.lag_s, self._near = None, False
            return
        self._positions.appendleft(reached)
        self.lag_s = 0.0 if len(self._positions) == 1 else time.monotonic() - reached[0]
        self._near = self.lag_s <= self.max_lag_s

    def _tell(self) -> None:
        if self.is_usable():
            now = "the standby keeps up: reads go to it"
        elif self.up():
            now = f"the standby is more than {self.max_lag_s:g} s behind: reads go to the primary"
        else:
            now = "the standby does not answer: reads go to the primary"
        if now != self._told:
            self._told = now
            logger.warning("%s", now)


def _wal_position(alias: str) -> int | None:
    """Return how many bytes of changes a database has, None where it does not answer. Queries: 1."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(_POSITION_SQL)
            result: int | None = cursor.fetchone()[0]
    except Error:
        connections[alias].close()
        return None
    return result


_watch: ReplicaMonitor | None = None


def is_usable() -> bool:
    """Say whether to read from the standby now; False where there is none."""
    return _watch is not None and _watch.is_usable()


def mark_unhealthy() -> None:
    """Read from the standby no more until it has answered again."""
    if _watch is not None:
        _watch.mark_unhealthy()


def status() -> ReplicaStatus | None:
    """Return how the standby stands, None where there is none."""
    return None if _watch is None else _watch.status()


def start() -> None:
    """Start the threads that look after the standby, where there is one."""
    global _watch  # noqa: PLW0603 - one for the process
    if REPLICA not in settings.DATABASES:
        return
    _watch = replica_monitor = ReplicaMonitor(settings.DB_REPLICA_MAX_LAG_S)

    def repeat(ask: Callable[[], None]) -> None:
        while True:
            try:
                ask()
            except Exception as error:
                # Without this thread the standby would never be read from again.
                logger.error("the standby cannot be looked after: %s", type(error).__qualname__)
            time.sleep(CHECK_S)

    def guard() -> None:
        # Who waits for a standby that says nothing is let go, and asks the primary.
        if not replica_monitor.up():
            kill_stalled_statements(SILENT_S, alias=REPLICA)

    for task in (replica_monitor.ask_primary, replica_monitor.ask_standby, guard):
        threading.Thread(target=repeat, args=(task,), name=f"replica-{task.__name__}", daemon=True).start()

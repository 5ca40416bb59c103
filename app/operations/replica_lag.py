"""Replica lag monitor: reads go to the standby while its lag is at most DB_REPLICA_MAX_LAG_S.

The lag is measured by comparing WAL positions. The monitor records the primary's position with the local time. The standby
lacks nothing that the primary had at the last recorded position which the standby has replayed. This needs no clock but the
process's own, and detects a standby that no longer receives WAL, which would report no lag itself. While the primary is
unavailable the lag cannot be measured, and nothing is published either: a standby that was usable until then stays usable.
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
from operations.statement_watchdog import abort_stalled_statements

logger = logging.getLogger(__name__)

CHECK_INTERVAL_S = 0.5
# A database without an answer for this long counts as unavailable.
UNAVAILABLE_AFTER_S = 2.5
_POSITIONS = 4096

_POSITION_SQL = """
    SELECT pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0'
    )::bigint
"""


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """Status of the standby.

    Attributes:
        up: whether it answers.
        lag_s: upper bound of its lag in seconds; None if unknown.
        in_use: whether reads go to it.
    """

    up: bool
    lag_s: float | None
    in_use: bool


class ReplicaMonitor:
    """Availability and lag of the standby, as measured by this process."""

    def __init__(self, max_lag_s: float) -> None:
        self.max_lag_s = max_lag_s
        self.lag_s: float | None = None
        self._within_max_lag = True
        self._answered_at: float | None = None
        self._logged: str | None = None
        self._lock = threading.Lock()
        self._primary_answered_at = -math.inf
        # Time and WAL position of the primary, in bytes, the oldest first.
        self._positions: deque[tuple[float, int]] = deque(maxlen=_POSITIONS)

    def is_usable(self) -> bool:
        """Return whether to read from the standby now."""
        return self._within_max_lag and self.up()

    def up(self) -> bool:
        """Return whether the standby answered within `UNAVAILABLE_AFTER_S`."""
        return self._answered_at is not None and time.monotonic() - self._answered_at < UNAVAILABLE_AFTER_S

    def status(self) -> ReplicaStatus:
        """Return availability, lag and use of the standby."""
        return ReplicaStatus(self.up(), self.lag_s, self.is_usable())

    def mark_unhealthy(self) -> None:
        """Stop reading from the standby until it answers the next check."""
        self._answered_at = None

    def check_primary(self) -> None:
        """Record the primary's WAL position. Its own thread runs it: a slow primary must not delay `check_standby`."""
        started = time.monotonic()
        position = _wal_position(PRIMARY)
        if position is not None:
            with self._lock:
                self._positions.append((started, position))
                self._primary_answered_at = time.monotonic()

    def check_standby(self) -> None:
        """Measure the lag of the standby against the recorded positions of the primary."""
        position = _wal_position(REPLICA)
        if position is None:
            self._answered_at = None
        else:
            with self._lock:
                self._measure(position)
            self._answered_at = time.monotonic()
        self._log_change()

    def _measure(self, replica_position: int) -> None:
        if time.monotonic() - self._primary_answered_at > UNAVAILABLE_AFTER_S:
            self.lag_s = None
            return
        replayed = None
        while self._positions and self._positions[0][1] <= replica_position:
            replayed = self._positions.popleft()
        if replayed is None:
            # Further behind than the oldest recorded position.
            self.lag_s, self._within_max_lag = None, False
            return
        self._positions.appendleft(replayed)
        self.lag_s = 0.0 if len(self._positions) == 1 else time.monotonic() - replayed[0]
        self._within_max_lag = self.lag_s <= self.max_lag_s

    def _log_change(self) -> None:
        if self.is_usable():
            message = f"replica lag at most {self.max_lag_s:g} s; reads go to the standby"
        elif self.up():
            message = f"replica lag over {self.max_lag_s:g} s; reads go to the primary"
        else:
            message = "standby unavailable; reads go to the primary"
        if message != self._logged:
            self._logged = message
            logger.warning("%s", message)


def _wal_position(alias: str) -> int | None:
    """Return the WAL position of a database in bytes, None if it is unavailable. Queries: 1."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(_POSITION_SQL)
            position: int | None = cursor.fetchone()[0]
    except Error:
        connections[alias].close()
        return None
    return position


_monitor: ReplicaMonitor | None = None


def is_usable() -> bool:
    """Return whether to read from the standby now; False without a standby."""
    return _monitor is not None and _monitor.is_usable()


def mark_unhealthy() -> None:
    """Stop reading from the standby until it answers the next check."""
    if _monitor is not None:
        _monitor.mark_unhealthy()


def status() -> ReplicaStatus | None:
    """Return the status of the standby, None without a standby."""
    return None if _monitor is None else _monitor.status()


def start() -> None:
    """Start the monitor threads if DATABASES has a standby."""
    global _monitor  # noqa: PLW0603 - one for the process
    if REPLICA not in settings.DATABASES:
        return
    _monitor = monitor = ReplicaMonitor(settings.DB_REPLICA_MAX_LAG_S)

    def repeat(check: Callable[[], None]) -> None:
        while True:
            try:
                check()
            except Exception as error:
                # The thread must survive: without it the standby would stay unused.
                logger.error(
                    "replica monitor: %s failed: %s; retry in %g s", check.__name__, type(error).__qualname__, CHECK_INTERVAL_S
                )
            time.sleep(CHECK_INTERVAL_S)

    def abort_stalled() -> None:
        # Requests that wait for an unresponsive standby fail, and are retried on the primary.
        if not monitor.up():
            abort_stalled_statements(UNAVAILABLE_AFTER_S, alias=REPLICA)

    for check in (monitor.check_primary, monitor.check_standby, abort_stalled):
        threading.Thread(target=repeat, args=(check,), name=f"replica-{check.__name__}", daemon=True).start()

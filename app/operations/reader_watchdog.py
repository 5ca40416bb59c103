"""Session watchdog for analysts (role geo_reader): time limits that a session cannot lift.

PostgreSQL lets every session set its own `statement_timeout`. A thread in each web worker calls `end_long_reads`
(data/schema/060_grants.sql), which terminates sessions of geo_reader beyond twice the role's own limits.
"""

import logging
import threading
import time

from django.db import Error, connections

from geography.db.routing import PRIMARY

logger = logging.getLogger(__name__)

STATEMENT_S = 120
IDLE_S = 600
_INTERVAL_S = 20.0


def end_long_reads(statement_s: float = STATEMENT_S, idle_s: float = IDLE_S) -> int:
    """Terminate sessions with a longer statement or idle transaction; return their number. Limits in seconds. Queries: 1.

    Raises: django.db.Error if the database is unavailable or lacks the function.
    """
    with connections[PRIMARY].cursor() as cursor:
        cursor.execute(
            "SELECT public.end_long_reads(make_interval(secs => %s), make_interval(secs => %s))", [statement_s, idle_s]
        )
        terminated: int = cursor.fetchone()[0]
    if terminated:
        logger.warning("reader watchdog: %d sessions of geo_reader exceeded their timeout; terminated", terminated)
    return terminated


def start() -> None:
    """Start the watchdog thread."""

    def run() -> None:
        while True:
            time.sleep(_INTERVAL_S)
            try:
                end_long_reads()
            except Error as error:
                logger.info(
                    "reader watchdog: database unavailable (%s); timeouts of geo_reader not enforced, retry in %.0f s",
                    type(error).__qualname__,
                    _INTERVAL_S,
                )
            finally:
                # Idle until the next check, so the connection is released.
                connections[PRIMARY].close()

    threading.Thread(target=run, name="reader-watchdog", daemon=True).start()

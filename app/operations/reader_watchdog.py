"""Limits of time for analysts (role geo_reader) that they cannot lift.

PostgreSQL lets every session set its own `statement_timeout`. A thread in each serving process calls `end_long_reads`
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
    """Terminate the sessions whose statement or idle transaction has lasted longer, and return how many. Queries: 1.

    Raises: django.db.Error where the database does not answer, or has no such function yet.
    """
    with connections[PRIMARY].cursor() as cursor:
        cursor.execute(
            "SELECT public.end_long_reads(make_interval(secs => %s), make_interval(secs => %s))", [statement_s, idle_s]
        )
        ended: int = cursor.fetchone()[0]
    if ended:
        logger.warning("geo_reader: %d sessions over their limit of time: terminated", ended)
    return ended


def start() -> None:
    """Start the thread."""

    def run() -> None:
        while True:
            time.sleep(_INTERVAL_S)
            try:
                end_long_reads()
            except Error as error:
                logger.info("geo_reader: limits of time not enforced: %s", type(error).__qualname__)
            finally:
                # Only needed every now and then.
                connections[PRIMARY].close()

    threading.Thread(target=run, name="analysts-watch", daemon=True).start()

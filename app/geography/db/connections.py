"""Database connections by role, for metrics."""

from dataclasses import dataclass

from geography.db.routing import connection


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections of this service, of all its processes on all machines.

    Attributes:
        by_state: how many are in each state, as PostgreSQL names it: active, idle, idle in transaction …
        most: how many connections the server takes in all, from everybody.
    """

    by_state: dict[str, int]
    most: int


def connections() -> Connections:
    """Return how many connections this service holds, by the name that it gives itself.

    Raises: django.db.OperationalError where the database does not answer. Queries: 1.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'unknown'), count(*), current_setting('max_connections')::int FROM pg_stat_activity"
            " WHERE application_name = current_setting('application_name') AND datname = current_database() GROUP BY 1"
        )
        rows = cursor.fetchall()
    # One at least: the one that asks.
    return Connections({state: count for state, count, _ in rows}, rows[0][2])

"""Count of database connections, for metrics."""

from dataclasses import dataclass

from geography.db.routing import connection


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections of all processes of this service on all machines.

    Attributes:
        by_state: number of connections for each state in PostgreSQL's terms: active, idle, idle in transaction …
        most: the server's `max_connections`, for all clients.
    """

    by_state: dict[str, int]
    most: int


def connections() -> Connections:
    """Return the connections of this service, identified by `application_name`.

    Raises: django.db.OperationalError if the database does not answer. Queries: 1.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'unknown'), count(*), current_setting('max_connections')::int FROM pg_stat_activity"
            " WHERE application_name = current_setting('application_name') AND datname = current_database() GROUP BY 1"
        )
        rows = cursor.fetchall()
    # At least one row: this connection.
    return Connections({state: count for state, count, _ in rows}, rows[0][2])

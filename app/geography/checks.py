"""System checks of the database, for `manage.py check`."""

import re
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.utils import OperationalError, ProgrammingError

POSTGIS_MINIMUM = (3, 3)


@register(Tags.database)
def postgis_is_recent(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Report a database that does not answer or has PostGIS before 3.3, so that no migration fails half-way."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")
                row = cursor.fetchone()
        except (OperationalError, ProgrammingError) as error:
            messages.append(
                Error(
                    f"The database {alias!r} does not answer: {str(error).strip().splitlines()[0]}",
                    hint="Start it (bin/db up) or correct DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD.",
                    id="geography.E001",
                )
            )
            continue
        if row is None:
            # `migrate` creates the extension if the role has the right; otherwise PostgreSQL reports the missing right.
            continue
        version = tuple(int(part) for part in re.findall(r"\d+", row[0])[:2])
        if version < POSTGIS_MINIMUM:
            messages.append(
                Error(
                    f"PostGIS {row[0]} is older than 3.3.",
                    hint="Upgrade the extension: ALTER EXTENSION postgis UPDATE.",
                    id="geography.E002",
                )
            )
    return messages

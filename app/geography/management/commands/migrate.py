"""`manage.py migrate` in one transaction behind a migration lock, so that concurrent starts are safe."""

import time
from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.recorder import MigrationRecorder

_ATTEMPTS = 10


class Command(MigrateCommand):
    """Django's `migrate` in one transaction with a table lock, so that several containers can start at once.

    The tables and their views (geography/db/sql_objects.py) change together. Readers see either the old or the new state, and a
    failed migration changes nothing.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        using = options.get("database") or DEFAULT_DB_ALIAS
        table = _migrations_table(using)
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            # Not an advisory lock: a role with only SELECT cannot take this lock, so no reader can block a start.
            cursor.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
            # A table with pending deferred constraints cannot be altered.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            super().handle(*args, **options)


def _migrations_table(using: str) -> str:
    """Return the quoted name of the table of applied migrations; create the table if it is missing."""
    recorder = MigrationRecorder(connections[using])
    for attempt in range(_ATTEMPTS):
        try:
            recorder.ensure_schema()
        except (MigrationSchemaMissing, DatabaseError):
            # Another process created it at the same time.
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.1)
        else:
            break
    return connections[using].ops.quote_name(recorder.Migration._meta.db_table)

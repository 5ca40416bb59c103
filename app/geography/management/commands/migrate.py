"""`manage.py migrate`, one at a time and all or nothing."""

import time
from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.recorder import MigrationRecorder

_ATTEMPTS = 10


class Command(MigrateCommand):
    """Django's own, in one transaction behind a lock that ends with it: several containers may start at once.

    The tables and the views on them (geography/db/sql_objects.py) change together: readers see the old or the new, and a
    migration that fails leaves everything as it was.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        using = options.get("database") or DEFAULT_DB_ALIAS
        table = _migrations_table(using)
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            # A lock that a role with no more than SELECT cannot take, so that no reader can stop a start.
            cursor.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
            # A table with checks that still wait for the end of the transaction cannot be altered.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            super().handle(*args, **options)


def _migrations_table(using: str) -> str:
    """Return the quoted name of the table of applied migrations, which is made where it is missing."""
    recorder = MigrationRecorder(connections[using])
    for attempt in range(_ATTEMPTS):
        try:
            recorder.ensure_schema()
        except (MigrationSchemaMissing, DatabaseError):
            # Another process has made it at the same moment.
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.1)
        else:
            break
    return connections[using].ops.quote_name(recorder.Migration._meta.db_table)

"""`manage.py migrate`, one at a time and all or nothing."""

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import DEFAULT_DB_ALIAS, connections, transaction

# Any number will do, as long as nothing else in this database uses it.
_LOCK = 3_347_0001


class Command(MigrateCommand):
    """Django's own, in one transaction behind a lock that ends with it: several containers may start at once.

    The tables and the views on them (geography/sqlschema.py) change together: whoever reads sees the old or the new, and a
    migration that fails leaves everything as it was.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        using = options.get("database") or DEFAULT_DB_ALIAS
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            # A table with checks that still wait for the end of the transaction cannot be altered.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            super().handle(*args, **options)

"""Snapshot of the rows of the app `geography`, restored with COPY, which is much faster than inserts by the ORM."""

import io

from django.apps import apps
from django.db import connection


class TableSnapshot:
    """All rows of the app's tables at the time of construction, in PostgreSQL's binary format.

    Primary keys are part of the rows. A sequence never returns to a lower value, so rows that are inserted after `restore` in
    the same database get other keys.
    """

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}
        for model in apps.get_app_config("geography").get_models():
            rows = io.BytesIO()
            with connection.cursor() as cursor:
                cursor.copy_expert(f"COPY {model._meta.db_table} TO STDOUT (FORMAT binary)", rows)
            self._rows[model._meta.db_table] = rows.getvalue()

    def restore(self) -> None:
        """Insert the rows into the empty tables. Vintages get a new `load_id` and `created_at`, as after a load."""
        with connection.cursor() as cursor:
            for table, rows in self._rows.items():
                cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", io.BytesIO(rows))
            cursor.execute("UPDATE vintage SET load_id = gen_random_uuid(), created_at = clock_timestamp()")

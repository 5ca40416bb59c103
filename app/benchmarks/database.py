"""A copy of the database for a benchmark that changes it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections


@contextmanager
def database_copy() -> Iterator[None]:
    """Connect this process and its servers to a copy of the database, and drop the copy at the end."""
    settings = connections.databases["default"]
    original, copy = settings["NAME"], f"{settings['NAME']}_benchmark"
    _execute("postgres", f"DROP DATABASE IF EXISTS {copy}", f"CREATE DATABASE {copy} TEMPLATE {original}")
    try:
        _connect(copy)
        yield
    finally:
        _execute("postgres", f"DROP DATABASE {copy} WITH (FORCE)")
        _connect(original)


def _execute(database: str, *statements: str) -> None:
    _connect(database)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def _connect(database: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = os.environ["DB_NAME"] = database

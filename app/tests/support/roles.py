"""Connections to the test database as the roles of data/schema/020_roles.sql."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings
from django.db import connection


def address(role: str) -> dict[str, Any]:
    """Return the libpq parameters of a connection as a role; skip the test if the role has no password."""
    password = settings.DATABASE_ROLE_PASSWORDS[role]
    if not password:
        pytest.skip(f"{role} has no password here: the owner of this database does everything itself")
    item = connection.settings_dict
    return {"host": item["HOST"], "port": item["PORT"], "dbname": item["NAME"], "user": role, "password": password}


@contextmanager
def connected(role: str = "", database: str = "", **options: Any) -> Iterator[Any]:
    """Yield a cursor of a new autocommit connection, as a role or as the owner."""
    if role:
        item = address(role)
    else:
        entry = connection.settings_dict
        item = {"host": entry["HOST"], "port": entry["PORT"], "dbname": entry["NAME"], "user": entry["USER"]}
        item["password"] = entry["PASSWORD"]
    if database:
        item["dbname"] = database
    other = psycopg2.connect(**{key: value for key, value in item.items() if value}, **options)
    try:
        other.autocommit = True
        yield other.cursor()
    finally:
        other.close()

"""Connections as the roles of data/schema/020_roles.sql, as their users would make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings
from django.db import connection


def address(role: str) -> dict[str, Any]:
    """Return what libpq needs to connect to the test database as a role; skips where the role cannot log in here."""
    password = settings.DATABASE_ROLE_PASSWORDS[role]
    if not password:
        pytest.skip(f"{role} has no password here: the owner of this database does everything itself")
    one = connection.settings_dict
    return {"host": one["HOST"], "port": one["PORT"], "dbname": one["NAME"], "user": role, "password": password}


@contextmanager
def connected(role: str = "", database: str = "", **options: Any) -> Iterator[Any]:
    """Yield a cursor of a connection of its own, as a role or as the owner, that commits every statement."""
    if role:
        given = address(role)
    else:
        one = connection.settings_dict
        given = {"host": one["HOST"], "port": one["PORT"], "dbname": one["NAME"], "user": one["USER"]}
        given["password"] = one["PASSWORD"]
    if database:
        given["dbname"] = database
    other = psycopg2.connect(**{key: value for key, value in given.items() if value}, **options)
    try:
        other.autocommit = True
        yield other.cursor()
    finally:
        other.close()

"""Database routing and retry of failed reads.

A thread reads from the primary or, during a request, from a standby with a small replica lag.

Everything outside requests, such as loads and migrations, uses the primary. All reads use this module: the ORM through the
router, SQL through `connection`. A request reads from one database only, so that no response mixes two states.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

PRIMARY = DEFAULT_DB_ALIAS
REPLICA = "replica"

Result = TypeVar("Result")


class _Choice(threading.local):
    alias = PRIMARY


_choice = _Choice()


def current_alias() -> str:
    """Return the alias of the database that this thread reads from."""
    return _choice.alias


@contextmanager
def use_database(alias: str) -> Iterator[str]:
    """Read from a database inside a `with` block; yield its alias."""
    previous = _choice.alias
    _choice.alias = alias
    try:
        yield alias
    finally:
        _choice.alias = previous


def fall_back_to_primary() -> bool:
    """Read from the primary for the rest of the block. Return False if the thread already did."""
    changed = _choice.alias != PRIMARY
    _choice.alias = PRIMARY
    return changed


def retry_on_primary(read: Callable[[], Result]) -> Result:
    """Return the result of `read`, called again on the primary if the standby fails.

    For reads after a response has started. Before that, the whole request is repeated (api.middleware.replica_routing).
    """
    try:
        return read()
    except (OperationalError, InterfaceError):
        if not fall_back_to_primary():
            raise
    return read()


class Router:
    """Database router: reads use the alias of this thread, everything else uses the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Return the alias of the database that this thread reads from."""
        return current_alias()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """Return the primary's alias."""
        return PRIMARY

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        """Return True: both aliases have the same data."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Return whether `db` is the primary, whose tables are replicated to the standby."""
        return db == PRIMARY


class _Connection:
    """Proxy of the connection to the database that this thread reads from, as django.db.connection is for the primary."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[current_alias()], name)


connection = cast(BaseDatabaseWrapper, _Connection())

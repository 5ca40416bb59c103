"""Database routing: a thread reads from the primary or, while it answers a request, from a standby that keeps up.

Everything outside requests, such as loads and migrations, is of the primary. Who reads goes through here, with the ORM (by the
router) and without it (by `connection`): what one request reads is of one database, so that no answer mixes two states.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

PRIMARY = DEFAULT_DB_ALIAS
REPLICA = "replica"

Found = TypeVar("Found")


class _Choice(threading.local):
    alias = PRIMARY


_choice = _Choice()


def current_alias() -> str:
    """Return the alias of the database that this thread reads from."""
    return _choice.alias


@contextmanager
def use_database(chosen: str) -> Iterator[None]:
    """Read from this database for the length of a `with` block."""
    before = _choice.alias
    _choice.alias = chosen
    try:
        yield
    finally:
        _choice.alias = before


def fall_back_to_primary() -> bool:
    """Read from the primary for the rest of the block; False where that was so already."""
    turned = _choice.alias != PRIMARY
    _choice.alias = PRIMARY
    return turned


def retry_on_primary(ask: Callable[[], Found]) -> Found:
    """Return what `ask` finds, asked a second time of the primary where the standby fails.

    For what is read while an answer is on its way already; before that, a request begins anew (api.middleware.replica_routing).
    """
    try:
        return ask()
    except (OperationalError, InterfaceError):
        if not fall_back_to_primary():
            raise
    return ask()


class Router:
    """Sends the ORM's reads where this thread reads, and everything else to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Return the alias that this thread reads from."""
        return current_alias()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """Return the primary's alias."""
        return PRIMARY

    def allow_relation(self, item: Any, other: Any, **hints: Any) -> bool:
        """Return True: both are the same database."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Return whether this is the primary: the standby gets its tables from there."""
        return db == PRIMARY


class _Connection:
    """Stands for the connection to whichever database this thread reads from, as django.db.connection does for the primary."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[current_alias()], name)


connection = cast(BaseDatabaseWrapper, _Connection())

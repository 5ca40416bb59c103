"""Runs data/schema/*.sql: roles, views and grants for analysts. The same files serve a container's first start."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction


def files() -> list[Path]:
    """Return the numbered SQL files in the order in which they run."""
    return sorted((settings.REPO_DIR / "data" / "schema").glob("[0-9][0-9][0-9]_*.sql"))


def apply(using: str = "default") -> None:
    """Run every file in one transaction. Each is idempotent, so this may be repeated at will.

    Raises: django.db.utils.ProgrammingError where the database's owner lacks a right that a file cannot do without.
    """
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        for path in files():
            cursor.execute(path.read_text(encoding="utf-8"))


def apply_after_migrate(using: str = "default", **kwargs: Any) -> None:
    """Bring the analysts' schema up to date after `migrate` (a receiver of `post_migrate`)."""
    apply(using)

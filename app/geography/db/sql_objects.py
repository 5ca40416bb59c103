"""Keeps schema geo, the roles and their grants current: runs data/schema/*.sql around every migrate.

A publication changes rows and nothing here. An upgrade may have to make views anew: it does so inside the transaction of the
migrations (management/commands/migrate.py), so that readers see the old ones until they see the new ones, and with the grants
that somebody gave beside ours.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, ProgrammingError, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2.extensions import encrypt_password  # type: ignore[import-untyped]

# What needs no tables, and every migrate repeats: extension and roles. What follows up to the grants makes the views.
_FIRST, _VIEWS, _GRANTS = ("010", "020"), ("030", "035", "040", "050", "055"), ("060", "065")
# Of these some are about tables of another app, which a migration of this one alone has not made yet.
_OF_INDICATORS = ("035", "055", "065")
_ABOUT = "Stable views for analysts; see data/schema/README.md. Made from SQL"

# PostgreSQL's codes for a view or a function that cannot be replaced as it is: a column went, or changed its type.
_NOT_REPLACEABLE = ("42P16", "42P13")
_STILL_NEEDED = "2BP01"

_OBJECTS_SQL = """
    SELECT 'view', oid::regclass::text, relacl, relowner FROM pg_class
    WHERE relnamespace = 'geo'::regnamespace AND relkind = 'v'
    UNION ALL
    SELECT 'function', oid::regprocedure::text, proacl, proowner FROM pg_proc WHERE pronamespace = 'geo'::regnamespace
"""
_GRANTED_SQL = f"""
    SELECT object.kind, object.name, acl.privilege_type,
           CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END, acl.is_grantable
    FROM ({_OBJECTS_SQL}) AS object (kind, name, acl, owner), aclexplode(object.acl) AS acl
    WHERE acl.grantee <> object.owner
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody's right on a view or a function of schema geo; `name` and `grantee` are quoted where SQL asks for it."""

    kind: str
    name: str
    privilege: str
    grantee: str
    with_option: bool


# By database: what was taken down before the migrations that are under way.
_revoked_grants: dict[str, list[Grant]] = {}


def files() -> list[Path]:
    """Return the numbered SQL files in the order in which they run."""
    return sorted((settings.REPO_DIR / "data" / "schema").glob("[0-9][0-9][0-9]_*.sql"))


def apply(using: str = "default") -> list[str]:
    """Bring roles, views, functions, comments and grants up to date in one transaction, and return the server's warnings.

    Views are only touched where the files changed since they were made: replacing one waits for its readers.
    Repeating this at will changes nothing.

    Raises: django.db.utils.ProgrammingError where the database's owner lacks a right that a file cannot do without;
        CommandError where a view has to be made anew and somebody's own view is built on it.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = warning")
        del connection.connection.notices[:]
        _run(cursor, _FIRST)
        cursor.execute("SELECT to_regclass('public.region') IS NOT NULL")
        if cursor.fetchone() == (True,):
            grants = _revoked_grants.pop(using, [])
            if not _is_current(cursor):
                grants += _make_views(cursor, using)
            _run(cursor, _GRANTS)
            _restore_grants(cursor, grants)
        _set_passwords(cursor, using)
        return [str(notice).strip() for notice in connection.connection.notices]


def before_migrate(using: str = "default", plan: Any = (), **kwargs: Any) -> None:
    """Take schema geo down where tables are about to change: their columns cannot while a view shows them."""
    _revoked_grants.pop(using, None)
    if any(migration.app_label in ("geography", "indicators") for migration, _ in plan):
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT to_regnamespace('geo') IS NOT NULL")
            if cursor.fetchone() == (True,):
                _revoked_grants[using] = _drop_views(cursor)


def after_migrate(using: str = "default", verbosity: int = 1, stdout: Any = None, **kwargs: Any) -> None:
    """Bring the analysts' schema up to date after `migrate` (a receiver of `post_migrate`) and tell what could not be done."""
    for warning in apply(using):
        if verbosity and stdout is not None:
            stdout.write(f"  {warning}\n")


def _run(cursor: CursorWrapper, numbers: tuple[str, ...]) -> None:
    cursor.execute("SELECT to_regclass('public.indicator_blob') IS NOT NULL")
    without = () if cursor.fetchone() == (True,) else _OF_INDICATORS
    for path in files():
        if path.name.startswith(numbers) and not path.name.startswith(without):
            cursor.execute(path.read_text(encoding="utf-8"))


def _version() -> str:
    text = "".join(path.read_text(encoding="utf-8") for path in files() if path.name.startswith(_VIEWS))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _is_current(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT obj_description('geo'::regnamespace, 'pg_namespace')")
    return bool(cursor.fetchone() == (f"{_ABOUT} {_version()}.",))


def _make_views(cursor: CursorWrapper, using: str) -> list[Grant]:
    """Replace views and functions, or make them anew where they cannot be replaced; return the grants that this lost."""
    grants: list[Grant] = []
    try:
        with transaction.atomic(using=using):
            _run(cursor, _VIEWS)
    except ProgrammingError as error:
        if _sqlstate(error) not in _NOT_REPLACEABLE:
            raise
        grants = _drop_views(cursor)
        _run(cursor, _VIEWS)
    cursor.execute("COMMENT ON SCHEMA geo IS %s", [f"{_ABOUT} {_version()}."])
    return grants


def _drop_views(cursor: CursorWrapper) -> list[Grant]:
    """Drop every view and function of schema geo and return who had which right on them."""
    cursor.execute(_GRANTED_SQL)
    grants = [Grant(*row) for row in cursor]
    cursor.execute(f"SELECT kind, string_agg(name, ', ') FROM ({_OBJECTS_SQL}) AS o (kind, name) GROUP BY kind ORDER BY kind")
    try:
        # Functions first: they are built on the views. All of a kind at once, so that their order does not matter.
        for kind, names in cursor.fetchall():
            cursor.execute(f"DROP {kind} {names}")
        cursor.execute("COMMENT ON SCHEMA geo IS NULL")
    except DatabaseError as error:
        if _sqlstate(error) != _STILL_NEEDED:
            raise
        raise CommandError(
            "This upgrade makes the views of schema geo anew, and somebody's own are built on them. Drop these, run migrate, "
            f"and make them again:\n{error.__cause__.diag.message_detail}"  # type: ignore[union-attr]
        ) from error
    return grants


def _restore_grants(cursor: CursorWrapper, grants: list[Grant]) -> None:
    cursor.execute(f"SELECT name FROM ({_OBJECTS_SQL}) AS o (kind, name)")
    there = {name for (name,) in cursor}
    for grant in grants:
        # 060_grants.sql says who may call a function; everybody may not.
        if grant.name in there and not (grant.kind == "function" and grant.grantee == "PUBLIC"):
            option = " WITH GRANT OPTION" if grant.with_option else ""
            on = "FUNCTION " if grant.kind == "function" else ""
            cursor.execute(f"GRANT {grant.privilege} ON {on}{grant.name} TO {grant.grantee}{option}")


def _set_passwords(cursor: CursorWrapper, using: str) -> None:
    """Give the roles the passwords that the settings know, where this owner may; elsewhere their administrator does so."""
    for role, password in settings.DATABASE_ROLE_PASSWORDS.items():
        cursor.execute(
            "SELECT FROM pg_roles AS me, pg_roles AS it WHERE me.rolname = current_user AND it.rolname = %s"
            " AND (me.rolsuper OR me.rolcreaterole) AND NOT it.rolsuper",
            [role],
        )
        if password and cursor.fetchone() is not None:
            # Hashed here, so that the password itself is in no statement that a server might log.
            secret = encrypt_password(password, role, cursor.connection, "scram-sha-256")
            cursor.execute(f"ALTER ROLE {role} PASSWORD %s", [secret])


def _sqlstate(error: DatabaseError) -> str | None:
    return getattr(error.__cause__, "pgcode", None)

"""Creation and upgrade of schema geo, the roles and their grants: runs data/schema/*.sql before and after every `migrate`.

A publication changes only rows. An upgrade may have to recreate views. It does so in the transaction of the migrations
(management/commands/migrate.py), so that readers see either the old or the new views, and restores the grants that the
operator added.
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

# Prefixes of SQL files: extension and roles, which need no tables; views and functions; grants. The first and the last group
# run with every `migrate`.
_FIRST, _VIEWS, _GRANTS = ("010", "020"), ("030", "035", "040", "050", "055"), ("060", "065")
# Files that need tables of the app `indicators`, which do not exist after a migration of this app alone.
_OF_INDICATORS = ("035", "055", "065")
_ABOUT = "Stable views for analysts; see data/schema/README.md. Made from SQL"

# SQLSTATE of a view or function that cannot be replaced, because a column is gone or has another type; SQLSTATE of an object
# that another depends on.
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
    """Privilege of a role on a view or function of schema geo; `name` and `grantee` are quoted as SQL requires."""

    kind: str
    name: str
    privilege: str
    grantee: str
    with_option: bool


# By database alias: grants of the views that were dropped before the current migrations.
_revoked_grants: dict[str, list[Grant]] = {}


def files() -> list[Path]:
    """Return the numbered SQL files in the order of execution."""
    return sorted((settings.REPO_DIR / "data" / "schema").glob("[0-9][0-9][0-9]_*.sql"))


def apply(using: str = "default") -> list[str]:
    """Update roles, views, functions, comments and grants in one transaction, and return the server's warnings.

    Idempotent. Views are replaced only if the files changed, because replacing a view waits for its readers.

    Raises: django.db.utils.ProgrammingError if the database's owner lacks a required right; CommandError if a view has to be
        recreated and a view of a user depends on it.
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
    """Drop the views of schema geo before migrations: a column that a view uses cannot be altered."""
    _revoked_grants.pop(using, None)
    if any(migration.app_label in ("geography", "indicators") for migration, _ in plan):
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT to_regnamespace('geo') IS NOT NULL")
            if cursor.fetchone() == (True,):
                _revoked_grants[using] = _drop_views(cursor)


def after_migrate(using: str = "default", verbosity: int = 1, stdout: Any = None, **kwargs: Any) -> None:
    """Update the analysts' schema after `migrate` (a receiver of `post_migrate`) and print the warnings."""
    for warning in apply(using):
        if verbosity and stdout is not None:
            stdout.write(f"  {warning}\n")


def _run(cursor: CursorWrapper, numbers: tuple[str, ...]) -> None:
    cursor.execute("SELECT to_regclass('public.indicator_blob') IS NOT NULL")
    excluded = () if cursor.fetchone() == (True,) else _OF_INDICATORS
    for path in files():
        if path.name.startswith(numbers) and not path.name.startswith(excluded):
            cursor.execute(path.read_text(encoding="utf-8"))


def _version() -> str:
    text = "".join(path.read_text(encoding="utf-8") for path in files() if path.name.startswith(_VIEWS))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _is_current(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT obj_description('geo'::regnamespace, 'pg_namespace')")
    return bool(cursor.fetchone() == (f"{_ABOUT} {_version()}.",))


def _make_views(cursor: CursorWrapper, using: str) -> list[Grant]:
    """Replace views and functions, or recreate them if they cannot be replaced; return the grants to restore."""
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
    """Drop every view and function of schema geo and return the grants on them."""
    cursor.execute(_GRANTED_SQL)
    grants = [Grant(*row) for row in cursor]
    cursor.execute(f"SELECT kind, string_agg(name, ', ') FROM ({_OBJECTS_SQL}) AS o (kind, name) GROUP BY kind ORDER BY kind")
    try:
        # Functions first, because they depend on the views. One statement for each kind, so that its order does not matter.
        for kind, names in cursor.fetchall():
            cursor.execute(f"DROP {kind} {names}")
        cursor.execute("COMMENT ON SCHEMA geo IS NULL")
    except DatabaseError as error:
        if _sqlstate(error) != _STILL_NEEDED:
            raise
        raise CommandError(
            "This upgrade replaces the views of schema geo, and other views depend on them. Drop those, run migrate, "
            f"and make them again:\n{error.__cause__.diag.message_detail}"  # type: ignore[union-attr]
        ) from error
    return grants


def _restore_grants(cursor: CursorWrapper, grants: list[Grant]) -> None:
    cursor.execute(f"SELECT name FROM ({_OBJECTS_SQL}) AS o (kind, name)")
    names = {name for (name,) in cursor}
    for grant in grants:
        # 060_grants.sql defines the roles that may call a function; PUBLIC may not.
        if grant.name in names and not (grant.kind == "function" and grant.grantee == "PUBLIC"):
            option = " WITH GRANT OPTION" if grant.with_option else ""
            on = "FUNCTION " if grant.kind == "function" else ""
            cursor.execute(f"GRANT {grant.privilege} ON {on}{grant.name} TO {grant.grantee}{option}")


def _set_passwords(cursor: CursorWrapper, using: str) -> None:
    """Set the roles' passwords from the settings if the owner has the right; otherwise the administrator sets them."""
    for role, password in settings.DATABASE_ROLE_PASSWORDS.items():
        cursor.execute(
            "SELECT FROM pg_roles AS me, pg_roles AS it WHERE me.rolname = current_user AND it.rolname = %s"
            " AND (me.rolsuper OR me.rolcreaterole) AND NOT it.rolsuper",
            [role],
        )
        if password and cursor.fetchone() is not None:
            # Hashed by the client, so that no statement in the server's log contains the password.
            secret = encrypt_password(password, role, cursor.connection, "scram-sha-256")
            cursor.execute(f"ALTER ROLE {role} PASSWORD %s", [secret])


def _sqlstate(error: DatabaseError) -> str | None:
    return getattr(error.__cause__, "pgcode", None)

"""Readiness of the database, for the health check /readyz: reachable, migrated, with published vintages."""

from dataclasses import dataclass
from functools import cache

from django.db import InternalError, OperationalError, ProgrammingError, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.db.routing import connection
from geography.errors import NothingPublished, NoVintage
from geography.models import Vintage
from geography.vintages.resolve import vintage_in_force

# Classes of SQLSTATE of a library with a wrong version: system error, internal error.
_LIBRARY_FAILS = ("58", "XX")


@dataclass(frozen=True, slots=True)
class Readiness:
    """State of the database as requests need it.

    Attributes:
        postgis: version of the extension, None if it is missing.
        runs_code: True if the server can load its libraries: see `runs_code`.
        migrations_missing: number of migrations of this code that are not applied.
        vintages: vintage in force today by coverage, None if there is none. Empty while migrations are missing.
    """

    postgis: str | None
    runs_code: bool
    migrations_missing: int
    vintages: dict[str, Vintage | None]

    @property
    def ready(self) -> bool:
        """Return whether every request with default parameters can be answered."""
        return bool(
            self.postgis and self.runs_code and not self.migrations_missing and self.vintages and all(self.vintages.values())
        )


def readiness() -> Readiness:
    """Return the readiness of the database.

    Raises: django.db.OperationalError or InterfaceError if the database does not answer.
    Queries: 8, two of them around a savepoint, and 1 more for each coverage without a vintage.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")
        row = cursor.fetchone()
    missing = len(_migrations_of_this_code() - set(MigrationRecorder(connection).applied_migrations()))
    coverages = () if missing else (COVERAGE_HEALTH_REGIONS, COVERAGE_FSA)
    return Readiness(
        row[0] if row else None, runs_code(connection.alias), missing, {coverage: _in_force(coverage) for coverage in coverages}
    )


def runs_code(using: str) -> bool:
    """Return whether a new connection can run a function of PL/pgSQL and one of PostGIS.

    Both fail after an upgrade of packages without a restart, because the libraries then have another version than the server.

    Raises: django.db.OperationalError or InterfaceError if the database does not answer.
    Queries: 1, in a savepoint of its own.
    """
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute("DO 'BEGIN PERFORM postgis_lib_version(); END'")
    except (ProgrammingError, InternalError, OperationalError) as error:
        if (getattr(error.__cause__, "pgcode", None) or "")[:2] not in _LIBRARY_FAILS:
            raise
        return False
    return True


def _in_force(coverage: str) -> Vintage | None:
    try:
        return vintage_in_force(coverage=coverage)
    except (NothingPublished, NoVintage):
        return None


@cache
def _migrations_of_this_code() -> frozenset[tuple[str, str]]:
    # Without a connection the loader reads only files, which do not change while a process runs.
    loader = MigrationLoader(None)
    return frozenset(loader.disk_migrations or ())

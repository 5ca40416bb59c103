"""Compilation of a vintage's lookup index from the tables."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import shapely
from django.db import connection, transaction

from covidtrends_geo import lookup_file
from covidtrends_geo.array_file import DamagedFile
from geography.models import Vintage

_REGIONS_SQL = """
    SELECT code, dguid, name_en, name_fr, pruid, coalesce(misfit_m, 0), ST_AsBinary(geom, 'NDR')
    FROM region WHERE vintage_id = %s ORDER BY code
"""


def write_index(
    vintage: Vintage, path: Path, metadata: Mapping[str, str], advance: Callable[[int], None] = lambda _: None
) -> None:
    """Write the lookup file of a vintage, published or staged. Holds one region in memory at a time. Queries: 1.

    Args:
        metadata: texts to store; those that identify the load and its measured misfit are added.
        advance: called with the number of vertices that have been read or written; each counts twice.
    """
    lookup_file.write(path, regions=_regions(vintage), metadata={**metadata, **_identity(vintage)}, advance=advance)


def is_current(vintage: Vintage, path: Path) -> bool:
    """Return whether a file has the current regions of a vintage: a later release may have measured their misfit."""
    try:
        metadata = lookup_file.open_file(path).metadata
    except (OSError, DamagedFile):
        return False
    return all(metadata.get(name) == text for name, text in _identity(vintage).items())


def _identity(vintage: Vintage) -> dict[str, str]:
    return {"load": str(vintage.load_id), "misfit_m": str(vintage.misfit_m)}


def _regions(vintage: Vintage) -> Iterator[tuple[lookup_file.Region, shapely.Geometry]]:
    # A server-side cursor: without a transaction, the server would first materialise the whole result.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.cursor.itersize = 1
        cursor.execute(_REGIONS_SQL, [vintage.pk])
        for *columns, wkb in cursor:
            yield lookup_file.Region(*columns), shapely.from_wkb(bytes(wkb))

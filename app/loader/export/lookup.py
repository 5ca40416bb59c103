"""Compilation of a vintage's lookup index, before the vintage is published and for /downloads."""

from collections.abc import Callable, Iterator
from pathlib import Path

import shapely
from django.db.models import Sum

from covidtrends_geo import lookup_file
from covidtrends_geo.array_file import DamagedFile
from geography.constants import LEVEL_NAMES
from geography.models import RegionLevel, Vintage
from loader.export.metadata import vintage_metadata
from loader.export.rows import stream

_SQL = """
    SELECT code, dguid, name_en, name_fr, pruid, coalesce(misfit_m, 0), ST_AsBinary(geom, 'NDR')
    FROM region WHERE vintage_id = %s ORDER BY code
"""


def write_lookup(vintage: Vintage, path: Path, advance: Callable[[int], None] = lambda _: None) -> None:
    """Write the lookup file of a vintage, published or staged. Holds one region in memory at a time. Queries: 1.

    Args:
        advance: called with the number of vertices that have been read or written; each counts twice.
    """
    metadata = vintage_metadata(vintage) | {"load": str(vintage.load_id), "misfit_m": str(vintage.misfit_m)}
    lookup_file.write(path, regions=_regions(vintage), metadata=metadata, advance=advance)


def is_current(vintage: Vintage, path: Path) -> bool:
    """Return whether a file holds the regions of a vintage as they are: a later release may have measured their misfit."""
    try:
        metadata = lookup_file.open_file(path).metadata
    except (OSError, DamagedFile):
        return False
    return (metadata.get("load"), metadata.get("misfit_m")) == (str(vintage.load_id), str(vintage.misfit_m))


def vertices_of(vintage: Vintage) -> int:
    """Return the number of vertices of a vintage as published. Queries: 1."""
    full = RegionLevel.objects.filter(region__vintage=vintage, level=LEVEL_NAMES[-1])
    return full.aggregate(Sum("vertices"))["vertices__sum"] or 0


def _regions(vintage: Vintage) -> Iterator[tuple[lookup_file.Region, shapely.Geometry]]:
    for *columns, wkb in stream(_SQL, [vintage.pk], chunk_size=1):
        yield lookup_file.Region(*columns), shapely.from_wkb(bytes(wkb))

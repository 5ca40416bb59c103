"""Export of the lookup index (spatial index) of a vintage, before its publication and for /downloads."""

from collections.abc import Callable
from pathlib import Path

from django.db.models import Sum

from geography.constants import LEVEL_NAMES
from geography.lookup.compile import write_index
from geography.models import RegionLevel, Vintage
from loader.export.metadata import vintage_metadata


def write_lookup(vintage: Vintage, path: Path, advance: Callable[[int], None] = lambda _: None) -> None:
    """Write the lookup file of a vintage with its metadata: as `write_index`. Queries: 1."""
    write_index(vintage, path, vintage_metadata(vintage), advance)


def vertices_of(vintage: Vintage) -> int:
    """Return the number of vertices of a vintage as published. Queries: 1."""
    full = RegionLevel.objects.filter(region__vintage=vintage, level=LEVEL_NAMES[-1])
    return full.aggregate(Sum("vertices"))["vertices__sum"] or 0

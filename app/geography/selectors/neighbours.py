"""Which regions a region touches: computed at load time, read here."""

from collections.abc import Sequence
from dataclasses import dataclass

from geography.models import Border, Region, Vintage
from geography.selectors.regions import drawn, region_get


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The regions that a region touches.

    Attributes:
        region: the region asked for.
        borders: longest first; each with `neighbour`, whose `geojson` is set (see `regions.drawn`). `length_km` is 0 where
            the two only meet at a point. Empty for an island.
    """

    region: Region
    borders: Sequence[Border]


def region_neighbours(*, vintage: Vintage, region_id: str, level: str | None) -> Neighbours:
    """Return the regions of the same vintage that a region touches, with their geometry at a level.

    What a border is: docs/decisions, what a border between two regions is.

    Args:
        region_id: code or DGUID.

    Raises: RegionUnknown. Queries: 3.
    """
    region = region_get(vintage=vintage, region_id=region_id, level=None)
    borders = list(Border.objects.filter(region=region).order_by("-length_km", "neighbour__code"))
    neighbours = drawn(Region.objects.all(), level).in_bulk([border.neighbour_id for border in borders])
    for border in borders:
        border.neighbour = neighbours[border.neighbour_id]
    return Neighbours(region, borders)

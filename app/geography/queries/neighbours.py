"""Neighbours of a region, computed at load time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from geography.models import Vintage
from geography.queries.region_rows import RegionRow, columns_and_join, rows
from geography.queries.regions import region_get

_BORDERS_SQL = """
    SELECT border.length_km, border.tolerance_m, {columns}
    FROM border JOIN region ON region.id = border.neighbour_id {join}
    WHERE border.region_id = %(region)s
    ORDER BY border.length_km DESC, region.code
"""


class SharedBorder(NamedTuple):
    """Border with a neighbour. `length_km` is 0 if the two meet only at a point; `tolerance_m` as in table `border`."""

    length_km: float
    tolerance_m: float
    neighbour: RegionRow


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A region and its neighbours.

    Attributes:
        region: the requested region.
        borders: longest first; empty for an island.
    """

    region: RegionRow
    borders: Sequence[SharedBorder]


def region_neighbours(*, vintage: Vintage, region_id: str, level: str | None) -> Neighbours:
    """Return the neighbours of a region in its vintage, with their geometry at a level.

    Definition of a border: docs/decisions/0014.

    Args:
        region_id: code or DGUID.

    Raises: RegionUnknown. Queries: 2.
    """
    region = region_get(vintage=vintage, region_id=region_id, level=None)
    columns, join = columns_and_join(level)
    borders = rows(_BORDERS_SQL.format(columns=columns, join=join), {"region": region.id, "level": level})
    return Neighbours(region, [SharedBorder._make((*row[:2], RegionRow._make(row[2:]))) for row in borders])

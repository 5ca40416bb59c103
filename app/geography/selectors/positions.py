"""Which region covers a position."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from geography.conf import BORDER_EPSILON_M, DATUM_UNCERTAINTY_M, MAX_SCALE, SRID_STATCAN_LAMBERT, SRID_WGS84
from geography.coordinates import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST, LonLat
from geography.models import Vintage

# The position is transformed once; the index finds the pieces that are near, and the distance to a piece is 0 inside it.
# A region is as far as its nearest piece, so the seams between its own pieces are nothing special.
_NEAR_SQL = f"""
    WITH position AS MATERIALIZED (
        SELECT ST_Transform(ST_SetSRID(ST_MakePoint(%s, %s), {SRID_WGS84}), {SRID_STATCAN_LAMBERT}) AS geom
    ), near AS MATERIALIZED (
        SELECT part.region_id, min(ST_Distance(part.geom, position.geom)) AS distance
        FROM position, region_part AS part
        WHERE ST_DWithin(part.geom, position.geom, %s) AND part.vintage_id = ANY(%s)
        GROUP BY part.region_id
    )
    SELECT region.vintage_id, near.distance, region.id, region.code, region.dguid, region.name_en, region.name_fr,
           region.pruid
    FROM near JOIN region ON region.id = near.region_id
    ORDER BY region.code
"""


@dataclass(frozen=True, slots=True)
class RegionRef:
    """What names a region: `code` is its HRUID or CFSAUID, `pruid` its province."""

    id: int
    code: str
    dguid: str | None
    name_en: str
    name_fr: str
    pruid: str


@dataclass(frozen=True, slots=True)
class Located:
    """What covers a position in one vintage.

    Attributes:
        vintage: the edition asked.
        region: the region that covers the position, None where none does.
        certain: False where a border is so near (2 m) that the difference between WGS 84 and NAD83 could decide.
        covering: every region that covers it, by code: more than one on a shared border.
        near: every region within 2 m, by code, the covering ones included.
    """

    vintage: Vintage
    region: RegionRef | None
    certain: bool
    covering: tuple[RegionRef, ...]
    near: tuple[RegionRef, ...]


def position_locate(*, position: LonLat, vintages: Sequence[Vintage]) -> list[Located]:
    """Return what covers a position in each vintage, in the order of the vintages.

    Tested against the boundaries as published, never a simplified level, with the predicate *covers*: a border belongs to
    its region. On a border that regions share, the lowest code wins and the answer is not certain.

    Args:
        position: WGS 84 (EPSG:4326), decimal degrees. Far outside Canada nothing covers it.
        vintages: published ones. Cartographic ones end at the shoreline.

    Queries: 1; none far outside Canada, where the projection is not defined everywhere.
    """
    found: dict[int, list[tuple[float, RegionRef]]] = {vintage.pk: [] for vintage in vintages}
    if found and _may_be_in_canada(position):
        with connection.cursor() as cursor:
            cursor.execute(_NEAR_SQL, (*position, DATUM_UNCERTAINTY_M * MAX_SCALE, list(found)))
            for vintage_id, distance, *columns in cursor:
                found[vintage_id].append((distance, RegionRef(*columns)))
    return [_located(vintage, found[vintage.pk]) for vintage in vintages]


def _may_be_in_canada(position: LonLat) -> bool:
    return CANADA_WEST <= position.lon <= CANADA_EAST and CANADA_SOUTH <= position.lat <= CANADA_NORTH


def _located(vintage: Vintage, found: list[tuple[float, RegionRef]]) -> Located:
    # `found` is ordered by code, so the first that covers has the lowest.
    covering = tuple(region for distance, region in found if distance <= BORDER_EPSILON_M)
    return Located(
        vintage,
        region=covering[0] if covering else None,
        certain=len(found) <= 1 and len(found) == len(covering),
        covering=covering,
        near=tuple(region for _, region in found),
    )

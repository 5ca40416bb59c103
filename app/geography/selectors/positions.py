"""Which region covers a position, what is near it, and how near."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from geography.conf import (
    BORDER_EPSILON_M,
    CIRCLE_QUARTER_SEGMENTS,
    DATUM_UNCERTAINTY_M,
    SRID_STATCAN_LAMBERT,
    SRID_WGS84,
)
from geography.coordinates import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST, LonLat
from geography.models import Vintage

_REGION_COLUMNS = "region.id, region.code, region.dguid, region.name_en, region.name_fr, region.pruid"

# The position in degrees and in the projection. Metres on the ground become units of the projection by its scale there, which
# is the same in every direction.
_POSITION_SQL = f"""
    SELECT given.geom AS degrees, ST_Transform(given.geom, {SRID_STATCAN_LAMBERT}) AS geom,
           ST_Distance(
               ST_Transform(given.geom, {SRID_STATCAN_LAMBERT}),
               ST_Transform(ST_Project(given.geom::geography, 100, 0)::geometry, {SRID_STATCAN_LAMBERT})
           ) / 100 AS scale
    FROM (SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), {SRID_WGS84}) AS geom OFFSET 0) AS given
"""

# The position is transformed once. The index finds the pieces that are near, and the distance to a piece is 0 inside it. A
# region is as far as its nearest piece, so the seams between its own pieces are nothing special.
# `other` is the nearest piece of another region than the one that covers; the index yields pieces in the order of distance.
_LOCATE_SQL = f"""
    WITH position AS MATERIALIZED (
        {_POSITION_SQL}
    ), near AS MATERIALIZED (
        SELECT found.region_id, found.distance / position.scale AS distance_m
        FROM position, LATERAL (
            SELECT part.region_id, min(ST_Distance(part.geom, position.geom)) AS distance
            FROM region_part AS part
            WHERE ST_DWithin(part.geom, position.geom, %(radius)s * position.scale) AND part.vintage_id = ANY(%(vintages)s)
            GROUP BY part.region_id
        ) AS found
    ), own AS MATERIALIZED (
        SELECT DISTINCT ON (region.vintage_id) region.vintage_id, region.id AS region_id
        FROM near JOIN region ON region.id = near.region_id
        WHERE near.distance_m <= {BORDER_EPSILON_M}
        ORDER BY region.vintage_id, region.code
    )
    SELECT 'near', region.vintage_id, near.distance_m, {_REGION_COLUMNS}
    FROM near JOIN region ON region.id = near.region_id
    UNION ALL
    SELECT 'other', asked.vintage_id,
           ST_Distance(position.degrees::geography, ST_Transform(other.geom, {SRID_WGS84})::geography), {_REGION_COLUMNS}
    FROM unnest(%(vintages)s, %(borders)s) AS asked (vintage_id, border)
    CROSS JOIN position
    LEFT JOIN own ON own.vintage_id = asked.vintage_id
    CROSS JOIN LATERAL (
        SELECT part.region_id, ST_ClosestPoint(part.geom, position.geom) AS geom
        FROM region_part AS part
        WHERE %(seek)s AND (asked.border OR own.region_id IS NULL)
          AND part.vintage_id = asked.vintage_id AND part.region_id IS DISTINCT FROM own.region_id
        ORDER BY part.geom <-> position.geom LIMIT 1
    ) AS other
    JOIN region ON region.id = other.region_id
    ORDER BY 1, 5
"""

# How much of a circle each region covers, piece by piece.
_SHARES_SQL = f"""
    WITH circle AS MATERIALIZED (
        SELECT ST_Buffer(centre.geom, %(radius)s * centre.scale, {CIRCLE_QUARTER_SEGMENTS}) AS geom
        FROM ({_POSITION_SQL}) AS centre
    )
    SELECT part.region_id, sum(ST_Area(
               CASE WHEN ST_Covers(part.geom, circle.geom) THEN circle.geom
                    ELSE ST_CollectionExtract(ST_Intersection(part.geom, circle.geom), 3) END
           )) / min(ST_Area(circle.geom))
    FROM circle JOIN region_part AS part ON ST_Intersects(part.geom, circle.geom)
    WHERE part.vintage_id = %(vintage)s
    GROUP BY part.region_id
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
    """What covers a position in one vintage, or is nearest to it.

    Attributes:
        vintage: the edition asked.
        match: `covers`, `nearest` or `none`.
        region: the region that covers the position, or the nearest one within the distance asked for.
        distance_m: to that region, metres on the ellipsoid; 0 where it covers, None where there is none.
        certain: where a region covers: True if no other is within the uncertainty, which is the accuracy asked for and at
            least the 2 m between WGS 84 and NAD83. Never for the nearest. Where there is none: True if nothing is within it.
        covering: every region that covers the position, by code: more than one on a shared border.
        near: every region within the uncertainty, by code, the covering ones included.
        neighbour: the nearest other region than `region`, where that was asked for and `region` covers.
        distance_to_border_m: to that neighbour, metres on the ellipsoid.
    """

    vintage: Vintage
    match: str
    region: RegionRef | None
    distance_m: float | None
    certain: bool
    covering: tuple[RegionRef, ...]
    near: tuple[RegionRef, ...]
    neighbour: RegionRef | None
    distance_to_border_m: float | None


def position_locate(
    *,
    position: LonLat,
    vintages: Sequence[Vintage],
    accuracy_m: float = 0.0,
    max_distance_m: float | None = None,
    borders: Sequence[bool] = (),
) -> list[Located]:
    """Return what covers a position in each vintage, in the order of the vintages.

    Tested against the boundaries as published, never a simplified level, with the predicate *covers*: a border belongs to
    its region. On a border that regions share, the lowest code wins and the answer is not certain.

    Args:
        position: WGS 84 (EPSG:4326), decimal degrees. Far outside Canada nothing covers it.
        vintages: published ones. Cartographic ones end at the shoreline.
        accuracy_m: radius around the position within which it may really be.
        max_distance_m: how far the nearest region may be where none covers; None looks for none.
        borders: for each vintage, whether to find the neighbour of a region that covers; needs `max_distance_m`.

    Queries: 1; none far outside Canada, where the projection is not defined everywhere.
    """
    found: dict[int, list[tuple[float, RegionRef]]] = {vintage.pk: [] for vintage in vintages}
    others: dict[int, tuple[float, RegionRef]] = {}
    if found and _may_be_in_canada(position):
        values = {
            **position._asdict(),
            "radius": max(accuracy_m, DATUM_UNCERTAINTY_M),
            "vintages": list(found),
            "borders": list(borders) or [False] * len(found),
            "seek": max_distance_m is not None,
        }
        with connection.cursor() as cursor:
            cursor.execute(_LOCATE_SQL, values)
            for kind, vintage_id, distance, *columns in cursor:
                if kind == "near":
                    found[vintage_id].append((distance, RegionRef(*columns)))
                else:
                    others[vintage_id] = (distance, RegionRef(*columns))
    return [_located(one, found[one.pk], others.get(one.pk), max_distance_m or 0.0) for one in vintages]


def circle_shares(*, position: LonLat, accuracy_m: float, vintage: Vintage) -> dict[int, float]:
    """Return which part (0 to 1) of the circle around a position each region of a vintage covers, by the region's id.

    What no region covers, such as the sea, is in none of them. Queries: 1; none far outside Canada.
    """
    if not _may_be_in_canada(position):
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SHARES_SQL, {**position._asdict(), "radius": accuracy_m, "vintage": vintage.pk})
        return {region_id: min(share, 1.0) for region_id, share in cursor}


def _may_be_in_canada(position: LonLat) -> bool:
    return CANADA_WEST <= position.lon <= CANADA_EAST and CANADA_SOUTH <= position.lat <= CANADA_NORTH


def _located(
    vintage: Vintage,
    found: list[tuple[float, RegionRef]],
    other: tuple[float, RegionRef] | None,
    max_distance_m: float,
) -> Located:
    # `found` is ordered by code, so the first that covers has the lowest.
    covering = tuple(region for distance, region in found if distance <= BORDER_EPSILON_M)
    near = tuple(region for _, region in found)
    if covering:
        match, region, distance_m = "covers", covering[0], 0.0
    elif other is not None and other[0] <= max_distance_m:
        match, region, distance_m = "nearest", other[1], other[0]
    else:
        match, region, distance_m = "none", None, None
    return Located(
        vintage,
        match=match,
        region=region,
        distance_m=distance_m,
        certain=not near if match == "none" else len(near) == 1 and match == "covers",
        covering=covering,
        near=near,
        neighbour=other[1] if covering and other else None,
        distance_to_border_m=other[0] if covering and other else None,
    )

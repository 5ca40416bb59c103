"""Point lookup in PostGIS, for a vintage that is not in memory."""

from collections.abc import Sequence
from typing import Any

from geography.constants import (
    BORDER_EPSILON_M,
    CIRCLE_QUARTER_SEGMENTS,
    POLAR_LATITUDE,
    SRID_STATCAN_LAMBERT,
    SRID_WGS84,
    UNITS_MOST_POLAR,
)
from geography.coordinates import LonLat
from geography.db.routing import connection
from geography.lookup.types import LookupHit, LookupPoints, RegionRef, SearchOptions
from geography.models import Vintage

_REGION_COLUMNS = (
    "region.id, region.code, region.dguid, region.name_en, region.name_fr, region.pruid, coalesce(region.misfit_m, 0)"
)

# The positions in degrees and in the projection. Metres on the ground become units of the projection by its scale there, which
# is the same in every direction. It is measured towards the south: to the north, 100 m may lie beyond the pole.
_POSITIONS_SQL = f"""
    SELECT given.number, given.geom AS degrees, ST_Transform(given.geom, {SRID_STATCAN_LAMBERT}) AS geom,
           ST_Distance(
               ST_Transform(given.geom, {SRID_STATCAN_LAMBERT}),
               ST_Transform(ST_Project(given.geom::geography, 100, pi())::geometry, {SRID_STATCAN_LAMBERT})
           ) / 100 AS scale
    FROM (
        SELECT number, ST_SetSRID(ST_MakePoint(lon, lat), {SRID_WGS84}) AS geom
        FROM unnest(%(lons)s::float8[], %(lats)s::float8[]) WITH ORDINALITY AS each (lon, lat, number)
        OFFSET 0
    ) AS given
"""

# Each position is transformed once. The index finds the pieces that are near, and the distance to a piece is 0 inside it. A
# region is as far as its nearest piece, so the seams between its own pieces are nothing special.
# `other` is the nearest piece of another region than the one that covers; the index yields pieces in the order of
# distance. Where regions are equally near, as at a vertex that they share, the lowest code is named.
_NEARBY_SQL = f"""
    WITH position AS MATERIALIZED (
        {_POSITIONS_SQL}
    ), near AS MATERIALIZED (
        SELECT position.number, found.region_id, found.distance_m
        FROM position, LATERAL (
            SELECT part.region_id, min(
                CASE WHEN ST_Y(position.degrees) > {POLAR_LATITUDE} AND ST_Distance(part.geom, position.geom) >= position.scale
                     THEN ST_Distance(
                         position.degrees::geography,
                         ST_Transform(ST_ClosestPoint(part.geom, position.geom), {SRID_WGS84})::geography
                     )
                     ELSE ST_Distance(part.geom, position.geom) / position.scale END
            ) AS distance_m
            FROM region_part AS part
            WHERE ST_DWithin(part.geom, position.geom, %(radius)s * CASE
                      WHEN ST_Y(position.degrees) > {POLAR_LATITUDE} THEN {UNITS_MOST_POLAR} ELSE position.scale END)
              AND part.vintage_id = ANY(%(vintages)s)
            GROUP BY part.region_id
        ) AS found
        WHERE found.distance_m <= %(radius)s
    ), own AS MATERIALIZED (
        SELECT DISTINCT ON (near.number, region.vintage_id) near.number, region.vintage_id, region.id AS region_id
        FROM near JOIN region ON region.id = near.region_id
        WHERE near.distance_m <= {BORDER_EPSILON_M}
        ORDER BY near.number, region.vintage_id, region.code
    )
    SELECT 'near', near.number, region.vintage_id, near.distance_m, {_REGION_COLUMNS}
    FROM near JOIN region ON region.id = near.region_id
    UNION ALL
    SELECT 'other', position.number, asked.vintage_id,
           ST_Distance(position.degrees::geography, ST_Transform(other.geom, {SRID_WGS84})::geography), {_REGION_COLUMNS}
    FROM unnest(%(vintages)s::bigint[], %(borders)s::boolean[], %(nearest)s::boolean[]) AS asked (vintage_id, border, nearest)
    CROSS JOIN position
    LEFT JOIN own ON own.vintage_id = asked.vintage_id AND own.number = position.number
    CROSS JOIN LATERAL (
        SELECT close.region_id, ST_ClosestPoint(close.geom, position.geom) AS geom
        FROM (
            SELECT part.region_id, part.geom, ST_Distance(part.geom, position.geom) AS distance
            FROM region_part AS part
            WHERE CASE WHEN own.region_id IS NULL THEN asked.nearest ELSE asked.border END
              AND part.vintage_id = asked.vintage_id AND part.region_id IS DISTINCT FROM own.region_id
            ORDER BY part.geom <-> position.geom LIMIT 8
        ) AS close JOIN region ON region.id = close.region_id
        ORDER BY CASE WHEN close.distance <= {BORDER_EPSILON_M} THEN 0 ELSE close.distance END, region.code LIMIT 1
    ) AS other
    JOIN region ON region.id = other.region_id
    ORDER BY 1, 6
"""

# How much of a circle each region covers, piece by piece.
_SHARES_SQL = f"""
    WITH circle AS MATERIALIZED (
        SELECT ST_Buffer(centre.geom, %(radius)s * centre.scale, {CIRCLE_QUARTER_SEGMENTS}) AS geom
        FROM ({_POSITIONS_SQL}) AS centre
    )
    SELECT part.region_id, sum(ST_Area(
               CASE WHEN ST_Covers(part.geom, circle.geom) THEN circle.geom
                    ELSE ST_CollectionExtract(ST_Intersection(part.geom, circle.geom), 3) END
           )) / min(ST_Area(circle.geom))
    FROM circle JOIN region_part AS part ON ST_Intersects(part.geom, circle.geom)
    WHERE part.vintage_id = %(vintage)s
    GROUP BY part.region_id
"""


class PostgisLocator:
    """Engine of point lookups in one vintage that queries the tables."""

    in_memory = False

    def __init__(self, vintage: Vintage) -> None:
        self.vintage = vintage

    def locate(self, points: LookupPoints, options: SearchOptions) -> list[LookupHit]:
        """Return the regions at and near each position, in the order of the positions. Queries: 1."""
        (hits,) = lookup_many(points.positions, [(self.vintage, options)])
        return hits

    def circle_shares(self, position: LonLat, radius_m: float) -> dict[int, float]:
        """Return the part (0 to 1) of the circle around a position that each region covers, by the region's id. Queries: 1."""
        return circle_shares(position, radius_m, self.vintage)


def lookup_many(positions: Sequence[LonLat], requested: Sequence[tuple[Vintage, SearchOptions]]) -> list[list[LookupHit]]:
    """Return for each vintage the regions at and near each position, in the order of the positions.

    Args:
        positions: around Canada, where the projection is defined.
        requested: vintages with their options. The radius is the same for all. A positive `nearest_m` requests the nearest
            region, at any distance.

    Queries: 1.
    """
    near: dict[tuple[int, int], list[tuple[float, RegionRef]]] = {}
    other: dict[tuple[int, int], tuple[float, RegionRef]] = {}
    values = _columns(positions) | {
        "radius": requested[0][1].radius_m,
        "vintages": [vintage.pk for vintage, _ in requested],
        "borders": [options.border for _, options in requested],
        "nearest": [options.nearest_m > 0 for _, options in requested],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEARBY_SQL, values)
        for kind, number, vintage_id, distance, *columns in cursor:
            region = RegionRef(*columns)
            if kind == "near":
                near.setdefault((number, vintage_id), []).append((distance, region))
            else:
                other[number, vintage_id] = (distance, region)
    return [
        [
            LookupHit(tuple(near.get((number, vintage.pk), ())), other.get((number, vintage.pk)))
            for number in range(1, len(positions) + 1)
        ]
        for vintage, _ in requested
    ]


def circle_shares(position: LonLat, radius_m: float, vintage: Vintage) -> dict[int, float]:
    """Return the part (0 to 1) of the circle around a position that each region covers, by the region's id. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARES_SQL, _columns([position]) | {"radius": radius_m, "vintage": vintage.pk})
        return dict(cursor.fetchall())


def _columns(positions: Sequence[LonLat]) -> dict[str, Any]:
    return {"lons": [position.lon for position in positions], "lats": [position.lat for position in positions]}

"""Point lookup in PostGIS, for a vintage without a usable index."""

from collections.abc import Sequence
from typing import Any

from covidtrends_geo.constants import BORDER_EPSILON_M, CIRCLE_QUARTER_SEGMENTS, POLAR_LATITUDE, UNITS_MOST_POLAR
from covidtrends_geo.lookup_file import Region
from covidtrends_geo.point import Hit, answer
from geography.constants import SRID_STATCAN_LAMBERT, SRID_WGS84
from geography.coordinates import LonLat
from geography.db.routing import connection
from geography.lookup.types import Located, Search
from geography.models import Vintage

_REGION_COLUMNS = "region.code, region.dguid, region.name_en, region.name_fr, region.pruid, coalesce(region.misfit_m, 0)"

# The positions in degrees and in the projection. Metres on the ground become units of the projection by its scale there, which
# is the same in every direction. It is measured towards the south: to the north, 100 m may lie beyond the pole.
_POSITIONS_SQL = f"""
    SELECT point.number, point.geom AS degrees, ST_Transform(point.geom, {SRID_STATCAN_LAMBERT}) AS geom,
           ST_Distance(
               ST_Transform(point.geom, {SRID_STATCAN_LAMBERT}),
               ST_Transform(ST_Project(point.geom::geography, 100, pi())::geometry, {SRID_STATCAN_LAMBERT})
           ) / 100 AS scale
    FROM (
        SELECT number, ST_SetSRID(ST_MakePoint(lon, lat), {SRID_WGS84}) AS geom
        FROM unnest(%(lons)s::float8[], %(lats)s::float8[]) WITH ORDINALITY AS each (lon, lat, number)
        OFFSET 0
    ) AS point
"""

# Each position is transformed once. The index finds the pieces that are near, and the distance to a piece is 0 inside it. A
# region is as far as its nearest piece, so the seams between its own pieces need no special case.
# `other` is the nearest piece of a region other than the covering region; the index yields pieces in the order of
# distance. Where regions are equally near, as at a vertex that they share, the lowest code is named.
_NEARBY_SQL = f"""
    WITH position AS MATERIALIZED (
        {_POSITIONS_SQL}
    ), near AS MATERIALIZED (
        SELECT position.number, region_near.region_id, region_near.distance_m
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
              AND part.vintage_id = %(vintage)s
            GROUP BY part.region_id
        ) AS region_near
        WHERE region_near.distance_m <= %(radius)s
    ), own AS MATERIALIZED (
        SELECT DISTINCT ON (near.number) near.number, region.id AS region_id
        FROM near JOIN region ON region.id = near.region_id
        WHERE near.distance_m <= {BORDER_EPSILON_M}
        ORDER BY near.number, region.code
    )
    SELECT 'near', near.number, near.distance_m, {_REGION_COLUMNS}
    FROM near JOIN region ON region.id = near.region_id
    UNION ALL
    SELECT 'other', position.number,
           ST_Distance(position.degrees::geography, ST_Transform(other.geom, {SRID_WGS84})::geography), {_REGION_COLUMNS}
    FROM position
    LEFT JOIN own ON own.number = position.number
    CROSS JOIN LATERAL (
        SELECT close.region_id, ST_ClosestPoint(close.geom, position.geom) AS geom
        FROM (
            SELECT part.region_id, part.geom, ST_Distance(part.geom, position.geom) AS distance
            FROM region_part AS part
            WHERE CASE WHEN own.region_id IS NULL THEN %(nearest)s ELSE %(border)s END
              AND part.vintage_id = %(vintage)s AND part.region_id IS DISTINCT FROM own.region_id
            ORDER BY part.geom <-> position.geom LIMIT 8
        ) AS close JOIN region ON region.id = close.region_id
        ORDER BY CASE WHEN close.distance <= {BORDER_EPSILON_M} THEN 0 ELSE close.distance END, region.code LIMIT 1
    ) AS other
    JOIN region ON region.id = other.region_id
    ORDER BY 1, 2, 4
"""

# Share of a circle that each region covers, computed for each piece.
_SHARES_SQL = f"""
    WITH circle AS MATERIALIZED (
        SELECT ST_Buffer(centre.geom, %(radius)s * centre.scale, {CIRCLE_QUARTER_SEGMENTS}) AS geom
        FROM ({_POSITIONS_SQL}) AS centre
    )
    SELECT region.code, sum(ST_Area(
               CASE WHEN ST_Covers(part.geom, circle.geom) THEN circle.geom
                    ELSE ST_CollectionExtract(ST_Intersection(part.geom, circle.geom), 3) END
           )) / min(ST_Area(circle.geom))
    FROM circle JOIN region_part AS part ON ST_Intersects(part.geom, circle.geom) JOIN region ON region.id = part.region_id
    WHERE part.vintage_id = %(vintage)s
    GROUP BY region.code
"""


class PostgisLocator:
    """Engine of point lookups in one vintage that queries the tables."""

    in_memory = False

    def __init__(self, vintage: Vintage) -> None:
        self.vintage = vintage

    def locate(self, positions: Sequence[LonLat], search: Search) -> list[Located]:
        """Return the result for each position, in the order of the positions. Queries: 1."""
        near, neighbours = _search(self.vintage, positions, search)
        regions = sorted({region for _, _, region in [*near, *neighbours]}, key=lambda region: region.code)
        numbers = {region.code: number for number, region in enumerate(regions)}
        hits: list[list[tuple[float, int]]] = [[] for _ in positions]
        for number, distance, region in near:
            hits[number - 1].append((distance, numbers[region.code]))
        neighbour_of = {number: (distance, numbers[region.code]) for number, distance, region in neighbours}
        return [
            Located(
                self.vintage,
                *answer(
                    Hit(_within(hit, search.radius_m, regions), neighbour_of.get(number)),
                    search.radius_m,
                    search.nearest_m,
                    regions,
                ),
            )
            for number, hit in enumerate(hits, start=1)
        ]

    def circle_shares(self, position: LonLat, radius_m: float) -> dict[str, float]:
        """Return the part (0 to 1) of the circle around a position that each region covers, by its code. Queries: 1."""
        with connection.cursor() as cursor:
            cursor.execute(_SHARES_SQL, _columns([position]) | {"radius": radius_m, "vintage": self.vintage.pk})
            return dict(cursor.fetchall())


def _within(hit: list[tuple[float, int]], radius_m: float, regions: Sequence[Region]) -> tuple[tuple[float, int], ...]:
    """Return the regions within the radius and the misfit that applies: of the first that covers, or else of each region."""
    hit.sort(key=lambda pair: pair[1])
    own = next((number for distance, number in hit if distance <= BORDER_EPSILON_M), None)
    return tuple(pair for pair in hit if pair[0] <= radius_m + regions[pair[1] if own is None else own].misfit_m)


_Rows = list[tuple[int, float, Region]]


def _search(vintage: Vintage, positions: Sequence[LonLat], search: Search) -> tuple[_Rows, _Rows]:
    """Return the near regions and the nearest other one: number of the position from 1, metres, region. Queries: 1."""
    near: _Rows = []
    neighbours: _Rows = []
    values = _columns(positions) | {
        "radius": search.radius_m + (vintage.misfit_m or 0.0),
        "vintage": vintage.pk,
        "border": search.border,
        "nearest": search.nearest_m > 0,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEARBY_SQL, values)
        for kind, number, distance, *columns in cursor:
            (near if kind == "near" else neighbours).append((number, distance, Region(*columns)))
    return near, neighbours


def _columns(positions: Sequence[LonLat]) -> dict[str, Any]:
    return {"lons": [position.lon for position in positions], "lats": [position.lat for position in positions]}

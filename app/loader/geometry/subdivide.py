"""Subdivision and measurement: pieces for lookups, the level `full`, areas, extents and representative points.

Each statement derives one kind of row for a batch of small regions or one large region, so that the memory of the database does
not grow with the layer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import shapely
from django.db import connection
from django.db.backends.utils import CursorWrapper

from geography.constants import LEVELS, PART_MAX_VERTICES, SRID_STATCAN_LAMBERT, SRID_WGS84, Level
from geography.models import Vintage
from loader.geometry.curves import curved, straight_up_to_y
from loader.geometry.rounding import area_sql

# NAD83 (degrees): areas are measured on its ellipsoid, GRS 80, without a datum transformation.
_SRID_NAD83 = 4269

# Stored size of the boundaries in a batch, at most 16 bytes per vertex: a statement for each of thousands of small regions took
# most of the time.
_BATCH_BYTES = 320_000

_PARTS_SQL = f"""
    INSERT INTO region_part (region_id, vintage_id, geom)
    SELECT id, vintage_id, piece FROM region, LATERAL ST_Subdivide(geom, {PART_MAX_VERTICES}) AS piece
    WHERE id = ANY(%(regions)s) AND ST_Dimension(piece) = 2
"""

# Long edges are densified, because they are curves in degrees. Exterior rings are counter-clockwise (RFC 7946); those of
# shapefiles are clockwise.
_FULL_SQL = f"""
    INSERT INTO region_level (region_id, level, tolerance_m, vertices, extent, geom, geojson)
    SELECT id, %(level)s, 0, 0, '{{0,0,0,0}}',
           ST_ForcePolygonCCW(ST_Transform(ST_Segmentize(geom, %(max_segment)s), {SRID_WGS84})), ''
    FROM region WHERE id = ANY(%(regions)s) AND ST_YMax(geom) <= %(straight_up_to_y)s
"""

# Near the pole edges are densified by their deviation, which PostGIS cannot do: see loader.geometry.curves.
_NORTHERN_SQL = "SELECT id, ST_AsBinary(geom) FROM region WHERE id = ANY(%(regions)s) AND ST_YMax(geom) > %(straight_up_to_y)s"
_NORTHERN_FULL_SQL = f"""
    INSERT INTO region_level (region_id, level, tolerance_m, vertices, extent, geom, geojson)
    VALUES (%s, %s, 0, 0, '{{0,0,0,0}}',
            ST_ForcePolygonCCW(ST_Transform(ST_GeomFromWKB(%s, {SRID_STATCAN_LAMBERT}), {SRID_WGS84})), '')
"""

# After rounding, lines that nearly touch may cross; only then is the geometry rebuilt on the grid.
_ROUND_SQL = """
    UPDATE region_level SET geom = rounded.geom
    FROM (
        SELECT raw.id, CASE WHEN ST_IsValid(raw.geom) AND NOT ST_IsEmpty(raw.geom) THEN raw.geom
               ELSE ST_ForcePolygonCCW(ST_Multi(ST_CollectionExtract(ST_ReducePrecision(raw.before, %(grid)s), 3))) END AS geom
        FROM (
            SELECT id, geom AS before, ST_SnapToGrid(geom, %(grid)s) AS geom
            FROM region_level WHERE region_id = ANY(%(regions)s) AND level = %(level)s OFFSET 0
        ) AS raw
    ) AS rounded
    WHERE rounded.id = region_level.id AND NOT ST_IsEmpty(rounded.geom)
"""

# Columns derived from the final geometry of a level.
_FINISH_SQL = (
    """
    UPDATE region_level SET
        vertices = ST_NPoints(geom), extent = ARRAY[ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom)]
    WHERE region_id = ANY(%(regions)s) AND level = %(level)s
    """,
    """
    UPDATE region_level SET geojson = ST_AsGeoJSON(geom, %(decimals)s, 0)
    WHERE region_id = ANY(%(regions)s) AND level = %(level)s
    """,
)

_MEASURE_SQL = (
    f"""
    UPDATE region SET
        area_km2 = {area_sql(f"ST_Area(ST_SetSRID(curved.geom, {_SRID_NAD83})::geography) / 1e6")},
        extent = ARRAY[ST_XMin(curved.geom), ST_YMin(curved.geom), ST_XMax(curved.geom), ST_YMax(curved.geom)]
    FROM region_level AS curved
    WHERE region.id = ANY(%(regions)s) AND curved.region_id = region.id AND curved.level = '{LEVELS[-1].name}'
    """,
    f"UPDATE region SET rep_point = ST_Transform(ST_PointOnSurface(geom), {SRID_WGS84}) WHERE id = ANY(%(regions)s)",
)


def subdivide_and_measure(vintage: Vintage, on_regions: Callable[[int], None]) -> None:
    """Cut every region into pieces, write its full level, and fill in its area, extent and representative point.

    Queries: 2, 8 for each few regions, and 1 for each region in the north.
    """
    full = LEVELS[-1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, pg_column_size(geom) FROM region WHERE vintage_id = %s ORDER BY id", [vintage.pk])
        ids, sizes = zip(*cursor.fetchall(), strict=True)
        for batch in batches(sizes, _BATCH_BYTES):
            regions = list(ids[batch])
            values: dict[str, Any] = {
                "regions": regions,
                "level": full.name,
                "max_segment": full.max_segment_m,
                "grid": 10.0**-full.decimals,
                "straight_up_to_y": straight_up_to_y(),
            }
            for statement in (_PARTS_SQL, _FULL_SQL):
                cursor.execute(statement, values)
            _draw_northern(cursor, full, values)
            # Areas are measured before rounding.
            for statement in (*_MEASURE_SQL, _ROUND_SQL):
                cursor.execute(statement, values)
            finish_level(cursor, full, regions)
            on_regions(len(regions))
        # The next steps join the new rows: without statistics the planner assumes empty tables.
        cursor.execute("SELECT analyze_boundaries()")


def _draw_northern(cursor: CursorWrapper, full: Level, values: Mapping[str, Any]) -> None:
    """Write the level `full` of the regions near the pole, densified by `loader.geometry.curves`."""
    cursor.execute(_NORTHERN_SQL, values)
    for region, wkb in cursor.fetchall():
        lambert = shapely.to_wkb(curved(shapely.from_wkb(bytes(wkb)), full.max_segment_m))
        cursor.execute(_NORTHERN_FULL_SQL, [region, full.name, lambert])


def batches(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Yield slices of consecutive sizes with a sum of at most `most`; a larger size is a slice of its own."""
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and total + size > most:
            yield slice(start, index)
            start, total = index, 0
        total += size
    if sizes:
        yield slice(start, len(sizes))


def finish_level(cursor: CursorWrapper, level: Level, regions: Sequence[int]) -> None:
    """Set vertex count, extent and GeoJSON text of a stored level. Queries: 2."""
    for statement in _FINISH_SQL:
        cursor.execute(statement, {"regions": list(regions), "level": level.name, "decimals": level.decimals})

"""Subdivision and measures: pieces for lookups, the full level, areas.

Each statement makes one thing, and of a few small regions or a single large one at a time, so that the database holds as little
as possible however large the layer is.
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

# NAD83's own geographic system: areas are measured on its ellipsoid, GRS 80, without any change of datum.
_SRID_NAD83 = 4269

# Regions are worked on together until their boundaries take so many bytes as they are stored, 16 for a vertex or less: a
# statement for each of thousands of small ones took most of the time.
_TOGETHER_BYTES = 320_000

_PARTS_SQL = f"""
    INSERT INTO region_part (region_id, vintage_id, geom)
    SELECT id, vintage_id, piece FROM region, LATERAL ST_Subdivide(geom, {PART_MAX_VERTICES}) AS piece
    WHERE id = ANY(%(regions)s) AND ST_Dimension(piece) = 2
"""

# Long straight edges are cut, so that they curve in degrees as they should. Exterior rings run counter-clockwise, as RFC 7946
# asks for; the source's run the other way.
_FULL_SQL = f"""
    INSERT INTO region_level (region_id, level, tolerance_m, vertices, extent, geom, geojson)
    SELECT id, %(level)s, 0, 0, '{{0,0,0,0}}',
           ST_ForcePolygonCCW(ST_Transform(ST_Segmentize(geom, %(max_segment)s), {SRID_WGS84})), ''
    FROM region WHERE id = ANY(%(regions)s) AND ST_YMax(geom) <= %(straight_up_to_y)s
"""

# Near the pole edges have to be cut shorter than PostGIS can: see loader.geometry.curves.
_NORTHERN_SQL = "SELECT id, ST_AsBinary(geom) FROM region WHERE id = ANY(%(regions)s) AND ST_YMax(geom) > %(straight_up_to_y)s"
_NORTHERN_FULL_SQL = f"""
    INSERT INTO region_level (region_id, level, tolerance_m, vertices, extent, geom, geojson)
    VALUES (%s, %s, 0, 0, '{{0,0,0,0}}',
            ST_ForcePolygonCCW(ST_Transform(ST_GeomFromWKB(%s, {SRID_STATCAN_LAMBERT}), {SRID_WGS84})), '')
"""

# Rounding lets lines that nearly touch cross each other; only where it does is the geometry rebuilt on the grid.
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

# What is made of a level's geometry, once it is what is to be drawn.
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
        for batch in batches(sizes, _TOGETHER_BYTES):
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
            # Measured before it is rounded.
            for statement in (*_MEASURE_SQL, _ROUND_SQL):
                cursor.execute(statement, values)
            finish_level(cursor, full, regions)
            on_regions(len(regions))
        # The next steps join what was just written: without statistics the planner takes it for empty.
        cursor.execute("SELECT analyze_boundaries()")


def _draw_northern(cursor: CursorWrapper, full: Level, values: Mapping[str, Any]) -> None:
    """Write the full level of those regions that reach so far north that edges have to be cut by their angle."""
    cursor.execute(_NORTHERN_SQL, values)
    for region, wkb in cursor.fetchall():
        lambert = shapely.to_wkb(curved(shapely.from_wkb(bytes(wkb)), full.max_segment_m))
        cursor.execute(_NORTHERN_FULL_SQL, [region, full.name, lambert])


def batches(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Yield runs of a sequence whose sizes add up to `most` or less, in order; what is larger is a run of its own."""
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and total + size > most:
            yield slice(start, place)
            start, total = place, 0
        total += size
    if sizes:
        yield slice(start, len(sizes))


def finish_level(cursor: CursorWrapper, level: Level, regions: Sequence[int]) -> None:
    """Make of a stored level's geometry what is sent: its extent and the GeoJSON text. Queries: 2."""
    for statement in _FINISH_SQL:
        cursor.execute(statement, {"regions": list(regions), "level": level.name, "decimals": level.decimals})

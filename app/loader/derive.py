"""What is computed from the boundaries once, at load time: measures, pieces for lookups, the full level."""

from collections.abc import Callable

from django.db import connection

from geography.conf import FULL_MAX_SEGMENT_M, LEVELS, PART_MAX_VERTICES, SRID_WEB_MERCATOR, SRID_WGS84
from geography.models import Vintage

# NAD83's own geographic system: areas are measured on its ellipsoid, GRS 80, without any change of datum.
_SRID_NAD83 = 4269

# Each statement handles one region, so the database holds one geometry at a time however large the layer is.
_MEASURE_SQL = f"""
    UPDATE region SET
        area_km2 = ST_Area(ST_SetSRID(curved.geom, {_SRID_NAD83})::geography) / 1e6,
        extent = ARRAY[ST_XMin(curved.geom), ST_YMin(curved.geom), ST_XMax(curved.geom), ST_YMax(curved.geom)],
        rep_point = ST_Transform(ST_PointOnSurface(region.geom), {SRID_WGS84})
    FROM (
        SELECT ST_Transform(ST_Segmentize(geom, {FULL_MAX_SEGMENT_M}), {SRID_WGS84}) AS geom
        FROM region WHERE id = %(region)s OFFSET 0
    ) AS curved
    WHERE region.id = %(region)s
"""

_PARTS_SQL = f"""
    INSERT INTO region_part (region_id, vintage_id, geom)
    SELECT id, vintage_id, piece FROM region, LATERAL ST_Subdivide(geom, {PART_MAX_VERTICES}) AS piece
    WHERE id = %(region)s AND ST_Dimension(piece) = 2
"""

# Levels come in as EPSG:3347; what a map draws is made from them here, once.
# Exterior rings counter-clockwise, as RFC 7946 asks for; the source's run the other way.
LEVEL_SQL = f"""
    INSERT INTO region_level (region_id, level, tolerance_m, vertices, geom, geom_3857, geojson)
    SELECT region_id, %(level)s, %(tolerance)s, ST_NPoints(drawn.geom), drawn.geom,
           ST_Transform(drawn.geom, {SRID_WEB_MERCATOR}), ST_AsGeoJSON(drawn.geom, %(decimals)s, 0)
    FROM (
        SELECT source.region_id,
               ST_ForcePolygonCCW(ST_Transform(ST_Segmentize(source.geom, %(max_segment)s), {SRID_WGS84})) AS geom
        FROM ({{source}}) AS source OFFSET 0
    ) AS drawn
"""
_FULL_SQL = LEVEL_SQL.format(source="SELECT id AS region_id, geom FROM region WHERE id = %(region)s")


def measure_and_cut(vintage: Vintage, on_region: Callable[[], None]) -> None:
    """Fill in area, extent and representative point of every region, cut it into pieces and write its full level.

    Queries: 1, and 3 for each region.
    """
    full = LEVELS[-1]
    with connection.cursor() as cursor:
        for region in _region_ids(vintage):
            cursor.execute(_MEASURE_SQL, {"region": region})
            cursor.execute(_PARTS_SQL, {"region": region})
            cursor.execute(
                _FULL_SQL,
                {
                    "region": region,
                    "level": full.name,
                    "tolerance": full.tolerance_m,
                    "decimals": full.decimals,
                    "max_segment": full.max_segment_m,
                },
            )
            on_region()
        # The next steps join what was just written: without statistics the planner takes it for empty.
        cursor.execute("ANALYZE region, region_part")


def _region_ids(vintage: Vintage) -> list[int]:
    return list(vintage.regions.order_by("pk").values_list("pk", flat=True))

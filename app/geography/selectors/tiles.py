"""Vector tiles: regions and their names, cut from what was drawn when the vintage was loaded."""

import math

from geography.conf import TILE_BANDS, TILE_BUFFER, TILE_EXTENT
from geography.coordinates import TileAddress
from geography.models import Vintage
from geography.reading import connection

# Around the equator in EPSG:3857.
_WORLD_M = 2 * math.pi * 6_378_137
# A tile is shown with this many pixels a side. A region of fewer than three pixels across has no room for its name.
_PIXELS = 512
_LABEL_RADIUS_PIXELS = 1.5

# A cell holds what lies in it and a little around; the tile takes what it needs of that. Regions come in the order of their
# codes, so that the same tile is the same bytes.
_TILE_SQL = f"""
    WITH tile AS MATERIALIZED (
        SELECT ST_TileEnvelope(%(zoom)s, %(column)s, %(row)s) AS box,
               ST_TileEnvelope(%(zoom)s, %(column)s, %(row)s, margin => {TILE_BUFFER / TILE_EXTENT}) AS wide
    )
    SELECT
        (SELECT ST_AsMVT(drawn, 'regions', {TILE_EXTENT}, 'geom', 'id') FROM (
            SELECT region.id, region.code, region.name_en, region.name_fr, nullif(region.pruid, '') AS pruid,
                   ST_AsMVTGeom(piece.geom, tile.box, {TILE_EXTENT}, {TILE_BUFFER}) AS geom
            FROM tile, tile_piece AS piece JOIN region ON region.id = piece.region_id
            WHERE piece.vintage_id = %(vintage)s AND piece.zoom = %(band)s AND piece.cell_x = %(cell_column)s
              AND piece.cell_y = %(cell_row)s AND piece.geom && tile.wide
            ORDER BY region.code
        ) AS drawn WHERE drawn.geom IS NOT NULL),
        (SELECT ST_AsMVT(named, 'labels', {TILE_EXTENT}, 'geom', 'id') FROM (
            SELECT region.id, region.code, region.name_en, region.name_fr, nullif(region.pruid, '') AS pruid,
                   ST_AsMVTGeom(label.geom, tile.box, {TILE_EXTENT}, 0) AS geom
            FROM tile, tile_label AS label JOIN region ON region.id = label.region_id
            WHERE label.vintage_id = %(vintage)s AND label.geom && tile.box AND label.radius_m >= %(radius)s
            ORDER BY region.code
        ) AS named WHERE named.geom IS NOT NULL)
"""

_BOUNDS_SQL = """
    SELECT min(extent[1]), min(extent[2]), max(extent[3]), max(extent[4]) FROM region WHERE vintage_id = %s
"""


def tile_draw(*, vintage: Vintage, address: TileAddress) -> bytes:
    """Return a vector tile (Mapbox Vector Tile 2.1), empty where nothing lies in it.

    Layers: `regions`, polygons that reach a little beyond the tile's edge, and `labels`, points, each in the one tile it lies
    in and from the zoom on at which its region is large enough for a name. Features are numbered by `region.id`. A region too
    small for the tile's grid is left out.

    Queries: 1.
    """
    band = next(band for band in reversed(TILE_BANDS) if band.zoom <= address.zoom)
    deeper = address.zoom - band.cell_zoom
    with connection.cursor() as cursor:
        cursor.execute(
            _TILE_SQL,
            {
                "vintage": vintage.pk,
                "zoom": address.zoom,
                "column": address.column,
                "row": address.row,
                "band": band.zoom,
                "cell_column": address.column >> deeper,
                "cell_row": address.row >> deeper,
                "radius": _LABEL_RADIUS_PIXELS * _WORLD_M / _PIXELS / 2**address.zoom,
            },
        )
        regions, labels = cursor.fetchone()
    return bytes(regions) + bytes(labels)


def vintage_bounds(vintage: Vintage) -> list[float]:
    """Return west, south, east, north of all regions of a vintage in EPSG:4326. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_BOUNDS_SQL, [vintage.pk])
        return [round(side, 6) for side in cursor.fetchone()]

"""Vector tiles: regions and their names, cut from geometry that was stored when the vintage was loaded."""

from collections.abc import Sequence
from typing import Any

from geography.constants import MERCATOR_HALF_M, TILE_BANDS, TILE_BUFFER, TILE_EXTENT
from geography.coordinates import TileAddress
from geography.db.routing import connection
from geography.errors import TilesMissing
from geography.models import TilePiece, Vintage
from geography.translation import Message

# Northern limit of EPSG:3857 and of the bounds in TileJSON 3.0, in degrees; rounded down like bounds.
TILE_NORTH = 85.051128
# Width of a displayed tile in pixels. The name of a region is omitted if the region is narrower than three pixels.
_PIXELS = 512
_LABEL_RADIUS_PIXELS = 1.5

_FIELDS = {"code": "String", "name_en": "String", "name_fr": "String", "pruid": "String"}
_LAYERS = {"regions": "Regions as polygons.", "labels": "Where their names stand, as points."}

# A cell contains its area and a margin; the tile is clipped from it. Sorting by code makes the bytes of a tile deterministic.
_TILES_SQL = f"""
    SELECT
        (SELECT ST_AsMVT(drawn, 'regions', {TILE_EXTENT}, 'geom', 'id') FROM (
            SELECT region.id, region.code, region.name_en, region.name_fr, nullif(region.pruid, '') AS pruid,
                   ST_AsMVTGeom(piece.geom, tile.box, {TILE_EXTENT}, {TILE_BUFFER}) AS geom
            FROM tile_piece AS piece JOIN region ON region.id = piece.region_id
            WHERE piece.vintage_id = %(vintage)s AND piece.zoom = %(band)s AND piece.cell_x = tile.cell_column
              AND piece.cell_y = tile.cell_row AND piece.geom && tile.wide
            ORDER BY region.code
        ) AS drawn WHERE drawn.geom IS NOT NULL),
        (SELECT ST_AsMVT(named, 'labels', {TILE_EXTENT}, 'geom', 'id') FROM (
            SELECT region.id, region.code, region.name_en, region.name_fr, nullif(region.pruid, '') AS pruid,
                   ST_AsMVTGeom(label.geom, tile.box, {TILE_EXTENT}, 0) AS geom
            FROM tile_label AS label JOIN region ON region.id = label.region_id
            WHERE label.vintage_id = %(vintage)s AND label.geom && tile.box AND label.radius_m >= tile.radius_m
            ORDER BY region.code
        ) AS named WHERE named.geom IS NOT NULL)
    FROM (
        SELECT number, cell_column, cell_row, radius_m, ST_TileEnvelope(zoom, tile_column, tile_row) AS box,
               ST_TileEnvelope(zoom, tile_column, tile_row, margin => {TILE_BUFFER / TILE_EXTENT}) AS wide
        FROM unnest(%(zooms)s, %(columns)s, %(rows)s, %(cell_columns)s, %(cell_rows)s, %(radii)s) WITH ORDINALITY
             AS requested (zoom, tile_column, tile_row, cell_column, cell_row, radius_m, number)
        OFFSET 0
    ) AS tile
    ORDER BY number
"""

_BOUNDS_SQL = """
    SELECT min(extent[1]), min(extent[2]), max(extent[3]), max(extent[4]) FROM region WHERE vintage_id = %s
"""


def tile_draw(*, vintage: Vintage, address: TileAddress) -> bytes:
    """Return a vector tile (Mapbox Vector Tile 2.1), empty if no region is in it.

    Layers: `regions`, polygons that extend slightly beyond the tile's edge; `labels`, points, each in one tile only, from the
    zoom on at which the region is large enough for a name. The id of a feature is `region.id`. Regions too small for the
    tile's grid are omitted.

    Raises: TilesMissing if the vintage has no tiles.
    Queries: 1, and 1 more for an empty tile.
    """
    (tile,) = tiles_draw(vintage=vintage, addresses=[address])
    if not tile and not has_tiles(vintage):
        raise TilesMissing(
            Message("Vintage %(vintage)s has no tiles: it was loaded by a release without tiles.", vintage=vintage.label),
            hint=Message("The operator of this service draws them with: %(command)s", command="manage.py draw_tiles"),
        )
    return tile


def tiles_draw(*, vintage: Vintage, addresses: Sequence[TileAddress]) -> list[bytes]:
    """Return tiles as `tile_draw` does, in the order of `addresses`, whose zooms must be in one band. Queries: 1."""
    band = next(band for band in reversed(TILE_BANDS) if band.zoom <= addresses[0].zoom)
    with connection.cursor() as cursor:
        cursor.execute(
            _TILES_SQL,
            {
                "vintage": vintage.pk,
                "band": band.zoom,
                "zooms": [address.zoom for address in addresses],
                "columns": [address.column for address in addresses],
                "rows": [address.row for address in addresses],
                "cell_columns": [address.column >> address.zoom - band.cell_zoom for address in addresses],
                "cell_rows": [address.row >> address.zoom - band.cell_zoom for address in addresses],
                "radii": [label_radius_m(address.zoom) for address in addresses],
            },
        )
        return [bytes(regions) + bytes(labels) for regions, labels in cursor]


def label_radius_m(zoom: int) -> float:
    """Return the smallest inscribed radius, metres of EPSG:3857, of a region with a label at a zoom."""
    return _LABEL_RADIUS_PIXELS * 2 * MERCATOR_HALF_M / _PIXELS / float(2**zoom)


def vector_layers(zoom_max: int) -> list[dict[str, Any]]:
    """Return the description of a tile's layers in the form of TileJSON and PMTiles."""
    return [
        {"id": name, "description": text, "minzoom": 0, "maxzoom": zoom_max, "fields": _FIELDS}
        for name, text in _LAYERS.items()
    ]


def has_tiles(vintage: Vintage) -> bool:
    """Return whether a vintage has geometry for tiles. Queries: 1."""
    return TilePiece.objects.filter(vintage=vintage).exists()


def vintage_bounds(vintage: Vintage) -> list[float]:
    """Return west, south, east, north of a vintage's tiles in EPSG:4326, limited to the north of EPSG:3857.

    Queries: 1.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BOUNDS_SQL, [vintage.pk])
        west, south, east, north = (round(side, 6) for side in cursor.fetchone())
    return [west, min(south, TILE_NORTH), east, min(north, TILE_NORTH)]

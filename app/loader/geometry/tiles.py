"""Cuts what is drawn into the cells that vector tiles are made from, and finds where names stand."""

import io
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection

from geography.constants import SRID_STATCAN_LAMBERT, SRID_WEB_MERCATOR, TILE_BUFFER, TILE_EXTENT, TileBand
from geography.models import Vintage
from geography.projection import to_lambert

_RADIUS_M = 6_378_137.0
# The poles are infinitely far away in EPSG:3857, whose world ends at 85.0511 degrees. Beyond this latitude nothing is drawn: it
# lies farther out than what any tile reaches over the world's edge.
_NORTH_DEGREES = 86.5
# Half the world's width in EPSG:3857: its columns and rows are counted from the upper left corner.
_HALF_M = math.pi * _RADIUS_M

# Twice what a tile of the cell's own zoom reaches beyond its edge, so that no tile sees where the cut is.
_MARGIN = 2 * TILE_BUFFER / TILE_EXTENT
# As many are held before they are sent, and the last piece.
_COPY_CHARACTERS = 4_000_000

_BEYOND = 1_000.0
# Canada's land ends at 83.1 degrees north. A digital file goes on to the pole: a name in the middle of that sea would stand at
# the edge of the map, or beyond.
_LABEL_NORTH_DEGREES = 83.2

_Geometries = npt.NDArray[np.object_]
Cell = tuple[int, int, shapely.MultiPolygon]


def to_mercator(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry in degrees (EPSG:4326) in EPSG:3857, which is a formula on a sphere, without what lies near a pole."""
    _, south, _, north = shapely.bounds(geometry)
    if north > _NORTH_DEGREES or south < -_NORTH_DEGREES:
        geometry = shapely.clip_by_rect(geometry, -_BEYOND, -_NORTH_DEGREES, _BEYOND, _NORTH_DEGREES)
    return shapely.transform(geometry, _project)


def _project(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lon, lat = np.radians(degrees).T
    return np.column_stack((_RADIUS_M * lon, _RADIUS_M * np.log(np.tan(np.pi / 4 + lat / 2))))


def cells(geometry: shapely.Geometry, zoom: int) -> Iterator[Cell]:
    """Yield column, row and what lies in that tile of `zoom` and a little around it, for every tile where there is anything.

    Halves the area again and again, so that a large region is not walked through once for each of its cells.

    Args:
        geometry: polygons in EPSG:3857.
    """
    if shapely.is_empty(geometry):
        return
    size = 2 * _HALF_M / 2**zoom
    west, south, east, north = shapely.bounds(geometry)
    first = [math.floor((west + _HALF_M) / size - _MARGIN), math.floor((_HALF_M - north) / size - _MARGIN)]
    last = [math.floor((east + _HALF_M) / size + _MARGIN), math.floor((_HALF_M - south) / size + _MARGIN)]
    most = 2**zoom - 1
    columns, rows = ((max(low, 0), min(high, most)) for low, high in zip(first, last, strict=True))
    todo = [(columns, rows, geometry)] if rows[0] <= rows[1] and columns[0] <= columns[1] else []
    while todo:
        (left, right), (top, bottom), piece = todo.pop()
        if (left, top) == (right, bottom):
            polygons = [
                get_part
                for get_part in shapely.get_parts(piece)
                if isinstance(get_part, shapely.Polygon) and not get_part.is_empty
            ]
            if polygons:
                yield left, top, shapely.multipolygons(polygons)
            continue
        middle = (left + right) // 2 if right - left >= bottom - top else (top + bottom) // 2
        if right - left >= bottom - top:
            halves = [((left, middle), (top, bottom)), ((middle + 1, right), (top, bottom))]
        else:
            halves = [((left, right), (top, middle)), ((left, right), (middle + 1, bottom))]
        for across, down in halves:
            half = shapely.clip_by_rect(
                piece,
                (across[0] - _MARGIN) * size - _HALF_M,
                _HALF_M - (down[1] + 1 + _MARGIN) * size,
                (across[1] + 1 + _MARGIN) * size - _HALF_M,
                _HALF_M - (down[0] - _MARGIN) * size,
            )
            if not shapely.is_empty(half):
                todo.append((across, down, half))


def store_pieces(vintage: Vintage, band: TileBand, regions: Iterable[tuple[int, shapely.Geometry]]) -> None:
    """Cut regions (id, and polygons in EPSG:4326) for one band and store the pieces. Queries: 1 for each `_COPY_CHARACTERS`."""
    lines = io.StringIO()
    for region, degrees in regions:
        for column, row, piece in cells(to_mercator(degrees), band.cell_zoom):
            wkb = shapely.to_wkb(shapely.set_srid(piece, SRID_WEB_MERCATOR), hex=True, include_srid=True)
            lines.write(f"{region}\t{vintage.pk}\t{band.zoom}\t{column}\t{row}\t{wkb}\n")
            if lines.tell() >= _COPY_CHARACTERS:
                _copy(lines)
                lines = io.StringIO()
    _copy(lines)


def _copy(lines: io.StringIO) -> None:
    # There are tens of thousands of pieces, most of them small: a statement for each took half of the time of a load.
    lines.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY tile_piece (region_id, vintage_id, zoom, cell_x, cell_y, geom) FROM STDIN", lines)


def store_labels(vintage: Vintage, ids: Sequence[int], geometries: _Geometries) -> None:
    """Store where each region's name stands: in its largest part, as far from the border as can be.

    A region that lies wholly beyond the northernmost land has no name on the map.

    Args:
        geometries: in EPSG:3347, drawn finely enough. Where the place found lies outside of what was published, the
            representative point stands in.

    Queries: 1.
    """
    parts, owner = shapely.get_parts(_without_the_north(geometries), return_index=True)
    if not len(parts):
        return
    order = np.lexsort((shapely.area(parts), owner))
    largest = order[np.append(owner[order][1:] != owner[order][:-1], True)]
    # A line from the centre of the circle to the border.
    radii = shapely.maximum_inscribed_circle(parts[largest])
    centres = shapely.get_coordinates(shapely.get_point(radii, 0))
    named = [ids[index] for index in owner[largest]]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO tile_label (region_id, vintage_id, radius_m, geom)
            SELECT region.id, region.vintage_id, found.radius_m / cos(radians(ST_Y(place.degrees))),
                   ST_Transform(place.degrees, {SRID_WEB_MERCATOR})
            FROM unnest(%s, %s, %s, %s) AS found (id, x, y, radius_m) JOIN region ON region.id = found.id,
                 LATERAL (SELECT ST_SetSRID(ST_MakePoint(found.x, found.y), {SRID_STATCAN_LAMBERT}) AS centre) AS circle,
                 LATERAL (
                     SELECT CASE WHEN EXISTS (
                         SELECT FROM region_part AS part
                         WHERE part.region_id = region.id AND ST_Intersects(part.geom, circle.centre)
                     ) THEN ST_Transform(circle.centre, ST_SRID(region.rep_point)) ELSE region.rep_point END AS degrees
                 ) AS place
            WHERE ST_Y(place.degrees) <= {_LABEL_NORTH_DEGREES}
            """,
            [named, centres[:, 0].tolist(), centres[:, 1].tolist(), shapely.length(radii).tolist()],
        )


def _without_the_north(geometries: _Geometries) -> _Geometries:
    """Return polygons (EPSG:3347) without what lies north of where names may stand."""
    pole = np.array(to_lambert(0.0, 90.0))
    radius = float(np.hypot(*(np.array(to_lambert(-90.0, _LABEL_NORTH_DEGREES)) - pole)))
    # The chords of the circle stay outside of it.
    cap = shapely.buffer(shapely.points(pole), radius * 1.001, quad_segs=64)
    far = shapely.bounds(geometries)[:, 3] > pole[1] - radius
    result = geometries.copy()
    result[far] = [_polygonal(item) for item in shapely.difference(geometries[far], cap)]
    return result


def _polygonal(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    parts = shapely.get_parts(geometry)
    return shapely.multipolygons([part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty])

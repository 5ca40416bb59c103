"""Vector tile pieces: drawn regions clipped to tile cells, and label positions."""

import io
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection

from covidtrends_geo.projection import to_lambert
from geography.constants import (
    MERCATOR_HALF_M,
    MERCATOR_RADIUS_M,
    SRID_STATCAN_LAMBERT,
    SRID_WEB_MERCATOR,
    TILE_BUFFER,
    TILE_EXTENT,
    TileBand,
)
from geography.models import Vintage

# The poles are at infinity in EPSG:3857, whose world ends at 85.0511 degrees. Geometry beyond this latitude is clipped: it is
# outside the buffer of every tile.
_NORTH_DEGREES = 86.5
_ANY_LONGITUDE = 1_000.0

# Margin of a cell: twice the buffer of a tile at the zoom of the cell, so that no tile shows the clipped edge.
_MARGIN = 2 * TILE_BUFFER / TILE_EXTENT
# Size of the text of one COPY; the last piece may exceed it.
_COPY_CHARACTERS = 4_000_000

# Canada's land ends at 83.1 degrees north; digital boundaries reach the pole. A label in the middle of that sea would be at or
# beyond the edge of the map.
_LABEL_NORTH_DEGREES = 83.2

_Geometries = npt.NDArray[np.object_]
Cell = tuple[int, int, shapely.MultiPolygon]


def to_mercator(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry (EPSG:4326) in EPSG:3857, clipped near the poles. Spherical Mercator, computed without PROJ."""
    _, south, _, north = shapely.bounds(geometry)
    if north > _NORTH_DEGREES or south < -_NORTH_DEGREES:
        geometry = shapely.clip_by_rect(geometry, -_ANY_LONGITUDE, -_NORTH_DEGREES, _ANY_LONGITUDE, _NORTH_DEGREES)
    return shapely.transform(geometry, _project)


def _project(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lon, lat = np.radians(degrees).T
    return np.column_stack((MERCATOR_RADIUS_M * lon, MERCATOR_RADIUS_M * np.log(np.tan(np.pi / 4 + lat / 2))))


def cells(geometry: shapely.Geometry, zoom: int) -> Iterator[Cell]:
    """Yield column, row and the geometry clipped to the cell with its margin, for every tile of `zoom` that it intersects.

    Clips by recursive halving, so that a large region is not scanned once for each of its cells.

    Args:
        geometry: polygons in EPSG:3857.
    """
    if shapely.is_empty(geometry):
        return
    size = 2 * MERCATOR_HALF_M / 2**zoom
    west, south, east, north = shapely.bounds(geometry)
    first = [
        math.floor((west + MERCATOR_HALF_M) / size - _MARGIN),
        math.floor((MERCATOR_HALF_M - north) / size - _MARGIN),
    ]
    last = [
        math.floor((east + MERCATOR_HALF_M) / size + _MARGIN),
        math.floor((MERCATOR_HALF_M - south) / size + _MARGIN),
    ]
    most = 2**zoom - 1
    columns, rows = ((max(low, 0), min(high, most)) for low, high in zip(first, last, strict=True))
    pending = [(columns, rows, geometry)] if rows[0] <= rows[1] and columns[0] <= columns[1] else []
    while pending:
        (left, right), (top, bottom), piece = pending.pop()
        if (left, top) == (right, bottom):
            polygons = [part for part in shapely.get_parts(piece) if isinstance(part, shapely.Polygon) and not part.is_empty]
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
                (across[0] - _MARGIN) * size - MERCATOR_HALF_M,
                MERCATOR_HALF_M - (down[1] + 1 + _MARGIN) * size,
                (across[1] + 1 + _MARGIN) * size - MERCATOR_HALF_M,
                MERCATOR_HALF_M - (down[0] - _MARGIN) * size,
            )
            if not shapely.is_empty(half):
                pending.append((across, down, half))


def store_pieces(vintage: Vintage, band: TileBand, regions: Iterable[tuple[int, shapely.Geometry]]) -> None:
    """Clip regions (id, polygons in EPSG:4326) to the cells of a band and store them. Queries: 1 per `_COPY_CHARACTERS`."""
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
    # COPY, because an INSERT for each of tens of thousands of small pieces took half the time of a load.
    lines.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY tile_piece (region_id, vintage_id, zoom, cell_x, cell_y, geom) FROM STDIN", lines)


def store_labels(vintage: Vintage, ids: Sequence[int], geometries: _Geometries) -> None:
    """Store the label position of each region: the centre of the largest circle in its largest part.

    A region north of all land has no label.

    Args:
        geometries: a simplified level, in EPSG:3347. A centre outside of the published boundary is replaced by the
            representative point.

    Queries: 1.
    """
    parts, owner = shapely.get_parts(_without_the_north(geometries), return_index=True)
    if not len(parts):
        return
    order = np.lexsort((shapely.area(parts), owner))
    largest = order[np.append(owner[order][1:] != owner[order][:-1], True)]
    # Lines from the centre of the circle to the border.
    radii = shapely.maximum_inscribed_circle(parts[largest])
    centres = shapely.get_coordinates(shapely.get_point(radii, 0))
    region_ids = [ids[index] for index in owner[largest]]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO tile_label (region_id, vintage_id, radius_m, geom)
            SELECT region.id, region.vintage_id, circles.radius_m / cos(radians(ST_Y(label.degrees))),
                   ST_Transform(label.degrees, {SRID_WEB_MERCATOR})
            FROM unnest(%s, %s, %s, %s) AS circles (id, x, y, radius_m) JOIN region ON region.id = circles.id,
                 LATERAL (SELECT ST_SetSRID(ST_MakePoint(circles.x, circles.y), {SRID_STATCAN_LAMBERT}) AS centre) AS circle,
                 LATERAL (
                     SELECT CASE WHEN EXISTS (
                         SELECT FROM region_part AS part
                         WHERE part.region_id = region.id AND ST_Intersects(part.geom, circle.centre)
                     ) THEN ST_Transform(circle.centre, ST_SRID(region.rep_point)) ELSE region.rep_point END AS degrees
                 ) AS label
            WHERE ST_Y(label.degrees) <= {_LABEL_NORTH_DEGREES}
            """,
            [region_ids, centres[:, 0].tolist(), centres[:, 1].tolist(), shapely.length(radii).tolist()],
        )


def _without_the_north(geometries: _Geometries) -> _Geometries:
    """Return polygons (EPSG:3347) clipped at the northern limit of labels."""
    pole = np.array(to_lambert(0.0, 90.0))
    radius = float(np.hypot(*(np.array(to_lambert(-90.0, _LABEL_NORTH_DEGREES)) - pole)))
    # A larger radius, so that the chords of the buffer are outside of the circle.
    cap = shapely.buffer(shapely.points(pole), radius * 1.001, quad_segs=64)
    far = shapely.bounds(geometries)[:, 3] > pole[1] - radius
    result = geometries.copy()
    result[far] = [_polygonal(clipped) for clipped in shapely.difference(geometries[far], cap)]
    return result


def _polygonal(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    parts = shapely.get_parts(geometry)
    return shapely.multipolygons([part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty])

"""Tile coverage of a vintage: the tiles that are not empty, and those that lie wholly in one region.

Canada has a million tiles at zoom 12, and some 5 % of them have a border. Cells are therefore quartered recursively (quadtree)
until a quarter is empty or lies in one region. Tile numbers follow a Hilbert curve, so all tiles of a quarter are one run.
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection
from pmtiles.tile import zxy_to_tileid

from geography.constants import MERCATOR_HALF_M, TILE_BUFFER, TILE_EXTENT, TileBand
from geography.models import Vintage
from geography.queries.tiles import label_radius_m
from loader.export.rows import stream

# As for the cells: twice the buffer of a tile.
_MARGIN = 2 * TILE_BUFFER / TILE_EXTENT
# A label nearer to the edge of a tile than this may be in the neighbouring tile as well.
_EDGE_M = 0.001

_PIECES_SQL = """
    SELECT cell_x, cell_y, region_id, ST_AsBinary(geom) FROM tile_piece WHERE vintage_id = %s AND zoom = %s
    ORDER BY cell_x, cell_y, region_id
"""
_LABELS_SQL = "SELECT ST_X(geom), ST_Y(geom) FROM tile_label WHERE vintage_id = %s AND radius_m >= %s"

# Column, row, regions and their simplified geometry in the cell.
_Cell = tuple[int, int, npt.NDArray[np.int64], npt.NDArray[np.object_]]


class Span(NamedTuple):
    """A run of tiles with consecutive PMTiles ids: the first id and the number of tiles.

    Attributes:
        region: the region that all of them lie in; None for a tile that must be rendered, and may be empty.
    """

    first: int
    tiles: int
    region: int | None


def first_of(zoom: int) -> int:
    """Return the PMTiles id of the first tile of a zoom: the ids of all lower zooms precede it."""
    return int((4**zoom - 1) // 3)


def tile_spans(vintage: Vintage, band: TileBand, last_zoom: int) -> list[Span]:
    """Return the tiles of the zooms of a band that may not be empty, ordered by id.

    Memory holds one cell and the result. Queries: 1, and 1 for each zoom.
    """
    spans = [span for cell in _cells(vintage, band) for span in _quarter(cell, band, last_zoom)]
    labels = [label_tile for zoom in range(band.zoom, last_zoom + 1) for label_tile in _label_tiles(vintage, zoom)]
    return _with_labels(sorted(spans), sorted(labels))


def _cells(vintage: Vintage, band: TileBand) -> Iterator[_Cell]:
    """Yield the cells of a band: column, row, regions, and the geometry of each region in the cell (EPSG:3857)."""
    rows = stream(_PIECES_SQL, [vintage.pk, band.zoom], chunk_size=20)
    for (column, row), pieces in itertools.groupby(rows, key=lambda piece: piece[:2]):
        regions, shapes = zip(*((region, bytes(wkb)) for _, _, region, wkb in pieces), strict=True)
        yield column, row, np.array(regions), shapely.from_wkb(np.array(shapes, dtype=object))


def _quarter(cell: _Cell, band: TileBand, last_zoom: int) -> Iterator[Span]:
    """Yield the tiles of a cell from the band's first zoom to `last_zoom`, by recursive quartering."""
    todo = [(band.cell_zoom, *cell)]
    while todo:
        zoom, column, row, owners, pieces = todo.pop()
        size = 2 * MERCATOR_HALF_M / 2**zoom
        west, north = (column - _MARGIN) * size - MERCATOR_HALF_M, MERCATOR_HALF_M - (row - _MARGIN) * size
        side = size * (1 + 2 * _MARGIN)
        pieces = shapely.clip_by_rect(pieces, west, north - side, west + side, north)
        present = ~shapely.is_empty(pieces)
        owners, pieces = owners[present], pieces[present]
        if not len(owners):
            continue
        number = zxy_to_tileid(zoom, column, row)
        if len(owners) == 1 and shapely.area(pieces[0]) >= side * side * (1 - 1e-9):
            for deeper in range(max(band.zoom, zoom), last_zoom + 1):
                quarters = 4 ** (deeper - zoom)
                yield Span(first_of(deeper) + (number - first_of(zoom)) * quarters, quarters, int(owners[0]))
            continue
        if zoom >= band.zoom:
            yield Span(number, 1, None)
        if zoom < last_zoom:
            todo += [(zoom + 1, 2 * column + right, 2 * row + down, owners, pieces) for right in (0, 1) for down in (0, 1)]


def _label_tiles(vintage: Vintage, zoom: int) -> set[int]:
    """Return the ids of the tiles of a zoom that contain a label. Queries: 1."""
    size = 2 * MERCATOR_HALF_M / 2**zoom
    with connection.cursor() as cursor:
        cursor.execute(_LABELS_SQL, [vintage.pk, label_radius_m(zoom)])
        return {
            zxy_to_tileid(zoom, int((x + across + MERCATOR_HALF_M) / size), int((MERCATOR_HALF_M - y + down) / size))
            for x, y in cursor
            for across in (-_EDGE_M, _EDGE_M)
            for down in (-_EDGE_M, _EDGE_M)
        }


def _with_labels(spans: list[Span], labels: list[int]) -> list[Span]:
    """Return spans in which every tile with a label is a tile to be rendered."""
    labelled = []
    for first, count, region in spans:
        start = first
        # A rendered tile contains its labels anyway.
        for number in labels[bisect_left(labels, first) : bisect_left(labels, first + count)] if region is not None else ():
            labelled.append(Span(start, number - start, region))
            start = number + 1
        labelled.append(Span(start, first + count - start, region))
    rendered = {span.first for span in labelled if span.region is None}
    labelled += [Span(number, 1, None) for number in labels if number not in rendered]
    return sorted(span for span in labelled if span.tiles)

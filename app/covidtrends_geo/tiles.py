"""Tiles of the compiler: squares of 65 km, the segments that meet each, and the regions that cover its reference points."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from covidtrends_geo import quadtree
from covidtrends_geo.boxes import CELL_MARGIN, widened
from covidtrends_geo.quadtree import Floats, Integers
from covidtrends_geo.ranges import ranges_of
from covidtrends_geo.segments import meets_box
from covidtrends_geo.tree import REFERENCES

TILE_LEVEL = 8
TILES = 2**TILE_LEVEL
TILE_SIDE = quadtree.ROOT_SIDE / TILES
# Vertices of a region that are read at once.
_PORTION_VERTICES = 250_000
_LEAST = quadtree.ROOT_X


class Spill:
    """Rings of all regions in a temporary file, and the tiles that their segments meet.

    A segment has the number of its first vertex. The vertices of a ring follow one another, the first is repeated at the end.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "vertices.f8"
        self.vertices = 0
        self._segments: list[Any] = []
        self._tiles: list[Any] = []
        # For each region its number of vertices, and the reference points of tiles that it covers.
        self.ends: list[int] = []
        self._covered: list[tuple[Integers, int]] = []

    def add(self, region: int, geometry: shapely.Geometry) -> None:
        """Add the rings of a region, interior to the left."""
        crossed = []
        for polygons in _portions(shapely.get_parts(geometry)):
            rings = shapely.get_rings(shapely.orient_polygons(polygons))
            xy, ring_of = shapely.get_coordinates(rings, return_index=True)
            with self._path.open("ab") as file:
                file.write(np.ascontiguousarray(xy).tobytes())
            starts = np.flatnonzero(ring_of[1:] == ring_of[:-1])
            starts = starts[(xy[starts] != xy[starts + 1]).any(axis=1)]
            start, end = xy[starts], xy[starts + 1]
            segments, tiles = _tiles_of(start, end)
            self._segments.append((starts[segments] + self.vertices).astype(np.uint32))
            self._tiles.append(tiles.astype(np.uint16))
            self.vertices += len(xy)
            crossed.append(_crossed_rows(start, end))
        self.ends.append(self.vertices)
        self._covered.append((_covered_references(crossed), region))

    def finish(self) -> "Tiles":
        """Return the tiles in the order of their keys."""
        xy = np.memmap(self._path, np.float64, "r").reshape(-1, 2) if self.vertices else np.empty((0, 2))
        tiles = np.concatenate(self._tiles) if self._tiles else np.empty(0, dtype=np.uint16)
        segments: Any = np.concatenate(self._segments) if self._segments else np.empty(0, dtype=np.uint32)
        self._tiles, self._segments = [], []
        order = np.argsort(tiles, kind="stable")
        bounds = np.searchsorted(tiles[order], np.arange(TILES**2 + 1))
        covers: dict[int, list[int]] = {}
        for covered, region in self._covered:
            for reference in covered.tolist():
                covers.setdefault(reference, []).append(region)
        return Tiles(xy, segments[order], bounds, covers, np.array(self.ends))


class Tiles(NamedTuple):
    """Segments by tile. A tile has its Morton code as its number."""

    xy: Floats
    segments: Integers
    bounds: Integers
    covers: dict[int, list[int]]
    ends: Integers

    def listed(self) -> list[int]:
        """Return the tiles with segments or within regions, and those that follow them: all others continue the one before."""
        used = {*np.flatnonzero(np.diff(self.bounds)).tolist(), *(reference // len(REFERENCES) for reference in self.covers)}
        return sorted({0, *used, *(tile + 1 for tile in used if tile + 1 < TILES**2)})


def _tiles_of(start: Floats, end: Floats) -> tuple[Integers, Integers]:
    """Return pairs of a segment and a tile that it meets, or comes within `CELL_MARGIN` of."""
    low = np.minimum(start, end) - CELL_MARGIN
    high = np.maximum(start, end) + CELL_MARGIN
    root = np.array([quadtree.ROOT_X, quadtree.ROOT_Y])
    first = np.clip((low - root) // TILE_SIDE, 0, TILES - 1).astype(np.int64)
    last = np.clip((high - root) // TILE_SIDE, 0, TILES - 1).astype(np.int64)
    columns, rows = (last - first + 1).T
    counts = columns * rows
    segments = np.repeat(np.arange(len(start)), counts)
    within = ranges_of(counts)
    column = first[segments, 0] + within % columns[segments]
    row = first[segments, 1] + within // columns[segments]
    several = np.flatnonzero(counts[segments] > 1)
    west, south = quadtree.ROOT_X + column[several] * TILE_SIDE, quadtree.ROOT_Y + row[several] * TILE_SIDE
    keep = np.ones(len(segments), dtype=bool)
    at = segments[several]
    keep[several] = meets_box(start[at], end[at], *widened(west, south, TILE_SIDE))
    tiles = quadtree.morton(column[keep].astype(np.uint64), row[keep].astype(np.uint64)).astype(np.int64)
    return segments[keep], tiles


def _portions(polygons: Any) -> Iterator[Any]:
    """Yield polygons in portions of about `_PORTION_VERTICES` vertices; a larger polygon is a portion of its own."""
    portion = np.cumsum(shapely.get_num_coordinates(polygons)) // _PORTION_VERTICES
    yield from np.split(polygons, np.flatnonzero(np.diff(portion)) + 1)


def _crossed_rows(start: Floats, end: Floats) -> Integers:
    """Return where segments cross the rows of the tiles' reference points: number of `REFERENCES`, row, and column.

    The column is the first whose reference point lies to the right of the crossing. A vertex on a row is above it.
    """
    low, high = np.minimum(start, end), np.maximum(start, end)
    if len(start) and (low.min() < _LEAST or high.max() >= _LEAST + quadtree.ROOT_SIDE):
        raise ValueError("a region lies outside the area of the index")
    crossed = []
    for number, (part_x, part_y) in enumerate(REFERENCES):
        # Rows of reference points lie at whole numbers.
        from_y, to_y = ((y - quadtree.ROOT_Y) / TILE_SIDE - part_y for y in (start[:, 1], end[:, 1]))
        first, last = np.ceil(np.minimum(from_y, to_y)).astype(int), np.ceil(np.maximum(from_y, to_y)).astype(int)
        crossing = np.flatnonzero(last > first)
        counts = (last - first)[crossing]
        at, row = np.repeat(crossing, counts), np.repeat(first[crossing], counts) + ranges_of(counts)
        along = (row - from_y[at]) / (to_y[at] - from_y[at])
        x = start[at, 0] + along * (end[at, 0] - start[at, 0])
        column = np.ceil((x - quadtree.ROOT_X) / TILE_SIDE - part_x).astype(int)
        crossed.append(np.column_stack([np.full(len(row), number), row, column]))
    return np.concatenate(crossed)


def _covered_references(crossed: list[Integers]) -> Integers:
    """Return the reference points of tiles that a region covers, each as tile * len(REFERENCES) + number."""
    crossings = np.concatenate(crossed)
    if not len(crossings):
        return np.empty(0, dtype=np.int64)
    (_, row, column), shape = crossings.min(axis=0), crossings.max(axis=0) - crossings.min(axis=0) + 1
    inside = np.zeros((len(REFERENCES), *shape[1:]), dtype=np.int64)
    np.add.at(inside, tuple((crossings - (0, row, column)).T), 1)
    # A reference point is covered if an odd number of borders lies to the left of it.
    number, rows, columns = np.nonzero(np.cumsum(inside, axis=2) % 2)
    tiles: Integers = quadtree.morton(columns + column, rows + row)
    return tiles * len(REFERENCES) + number


def key_of_tile(tile: int) -> np.uint64:
    """Return the key of the smallest cell in the south-western corner of a tile."""
    return np.uint64(tile) << np.uint64(2 * (quadtree.LEVELS - TILE_LEVEL))

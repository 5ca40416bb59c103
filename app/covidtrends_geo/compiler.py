"""Compiler of a lookup index: from the polygons of a vintage to cells, runs of segments and coordinates.

Regions are read one at a time and their rings written to a temporary file. Then the segments are taken tile by tile, so that
memory depends on the largest region and the fullest tile, not on the vintage. A border that two regions share, vertex by vertex,
is stored once.
"""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import shapely

from covidtrends_geo import quadtree
from covidtrends_geo.boxes import CELL_MARGIN, Nodes, build_nodes, cell_boxes
from covidtrends_geo.quadtree import Floats, Integers, Keys
from covidtrends_geo.segments import crosses, meets_box, squared_distance

# Side of a tile: 65,536 m.
TILE_LEVEL = 8
_TILES = 2**TILE_LEVEL
_TILE_SIDE = quadtree.ROOT_SIDE / _TILES
# A cell with more segments is divided, down to cells of 32 m.
CELL_SEGMENTS = 16
_LAST_LEVEL = quadtree.LEVELS - 3
RUN_SEGMENTS = 255
NO_REGION = -1

# Where the reference point of a cell may lie, in parts of its side. The first is used unless a border passes within `_CLEAR_M`.
REFERENCES = np.array([[0.513717, 0.507313], [0.437109, 0.561831], [0.571043, 0.419273], [0.391127, 0.387317]])
_CLEAR_M = 1e-4


class Tree(NamedTuple):
    """Cells of a quadtree with their contents, in the order of the keys.

    Attributes:
        keys: of the cells, uint64.
        shapes: level of each cell plus 32 times the number of its reference point, uint8.
        cover_sets: number of the set of regions that cover the reference point, or all of a cell without runs.
        first_run: number of the first run of each cell, one more element than cells.
        run_starts: number of the first vertex of each run.
        run_sizes: number of segments of each run.
        run_borders: number of the border of each run.
        borders: the regions to the left and to the right of each border, `NO_REGION` for none.
        set_starts, set_regions: the regions of each set, as ranges.
    """

    keys: Keys
    shapes: Any
    cover_sets: Any
    first_run: Any
    run_starts: Any
    run_sizes: Any
    run_borders: Any
    borders: Any
    set_starts: Any
    set_regions: Any


@dataclass(slots=True)
class _Numbering:
    """Numbers of distinct tuples, in the order of their first use."""

    numbers: dict[tuple[int, ...], int] = field(default_factory=dict)

    def of(self, value: tuple[int, ...]) -> int:
        return self.numbers.setdefault(value, len(self.numbers))


class Spill:
    """Rings of all regions in a temporary file, and the tiles that their segments meet.

    A segment has the number of its first vertex. The vertices of a ring follow one another, the first is repeated at the end.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "vertices.f8"
        self._file = self._path.open("wb")
        self.vertices = 0
        self._segments: list[Integers] = []
        self._tiles: list[Integers] = []
        # For each region its number of vertices, and the reference points of tiles that it covers.
        self.ends: list[int] = []
        self._covered: list[tuple[Integers, int]] = []

    def add(self, region: int, geometry: shapely.Geometry) -> None:
        """Add the rings of a region, interior to the left."""
        polygons = shapely.orient_polygons(shapely.get_parts(geometry))
        rings = shapely.get_rings(polygons)
        xy, ring_of = shapely.get_coordinates(rings, return_index=True)
        self._file.write(np.ascontiguousarray(xy).tobytes())
        starts = np.flatnonzero(ring_of[1:] == ring_of[:-1])
        starts = starts[(xy[starts] != xy[starts + 1]).any(axis=1)]
        segments, tiles = _tiles_of(xy[starts], xy[starts + 1])
        self._segments.append((starts[segments] + self.vertices).astype(np.uint32))
        self._tiles.append(tiles.astype(np.uint16))
        self.vertices += len(xy)
        self.ends.append(self.vertices)
        self._covered.append((_covered_references(geometry), region))

    def finish(self) -> "Tiles":
        """Return the tiles in the order of their keys."""
        self._file.close()
        xy = np.memmap(self._path, np.float64, "r").reshape(-1, 2) if self.vertices else np.empty((0, 2))
        tiles = np.concatenate(self._tiles) if self._tiles else np.empty(0, dtype=np.uint16)
        segments = np.concatenate(self._segments) if self._segments else np.empty(0, dtype=np.uint32)
        self._tiles, self._segments = [], []
        order = np.argsort(tiles, kind="stable")
        bounds = np.searchsorted(tiles[order], np.arange(_TILES**2 + 1))
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


def compile_tree(
    geometries: Iterable[shapely.Geometry],
    vertices: BinaryIO,
    *,
    folder: Path | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Tree:
    """Return the tree of the polygons of a vintage.

    Args:
        geometries: polygons and multipolygons in EPSG:3347, valid, in the order of the numbers of the regions.
        vertices: where to write the vertices: rows of x and y, float64, metres in EPSG:3347.
        folder: where to put the temporary file, 16 bytes a vertex.
        advance: called with the number of vertices that have been read or written; each vertex counts twice.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="lookup-") as temporary:
        spill = Spill(Path(temporary))
        before = 0
        for region, geometry in enumerate(geometries):
            spill.add(region, geometry)
            advance(spill.vertices - before)
            before = spill.vertices
        tiles = spill.finish()
        writer = _TreeWriter(vertices)
        regions = len(spill.ends)
        for tile in range(_TILES**2):
            segments = tiles.segments[tiles.bounds[tile] : tiles.bounds[tile + 1]]
            if len(segments):
                _divide(tile, np.sort(segments).astype(np.int64), tiles, regions, writer)
                advance(len(segments))
            else:
                covers = tiles.covers.get(tile * len(REFERENCES), [])
                writer.add_empty(np.uint64(tile) << np.uint64(2 * (quadtree.LEVELS - TILE_LEVEL)), tuple(covers))
        return writer.finish()


def _tile_corners(tiles: Any) -> tuple[Floats, Floats]:
    return quadtree.corner_of(np.asarray(tiles).astype(np.uint64) << np.uint64(2 * (quadtree.LEVELS - TILE_LEVEL)))


def _tiles_of(start: Floats, end: Floats) -> tuple[Integers, Integers]:
    """Return pairs of a segment and a tile that it meets, or comes within `CELL_MARGIN` of."""
    low = np.minimum(start, end) - CELL_MARGIN
    high = np.maximum(start, end) + CELL_MARGIN
    root = np.array([quadtree.ROOT_X, quadtree.ROOT_Y])
    first = np.clip((low - root) // _TILE_SIDE, 0, _TILES - 1).astype(np.int64)
    last = np.clip((high - root) // _TILE_SIDE, 0, _TILES - 1).astype(np.int64)
    columns, rows = (last - first + 1).T
    counts = columns * rows
    segments = np.repeat(np.arange(len(start)), counts)
    within = _within(counts)
    column = first[segments, 0] + within % columns[segments]
    row = first[segments, 1] + within // columns[segments]
    several = np.flatnonzero(counts[segments] > 1)
    west, south = quadtree.ROOT_X + column[several] * _TILE_SIDE, quadtree.ROOT_Y + row[several] * _TILE_SIDE
    keep = np.ones(len(segments), dtype=bool)
    at = segments[several]
    keep[several] = meets_box(start[at], end[at], *_widened(west, south, _TILE_SIDE))
    tiles = quadtree.morton(column[keep].astype(np.uint64), row[keep].astype(np.uint64)).astype(np.int64)
    return segments[keep], tiles


def _covered_references(geometry: shapely.Geometry) -> Integers:
    """Return the reference points of tiles that a region covers, each as tile * len(REFERENCES) + number."""
    bounds = (np.array(geometry.bounds).reshape(2, 2) - (quadtree.ROOT_X, quadtree.ROOT_Y)) // _TILE_SIDE
    if bounds.min() < 0 or bounds.max() >= _TILES:
        raise ValueError("a region lies outside the area of the index")
    (first_column, first_row), (last_column, last_row) = bounds.astype(int).tolist()
    column, row = (axis.ravel() for axis in np.mgrid[first_column : last_column + 1, first_row : last_row + 1])
    shapely.prepare(geometry)
    covered = []
    for number, (part_x, part_y) in enumerate(REFERENCES):
        x = quadtree.ROOT_X + (column + part_x) * _TILE_SIDE
        y = quadtree.ROOT_Y + (row + part_y) * _TILE_SIDE
        inside = shapely.contains_xy(geometry, x, y)
        tiles = quadtree.morton(column[inside].astype(np.uint64), row[inside].astype(np.uint64)).astype(np.int64)
        covered.append(tiles * len(REFERENCES) + number)
    return np.concatenate(covered)


class _Segments(NamedTuple):
    """Distinct segments of a tile, in the order of the rings.

    Attributes:
        start, end: vertices, rows of x and y.
        chained: whether a segment begins where the one before it ends.
        left, right: the regions on either side, `NO_REGION` for none.
    """

    start: Floats
    end: Floats
    chained: Any
    left: Integers
    right: Integers


def _distinct(numbers: Integers, tiles: Tiles) -> _Segments:
    """Return the segments with these numbers. Two regions that share a segment, in opposite directions, get one."""
    start, end = np.asarray(tiles.xy[numbers]), np.asarray(tiles.xy[numbers + 1])
    left = np.searchsorted(tiles.ends, numbers, side="right")
    right = np.full(len(numbers), NO_REGION)
    forward = (start[:, 0] < end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] < end[:, 1]))
    low, high = np.where(forward[:, None], start, end), np.where(forward[:, None], end, start)
    order = np.lexsort((left, high[:, 1], high[:, 0], low[:, 1], low[:, 0]))
    ordered = np.column_stack([low, high])[order]
    same = (ordered[1:] == ordered[:-1]).all(axis=1) & (forward[order[1:]] != forward[order[:-1]])
    # Of three or more equal segments, each belongs to one pair at most.
    first = np.flatnonzero(same)
    if len(first):
        in_group = np.arange(len(first)) - np.maximum.accumulate(
            np.where(np.diff(first, prepend=first[0] - 2) > 1, np.arange(len(first)), 0)
        )
        first = first[in_group % 2 == 0]
    right[order[first]] = left[order[first + 1]]
    keep = np.ones(len(numbers), dtype=bool)
    keep[order[first + 1]] = False
    kept = numbers[keep]
    chained = np.diff(kept, prepend=-2) == 1
    return _Segments(start[keep], end[keep], chained, left[keep], right[keep])


def _divide(tile: int, numbers: Integers, tiles: Tiles, regions: int, writer: "_TreeWriter") -> None:
    """Divide a tile into cells, level by level, and add them to the writer."""
    segments = _distinct(numbers, tiles)
    level, side = TILE_LEVEL, _TILE_SIDE
    key = np.array([tile], dtype=np.uint64)  # at this level
    west, south = (corner.copy() for corner in _tile_corners([tile]))
    cells = np.zeros(len(segments.start), dtype=np.int64)
    members = np.arange(len(segments.start))
    reference_x, reference_y, number = _references(west, south, side, cells, segments.start, segments.end)
    # Pairs of a cell and a region that covers its reference point, as cell * regions + region.
    covered = np.array(tiles.covers.get(tile * len(REFERENCES) + int(number[0]), []), dtype=np.int64)
    leaves: list[_Leaves] = []
    while len(key):
        counts = np.bincount(cells, minlength=len(key))
        divided = (counts > CELL_SEGMENTS) & (level < _LAST_LEVEL)
        shift = np.uint64(2 * (quadtree.LEVELS - level))
        leaf = np.flatnonzero(~divided)
        renumbered = np.cumsum(~divided) - 1
        in_leaf, of_leaf = ~divided[cells], ~divided[covered // regions]
        leaves.append(
            _Leaves(
                key[leaf] << shift,
                (level + 32 * number[leaf]).astype(np.uint8),
                renumbered[cells[in_leaf]],
                members[in_leaf],
                renumbered[covered[of_leaf] // regions] * regions + covered[of_leaf] % regions,
            )
        )
        parents = np.flatnonzero(divided)
        if not len(parents):
            break
        renumbered = np.cumsum(divided) - 1
        inner = divided[cells]
        cells, members = renumbered[cells[inner]], members[inner]
        inner = divided[covered // regions]
        covered = renumbered[covered[inner] // regions] * regions + covered[inner] % regions
        side /= 2
        level += 1
        quarter = np.arange(4)
        key = ((key[parents] << np.uint64(2))[:, None] + quarter.astype(np.uint64)).ravel()
        west = (west[parents][:, None] + (quarter & 1) * side).ravel()
        south = (south[parents][:, None] + (quarter >> 1) * side).ravel()
        from_x, from_y = np.repeat(reference_x[parents], 4), np.repeat(reference_y[parents], 4)
        wide_cells = (cells[:, None] * 4 + quarter).ravel()
        wide = np.repeat(members, 4)
        start, end = segments.start[wide], segments.end[wide]
        reference_x, reference_y, number = _references(west, south, side, wide_cells, start, end)
        at = wide_cells
        crossing = crosses(from_x[at], from_y[at], reference_x[at], reference_y[at], start, end)
        covered = _toggled(
            (np.repeat(covered // regions * 4, 4) + np.tile(quarter, len(covered))) * regions + np.repeat(covered % regions, 4),
            wide_cells[crossing],
            segments.left[wide[crossing]],
            segments.right[wide[crossing]],
            regions,
        )
        meets = meets_box(start, end, *_widened(west[at], south[at], side))
        cells, members = wide_cells[meets], wide[meets]
        order = np.argsort(cells, kind="stable")
        cells, members = cells[order], members[order]
    writer.add(leaves, segments, regions)


class _Leaves(NamedTuple):
    """Undivided cells of a level: keys, shapes, pairs of cell and segment, and cell * regions + region of what covers."""

    keys: Keys
    shapes: Any
    cells: Integers
    members: Integers
    covered: Integers


def _references(
    west: Floats, south: Floats, side: float, cells: Integers, start: Floats, end: Floats
) -> tuple[Floats, Floats, Integers]:
    """Return the reference points of cells, and which of `REFERENCES` each is: the first that lies off all segments."""
    number = np.zeros(len(west), dtype=np.int64)
    for _ in REFERENCES:
        x, y = west + REFERENCES[number, 0] * side, south + REFERENCES[number, 1] * side
        near = squared_distance(x[cells], y[cells], start, end) < _CLEAR_M**2
        if not near.any():
            return x, y, number
        number[np.unique(cells[near])] += 1
        if number.max() == len(REFERENCES):
            break
    raise ValueError("a border passes through every reference point of a cell")


def _toggled(covered: Integers, cells: Integers, left: Integers, right: Integers, regions: int) -> Integers:
    """Return what covers each cell's reference point, from what covers the parent's and the borders crossed on the way."""
    toggles = [cells[side != NO_REGION] * regions + side[side != NO_REGION] for side in (left, right)]
    values, counts = np.unique(np.concatenate([covered, *toggles]), return_counts=True)
    odd: Integers = values[counts % 2 == 1]
    return odd


def _widened(west: Floats, south: Floats, side: float) -> tuple[Floats, Floats, Floats, Floats]:
    return west - CELL_MARGIN, south - CELL_MARGIN, west + side + CELL_MARGIN, south + side + CELL_MARGIN


def _within(counts: Integers) -> Integers:
    """Return 0 to n - 1 for each n, one range after the other."""
    positions: Integers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return positions


class _TreeWriter:
    """Collects the cells of the tiles, in the order of their keys."""

    def __init__(self, vertices: BinaryIO) -> None:
        self._parts: dict[str, list[Any]] = {
            name: [] for name in ("keys", "shapes", "sets", "runs", "starts", "sizes", "borders")
        }
        self._vertices = vertices
        self._count = 0
        self._borders = _Numbering()
        self._sets = _Numbering()
        # The set of the last cell if that has no runs: the next such cell with the same set needs no entry.
        self._last_empty: int | None = None

    def add_empty(self, key: Any, regions: tuple[int, ...]) -> None:
        """Add a tile without segments."""
        number = self._sets.of(regions)
        if number == self._last_empty:
            return
        self._last_empty = number
        values = (key, np.uint8(TILE_LEVEL), number, 0)
        for name, value in zip(("keys", "shapes", "sets", "runs"), values, strict=True):
            self._parts[name].append(np.array([value]))

    def add(self, leaves: list[_Leaves], segments: _Segments, regions: int) -> None:
        """Add the cells of a tile."""
        offsets = np.cumsum([0, *(len(part.keys) for part in leaves)])
        keys = np.concatenate([part.keys for part in leaves])
        shapes = np.concatenate([part.shapes for part in leaves])
        order = np.argsort(keys)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        cells = rank[np.concatenate([part.cells + offset for part, offset in zip(leaves, offsets, strict=False)])]
        members = np.concatenate([part.members for part in leaves])
        covered = np.concatenate([part.covered + offset * regions for part, offset in zip(leaves, offsets, strict=False)])
        sets = self._set_numbers(rank[covered // regions], covered % regions, len(order))
        keys, shapes = keys[order], shapes[order]
        by_cell = np.lexsort((members, cells))
        cells, members = cells[by_cell], members[by_cell]
        runs, starts, sizes, borders = self._runs(cells, members, segments, len(keys))
        # Cells without runs continue the cell before them if the same regions cover both.
        empty = runs == 0
        redundant = np.zeros(len(keys), dtype=bool)
        redundant[1:] = empty[1:] & empty[:-1] & (sets[1:] == sets[:-1])
        redundant[0] = empty[0] and sets[0] == self._last_empty
        self._last_empty = int(sets[-1]) if empty[-1] else None
        keep = ~redundant
        for name, values in (("keys", keys), ("shapes", shapes), ("sets", sets), ("runs", runs)):
            self._parts[name].append(values[keep])
        for name, values in (("starts", starts + self._count), ("sizes", sizes), ("borders", borders)):
            self._parts[name].append(values)
        vertices = _chain_vertices(segments)
        self._vertices.write(np.ascontiguousarray(vertices).tobytes())
        self._count += len(vertices)

    def _set_numbers(self, cells: Integers, regions: Integers, count: int) -> Integers:
        order = np.lexsort((regions, cells))
        cells, regions = cells[order], regions[order]
        sizes = np.bincount(cells, minlength=count)
        numbers = np.full(count, self._sets.of(()))
        single = sizes[cells] == 1
        # Nearly every cell: one region.
        ids = np.array([self._sets.of((region,)) for region in np.unique(regions[single]).tolist()], dtype=np.int64)
        if len(ids):
            numbers[cells[single]] = ids[np.searchsorted(np.unique(regions[single]), regions[single])]
        for cell in np.flatnonzero(sizes > 1).tolist():
            low, high = np.searchsorted(cells, [cell, cell + 1])
            numbers[cell] = self._sets.of(tuple(regions[low:high].tolist()))
        return numbers

    def _runs(self, cells: Integers, members: Integers, segments: _Segments, count: int) -> tuple[Integers, ...]:
        """Return the number of runs of each cell, and for each run its first vertex, its segments and its border."""
        pairs, border_of = np.unique(np.column_stack([segments.left, segments.right]), axis=0, return_inverse=True)
        numbers = np.array([self._borders.of(tuple(pair)) for pair in pairs.tolist()], dtype=np.int64)
        border_of = numbers[border_of.ravel()]
        # The vertex at which a segment begins: each chain has one vertex more than segments.
        first_vertex = np.arange(len(segments.start)) + np.cumsum(~segments.chained) - 1
        begins = np.ones(len(members), dtype=bool)
        begins[1:] = (
            (cells[1:] != cells[:-1])
            | (np.diff(members) != 1)
            | ~segments.chained[members[1:]]
            | (border_of[members[1:]] != border_of[members[:-1]])
        )
        first = np.flatnonzero(begins)
        lengths = np.diff([*first.tolist(), len(members)])
        parts = -(-lengths // RUN_SEGMENTS)
        within = _within(parts)
        starts = np.repeat(first, parts) + within * RUN_SEGMENTS
        sizes = np.minimum(np.repeat(lengths, parts) - within * RUN_SEGMENTS, RUN_SEGMENTS)
        runs = np.bincount(cells[starts], minlength=count)
        return runs, first_vertex[members[starts]], sizes, border_of[members[starts]]

    def finish(self) -> Tree:
        """Return the tree."""
        parts = {
            name: np.concatenate(values) if values else np.empty(0, dtype=np.int64) for name, values in self._parts.items()
        }
        sets, borders = list(self._sets.numbers), list(self._borders.numbers)
        sizes = [len(regions) for regions in sets]
        return Tree(
            parts["keys"].astype(np.uint64),
            parts["shapes"].astype(np.uint8),
            _smallest(parts["sets"], len(sets)),
            np.concatenate([[0], np.cumsum(parts["runs"])]).astype(np.uint32),
            parts["starts"].astype(np.uint32),
            parts["sizes"].astype(np.uint8),
            _smallest(parts["borders"], len(borders)),
            np.array(borders, dtype=np.int32).reshape(-1, 2),
            np.cumsum([0, *sizes]).astype(np.uint32),
            np.array([region for regions in sets for region in regions], dtype=np.int32),
        )


def _chain_vertices(segments: _Segments) -> Floats:
    """Return the vertices of the chains, one after the other."""
    ends = np.flatnonzero(~np.append(segments.chained[1:], False))
    positions = np.concatenate([np.arange(len(segments.start)), ends])
    vertices = np.concatenate([segments.start, segments.end[ends]])
    order = np.lexsort((np.arange(len(positions)) >= len(segments.start), positions))
    chain: Floats = vertices[order]
    return chain


def nodes_of(tree: Tree) -> Nodes:
    """Return the tree of boxes over the cells that have runs."""
    filled = np.flatnonzero(np.diff(tree.first_run))
    borders = tree.borders[tree.run_borders]
    starts = tree.first_run[filled].astype(np.int64)
    low = np.where(borders == NO_REGION, borders.max(axis=1)[:, None], borders).min(axis=1)
    owners = [np.minimum.reduceat(low, starts), np.maximum.reduceat(borders.max(axis=1), starts)] if len(starts) else [low, low]
    return build_nodes(cell_boxes(tree.keys[filled], tree.shapes[filled]), np.column_stack(owners))


def _smallest(values: Integers, count: int) -> Any:
    return values.astype(np.uint16 if count <= 2**16 else np.uint32)

"""Compiled tree: cells of a quadtree, the runs of segments in them, and the regions that cover their reference points."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from covidtrends_geo.boxes import LEVEL_BITS, LEVEL_MASK, Nodes, build_nodes, cell_boxes
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.quadtree import LEVELS, Floats, Integers, Keys, corner_at, side_of
from covidtrends_geo.ranges import ranges_of

_RUN_SEGMENTS = 255
# Lower bits of a key that are zero in cells of 256 m and more.
_SHORT_BITS = 2 * (LEVELS - 16)
_SHORT = np.uint64(_SHORT_BITS)
# Where the reference point of a cell may lie, in parts of its side. The first is used unless a border passes near it.
REFERENCES = np.array([[0.513717, 0.507313], [0.437109, 0.561831], [0.571043, 0.419273], [0.391127, 0.387317]])


class Tree(NamedTuple):
    """Cells of a quadtree with their contents, in the order of the keys.

    Attributes:
        keys: of the cells, uint64; without the lower bits, uint32, where no cell is smaller than 256 m (`compact`).
        shapes: level and number of the reference point of each cell (`boxes.LEVEL_BITS`), uint8.
        cover_sets: number of the set of regions that cover the reference point, or all of a cell without runs.
        first_run: number of the first run of each cell, one more element than cells.
        run_starts: number of the first vertex of each run.
        run_sizes: number of segments of each run.
        run_borders: number of the border of each run.
        borders: the regions to the left and to the right of each border, `NO_REGION` for none.
        set_starts, set_regions: the regions of each set, as ranges.
    """

    keys: Any
    shapes: Any
    cover_sets: Any
    first_run: Any
    run_starts: Any
    run_sizes: Any
    run_borders: Any
    borders: Any
    set_starts: Any
    set_regions: Any

    def compact(self) -> "Tree":
        """Return the tree with keys of four bytes, where they are enough for its cells."""
        short = (self.keys >> _SHORT).astype(np.uint32)
        return self._replace(keys=short) if ((short.astype(np.uint64) << _SHORT) == self.keys).all() else self

    def find(self, keys: Keys) -> Integers:
        """Return the cells of positions with these keys."""
        if self.keys.dtype == np.uint32:
            # Of the same type: otherwise all of the array would be converted.
            keys = (keys >> _SHORT).astype(np.uint32)
        cells: Integers = self.keys.searchsorted(keys, side="right") - 1
        return cells

    def find_single(self, key: int) -> int:
        """Return the cell of a position: as `find`, in a fraction of the time."""
        return bisect_right(memoryview(self.keys), key >> _SHORT_BITS if self.keys.dtype == np.uint32 else key) - 1

    def keys_of(self, cells: Any) -> Keys:
        """Return the keys of cells, uint64."""
        keys: Keys = self.keys[cells].astype(np.uint64)
        return keys << _SHORT if self.keys.dtype == np.uint32 else keys

    def level_of_single(self, cell: int) -> int:
        """Return the level of a cell."""
        return int(self.shapes[cell]) & LEVEL_MASK

    def reference_of(self, cell: int) -> tuple[float, float]:
        """Return the reference point of a cell."""
        key = int(self.keys[cell])
        west, south = corner_at(key << _SHORT_BITS if self.keys.dtype == np.uint32 else key)
        side, (x, y) = float(side_of(self.level_of_single(cell))), REFERENCES[self.shapes[cell] >> LEVEL_BITS].tolist()
        return west + x * side, south + y * side


class Segments(NamedTuple):
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


class Leaves(NamedTuple):
    """Undivided cells of a level: keys, shapes, pairs of cell and segment, and cell * regions + region of what covers."""

    keys: Keys
    shapes: Any
    cells: Integers
    members: Integers
    covered: Integers


@dataclass(slots=True)
class _Numbering:
    """Numbers of distinct tuples, in the order of their first use."""

    numbers: dict[tuple[int, ...], int] = field(default_factory=dict)

    def of(self, value: tuple[int, ...]) -> int:
        return self.numbers.setdefault(value, len(self.numbers))


class TreeWriter:
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
        # The level of a cell without runs is not used.
        values = (key, np.uint8(0), number, 0)
        for name, value in zip(("keys", "shapes", "sets", "runs"), values, strict=True):
            self._parts[name].append(np.array([value]))

    def add(self, leaves: list[Leaves], segments: Segments, regions: int) -> None:
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

    def _runs(self, cells: Integers, members: Integers, segments: Segments, count: int) -> tuple[Integers, ...]:
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
        parts = -(-lengths // _RUN_SEGMENTS)
        within = ranges_of(parts)
        starts = np.repeat(first, parts) + within * _RUN_SEGMENTS
        sizes = np.minimum(np.repeat(lengths, parts) - within * _RUN_SEGMENTS, _RUN_SEGMENTS)
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
            smallest(parts["sets"], len(sets)),
            np.concatenate([[0], np.cumsum(parts["runs"])]).astype(np.uint32),
            parts["starts"].astype(np.uint32),
            parts["sizes"].astype(np.uint8),
            smallest(parts["borders"], len(borders)),
            np.array(borders, dtype=np.int32).reshape(-1, 2),
            np.cumsum([0, *sizes]).astype(np.uint32),
            np.array([region for regions in sets for region in regions], dtype=np.int32),
        )


def _chain_vertices(segments: Segments) -> Floats:
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
    return build_nodes(cell_boxes(tree.keys_of(filled), tree.shapes[filled]).T, np.column_stack(owners))


def smallest(values: Integers, count: int) -> Any:
    """Return numbers below `count` in the smallest type of the file."""
    return values.astype(np.uint16 if count <= 2**16 else np.uint32)

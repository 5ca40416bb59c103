"""Spatial index of cells: packed R-tree in Morton order over the cells with borders, and the search for near cells."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.quadtree import (
    LEVELS,
    ROOT_SIDE,
    ROOT_X,
    ROOT_Y,
    Floats,
    Integers,
    Keys,
    corner_of,
    key_of,
    morton,
    side_of,
)
from covidtrends_geo.ranges import expanded

if TYPE_CHECKING:
    from covidtrends_geo.tree import Tree

FANOUT_BITS = 2
FANOUT = 1 << FANOUT_BITS
# Width around a cell, metres in EPSG:3347, of the strip whose segments the cell lists too.
CELL_MARGIN = 4.0
# A cell's shape holds its level in the lowest bits, and the number of its reference point above them.
LEVEL_BITS = 5
LEVEL_MASK = (1 << LEVEL_BITS) - 1
# One of four rows, or four arrays.
Columns = Floats | tuple[Floats, Floats, Floats, Floats]


class Nodes(NamedTuple):
    """Nodes of the tree, level by level, the cells with borders first.

    Attributes:
        boxes: west, south, east, north of the nodes above the cells, as rows; a cell's box follows from its key.
        owners: lowest and highest number of the regions that have a border in each node, as rows.
    """

    boxes: npt.NDArray[np.float32]
    owners: Any


def level_offsets(cells: int) -> list[int]:
    """Return where the nodes of each level begin, and their number, for a number of cells with borders."""
    offsets, count = [0], cells
    while count:
        offsets.append(offsets[-1] + count)
        count = 0 if count <= FANOUT else -(-count // FANOUT)
    return offsets


def cell_boxes(keys: Keys, shapes: np.ndarray) -> Floats:
    """Return west, south, east and north of cells with their margins, as four rows, metres in EPSG:3347."""
    return np.stack(widened(*corner_of(keys), side_of(level_of(shapes))))


def level_of(shapes: Any) -> Any:
    """Return the levels of cells in the quadtree, one or an array of them."""
    return shapes & LEVEL_MASK


def widened(west: Floats, south: Floats, side: Any) -> tuple[Floats, Floats, Floats, Floats]:
    """Return west, south, east and north of squares with the margin of a cell."""
    return west - CELL_MARGIN, south - CELL_MARGIN, west + side + CELL_MARGIN, south + side + CELL_MARGIN


def build_nodes(boxes: Floats, owners: Integers) -> Nodes:
    """Return the nodes over cells with borders, from the boxes and the owners of the cells."""
    offsets = level_offsets(len(boxes))
    levels, level_owners = [], [owners]
    for _ in offsets[2:]:
        starts = np.arange(0, len(boxes), FANOUT)
        boxes = np.column_stack(
            [
                *(np.minimum.reduceat(boxes[:, side], starts) for side in (0, 1)),
                *(np.maximum.reduceat(boxes[:, side], starts) for side in (2, 3)),
            ]
        )
        owners = np.column_stack([np.minimum.reduceat(owners[:, 0], starts), np.maximum.reduceat(owners[:, 1], starts)])
        levels.append(_outward(boxes))
        level_owners.append(owners)
    return Nodes(np.concatenate([np.empty((0, 4), dtype=np.float32), *levels]), np.concatenate(level_owners))


def _outward(boxes: Floats) -> npt.NDArray[np.float32]:
    """Return boxes as float32 that are not smaller."""
    rounded = boxes.astype(np.float32)
    inside = np.column_stack([rounded[:, :2] > boxes[:, :2], rounded[:, 2:] < boxes[:, 2:]])
    away = np.array([-np.inf, -np.inf, np.inf, np.inf], dtype=np.float32)
    outward: npt.NDArray[np.float32] = np.where(inside, np.nextafter(rounded, away), rounded)
    return outward


class BoxSearch:
    """Search for the cells with borders that can be near to boxes. Immutable."""

    def __init__(self, nodes: Nodes, tree: "Tree", filled: Any) -> None:
        """Take the nodes and the tree.

        Args:
            filled: indexes of the cells with borders.
        """
        self._nodes, self._tree, self._filled = nodes, tree, filled
        self._offsets = level_offsets(len(filled))

    def cells_near(self, boxes: Floats, own: Integers, reach: Floats, *, nearest: bool) -> tuple[Integers, Integers, Floats]:
        """Return pairs of a box and a cell with borders that lies within its reach, sorted by box, and the boxes of the cells.

        Args:
            boxes: rows of west, south, east, north; those of the cells are columns.
            own: region whose borders are left out, for each box; -1 for none.
            reach: greatest distance from a box.
            nearest: whether only cells are needed in which the nearest border to a point of the box can be.
        """
        if not len(self._filled):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty((4, 0))
        if nearest:
            reach = self._first_reach(boxes, own, reach)
        box_of, first, last = self._ranges(boxes, reach)
        # Each range begins at the level at which it has up to five nodes.
        begins = np.minimum(np.log2(last - first).astype(np.int64) // FANOUT_BITS, len(self._offsets) - 2)
        # Squared distances: computing many roots would take time.
        reach = reach**2
        box_columns = np.ascontiguousarray(boxes.T)
        ranges, nodes = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        # `take` is faster than masks, and than indexes in brackets.
        for level in range(int(begins.max(initial=0)), -1, -1):
            new = np.flatnonzero(begins == level)
            if len(new):
                start = first[new] >> FANOUT_BITS * level
                of, added = expanded(start, ((last[new] - 1) >> FANOUT_BITS * level) + 1 - start)
                ranges, nodes = np.concatenate([ranges, new[of]]), np.concatenate([nodes, added])
                order = np.argsort(ranges, kind="stable")
                ranges, nodes = ranges.take(order), nodes.take(order)
            if not level:
                # A node can hold cells that are not in the range.
                inside = np.flatnonzero((nodes >= first.take(ranges)) & (nodes < last.take(ranges)))
                ranges, nodes = ranges.take(inside), nodes.take(inside)
            numbers = box_of.take(ranges)
            foreign = np.flatnonzero(self._is_foreign(level, nodes, own.take(numbers)))
            ranges, nodes, numbers = ranges.take(foreign), nodes.take(foreign), numbers.take(foreign)
            columns, node_columns = box_columns.take(numbers, axis=1), self._columns(level, nodes)
            least = squared_least(columns, node_columns)
            if nearest and len(numbers):
                starts = np.flatnonzero(np.diff(numbers, prepend=-1))
                most = np.minimum.reduceat(squared_most(columns, node_columns), starts)
                reach[numbers[starts]] = np.minimum(reach[numbers[starts]], most)
            near = np.flatnonzero(least <= reach.take(numbers))
            ranges, nodes = ranges.take(near), nodes.take(near)
            if level:
                nodes = (nodes[:, None] * FANOUT + np.arange(FANOUT)).ravel()
                exists = np.flatnonzero(nodes < self._offsets[level] - self._offsets[level - 1])
                ranges, nodes = np.repeat(ranges, FANOUT).take(exists), nodes.take(exists)
        return numbers.take(near), self._filled.take(nodes), node_columns.take(near, axis=1)

    def _columns(self, level: int, nodes: Integers) -> Floats:
        """Return west, south, east and north of nodes of a level, as four rows."""
        if level:
            boxes = self._nodes.boxes.take(nodes + (self._offsets[level] - self._offsets[1]), axis=0)
            return boxes.T.astype(np.float64, order="C")
        cells = self._filled.take(nodes)
        return cell_boxes(self._tree.keys_of(cells), self._tree.shapes.take(cells))

    def _is_foreign(self, level: int, nodes: Integers, own: Integers) -> Any:
        """Return whether nodes of a level have a border of another region than `own`."""
        owners = self._nodes.owners.take(nodes + self._offsets[level], axis=0)
        return (owners[..., 0] != own) | (owners[..., 1] != own)

    def _ranges(self, boxes: Floats, reach: Floats) -> tuple[Integers, Integers, Integers]:
        """Return ranges of `filled`, the first and the end, with all cells within the reach of a box, and the box of each.

        Up to four squares of the quadtree, as wide as a box with its reach or wider, hold it. The ranges are not empty, and
        those of a box have no cell in common. They are sorted by box and by cell.
        """
        around = (reach + CELL_MARGIN)[:, None]
        low, high = boxes[:, :2] - around, boxes[:, 2:] + around
        with np.errstate(divide="ignore"):
            # A little wider than the box, so that rounding does not matter.
            levels = np.floor(np.log2(0.999 * ROOT_SIDE / (high - low).max(axis=1)))
        levels = np.clip(levels, 0, LEVELS)
        side, most = side_of(levels)[:, None], (2.0**levels - 1)[:, None]
        (column, row), (last_column, last_row) = (
            np.minimum(np.clip(corners - (ROOT_X, ROOT_Y), 0, ROOT_SIDE) // side, most).astype(np.uint64).T
            for corners in (low, high)
        )
        wide, high_enough = np.flatnonzero(column < last_column), np.flatnonzero(row < last_row)
        both = wide[row[wide] < last_row[wide]]
        box_of = np.concatenate([np.arange(len(boxes)), wide, high_enough, both])
        columns = np.concatenate([column, last_column[wide], column[high_enough], last_column[both]])
        rows = np.concatenate([row, row[wide], last_row[high_enough], last_row[both]])
        shift = (2 * (LEVELS - levels[box_of])).astype(np.uint64)
        keys = morton(columns, rows) << shift
        order = np.lexsort((keys, box_of))
        box_of, keys, shift = box_of[order], keys[order], shift[order]
        first = self._rank(self._tree.find(keys), side="left")
        last = self._rank(self._tree.find(keys + (np.uint64(1) << shift) - np.uint64(1)), side="right")
        # A cell can hold several of the squares.
        same = box_of[1:] == box_of[:-1]
        first[1:][same] = np.maximum(first[1:][same], last[:-1][same])
        filled = last > first
        return box_of[filled], first[filled], last[filled]

    def _rank(self, cells: Integers, side: Literal["left", "right"]) -> Integers:
        """Return where cells are, or would be, in `filled`."""
        # Of the same type: otherwise all of the array would be converted.
        rank: Integers = np.searchsorted(self._filled, cells.astype(self._filled.dtype), side=side)
        return rank

    def _first_reach(self, boxes: Floats, own: Integers, reach: Floats) -> Floats:
        """Return an upper bound of the distance to the nearest border: that to the nodes next in Morton order."""
        after = self._rank(self._tree.find(key_of(boxes[:, 0], boxes[:, 1])), side="left")
        bound = reach.copy()
        # Those without a border of another region next to them look among larger nodes.
        left = np.arange(len(boxes))
        for level, count in enumerate(np.diff(self._offsets).tolist()):
            nodes = np.clip((after[left, None] >> FANOUT_BITS * level) + np.arange(-2, 2), 0, count - 1)
            around = np.repeat(boxes[left].T, nodes.shape[1], axis=1)
            most = squared_most(around, self._columns(level, nodes.ravel())).reshape(nodes.shape)
            foreign = self._is_foreign(level, nodes, own[left, None])
            bound[left] = np.minimum(bound[left], np.sqrt(np.where(foreign, most, np.inf).min(axis=1)))
            left = left[~foreign.any(axis=1)]
            if not len(left):
                break
        return bound


def squared_least(boxes: Columns, others: Columns) -> Floats:
    """Return the squares of the least distances between a point of each box and a point of another box.

    Args:
        boxes, others: columns of west, south, east and north; of a point x, y, x and y.
    """
    west, south, east, north = boxes
    other_west, other_south, other_east, other_north = others
    gap_x = np.maximum(other_west - east, west - other_east)
    gap_y = np.maximum(other_south - north, south - other_north)
    np.maximum(gap_x, 0.0, out=gap_x)
    np.maximum(gap_y, 0.0, out=gap_y)
    squared: Floats = gap_x * gap_x + gap_y * gap_y
    return squared


def squared_most(boxes: Columns, others: Columns) -> Floats:
    """Return the squares of the greatest distances between a point of each box and a point of another box."""
    west, south, east, north = boxes
    other_west, other_south, other_east, other_north = others
    span_x = np.maximum(east - other_west, other_east - west)
    span_y = np.maximum(north - other_south, other_north - south)
    squared: Floats = span_x * span_x + span_y * span_y
    return squared

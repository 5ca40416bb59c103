"""Spatial index of cells: packed R-tree in Morton order over the cells with borders, and the search for near cells."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.quadtree import Floats, Integers, Keys, corner_of, key_of, side_of

if TYPE_CHECKING:
    from covidtrends_geo.tree import Tree

FANOUT = 4
# Width around a cell, metres in EPSG:3347, of the strip whose segments the cell lists too.
CELL_MARGIN = 4.0
# With so few boxes, the calls of numpy take longer than the work on the nodes.
_FEW = 8
# A cell's shape holds its level in the lowest bits, and the number of its reference point above them.
LEVEL_BITS = 5


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
    """Return the boxes of cells with their margins, as rows of west, south, east, north, metres in EPSG:3347."""
    return np.column_stack(widened(*corner_of(keys), side_of(level_of(shapes))))


def level_of(shapes: np.ndarray) -> Any:
    """Return the levels of cells in the quadtree."""
    return shapes & ((1 << LEVEL_BITS) - 1)


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
        """Return pairs of a box and a cell with borders that lies within its reach, sorted by box, and the box of the cell.

        Args:
            boxes: rows of west, south, east, north.
            own: region whose borders are left out, for each box; -1 for none.
            reach: greatest distance from a box.
            nearest: whether only cells are needed in which the nearest border to a point of the box can be.
        """
        offsets = self._offsets
        if len(offsets) == 1:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty((0, 4))
        stride = 1 if len(boxes) > _FEW else 3
        levels = sorted({*range(0, len(offsets) - 1, stride), len(offsets) - 2}, reverse=True)
        count = offsets[-1] - offsets[-2]
        numbers = np.repeat(np.arange(len(boxes)), count)
        nodes = np.tile(np.arange(count), len(boxes))
        # Squared distances: computing many roots would take time.
        reach = (self._first_reach(boxes, own, reach) if nearest else reach) ** 2
        box_columns = np.ascontiguousarray(boxes.T)
        for level, below in zip(levels, [*levels[1:], -1], strict=True):
            owners = self._nodes.owners[offsets[level] + nodes]
            own_of = own[numbers]
            foreign = (owners[:, 0] != own_of) | (owners[:, 1] != own_of)
            numbers, nodes = numbers[foreign], nodes[foreign]
            if level:
                node_boxes = self._nodes.boxes[offsets[level] - offsets[1] + nodes].astype(np.float64)
            else:
                at = self._filled[nodes]
                node_boxes = cell_boxes(self._tree.keys_of(at), self._tree.shapes[at])
            columns = box_columns[:, numbers]
            node_columns = np.ascontiguousarray(node_boxes.T)
            least = squared_least(columns, node_columns)
            if nearest and len(numbers):
                # Sorted by box.
                first = np.flatnonzero(np.diff(numbers, prepend=-1))
                most = np.minimum.reduceat(squared_most(columns, node_columns), first)
                reach[numbers[first]] = np.minimum(reach[numbers[first]], most)
            keep = least <= reach[numbers]
            numbers, nodes, node_boxes = numbers[keep], nodes[keep], node_boxes[keep]
            if level:
                children = FANOUT ** (level - below)
                numbers = np.repeat(numbers, children)
                nodes = (nodes[:, None] * children + np.arange(children)).ravel()
                exists = nodes < offsets[below + 1] - offsets[below]
                numbers, nodes = numbers[exists], nodes[exists]
        return numbers, self._filled[nodes], node_boxes

    def _first_reach(self, boxes: Floats, own: Integers, reach: Floats) -> Floats:
        """Return an upper bound of the distance to the nearest border: that to the cells next in Morton order."""
        cells = self._tree.find(key_of(boxes[:, 0], boxes[:, 1]))
        # Of the same type: otherwise all of the array would be converted.
        after = np.searchsorted(self._filled, cells.astype(self._filled.dtype))
        nodes = np.clip(after[:, None] + np.arange(-2, 2), 0, len(self._filled) - 1)
        at = self._filled[nodes.ravel()]
        most = np.sqrt(squared_most(np.repeat(boxes, 4, axis=0).T, cell_boxes(self._tree.keys_of(at), self._tree.shapes[at]).T))
        foreign = (self._nodes.owners[nodes] != own[:, None, None]).any(axis=2)
        bound: Floats = np.minimum(reach, np.where(foreign, most.reshape(nodes.shape), np.inf).min(axis=1))
        return bound


def squared_least(boxes: Floats, others: Floats) -> Floats:
    """Return the squares of the least distances between a point of each box and a point of another box.

    Args:
        boxes, others: columns of west, south, east and north: of four rows.
    """
    west, south, east, north = boxes
    other_west, other_south, other_east, other_north = others
    gap_x = np.maximum(other_west - east, west - other_east)
    gap_y = np.maximum(other_south - north, south - other_north)
    np.maximum(gap_x, 0.0, out=gap_x)
    np.maximum(gap_y, 0.0, out=gap_y)
    squared: Floats = gap_x * gap_x + gap_y * gap_y
    return squared


def squared_most(boxes: Floats, others: Floats) -> Floats:
    """Return the squares of the greatest distances between a point of each box and a point of another box."""
    west, south, east, north = boxes
    other_west, other_south, other_east, other_north = others
    span_x = np.maximum(east - other_west, other_east - west)
    span_y = np.maximum(north - other_south, other_north - south)
    squared: Floats = span_x * span_x + span_y * span_y
    return squared

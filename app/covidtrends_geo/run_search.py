"""Search for the runs of segments near one box: as `boxes.BoxSearch`, in plain Python.

For a single box, the calls of numpy take ten times as long as the work on the nodes.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

import numpy as np

from covidtrends_geo.boxes import CELL_MARGIN, FANOUT, FANOUT_BITS, Nodes, level_offsets
from covidtrends_geo.quadtree import LEVELS, ROOT_SIDE, Integers, key_at
from covidtrends_geo.ranges import expanded
from covidtrends_geo.tree import Tree

# West, south, east and north, metres in EPSG:3347.
Box = tuple[float, float, float, float]
# A range of cells begins at the level at which it has up to five nodes.
_MOST = FANOUT**2 - 1


class RunSearch:
    """Search in the nodes above the cells with borders. Immutable."""

    def __init__(self, nodes: Nodes, tree: Tree, filled: Any) -> None:
        """Take the nodes and the tree.

        Args:
            filled: indexes of the cells with borders.
        """
        self._tree = tree
        # Flat, so that a slice has the box of a node.
        self._boxes, self._owners = _flat(nodes.boxes), _flat(nodes.owners)
        self._filled, self._first_run = memoryview(filled), memoryview(tree.first_run)
        self._offsets = level_offsets(len(filled))

    def near(self, box: Box, own: int, reach: float, *, nearest: bool) -> Integers:
        """Return the numbers of all runs within the reach of a box, and of some others, in their order.

        Args:
            own: region whose borders can be left out; -1 for none.
            reach: greatest distance from the box, metres.
            nearest: whether only runs are needed in which the nearest border to a point of the box can be.
        """
        top = len(self._offsets) - 2
        if top < 1:
            return np.arange(len(self._tree.run_starts))
        squared = reach * reach
        if nearest:
            squared = min(squared, self._bound(box, own))
        near_nodes: list[tuple[float, int]] = []
        # The nearest node first: those below it leave few of the others.
        heap: list[tuple[float, int, int]] = []
        ranges = sorted(self._ranges(box, math.sqrt(squared) + CELL_MARGIN))
        while True:
            for level, first, last in ranges:
                for node, least, most in self._foreign(level, first, last, box, own):
                    if least > squared:
                        continue
                    if nearest and most < squared:
                        squared = most
                    if level == 1:
                        near_nodes.append((least, node))
                    else:
                        heappush(heap, (least, level, node))
            if not heap or heap[0][0] > squared:
                break
            _, level, node = heappop(heap)
            count = self._offsets[level] - self._offsets[level - 1]
            ranges = [(level - 1, node * FANOUT, min(node * FANOUT + FANOUT, count))]
        return self._runs(sorted({node for least, node in near_nodes if least <= squared}))

    def _runs(self, nodes: list[int]) -> Integers:
        """Return the runs in the cells of nodes."""
        filled, first_run = self._filled, self._first_run
        starts = [first_run[filled[node * FANOUT]] for node in nodes]
        ends = [first_run[filled[min(node * FANOUT + FANOUT, len(filled)) - 1] + 1] for node in nodes]
        first = np.array(starts, dtype=np.int64)
        return expanded(first, np.array(ends, dtype=np.int64) - first)[1]

    def _foreign(self, level: int, first: int, last: int, box: Box, own: int) -> Iterator[tuple[int, float, float]]:
        """Yield the nodes of a range with a border of another region, and the squares of least and greatest distance."""
        west, south, east, north = box
        offset = self._offsets[level]
        above = offset - self._offsets[1]
        boxes, owners = self._boxes, self._owners
        for node in range(first, last):
            at = 2 * (offset + node)
            if owners[at] == own and owners[at + 1] == own:
                continue
            at = 4 * (above + node)
            node_west, node_south, node_east, node_north = boxes[at : at + 4]
            gap_x = node_west - east if node_west > east else (west - node_east if west > node_east else 0.0)
            gap_y = node_south - north if node_south > north else (south - node_north if south > node_north else 0.0)
            span_x = east - node_west if east + west > node_west + node_east else node_east - west
            span_y = north - node_south if north + south > node_south + node_north else node_north - south
            yield node, gap_x * gap_x + gap_y * gap_y, span_x * span_x + span_y * span_y

    def _bound(self, box: Box, own: int) -> float:
        """Return the square of an upper bound of the distance to the nearest border: that to the nodes next in Morton order."""
        after = self._rank(self._tree.find_single(key_at((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)))
        bound = math.inf
        for level in range(1, len(self._offsets) - 1):
            node, count = after >> FANOUT_BITS * level, self._offsets[level + 1] - self._offsets[level]
            for _, _, most in self._foreign(level, max(node - 1, 0), min(node + 2, count), box, own):
                bound = min(bound, most)
            if bound < math.inf:
                break
        return bound

    def _ranges(self, box: Box, around: float) -> set[tuple[int, int, int]]:
        """Return ranges of nodes, with their level, over all cells within a distance of a box.

        Up to four squares of the quadtree, as wide as the box with the distance around it or wider, hold it.
        """
        west, south, east, north = box
        # A little more, so that rounding does not matter.
        side = (max(east - west, north - south) + 2 * around) * 1.001
        level = min(int(math.log2(ROOT_SIDE / side)), LEVELS) if side < ROOT_SIDE else 0
        shift = 2 * (LEVELS - level)
        squares = {0}
        if level:
            squares = {key_at(x, y) >> shift for x in (west - around, east + around) for y in (south - around, north + around)}
        ranges = set()
        for square in squares:
            first = self._rank(self._tree.find_single(square << shift))
            last = bisect_right(self._filled, self._tree.find_single(((square + 1) << shift) - 1))
            level, cells = 1, last - first
            while cells > _MOST:
                level, cells = level + 1, cells >> FANOUT_BITS
            level = min(level, len(self._offsets) - 2)
            if last > first:
                ranges.add((level, first >> FANOUT_BITS * level, ((last - 1) >> FANOUT_BITS * level) + 1))
        return ranges

    def _rank(self, cell: int) -> int:
        """Return the number of cells with borders before a cell."""
        return bisect_left(self._filled, cell)


def _flat(rows: Any) -> memoryview:
    return memoryview(rows.reshape(-1))

"""Search for the nearest border of another region than the one that covers each of many positions.

Positions and distances are in metres of EPSG:3347. `run_search` searches around one square.
"""

from typing import Any

import numpy as np

from covidtrends_geo import quadtree
from covidtrends_geo.boxes import BoxSearch, squared_least, squared_most
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.pairs import Pairs
from covidtrends_geo.quadtree import Floats, Integers
from covidtrends_geo.ranges import expanded, members
from covidtrends_geo.segments import squared_distance
from covidtrends_geo.tree import Tree
from covidtrends_geo.vertices import Vertices

# Side of the squares whose positions share a search for near cells: 1,024 m.
_SQUARE_LEVEL = 14
_KEY_SHIFT = np.uint64(2 * (quadtree.LEVELS - _SQUARE_LEVEL))


class NearestBorders:
    """Search for nearest borders. Immutable."""

    def __init__(self, tree: Tree, vertices: Vertices, boxes: BoxSearch, regions: int) -> None:
        """Take the arrays of a file, the search for near cells in them, and the number of regions."""
        self._tree, self._vertices, self._boxes, self._regions = tree, vertices, boxes, regions

    def find(self, x: Floats, y: Floats, own: Integers, reach: Any = np.inf) -> Pairs:
        """Return the nearest border of another region than `own`, of several the lowest region; none beyond `reach`.

        Args:
            own: the region of each position whose borders are left out; `NO_REGION` for none.
            reach: greatest distance, one for all positions or one each.

        Returns: at most one pair for each position, sorted by position.
        """
        reach = np.array(np.broadcast_to(reach, x.shape))
        positions, cells, least = self._near_cells(x, y, own, reach)
        # The nearest cell first: its border leaves few of the others.
        least_of = np.full(len(x), np.inf)
        np.minimum.at(least_of, positions, least)
        is_nearest = least == least_of.take(positions)
        in_nearest_cells = self._in_cells(x, y, own, positions[is_nearest], cells[is_nearest])
        np.minimum.at(reach, in_nearest_cells.positions, in_nearest_cells.distances)
        farther = ~is_nearest & (least <= reach.take(positions))
        in_farther_cells = self._in_cells(x, y, own, positions[farther], cells[farther])
        np.minimum.at(reach, in_farther_cells.positions, in_farther_cells.distances)
        borders = Pairs(*(np.concatenate(columns) for columns in zip(in_nearest_cells, in_farther_cells, strict=True)))
        borders = borders.where(borders.distances <= reach.take(borders.positions))
        borders = borders.where(np.lexsort((borders.regions, borders.positions)))
        return borders.where(np.diff(borders.positions, prepend=-1) != 0)

    def _near_cells(self, x: Floats, y: Floats, own: Integers, reach: Floats) -> tuple[Integers, Integers, Floats]:
        """Return pairs of a position and a cell in which its nearest border can be, and the least distance to the cell.

        Lowers `reach` to the greatest distance at which a nearest border can be.
        """
        # Square and region in one number.
        keys = (quadtree.key_of(x, y) >> _KEY_SHIFT).astype(np.int64) * (self._regions + 1) + own + 1
        squares, of_position = np.unique(keys, return_inverse=True)
        # The box of the positions in a square: a point, where there is only one.
        boxes = np.full((len(squares), 4), (np.inf, np.inf, -np.inf, -np.inf))
        for side, (ufunc, coordinate) in enumerate(((np.minimum, x), (np.minimum, y), (np.maximum, x), (np.maximum, y))):
            ufunc.at(boxes[:, side], of_position, coordinate)
        reach_of_box = np.zeros(len(boxes))
        np.maximum.at(reach_of_box, of_position, reach)
        own_of_box = squares % (self._regions + 1) - 1
        numbers, cells, cell_boxes = self._boxes.cells_near(boxes, own_of_box, reach_of_box, nearest=True)
        positions, pairs = members(np.searchsorted(numbers, np.arange(len(boxes) + 1)), of_position)
        at_x, at_y, cell_boxes = x.take(positions), y.take(positions), cell_boxes.take(pairs, axis=1)
        points = (at_x, at_y, at_x, at_y)
        np.minimum.at(reach, positions, np.sqrt(squared_most(points, cell_boxes)))
        least = np.sqrt(squared_least(points, cell_boxes))
        near = np.flatnonzero(least <= reach.take(positions))
        return positions.take(near), cells.take(pairs.take(near)), least.take(near)

    def of_runs(self, x: Floats, y: Floats, positions: Integers, runs: Integers) -> tuple[Floats, Integers]:
        """Return for pairs of a position and a run the distance, and the nearest segment as the number of its first vertex."""
        tree = self._tree
        if not len(runs):
            return np.empty(0), np.empty(0, dtype=np.int64)
        sizes = tree.run_sizes.take(runs).astype(np.int64)
        of_run, numbers = expanded(tree.run_starts.take(runs), sizes + 1)
        vertices, at = self._vertices.at(numbers), positions.take(of_run)
        squared = np.empty(len(numbers))
        squared[:-1] = squared_distance(x.take(at[:-1]), y.take(at[:-1]), vertices[:-1], vertices[1:])
        # The last vertex of a run begins no segment.
        ends = np.cumsum(sizes + 1) - 1
        squared[ends] = np.inf
        least = np.minimum.reduceat(squared, ends - sizes)
        # The first of equally near segments counts: the last assignment.
        is_least = np.flatnonzero(squared == least.take(of_run))[::-1]
        nearest = np.empty(len(runs), dtype=np.int64)
        nearest[of_run.take(is_least)] = numbers.take(is_least)
        return np.sqrt(least), nearest

    def _in_cells(self, x: Floats, y: Floats, own: Integers, positions: Integers, cells: Integers) -> Pairs:
        """Return the nearest borders of other regions in cells, one for each run and region."""
        tree = self._tree
        pairs, runs = members(tree.first_run, cells)
        positions = positions.take(pairs)
        borders = tree.borders.take(tree.run_borders.take(runs), axis=0)
        foreign = (borders != NO_REGION) & (borders != own.take(positions)[:, None])
        wanted = np.flatnonzero(foreign[:, 0] | foreign[:, 1])
        positions, runs = positions.take(wanted), runs.take(wanted)
        borders, foreign = borders.take(wanted, axis=0), foreign.take(wanted, axis=0)
        least, segments = self.of_runs(x, y, positions, runs)
        nearest_pairs = [
            Pairs(positions[side], borders[side, number], least[side], segments[side]) for number, side in enumerate(foreign.T)
        ]
        return Pairs(*(np.concatenate(columns) for columns in zip(*nearest_pairs, strict=True)))

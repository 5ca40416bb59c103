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
        """
        # Square and region in one number.
        places, of_position = np.unique(
            (quadtree.key_of(x, y) >> _KEY_SHIFT).astype(np.int64) * (self._regions + 1) + own + 1, return_inverse=True
        )
        # The box of the positions in a square: a point, where there is only one.
        boxes = np.full((len(places), 4), (np.inf, np.inf, -np.inf, -np.inf))
        for side, (ufunc, coordinate) in enumerate(((np.minimum, x), (np.minimum, y), (np.maximum, x), (np.maximum, y))):
            ufunc.at(boxes[:, side], of_position, coordinate)
        reaches = np.zeros(len(boxes))
        np.maximum.at(reaches, of_position, np.broadcast_to(reach, x.shape))
        own_of_box = places % (self._regions + 1) - 1
        numbers, cells, cell_boxes = self._boxes.cells_near(boxes, own_of_box, reaches, nearest=True)
        bounds = np.searchsorted(numbers, np.arange(len(boxes) + 1))
        positions, pairs = members(bounds, of_position)
        at_x, at_y, cell_columns = x.take(positions), y.take(positions), cell_boxes.take(pairs, axis=1)
        columns = (at_x, at_y, at_x, at_y)
        # The pairs are sorted by position.
        starts = np.flatnonzero(np.diff(positions, prepend=-1))
        most = np.minimum.reduceat(squared_most(columns, cell_columns), starts) if len(starts) else np.empty(0)
        reach = np.array(np.broadcast_to(reach, x.shape))
        bounded = positions.take(starts)
        reach[bounded] = np.minimum(reach.take(bounded), np.sqrt(most))
        least = np.sqrt(squared_least(columns, cell_columns))
        possible = np.flatnonzero(least <= reach.take(positions))
        positions, pairs, least = positions.take(possible), pairs.take(possible), least.take(possible)
        # The nearest cell first: its border leaves few of the others.
        starts = np.flatnonzero(np.diff(positions, prepend=-1))
        leasts = np.minimum.reduceat(least, starts) if len(starts) else least
        first = least == np.repeat(leasts, np.diff(starts, append=len(least)))
        cells = cells.take(pairs)
        nearest_pairs = self._in_cells(x, y, own, positions[first], cells[first])
        np.minimum.at(reach, nearest_pairs.positions, nearest_pairs.distances)
        farther = np.flatnonzero(~first & (least <= reach.take(positions)))
        others = self._in_cells(x, y, own, positions.take(farther), cells.take(farther))
        np.minimum.at(reach, others.positions, others.distances)
        nearest_pairs = Pairs(*(np.concatenate(columns) for columns in zip(nearest_pairs, others, strict=True)))
        nearest_pairs = nearest_pairs.where(nearest_pairs.distances <= reach.take(nearest_pairs.positions))
        nearest_pairs = nearest_pairs.where(np.lexsort((nearest_pairs.regions, nearest_pairs.positions)))
        return nearest_pairs.where(np.diff(nearest_pairs.positions, prepend=-1) != 0)

    def of_runs(self, x: Floats, y: Floats, positions: Integers, runs: Integers) -> tuple[Floats, Integers]:
        """Return for pairs of a position and a run the distance and the nearest segment."""
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

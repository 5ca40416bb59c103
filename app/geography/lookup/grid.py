"""Grid cache for single lookups: squares of 512 m with what is the same for every point in them.

Most cells lie in one region, so a lookup in them needs no point-in-polygon test, and only a few border lines can be nearest.
The cache is bounded. Nothing is stored about positions.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geography.lookup.border_index import Geometries, Integers, SpatialIndex

# Metres in EPSG:3347, the side of a square, and how far around it a square knows: further out the trees are asked.
CELL_SIDE_M = 512.0
BUFFER_M = 64.0
# Squares remembered for a vintage: a large city has some three thousand.
CELLS_MAX = 10_000

_HALF_DIAGONAL = CELL_SIDE_M / 2**0.5
# Of a square's area: what two pieces of a region leave between them by rounding, much less than a millimetre wide.
NO_AREA = 1e-9
MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class NearestCandidates:
    """The lines that can be nearest to a place that is in a square and in one region: a shape for each rank, in their order."""

    ranks: tuple[int, ...]
    shapes: Geometries


class GridCell:
    """A square of `SIDE` metres.

    Attributes:
        alone: the rank of the region that the square and `AROUND` metres about it lie in, None where there is not just one.
        pieces: the numbers of the pieces that are in it or within `AROUND` metres.
    """

    __slots__ = ("_centre", "_rivals", "alone", "pieces")

    def __init__(self, column: int, row: int, pieces: SpatialIndex) -> None:
        west, south = column * CELL_SIDE_M, row * CELL_SIDE_M
        self._centre = shapely.Point(west + CELL_SIDE_M / 2, south + CELL_SIDE_M / 2)
        box = shapely.box(west - BUFFER_M, south - BUFFER_M, west + CELL_SIDE_M + BUFFER_M, south + CELL_SIDE_M + BUFFER_M)
        self.pieces: Integers = pieces.tree.query(box, predicate="intersects")
        ranks = np.unique(pieces.owners[self.pieces])
        self.alone: int | None = None
        if len(ranks) == 1:
            covered = shapely.area(shapely.intersection(pieces.shapes[self.pieces], box)).sum()
            if covered >= box.area * (1 - NO_AREA):
                self.alone = int(ranks[0])
        self._rivals: dict[int, NearestCandidates | None] = {}

    def nearest_candidates(self, own: int, outlines: Sequence[SpatialIndex | None]) -> NearestCandidates | None:
        """Return what can be nearest to a place in this square and in region `own`; None where there is no other region."""
        try:
            return self._rivals[own]
        except KeyError:
            borders = outlines[own]
            self._rivals[own] = result = None if borders is None else self._found(borders)
            return result

    def _found(self, borders: SpatialIndex) -> NearestCandidates:
        _, (distance,) = borders.tree.query_nearest(self._centre, return_distance=True, all_matches=False)
        reach = distance + 2 * _HALF_DIAGONAL + MARGIN
        numbers = borders.tree.query(self._centre, predicate="dwithin", distance=reach)
        owners = borders.owners[numbers]
        ranks = np.unique(owners)
        shapes = [shapely.multilinestrings(borders.shapes[numbers[owners == rank]]) for rank in ranks]
        return NearestCandidates(tuple(ranks.tolist()), np.array(shapes, dtype=object))


class GridCache:
    """The squares of a vintage that were asked for, at most `CELLS_MAX` of them."""

    def __init__(self, pieces: SpatialIndex) -> None:
        self._made: dict[tuple[int, int], GridCell] = {}
        # The keys of `_made`, oldest first: eviction takes a constant time.
        self._order: deque[tuple[int, int]] = deque()
        self._pieces = pieces

    def at(self, x: float, y: float) -> GridCell:
        """Return the square that a place of EPSG:3347 is in."""
        key = (int(x // CELL_SIDE_M), int(y // CELL_SIDE_M))
        cell = self._made.get(key)
        if cell is None:
            cell = GridCell(*key, self._pieces)
            # First in, first out. Threads may make one twice, or evict one more or less: nothing is wrong then.
            if self._made.setdefault(key, cell) is cell:
                self._order.append(key)
                if len(self._order) > CELLS_MAX:
                    self._made.pop(self._order.popleft(), None)
        return cell

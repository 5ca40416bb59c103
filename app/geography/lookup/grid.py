"""Grid of 512 m cells with what is the same for every point in a cell.

Most cells lie in one region, so a lookup in them needs no point-in-polygon test, and only a few border lines can be nearest.
Single lookups use `GridCache`, which is bounded. Batches use `single_region` and `nearest`, which compute the cells of all
positions in a few calls and keep none. Nothing is stored about positions.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from geography.lookup.border_index import Geometries, Integers, SpatialIndex

Numbers = npt.NDArray[np.float64]

# Metres in EPSG:3347, the side of a square, and how far around it a square knows: further out the trees are asked.
CELL_SIDE_M = 512.0
BUFFER_M = 64.0
# Squares remembered for a vintage: a large city has some three thousand.
CELLS_MAX = 10_000

_HALF_DIAGONAL = CELL_SIDE_M / 2**0.5
# Of a square's area: what two pieces of a region leave between them by rounding, much less than a millimetre wide.
NO_AREA = 1e-9
MARGIN = 0.01

# Metres in EPSG:3347, the sides of squares in which few lines can be nearest. Where too many can in a large one, small ones are
# looked at.
_SIDES_OF_BORDERS = (4096.0, CELL_SIDE_M)
# What a square is worth: fewer positions are asked about one by one.
_POSITIONS_MIN = 3
# With more lines than these, a look through the tree of all of them is faster.
_LINES_MAX = 12


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


class Nearest(NamedTuple):
    """What is nearest to each of some positions: their numbers, the ranks of the owners, and the shapes."""

    numbers: Integers
    ranks: Integers
    shapes: Geometries


def single_region(xy: Numbers, around: float, pieces: SpatialIndex) -> Integers:
    """Return for each position the rank of the region that it and all within `around` metres of it are in, where that is sure.

    -1 where it is not: the position's square is not wholly in one region, or too few others are in it to find that out.

    Args:
        xy: positions as rows, metres in EPSG:3347.
        pieces: of all regions.
    """
    corners, square_of = _squares(xy, CELL_SIDE_M)
    flatnonzero = np.flatnonzero(np.bincount(square_of, minlength=len(corners)) >= _POSITIONS_MIN)
    west, south = (corners[flatnonzero] - around).T
    side = CELL_SIDE_M + 2 * around
    boxes = shapely.box(west, south, west + side, south + side)
    numbers, query = pieces.tree.query(boxes, predicate="intersects")
    ranks = pieces.owners[query]
    least, most = np.full(len(boxes), len(pieces.owners)), np.full(len(boxes), -1)
    np.minimum.at(least, numbers, ranks)
    np.maximum.at(most, numbers, ranks)
    of_one = (least == most)[numbers]
    in_one_piece = (np.bincount(numbers, minlength=len(boxes)) == 1)[numbers]
    covered = np.zeros(len(boxes))
    # Nearly always one piece holds the whole square, which is a much cheaper question than what the two share.
    single = np.flatnonzero(of_one & in_one_piece)
    held = single[shapely.covers(pieces.shapes[query[single]], boxes[numbers[single]])]
    covered[numbers[held]] = side * side
    several = np.flatnonzero(of_one & ~in_one_piece)
    shared = shapely.intersection(pieces.shapes[query[several]], boxes[numbers[several]])
    np.add.at(covered, numbers[several], shapely.area(shared))
    of_square = np.full(len(corners), -1, dtype=np.intp)
    of_square[flatnonzero] = np.where(covered >= side * side * (1 - NO_AREA), most, -1)
    return of_square[square_of]


def nearest(points: Geometries, xy: Numbers, borders: SpatialIndex, most: float | None = None) -> Nearest:
    """Return for each position which line is nearest; of several, the lowest rank's.

    Args:
        points: positions in EPSG:3347.
        xy: the same as rows of numbers.
        borders: lines, or other shapes.
        most: how far they may be; None for however far.
    """
    result: list[_Pairs] = []
    rest = np.arange(len(points))
    for side in _SIDES_OF_BORDERS:
        positions, lines, rest = _by_squares(xy, rest, side, borders, most)
        lengths = shapely.distance(borders.shapes[lines], points[positions])
        near = np.flatnonzero(lengths <= (np.inf if most is None else most))
        result.append(_Pairs(positions[near], lines[near], lengths[near]))
    # Of the others the tree knows what is nearest, and what is as near.
    numbers, lines = borders.tree.query_nearest(points[rest], max_distance=most)
    result.append(_Pairs(rest[numbers], lines, np.zeros(len(lines))))
    positions, lines, lengths = (np.concatenate(column) for column in zip(*result, strict=True))
    order = np.lexsort((borders.owners[lines], lengths, positions))
    numbers, chosen = np.unique(positions[order], return_index=True)
    lines = lines[order[chosen]]
    return Nearest(numbers, borders.owners[lines], borders.shapes[lines])


class _Pairs(NamedTuple):
    """Positions, each with some lines, and how far it is from these."""

    positions: Integers
    lines: Integers
    lengths: Numbers


def _by_squares(
    xy: Numbers, integers: Integers, side: float, borders: SpatialIndex, most: float | None
) -> tuple[Integers, Integers, Integers]:
    """Return positions and the lines that can be nearest to each, pair by pair, and the positions that squares tell nothing of.

    Args:
        asked: numbers of the positions that are asked about.
    """
    corners, square_of = _squares(xy[integers], side)
    known_values = np.bincount(square_of, minlength=len(corners)) >= _POSITIONS_MIN
    lines, sizes = _lines_of_squares(corners, np.flatnonzero(known_values), side, borders, most)
    known_values &= sizes <= _LINES_MAX
    flatnonzero = np.flatnonzero(known_values[square_of])
    counts, first = sizes[square_of[flatnonzero]], (np.cumsum(sizes) - sizes)[square_of[flatnonzero]]
    # For each position the lines of its square, one after the other.
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return (
        np.repeat(integers[flatnonzero], counts),
        lines[np.repeat(first, counts) + within],
        integers[~known_values[square_of]],
    )


def _lines_of_squares(
    corners: Numbers, integers: Integers, side: float, borders: SpatialIndex, most: float | None
) -> tuple[Integers, Integers]:
    """Return the lines that can be nearest to a place in each of some squares, one after the other, and how many each has."""
    sizes = np.zeros(len(corners), dtype=np.intp)
    if not len(integers):
        return np.empty(0, dtype=np.intp), sizes
    diagonal = side * 2**0.5
    centres = shapely.points(corners[integers] + side / 2)
    farthest = None if most is None else most + diagonal
    (query_nearest, _), distances = borders.tree.query_nearest(
        centres, max_distance=farthest, return_distance=True, all_matches=False
    )
    # A place in a square is at most so much farther than its centre from what is nearest to the centre.
    numbers, lines = borders.tree.query(centres[query_nearest], predicate="dwithin", distance=distances + diagonal + MARGIN)
    sizes[integers[query_nearest]] = np.bincount(numbers, minlength=len(query_nearest))
    return lines, sizes


def _squares(xy: Numbers, side: float) -> tuple[Numbers, Integers]:
    """Return the south-western corners of the squares that positions lie in, and for each position the number of its square."""
    columns, rows = np.floor(xy / side).T
    _, first, square_of = np.unique(columns * 2.0**26 + rows, return_index=True, return_inverse=True)
    return np.column_stack([columns[first], rows[first]]) * side, square_of

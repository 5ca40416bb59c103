"""Grid of 512 m cells with the lookup data that is the same for every point in a cell.

Most cells lie in one region, so a lookup in them needs no point-in-polygon test, and only a few border lines can be nearest.
Single lookups use `GridCache`, which is bounded. Batches use `single_region` and `nearest`, which compute the cells of all
positions in a few calls and store none. No position is stored.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from geography.lookup.border_index import GeometryArray, IndexArray, SpatialIndex

FloatArray = npt.NDArray[np.float64]

# Metres in EPSG:3347: the side of a cell, and the width of the buffer around it. The cell lists the pieces in the buffer too.
# Searches with a larger radius use the tree.
CELL_SIDE_M = 512.0
BUFFER_M = 64.0
# Cells cached for each vintage. A large city has some three thousand.
CELLS_MAX = 10_000

_HALF_DIAGONAL = CELL_SIDE_M / 2**0.5
# Part of a cell's area. Rounding leaves gaps between two pieces of a region that are much less than a millimetre wide.
NO_AREA = 1e-9
MARGIN = 0.01

# Metres in EPSG:3347, the sides of cells in which few lines can be nearest. Small ones replace a large one that has too many.
_BORDER_CELL_SIDES = (4096.0, CELL_SIDE_M)
# A cell with fewer positions than these costs more than lookups one by one.
_POSITIONS_MIN = 3
# With more lines than these in a cell, a search in the tree of all lines is faster.
_LINES_MAX = 12


@dataclass(frozen=True, slots=True)
class NearestCandidates:
    """Border lines that can be nearest to a point in a cell and in one region: a shape for each other region, by code."""

    regions: tuple[int, ...]
    shapes: GeometryArray


class GridCell:
    """Cell with sides of `CELL_SIDE_M`.

    Attributes:
        single_region: the number of the region that contains the cell and its buffer of `BUFFER_M`; None where several regions
            or none do.
        pieces: the numbers of the pieces that intersect the cell or its buffer.
    """

    __slots__ = ("_candidates", "_centre", "pieces", "single_region")

    def __init__(self, column: int, row: int, pieces: SpatialIndex) -> None:
        west, south = column * CELL_SIDE_M, row * CELL_SIDE_M
        self._centre = shapely.Point(west + CELL_SIDE_M / 2, south + CELL_SIDE_M / 2)
        box = shapely.box(west - BUFFER_M, south - BUFFER_M, west + CELL_SIDE_M + BUFFER_M, south + CELL_SIDE_M + BUFFER_M)
        self.pieces: IndexArray = pieces.tree.query(box, predicate="intersects")
        regions = np.unique(pieces.owners[self.pieces])
        self.single_region: int | None = None
        if len(regions) == 1:
            covered = shapely.area(shapely.intersection(pieces.shapes[self.pieces], box)).sum()
            if covered >= box.area * (1 - NO_AREA):
                self.single_region = int(regions[0])
        # By the number of the region that covers.
        self._candidates: dict[int, NearestCandidates | None] = {}

    def nearest_candidates(self, own: int, border_indexes: Sequence[SpatialIndex | None]) -> NearestCandidates | None:
        """Return the lines that can be nearest to a point in this cell and in region `own`; None without another region."""
        try:
            return self._candidates[own]
        except KeyError:
            borders = border_indexes[own]
            self._candidates[own] = candidates = None if borders is None else self._search(borders)
            return candidates

    def _search(self, borders: SpatialIndex) -> NearestCandidates:
        _, (distance,) = borders.tree.query_nearest(self._centre, return_distance=True, all_matches=False)
        reach = distance + 2 * _HALF_DIAGONAL + MARGIN
        numbers = borders.tree.query(self._centre, predicate="dwithin", distance=reach)
        owners = borders.owners[numbers]
        regions = np.unique(owners)
        shapes = [shapely.multilinestrings(borders.shapes[numbers[owners == region]]) for region in regions]
        return NearestCandidates(tuple(regions.tolist()), np.array(shapes, dtype=object))


class GridCache:
    """Cells of a vintage that lookups have used, at most `CELLS_MAX` of them."""

    def __init__(self, pieces: SpatialIndex) -> None:
        self._made: dict[tuple[int, int], GridCell] = {}
        # The keys of `_made`, oldest first: eviction takes a constant time.
        self._order: deque[tuple[int, int]] = deque()
        self._pieces = pieces

    def at(self, x: float, y: float) -> GridCell:
        """Return the cell that contains a point in EPSG:3347."""
        key = (int(x // CELL_SIDE_M), int(y // CELL_SIDE_M))
        cell = self._made.get(key)
        if cell is None:
            cell = GridCell(*key, self._pieces)
            # First in, first out. Two threads may create the same cell, or evict one cell more or less: both are harmless.
            if self._made.setdefault(key, cell) is cell:
                self._order.append(key)
                if len(self._order) > CELLS_MAX:
                    self._made.pop(self._order.popleft(), None)
        return cell


class Nearest(NamedTuple):
    """Nearest shapes: the numbers of the positions, the numbers of the regions, and the shapes."""

    numbers: IndexArray
    regions: IndexArray
    shapes: GeometryArray


def single_region(xy: FloatArray, around: float, pieces: SpatialIndex) -> IndexArray:
    """Return for each position the number of the region that contains it and everything within `around` metres of it.

    -1 where that is not certain: the position's cell is not wholly in one region, or holds too few positions to test it.

    Args:
        xy: positions as rows, metres in EPSG:3347.
        pieces: of all regions.
    """
    corners, cell_of = _cells(xy, CELL_SIDE_M)
    tested = np.flatnonzero(np.bincount(cell_of, minlength=len(corners)) >= _POSITIONS_MIN)
    west, south = (corners[tested] - around).T
    side = CELL_SIDE_M + 2 * around
    boxes = shapely.box(west, south, west + side, south + side)
    numbers, its_pieces = pieces.tree.query(boxes, predicate="intersects")
    regions = pieces.owners[its_pieces]
    least, most = np.full(len(boxes), len(pieces.owners)), np.full(len(boxes), -1)
    np.minimum.at(least, numbers, regions)
    np.maximum.at(most, numbers, regions)
    of_single_region = (least == most)[numbers]
    in_one_piece = (np.bincount(numbers, minlength=len(boxes)) == 1)[numbers]
    covered = np.zeros(len(boxes))
    # Nearly always one piece contains the whole cell. That test is much cheaper than an intersection.
    single = np.flatnonzero(of_single_region & in_one_piece)
    covering = single[shapely.covers(pieces.shapes[its_pieces[single]], boxes[numbers[single]])]
    covered[numbers[covering]] = side * side
    several = np.flatnonzero(of_single_region & ~in_one_piece)
    shared = shapely.intersection(pieces.shapes[its_pieces[several]], boxes[numbers[several]])
    np.add.at(covered, numbers[several], shapely.area(shared))
    region_of_cell = np.full(len(corners), -1, dtype=np.intp)
    region_of_cell[tested] = np.where(covered >= side * side * (1 - NO_AREA), most, -1)
    return region_of_cell[cell_of]


def nearest(points: GeometryArray, xy: FloatArray, borders: SpatialIndex, most: float | None = None) -> Nearest:
    """Return the nearest line to each position; of several that are equally near, the line of the lowest region number.

    Args:
        points: positions in EPSG:3347.
        xy: the same positions as rows of coordinates.
        borders: lines, or other shapes.
        most: greatest distance in metres of EPSG:3347; None for no limit.
    """
    pairs: list[_Pairs] = []
    rest = np.arange(len(points))
    for side in _BORDER_CELL_SIDES:
        positions, lines, rest = _by_cells(xy, rest, side, borders, most)
        lengths = shapely.distance(borders.shapes[lines], points[positions])
        near = np.flatnonzero(lengths <= (np.inf if most is None else most))
        pairs.append(_Pairs(positions[near], lines[near], lengths[near]))
    # For the other positions the tree returns the nearest lines, all of them if several are equally near.
    numbers, lines = borders.tree.query_nearest(points[rest], max_distance=most)
    pairs.append(_Pairs(rest[numbers], lines, np.zeros(len(lines))))
    positions, lines, lengths = (np.concatenate(column) for column in zip(*pairs, strict=True))
    order = np.lexsort((borders.owners[lines], lengths, positions))
    numbers, chosen = np.unique(positions[order], return_index=True)
    lines = lines[order[chosen]]
    return Nearest(numbers, borders.owners[lines], borders.shapes[lines])


class _Pairs(NamedTuple):
    """Pairs of a position and a line, with their distances."""

    positions: IndexArray
    lines: IndexArray
    lengths: FloatArray


def _by_cells(
    xy: FloatArray, numbers: IndexArray, side: float, borders: SpatialIndex, most: float | None
) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Return pairs of a position and a line that can be nearest to it, and the positions whose cells are not usable.

    Args:
        numbers: of the positions.
    """
    corners, cell_of = _cells(xy[numbers], side)
    usable = np.bincount(cell_of, minlength=len(corners)) >= _POSITIONS_MIN
    lines, sizes = _lines_of_cells(corners, np.flatnonzero(usable), side, borders, most)
    usable &= sizes <= _LINES_MAX
    in_usable = np.flatnonzero(usable[cell_of])
    counts, first = sizes[cell_of[in_usable]], (np.cumsum(sizes) - sizes)[cell_of[in_usable]]
    # For each position the lines of its cell, in sequence.
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return (
        np.repeat(numbers[in_usable], counts),
        lines[np.repeat(first, counts) + within],
        numbers[~usable[cell_of]],
    )


def _lines_of_cells(
    corners: FloatArray, cells: IndexArray, side: float, borders: SpatialIndex, most: float | None
) -> tuple[IndexArray, IndexArray]:
    """Return the lines that can be nearest to a point in each cell, cell after cell, and the number of lines of every cell."""
    sizes = np.zeros(len(corners), dtype=np.intp)
    if not len(cells):
        return np.empty(0, dtype=np.intp), sizes
    diagonal = side * 2**0.5
    centres = shapely.points(corners[cells] + side / 2)
    farthest = None if most is None else most + diagonal
    (within, _), distances = borders.tree.query_nearest(centres, max_distance=farthest, return_distance=True, all_matches=False)
    # From the line nearest to the centre, a point in the cell is at most half a diagonal farther than the centre is.
    # Another line that is nearest to such a point is at most that half diagonal farther from the centre once more.
    numbers, lines = borders.tree.query(centres[within], predicate="dwithin", distance=distances + diagonal + MARGIN)
    sizes[cells[within]] = np.bincount(numbers, minlength=len(within))
    return lines, sizes


def _cells(xy: FloatArray, side: float) -> tuple[FloatArray, IndexArray]:
    """Return the south-western corners of the cells that contain positions, and for each position the number of its cell."""
    columns, rows = np.floor(xy / side).T
    _, first, cell_of = np.unique(columns * 2.0**26 + rows, return_index=True, return_inverse=True)
    return np.column_stack([columns[first], rows[first]]) * side, cell_of

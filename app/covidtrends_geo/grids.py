"""Grid of 16 by 16 squares in each cell with borders: the squares that no border comes near, and the region that covers each.

A cell is divided only where it has many segments, so most positions in a cell with borders are far from them.
"""

from typing import Any, NamedTuple

import numpy as np

from covidtrends_geo.boxes import level_of, widened
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.quadtree import LEVELS, Floats, Integers, Keys, corner_of, gathered, side_of
from covidtrends_geo.search import MIXED, TreeSearch
from covidtrends_geo.segments import meets_box
from covidtrends_geo.tree import smallest

_LEVELS_BELOW = 4
_SIDE = 2**_LEVELS_BELOW
# Cells of 512 m. Where borders have much detail, most cells are smaller, but most positions are not in them.
_LAST_LEVEL = 15
_WORD_BITS = 32
# Codes of two bits for up to three regions, of four bits for more.
_FEW, _MOST = 3, 15
# Cells at once: some megabytes for each array.
_BLOCK = 1_024
_PARTS = np.arange(16)
_SQUARES = np.arange(_SIDE**2, dtype=np.uint64)
_COLUMNS, _ROWS = gathered(_SQUARES).astype(np.int64), gathered(_SQUARES >> 1).astype(np.int64)


class Grids(NamedTuple):
    """Grids of the cells with borders, in their order. A code is 0 or says which region covers the square.

    Attributes:
        starts: number of the first word of each cell, one more element than cells; cells without a grid have no words.
        words: codes of the squares of a cell in Morton order, the first in the lowest bits, 2 or 4 bits each, uint32.
        rows: number of the row of regions of each cell.
        regions: rows of the region that each code means, plus 2: `NO_REGION` for none, `MIXED` where a border comes within
            `boxes.CELL_MARGIN` of the square, or several regions cover it.
    """

    starts: Any
    words: Any
    rows: Any
    regions: Any

    def regions_at(self, keys: Keys, numbers: Integers, shapes: Any) -> Integers:
        """Return the regions of the squares at positions, `NO_REGION` or `MIXED`.

        Args:
            keys: of the positions.
            numbers: of their cells among those with borders.
            shapes: of their cells.
        """
        starts = self.starts[numbers].astype(np.int64)
        bits = (self.starts[numbers + 1] - starts) * _WORD_BITS >> 2 * _LEVELS_BELOW
        shifts = 2 * np.maximum(LEVELS - _LEVELS_BELOW - level_of(shapes).astype(np.int64), 0)
        places = ((keys >> shifts.astype(np.uint64)).astype(np.int64) & (_SIDE**2 - 1)) * bits
        # Of a cell without a grid, any word: its codes have no bits.
        words = self.words[np.minimum(starts + places // _WORD_BITS, len(self.words) - 1)]
        codes = words >> (places % _WORD_BITS).astype(np.uint32) & ((1 << bits) - 1)
        regions: Integers = self.regions[self.rows[numbers], codes].astype(np.int64) + MIXED
        return regions


def build_grids(search: TreeSearch) -> Grids:
    """Return the grids of the cells with borders, for a search without grids."""
    filled = np.flatnonzero(np.diff(search.tree.first_run))
    bits = np.zeros(len(filled), dtype=np.int64)
    regions = np.full((len(filled), _MOST + 1), MIXED)
    # A word that no cell uses, so that there is at least one.
    words = [np.zeros(1, dtype=np.uint32)]
    large = np.flatnonzero(level_of(search.tree.shapes[filled]) <= _LAST_LEVEL)
    for first in range(0, len(large), _BLOCK):
        block = large[first : first + _BLOCK]
        squares, regions[block, 1:] = _labelled(search, filled[block])
        bits[block] = np.where((regions[block, 1 + _FEW :] == MIXED).all(axis=1), 2, 4)
        ordered = squares[:, _ROWS, _COLUMNS].astype(np.uint32)
        for row, width in zip(ordered, bits[block].tolist(), strict=True):
            codes = row.reshape(-1, _WORD_BITS // width) << np.arange(0, _WORD_BITS, width, dtype=np.uint32)
            words.append(np.bitwise_or.reduce(codes, axis=1))
    rows, row_of = np.unique(regions - MIXED, axis=0, return_inverse=True)
    starts = 1 + np.cumsum([0, *(bits * _SIDE**2 // _WORD_BITS)])
    return Grids(
        starts.astype(np.uint32),
        np.concatenate(words),
        smallest(row_of.ravel(), len(rows)),
        smallest(rows, search.regions - MIXED),
    )


def _labelled(search: TreeSearch, cells: Integers) -> tuple[Any, Integers]:
    """Return the codes of the squares of cells, by cell, row and column, and the regions of the codes but 0."""
    west, south = corner_of(search.tree.keys[cells])
    side = side_of(level_of(search.tree.shapes[cells]))
    met = _met(search, cells, west, south, side)
    codes = np.zeros(met.shape, dtype=np.uint8)
    regions = np.full((len(cells), _MOST), MIXED)
    unknown = ~met
    # A region in several parts of a cell takes a round for each; parts beyond the last round stay without a region.
    for _ in range(2 * _MOST):
        active = np.flatnonzero(unknown.any(axis=(1, 2)))
        if not len(active):
            break
        square = unknown[active].reshape(len(active), -1).argmax(axis=1)
        row, column = square // _SIDE, square % _SIDE
        x = west[active] + (column + 0.5) * side[active] / _SIDE
        y = south[active] + (row + 0.5) * side[active] / _SIDE
        region = _covering(search, x, y, cells[active])
        same = regions[active] == region[:, None]
        free = regions[active] == MIXED
        usable = (region != MIXED) & (same | free).any(axis=1)
        slot = np.where(same.any(axis=1), same.argmax(axis=1), free.argmax(axis=1))
        regions[active[usable], slot[usable]] = region[usable]
        part = _connected(unknown[active], row, column)
        unknown[active] &= ~part
        codes[active] |= np.where(part, np.where(usable, slot + 1, 0)[:, None, None], 0).astype(np.uint8)
    return codes, regions


def _met(search: TreeSearch, cells: Integers, west: Floats, south: Floats, side: Floats) -> Any:
    """Return whether a border comes near to each square, by cell, row and column."""
    owner, start, end = search.segments_of(cells)
    column = row = np.zeros(len(owner), dtype=np.int64)
    # Sixteen parts of the cell, then sixteen parts of each that a border meets.
    for parts in (4, _SIDE):
        owner = np.repeat(owner, 16)
        start, end = np.repeat(start, 16, axis=0), np.repeat(end, 16, axis=0)
        column = (column[:, None] * 4 + _PARTS % 4).ravel()
        row = (row[:, None] * 4 + _PARTS // 4).ravel()
        width = side[owner] / parts
        meets = meets_box(start, end, *widened(west[owner] + column * width, south[owner] + row * width, width))
        owner, start, end, column, row = owner[meets], start[meets], end[meets], column[meets], row[meets]
    met = np.zeros((len(cells), _SIDE, _SIDE), dtype=bool)
    met[owner, row, column] = True
    return met


def _covering(search: TreeSearch, x: Floats, y: Floats, cells: Integers) -> Integers:
    """Return the region that covers each position, `NO_REGION` for none and `MIXED` for several."""
    covering = search.near(x, y, cells, 0.0)
    region = np.full(len(x), NO_REGION)
    region[covering.positions] = covering.regions
    region[np.bincount(covering.positions, minlength=len(x)) > 1] = MIXED
    return region


def _connected(free: Any, row: Integers, column: Integers) -> Any:
    """Return the squares that are connected to a square of each cell by squares that are free: no border is between them."""
    part = np.zeros_like(free)
    part[np.arange(len(part)), row, column] = True
    size = -1
    while (grown := int(part.sum())) != size:
        size = grown
        for axis in (1, 2):
            for forward in (slice(None), slice(None, None, -1)):
                # Along each line in one direction.
                view = np.moveaxis(part, axis, 0)[forward]
                allowed = np.moveaxis(free, axis, 0)[forward]
                for line in range(1, _SIDE):
                    view[line] |= view[line - 1] & allowed[line]
    return part

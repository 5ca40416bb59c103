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
# Codes of four bits, so that a word of 64 bits has a block of 4 by 4 squares.
_MOST = 15
_CODE_BITS, _BLOCK_SQUARES = np.uint64(4), 16
_FIRST_BITS = np.uint64(0x1111_1111_1111_1111)
# Cells at once: some megabytes for each array.
_PORTION = 1_024
_PARTS = np.arange(16)
_SQUARES = np.arange(_SIDE**2, dtype=np.uint64)
_COLUMNS, _ROWS = gathered(_SQUARES).astype(np.int64), gathered(_SQUARES >> 1).astype(np.int64)


class Grids(NamedTuple):
    """Grids of the cells with borders, in their order. A code is 0 or says which region covers the square.

    Squares are in Morton order, in blocks of 4 by 4. Most blocks have one code, not 0; the others are described by square.
    Words have 16 codes, the first in the lowest bits. Few words differ, so cells and blocks have their numbers.

    Attributes:
        words: distinct words, uint64.
        cells: number of the word of each cell, with a code for each block, 0 for a block that is described. Cells without a
            grid have sixteen described blocks in common, whose codes are 0.
        starts: for each cell the place of its first block in `blocks`.
        blocks: numbers of the words of the blocks that are described.
        rows: for each cell the place of its codes in `regions`.
        regions: the region that each code means, plus 2: `NO_REGION` for none, `MIXED` where a border comes within
            `boxes.CELL_MARGIN` of the square, or several regions cover it.
    """

    words: Any
    cells: Any
    starts: Any
    blocks: Any
    rows: Any
    regions: Any

    def regions_at(self, keys: Keys, numbers: Integers, shapes: Any) -> Integers:
        """Return the regions of the squares at positions, `NO_REGION` or `MIXED`.

        Args:
            keys: of the positions.
            numbers: of their cells among those with borders.
            shapes: of their cells.
        """
        shifts = 2 * np.maximum(LEVELS - _LEVELS_BELOW - level_of(shapes).astype(np.int64), 0)
        squares = keys >> shifts.astype(np.uint64) & np.uint64(_SIDE**2 - 1)
        places = (squares >> np.uint64(4)) * _CODE_BITS
        words = self.words[self.cells[numbers]]
        codes = _code(words, places)
        described = np.flatnonzero(codes == 0)
        number, word, place = numbers[described], words[described], places[described]
        # The described blocks before: those without a code.
        used = (word | word >> np.uint64(1) | word >> np.uint64(2) | word >> np.uint64(3)) & _FIRST_BITS
        before = (place >> np.uint64(2)).astype(np.int64) - np.bitwise_count(used & ((np.uint64(1) << place) - np.uint64(1)))
        word = self.words[self.blocks[self.starts[number] + before]]
        codes[described] = _code(word, (squares[described] & np.uint64(15)) * _CODE_BITS)
        regions: Integers = self.regions[self.rows[numbers] + codes.astype(np.int64)].astype(np.int64) + MIXED
        return regions

    def region_at(self, key: int, number: int, level: int) -> int:
        """Return the region of the square at one position: as `regions_at`, in a fraction of the time.

        Args:
            number: of its cell among those with borders.
            level: of its cell.
        """
        square = key >> 2 * max(LEVELS - _LEVELS_BELOW - level, 0) & _SIDE**2 - 1
        place = square >> 4 << 2
        word = int(self.words[self.cells[number]])
        code = word >> place & 15
        if not code:
            # The described blocks before: those without a code.
            used = (word | word >> 1 | word >> 2 | word >> 3) & int(_FIRST_BITS)
            before = (place >> 2) - (used & (1 << place) - 1).bit_count()
            code = int(self.words[self.blocks[int(self.starts[number]) + before]]) >> ((square & 15) << 2) & 15
        return int(self.regions[int(self.rows[number]) + code]) + MIXED


def _code(words: Any, places: Any) -> Any:
    return words >> places & np.uint64(15)


def build_grids(search: TreeSearch) -> Grids:
    """Return the grids of the cells with borders, for a search without grids."""
    filled = np.flatnonzero(np.diff(search.tree.first_run))
    # Sixteen described blocks without a code, for the cells without a grid.
    cells, blocks, counts = (
        [np.zeros(0, dtype=np.uint64)],
        [np.zeros(_BLOCK_SQUARES, dtype=np.uint64)],
        np.zeros(len(filled), np.int64),
    )
    regions = np.full((len(filled), 1 + _MOST), MIXED)
    large = np.flatnonzero(level_of(search.tree.shapes[filled]) <= _LAST_LEVEL)
    for first in range(0, len(large), _PORTION):
        portion = large[first : first + _PORTION]
        squares, regions[portion, 1:] = _labelled(search, filled[portion])
        codes = squares[:, _ROWS, _COLUMNS].astype(np.uint64).reshape(-1, _BLOCK_SQUARES, _BLOCK_SQUARES)
        first_code = codes[:, :, 0]
        uniform = (codes == first_code[:, :, None]).all(axis=2) & (first_code > 0)
        cells.append(_words(np.where(uniform, first_code, 0)))
        blocks.append(_words(codes[~uniform]))
        counts[portion] = (~uniform).sum(axis=1)
    of_cell = np.zeros(len(filled), dtype=np.uint64)
    of_cell[large] = np.concatenate(cells)
    words, numbers = np.unique(np.concatenate([of_cell, *blocks]), return_inverse=True)
    starts = np.where(counts > 0, _BLOCK_SQUARES + np.cumsum(counts) - counts, 0)
    rows, row_of = np.unique(regions - MIXED, axis=0, return_inverse=True)
    used = 1 + np.max(np.where(rows > 0, np.arange(1 + _MOST), 0), axis=1, initial=0)
    ends = np.cumsum(used)
    return Grids(
        words,
        smallest(numbers[: len(filled)], len(words)),
        starts.astype(np.uint32),
        smallest(numbers[len(filled) :], len(words)),
        smallest((ends - used)[row_of.ravel()], int(ends[-1]) if len(ends) else 0),
        smallest(rows[np.arange(1 + _MOST) < used[:, None]], search.regions - MIXED),
    )


def _words(codes: Any) -> Any:
    """Return words with the codes in the last axis, of 16."""
    return np.bitwise_or.reduce(codes << (np.arange(_BLOCK_SQUARES, dtype=np.uint64) * _CODE_BITS), axis=-1)


def _labelled(search: TreeSearch, cells: Integers) -> tuple[Any, Integers]:
    """Return the codes of the squares of cells, by cell, row and column, and the regions of the codes but 0."""
    west, south = corner_of(search.tree.keys_of(cells))
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

"""Zones: areas in which a border of another region lies within a region's misfit, if that exceeds the margin of a cell."""

from typing import Any

import numpy as np

from covidtrends_geo import quadtree
from covidtrends_geo.boxes import CELL_MARGIN
from covidtrends_geo.constants import DATUM_UNCERTAINTY_M, UNITS_MOST
from covidtrends_geo.quadtree import Floats, Integers, Keys
from covidtrends_geo.search import TreeSearch
from covidtrends_geo.segments import meets_box
from covidtrends_geo.tiles import TILE_LEVEL, TILE_SIDE, TILES

# Smallest squares: 256 m.
_LEVEL = 16
_SHIFT = np.uint64(2 * (quadtree.LEVELS - _LEVEL))
_TILE_SHIFT = np.uint64(2 * (quadtree.LEVELS - TILE_LEVEL))
# More than rounding.
_SLACK = 0.01


def build_zones(search: TreeSearch, misfits: Floats) -> Any:
    """Return the zones of all regions together, as ranges of squares of 256 m, packed: see `unpacked`.

    A zone holds every position of a region from which a border of another region is within its misfit and the default radius.
    """
    ranges = []
    for region in np.flatnonzero(reach_of(misfits) > CELL_MARGIN).tolist():
        reach = float(reach_of(misfits[region])) + _SLACK
        # Squares about as wide as the zone is deep.
        level = int(np.clip(np.floor(np.log2(quadtree.ROOT_SIDE / reach)), TILE_LEVEL, _LEVEL))
        shift = 2 * (_LEVEL - level)
        squares = np.concatenate([_squares(search, region, tile, reach, level) for tile in _tiles(search, region)])
        ranges.append(np.column_stack([squares << shift, (squares + 1) << shift]))
    if not ranges:
        return np.empty(0, dtype=np.uint8)
    starts, ends = np.concatenate(ranges)[np.argsort(np.concatenate(ranges)[:, 0])].T
    ends = np.maximum.accumulate(ends)
    begins = np.ones(len(starts), dtype=bool)
    begins[1:] = starts[1:] > ends[:-1]
    last = np.append(begins[1:], True)
    return packed(np.column_stack([starts[begins], ends[last]]).ravel().clip(max=2**32 - 1))


def packed(bounds: Integers) -> Any:
    """Return ascending bounds of ranges as bytes: their steps, 7 bits a byte, the lowest first, the last below 128 (LEB128)."""
    steps = np.diff(bounds, prepend=0)
    parts = steps[:, None] >> np.arange(0, 35, 7)
    parts = np.where(parts > 127, parts & 127 | 128, parts)
    parts[:, 1:][parts[:, :-1] < 128] = -1
    return parts[parts >= 0].astype(np.uint8)


def unpacked(content: Any) -> Any:
    """Return the bounds of ranges: see `in_zones`."""
    ends = np.flatnonzero(content < 128)
    first = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    within = np.arange(len(content)) - np.repeat(first, ends - first + 1)
    parts = (content & 127).astype(np.int64) << 7 * within
    return np.cumsum(np.add.reduceat(parts, first)).astype(np.uint32) if len(ends) else np.empty(0, dtype=np.uint32)


def reach_of(misfits: Any) -> Any:
    """Return the distances in units of EPSG:3347 from which a border of another region makes positions uncertain."""
    return (DATUM_UNCERTAINTY_M + misfits) * UNITS_MOST


def in_zones(zones: Any, keys: Keys) -> Any:
    """Return whether positions with these keys are in a zone."""
    return np.searchsorted(zones, (keys >> _SHIFT).astype(np.uint32), side="right") % 2 == 1


def misfits_around(search: TreeSearch, misfits: Floats) -> Floats:
    """Return the largest misfit of the regions with a border in each tile of 65 km or in the eight around it, by its number."""
    tree = search.tree
    filled = np.flatnonzero(np.diff(tree.first_run))
    # The last is for no region.
    of_border = np.append(misfits, 0.0)[tree.borders].max(axis=1, initial=0.0)
    largest = np.zeros(TILES**2)
    if len(filled):
        of_cell = np.maximum.reduceat(of_border[tree.run_borders], tree.first_run[filled].astype(np.int64))
        np.maximum.at(largest, (tree.keys_of(filled) >> _TILE_SHIFT).astype(np.int64), of_cell)
    numbers = np.arange(TILES)
    tiles = quadtree.morton(numbers[None, :], numbers[:, None])
    rows = np.pad(largest[tiles], 1)
    rows = np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    around: Floats = np.empty(TILES**2)
    around[tiles] = np.maximum(np.maximum(rows[:-2], rows[1:-1]), rows[2:])
    return around


def tiles_at(keys: Keys) -> Integers:
    """Return the tiles of positions with these keys."""
    return (keys >> _TILE_SHIFT).astype(np.int64)


def _tiles(search: TreeSearch, region: int) -> list[int]:
    """Return the tiles that a region covers, or in which it has a border."""
    tree = search.tree
    sets = np.repeat(np.arange(len(tree.set_starts) - 1), np.diff(tree.set_starts))[tree.set_regions == region]
    covered = np.flatnonzero(np.isin(tree.cover_sets, sets))
    keys = tree.keys_of(slice(None))
    ends = np.append(keys[1:], np.uint64(quadtree.KEYS_END))
    first, last = keys[covered] >> _TILE_SHIFT, (ends[covered] - np.uint64(1)) >> _TILE_SHIFT
    runs = np.flatnonzero((tree.borders[tree.run_borders] == region).any(axis=1))
    cells = np.searchsorted(tree.first_run, runs, side="right") - 1
    tiles = {*(keys[cells] >> _TILE_SHIFT).tolist()}
    for low, high in zip(first.tolist(), last.tolist(), strict=True):
        tiles.update(range(low, high + 1))
    return sorted(tiles)


def _squares(search: TreeSearch, region: int, tile: int, reach: float, level: int) -> Integers:
    """Return the squares of a tile that a border of another region comes near to, as Morton codes of a level."""
    west, south = quadtree.corner_of(np.array([tile], dtype=np.uint64) << _TILE_SHIFT)
    box = np.array([[west[0], south[0], west[0] + TILE_SIDE, south[0] + TILE_SIDE]])
    _, cells, _ = search.boxes.cells_near(box, np.array([region]), np.array([reach]), nearest=False)
    owner, start, end = search.segments_of(cells, but=region)
    column, row = np.zeros(len(owner), dtype=np.int64), np.zeros(len(owner), dtype=np.int64)
    side = TILE_SIDE
    quarter = np.arange(4)
    for _ in range(level - TILE_LEVEL):
        side /= 2
        start, end = np.repeat(start, 4, axis=0), np.repeat(end, 4, axis=0)
        column = (column[:, None] * 2 + quarter % 2).ravel()
        row = (row[:, None] * 2 + quarter // 2).ravel()
        x, y = west[0] + column * side, south[0] + row * side
        meets = meets_box(start, end, x - reach, y - reach, x + side + reach, y + side + reach)
        start, end, column, row = start[meets], end[meets], column[meets], row[meets]
    squares: Integers = np.unique(quadtree.morton(column, row)) + (tile << 2 * (level - TILE_LEVEL))
    return squares

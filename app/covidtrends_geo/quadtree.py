"""Quadtree of grid cells over EPSG:3347: keys of cells in Morton order, and the segments that meet a cell.

The root is a square of `ROOT_SIDE` metres that holds Canada, its waters and the pole. A key is the Morton code of a cell of
`UNIT_M` metres; a larger cell has the key of its south-western corner. Cells in the order of their keys fill the root without
gaps, so a position is in the last cell whose key is not above its own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

LEVELS = 22
# Above every key.
KEYS_END = 4**LEVELS
UNIT_M = 4.0
ROOT_SIDE = UNIT_M * 2**LEVELS
# South-western corner of the root, metres in EPSG:3347.
ROOT_X, ROOT_Y = -4_194_304.0, -4_194_304.0

_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
_GATHER = ((1, _SPREAD[3][1]), (2, _SPREAD[2][1]), (4, _SPREAD[1][1]), (8, _SPREAD[0][1]), (16, 0x00000000FFFFFFFF))


def key_of(x: Any, y: Any) -> Keys:
    """Return the key of the smallest cell around each position; positions outside the root get the key of its edge."""
    most = 2**LEVELS - 1
    column = np.clip((np.asarray(x) - ROOT_X) / UNIT_M, 0, most).astype(np.uint64)
    row = np.clip((np.asarray(y) - ROOT_Y) / UNIT_M, 0, most).astype(np.uint64)
    keys: Keys = morton(column, row)
    return keys


def morton(column: Any, row: Any) -> Any:
    """Return the numbers of columns and rows with their bits interleaved, those of the column first."""
    return _spread(column) | (_spread(row) << 1)


def key_at(x: float, y: float) -> int:
    """Return the key of the smallest cell around a position: as `key_of`."""
    most = 2**LEVELS - 1
    column = min(max(int((x - ROOT_X) / UNIT_M), 0), most)
    row = min(max(int((y - ROOT_Y) / UNIT_M), 0), most)
    return int(_spread(column) | (_spread(row) << 1))


def corner_of(keys: Keys) -> tuple[Floats, Floats]:
    """Return x and y of the south-western corners of cells, metres in EPSG:3347."""
    return gathered(keys) * UNIT_M + ROOT_X, gathered(keys >> 1) * UNIT_M + ROOT_Y


def corner_at(key: int) -> tuple[float, float]:
    """Return x and y of the south-western corner of a cell: as `corner_of`."""
    return _gathered(key) * UNIT_M + ROOT_X, _gathered(key >> 1) * UNIT_M + ROOT_Y


def side_of(level: Any) -> Any:
    """Return the side of the cells of a level, metres; level 0 is the root."""
    return ROOT_SIDE / 2.0 ** np.asarray(level, dtype=np.float64)


def _spread(bits: Any) -> Any:
    """Return a number, or an array of them, with a zero before each of its bits."""
    for shift, mask in _SPREAD:
        bits = (bits | (bits << shift)) & mask
    return bits


def gathered(keys: Any) -> Floats:
    """Return the even bits of codes as numbers."""
    numbers: Floats = _gathered(keys).astype(np.float64)
    return numbers


def _gathered(bits: Any) -> Any:
    """Return the even bits of a code, or of an array of them."""
    bits = bits & _SPREAD[-1][1]
    for shift, mask in _GATHER:
        bits = (bits | (bits >> shift)) & mask
    return bits

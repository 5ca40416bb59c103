"""Vertices of an index as published, packed without loss: whole numbers of a unit, in 4 or 6 bytes a coordinate.

Published coordinates have a resolution, a power of ten or of two metres. Those that were projected have all the bits of a
double: they are whole numbers of its last bit, and fit six bytes near a common origin. A vertex that does not fit is stored as
it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from covidtrends_geo.quadtree import Floats

# Vertices with common origin and units.
_BLOCK_BITS = 5
_BLOCK = 2**_BLOCK_BITS
# Vertices that are packed at once: some tens of megabytes.
_PORTION = 4_096 * _BLOCK
# Units in a metre that are tried. All are exact in float32.
_DIVISORS = np.array([*(10.0**digits for digits in range(9)), *(2.0**bits for bits in range(1, 41))])
_SAMPLE_BLOCKS = 2_048
# Origins are whole metres that are exact in float32.
_ORIGIN_MOST = 2.0**24 - 1
_HIGH = 2.0**32
# All bits set.
_ESCAPE = {False: _HIGH - 1, True: _HIGH * 2**16 - 1}


@dataclass(frozen=True, slots=True)
class Vertices:
    """Vertices in EPSG:3347, as rows of x and y. Immutable; the arrays can be mapped.

    Attributes:
        low, high: whole units from the origin of the block: the lower 32 bits and, in files that need them, the upper 16. With
            all bits set in x, the vertex is row `low[y]` of `exact`.
        blocks: for each block of 32 vertices its origin in whole metres, x and y, and its units in a metre, in x and in y;
            float32.
        exact: vertices that do not fit, float64.
    """

    low: Any
    high: Any
    blocks: Any
    exact: Any

    def __len__(self) -> int:
        """Return the number of vertices."""
        return len(self.low)

    def at(self, numbers: Any) -> Floats:
        """Return the vertices with these numbers, an array."""
        low = self.low.take(numbers, axis=0)
        units: Floats = low.astype(np.float64)
        if len(self.high):
            units += self.high.take(numbers, axis=0) * np.float64(_HIGH)
        escaped = np.flatnonzero(units[:, 0] == _ESCAPE[len(self.high) > 0]) if len(self.exact) else ()
        blocks = self.blocks.take(numbers >> _BLOCK_BITS, axis=0).astype(np.float64)
        # The quotient is the published number: the sum is exact, and a decimal is rounded once, as when it is read.
        units += blocks[:, :2] * blocks[:, 2:]
        units /= blocks[:, 2:]
        if len(escaped):
            units[escaped] = self.exact[low[escaped, 1]]
        return units

    def between(self, first: int, last: int) -> Floats:
        """Return the vertices of a range of numbers, the last included."""
        return self.at(np.arange(first, last + 1))

    def arrays(self) -> dict[str, Any]:
        """Return the arrays by their names in a file."""
        return {f"vertex_{name}": getattr(self, name) for name in _NAMES}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> "Vertices":
        """Return the vertices of a file. Raises: KeyError."""
        return cls(*(arrays[f"vertex_{name}"] for name in _NAMES))


_NAMES = tuple(field.name for field in fields(Vertices))


def pack(vertices: Floats, folder: Path | None = None) -> Vertices:
    """Return vertices packed: `Vertices.at` returns the same doubles. Large arrays are mapped from temporary files.

    Args:
        vertices: rows of x and y, which can be mapped.
        folder: where to put the temporary files, 8 or 12 bytes a vertex.
    """
    divisors, has_high = _chosen(vertices)
    blocks, exact, count = [np.empty((0, 4), dtype=np.float32)], [np.empty((0, 2))], 0
    with TemporaryFile(dir=folder) as low_file, TemporaryFile(dir=folder) as high_file:
        for portion in _portions(vertices):
            block, units, fits = _packed(portion, divisors, has_high)
            escaped = np.flatnonzero(~fits)
            units[escaped, 0], units[escaped, 1] = _ESCAPE[has_high], count + np.arange(len(escaped))
            high = np.floor(units / _HIGH)
            low_file.write((units - high * _HIGH).astype(np.uint32).tobytes())
            if has_high:
                high_file.write(high.astype(np.uint16).tobytes())
            blocks.append(block)
            exact.append(portion[escaped])
            count += len(escaped)
        return Vertices(
            _mapped(low_file, np.uint32), _mapped(high_file, np.uint16), np.concatenate(blocks), np.concatenate(exact)
        )


def _mapped(file: Any, kind: Any) -> Any:
    """Return the rows of a temporary file, mapped. They stay when the file is closed."""
    file.flush()
    return np.memmap(file, kind, "r").view(np.ndarray).reshape(-1, 2) if file.tell() else np.empty((0, 2), dtype=kind)


def _portions(vertices: Floats) -> Iterator[Floats]:
    for first in range(0, len(vertices), _PORTION):
        yield np.array(vertices[first : first + _PORTION])


def _chosen(vertices: Floats) -> tuple[Floats, bool]:
    """Return the units in a metre that a sample of blocks needs, and whether it takes fewer bytes with the upper bits."""
    numbers = np.unique(np.linspace(0, max(len(vertices) // _BLOCK - 1, 0), _SAMPLE_BLOCKS).astype(np.int64))
    rows = (numbers[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
    sample = np.array(vertices[rows[rows < len(vertices)]])
    choices = []
    for has_high in (False, True):
        blocks, _, fits = _packed(sample, _DIVISORS, has_high)
        size = len(sample) * (12 if has_high else 8) + int((~fits).sum()) * 16
        choices.append((size, has_high, np.unique(blocks[:, 2:]).astype(np.float64)))
    _, has_high, divisors = min(choices, key=lambda choice: choice[0])
    return divisors, has_high


def _packed(vertices: Floats, divisors: Floats, has_high: bool) -> tuple[Any, Floats, Any]:
    """Return the blocks of vertices, the units of each, and whether these give the same vertex.

    For each block and coordinate, the first of the divisors counts with which most vertices fit.
    """
    starts = np.arange(0, len(vertices), _BLOCK)
    blocks, units, fits = np.zeros((len(starts), 4)), np.zeros(vertices.shape), np.zeros(vertices.shape, dtype=bool)
    blocks[:, 2:] = 1.0
    if not len(vertices):
        return blocks.astype(np.float32), units, fits.all(axis=1)
    least, most = (ufunc.reduceat(vertices, starts, axis=0) for ufunc in (np.minimum, np.maximum))
    best = np.zeros((len(starts), 2), dtype=np.int64)
    for divisor in divisors.tolist():
        width = _ESCAPE[has_high] / divisor
        # The range of a block that is too wide lies around its first vertex.
        origin = np.floor(np.where(most - least + 1 < width, least, vertices[starts] - width / 2))
        origin = np.clip(origin, -_ORIGIN_MOST, _ORIGIN_MOST).astype(np.float32).astype(np.float64)
        scaled = np.repeat(origin, _BLOCK, axis=0)[: len(vertices)] * divisor
        tried = np.rint(vertices * divisor) - scaled
        good = (tried >= 0) & (tried < _ESCAPE[has_high]) & ((scaled + tried) / divisor == vertices)
        number = np.add.reduceat(good.astype(np.int64), starts, axis=0)
        better = number > best
        best = np.maximum(best, number)
        blocks[:, :2][better], blocks[:, 2:][better] = origin[better], divisor
        of_vertex = np.repeat(better, _BLOCK, axis=0)[: len(vertices)]
        units[of_vertex], fits[of_vertex] = tried[of_vertex], good[of_vertex]
    return blocks.astype(np.float32), units, fits.all(axis=1)

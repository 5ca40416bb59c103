"""Borders around a square, by region, for searches at single positions in it (`covidtrends_geo.point`), and their cache."""

import math
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from covidtrends_geo.quadtree import Floats, Integers
from covidtrends_geo.segments import squared_distance
from covidtrends_geo.vertices import Vertices

# Of a cache: 20,000 squares with little detail, 8,000 with much.
BYTES_MAX = 16 * 2**20
# Of the objects of an entry, but for its numbers.
_ENTRY_BYTES = 800
# West and south of a square, and the region whose borders are left out; None where no region's are.
Key = tuple[float, float, int | None]


class Borders(NamedTuple):
    """Segments of borders by region, as numbers of their vertices: a square of 512 m has some ten or some hundred.

    Attributes:
        vertices: of the file.
        numbers: of the vertices of the segments, region by region, uint32. A segment leads from each to the next, except at
            `gaps`.
        gaps: indexes of the numbers, without the last of all, at which a chain of segments ends.
        regions: numbers of the regions, in their order.
        first: index of the first segment of each region.
    """

    vertices: Vertices
    numbers: Any
    gaps: Any
    regions: list[int]
    first: list[int]

    @classmethod
    def of_segments(cls, vertices: Vertices, regions: Integers, segments: Integers) -> "Borders":
        """Return the borders of segments.

        Args:
            regions, segments: region and first vertex of each segment, in any order; pairs can occur several times, since a
                segment is listed in every cell that it meets.
        """
        # Region and segment in one number.
        keys = np.unique(regions * np.int64(len(vertices)) + segments)
        regions, segments = np.divmod(keys, len(vertices) or 1)
        # The last vertex of the file begins no segment, so the numbers of two regions are never consecutive.
        begins = np.diff(keys, prepend=-2) != 1
        indexes = np.arange(len(keys)) + np.cumsum(begins) - 1
        numbers = np.empty(len(keys) + np.count_nonzero(begins), dtype=np.uint32)
        numbers[indexes], numbers[indexes + 1] = segments, segments + 1
        of_region = np.flatnonzero(np.diff(regions, prepend=-1))
        gaps = (indexes[begins][1:] - 1).astype(np.uint32)
        return cls(vertices, numbers, gaps, regions[of_region].tolist(), indexes[of_region].tolist())

    def distances(self, x: float, y: float) -> list[float]:
        """Return the distance from a position to the border of each region."""
        if not self.regions:
            return []
        least: list[float] = np.sqrt(np.minimum.reduceat(self._squared(x, y)[0], self.first)).tolist()
        return least

    def nearest(self, x: float, y: float) -> tuple[float, int, tuple[float, float]] | None:
        """Return distance, region and nearest point of the nearest border, of several the lowest region; None for none."""
        if not self.regions:
            return None
        squared, vertices = self._squared(x, y)
        # The first of several.
        number = int(squared.argmin())
        region = self.regions[bisect_right(self.first, number) - 1]
        (ax, ay), (bx, by) = vertices[number : number + 2].tolist()
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        part = min(max(((x - ax) * dx + (y - ay) * dy) / length, 0.0), 1.0) if length else 0.0
        # From the nearer end, so that both ends are exact.
        point = (ax + part * dx, ay + part * dy) if part <= 0.5 else (bx + (part - 1) * dx, by + (part - 1) * dy)
        return math.sqrt(squared[number]), region, point

    @property
    def nbytes(self) -> int:
        """The bytes of the numbers of vertices."""
        return int(self.numbers.nbytes + self.gaps.nbytes)

    def _squared(self, x: float, y: float) -> tuple[Floats, Floats]:
        """Return the squared distances to the segments, infinite in gaps, and the vertices."""
        vertices = self.vertices.at(self.numbers)
        squared = squared_distance(x, y, vertices[:-1], vertices[1:])
        squared[self.gaps] = np.inf
        return squared, vertices


class BorderCache:
    """Cache, first in, first out, bounded by bytes. Threads share it; two of them may make the same value."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._values: OrderedDict[Key, Borders] = OrderedDict()
        self._size, self._most = 0, bytes_max
        self._lock = Lock()

    def get(self, key: Key, make: Callable[[], Borders]) -> Borders:
        """Return the value of a key; make and add it where it is missing."""
        value = self._values.get(key)
        if value is None:
            value = make()
            with self._lock:
                self._add(key, value)
        return value

    def _add(self, key: Key, value: Borders) -> None:
        if key in self._values:
            return
        self._values[key] = value
        self._size += _size(value)
        while self._size > self._most:
            _, oldest = self._values.popitem(last=False)
            self._size -= _size(oldest)


def _size(value: Borders) -> int:
    return value.nbytes + _ENTRY_BYTES

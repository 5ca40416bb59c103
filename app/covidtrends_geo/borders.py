"""Borders around a square of the map, for searches at single positions in it (`covidtrends_geo.point`)."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.segments import Floats, squared_distance


class Borders(NamedTuple):
    """Segments of borders by region. Four bytes for each, so that thousands of squares can be cached.

    Attributes:
        vertices: of the index, rows of x and y in EPSG:3347; mapped, not copied.
        regions: numbers of the regions, in their order.
        segments: numbers of the first vertices of the segments, region by region.
        first: index in `segments` of the first of each region.
    """

    vertices: Floats
    regions: list[int]
    segments: npt.NDArray[np.uint32]
    first: npt.NDArray[np.intp]

    def distances(self, x: float, y: float) -> Floats:
        """Return the distance from a position to the border of each region."""
        if not self.regions:
            return np.empty(0)
        least: Floats = np.sqrt(np.minimum.reduceat(self._squared(x, y), self.first))
        return least

    def nearest(self, x: float, y: float) -> tuple[float, int, tuple[float, float]] | None:
        """Return distance, region and nearest point of the nearest border, of several the lowest region; None for none."""
        if not self.regions:
            return None
        squared = self._squared(x, y)
        # The first of several.
        number = int(squared.argmin())
        region = self.regions[int(self.first.searchsorted(number, side="right")) - 1]
        segment = int(self.segments[number])
        (ax, ay), (bx, by) = self.vertices[segment : segment + 2].tolist()
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        part = min(max(((x - ax) * dx + (y - ay) * dy) / length, 0.0), 1.0) if length else 0.0
        # From the nearer end, so that both ends are exact.
        point = (ax + part * dx, ay + part * dy) if part <= 0.5 else (bx + (part - 1) * dx, by + (part - 1) * dy)
        return math.sqrt(squared[number]), region, point

    def _squared(self, x: float, y: float) -> Floats:
        return squared_distance(x, y, self.vertices.take(self.segments, axis=0), self.vertices.take(self.segments + 1, axis=0))

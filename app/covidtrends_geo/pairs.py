"""Pairs of a position and a region: the result of a search in a tree."""

from typing import Any, NamedTuple

import numpy as np

from covidtrends_geo.quadtree import Floats, Integers


class Pairs(NamedTuple):
    """Pairs of a position and a region, sorted by both.

    Attributes:
        positions: indexes of the positions.
        regions: numbers of the regions.
        distances: 0 where the region covers, otherwise the distance to its border.
        segments: number of the first vertex of the nearest segment; -1 where the region covers and has no border nearby.
    """

    positions: Integers
    regions: Integers
    distances: Floats
    segments: Integers

    def where(self, chosen: Any) -> "Pairs":
        """Return some of the pairs, by a mask or by their indexes."""
        # One search for the indexes takes less time than a mask for each column.
        indexes = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        columns: Any = (column.take(indexes) for column in self)
        return Pairs(*columns)

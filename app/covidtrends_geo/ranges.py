"""Ranges of numbers as arrays: all members of many ranges at once."""

from typing import Any

import numpy as np

from covidtrends_geo.quadtree import Integers


def ranges_of(counts: Integers) -> Integers:
    """Return 0 to n - 1 for each n, one range after the other."""
    positions: Integers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return positions


def expanded(first: Any, counts: Any) -> tuple[Integers, Integers]:
    """Return pairs of the index of a range and a member of it, for ranges with a first member and a number of members."""
    counts = counts.astype(np.int64)
    indexes = np.repeat(np.arange(len(counts)), counts)
    return indexes, np.arange(len(indexes)) + np.repeat(first.astype(np.int64) - (np.cumsum(counts) - counts), counts)


def members(starts: Any, numbers: Integers) -> tuple[Integers, Integers]:
    """Return pairs of an index in `numbers` and a member: range n has `starts[n]` to `starts[n + 1]` - 1."""
    first = starts[numbers].astype(np.int64)
    return expanded(first, starts[numbers + 1].astype(np.int64) - first)

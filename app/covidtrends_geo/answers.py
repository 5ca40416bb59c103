"""Answers for columns of positions: region, match and certainty from hits; for one position, see `covidtrends_geo.point`."""

from typing import Any, NamedTuple

import numpy as np

from covidtrends_geo.constants import BORDER_EPSILON_M, NO_REGION
from covidtrends_geo.quadtree import Floats, Integers

MATCHES = ("none", "covers", "nearest")
NONE, COVERS, NEAREST = range(3)


class Hits(NamedTuple):
    """Hits of many positions, as columns: see `covidtrends_geo.point.Hit`.

    Attributes:
        positions, regions, distances: the near regions, sorted by position and region.
        other_regions: the other region of each position, `NO_REGION` for none.
        other_distances: its distance, infinite for none.
    """

    positions: Integers
    regions: Integers
    distances: Floats
    other_regions: Integers
    other_distances: Floats


class Answers(NamedTuple):
    """Answers for many positions, one element each: see `covidtrends_geo.point.Answer`. Regions are numbers.

    Attributes:
        match: number in `MATCHES`.
        region, neighbour: `NO_REGION` for none.
        distance_m, distance_to_border_m: NaN for none.
    """

    match: Any
    region: Integers
    distance_m: Floats
    certain: Any
    uncertainty_m: Floats
    neighbour: Integers
    distance_to_border_m: Floats


def answers(hits: Hits, radius_m: float, max_distance_m: float, misfits: Floats) -> Answers:
    """Return the answers for many positions: for each the same as `covidtrends_geo.point.answer`."""
    count = len(hits.other_regions)
    numbers = np.bincount(hits.positions, minlength=count)
    covers = hits.distances <= BORDER_EPSILON_M
    region = np.full(count, NO_REGION, dtype=np.int64)
    # The last assignment counts: the lowest region.
    region[hits.positions[covers][::-1]] = hits.regions[covers][::-1]
    covered = region != NO_REGION
    nearest = ~covered & (hits.other_distances <= max_distance_m)
    region[nearest] = hits.other_regions[nearest]
    misfit = np.zeros(count)
    outside = ~covered[hits.positions]
    np.maximum.at(misfit, hits.positions[outside], misfits[hits.regions[outside]])
    chosen = region != NO_REGION
    misfit[chosen] = np.maximum(misfit[chosen], misfits[region[chosen]])
    border = covered & (hits.other_regions != NO_REGION)
    return Answers(
        match=np.where(covered, COVERS, np.where(nearest, NEAREST, NONE)).astype(np.uint8),
        region=region,
        distance_m=np.where(covered, 0.0, np.where(nearest, hits.other_distances, np.nan)),
        certain=np.where(covered, numbers == 1, ~nearest & (numbers == 0)),
        uncertainty_m=radius_m + misfit,
        neighbour=np.where(border, hits.other_regions, NO_REGION),
        distance_to_border_m=np.where(border, hits.other_distances, np.nan),
    )

"""Answers from hits: which region, how it matches, whether that is certain. For one position, and for columns of positions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from covidtrends_geo.constants import BORDER_EPSILON_M, NO_REGION
from covidtrends_geo.quadtree import Floats, Integers

MATCHES = ("none", "covers", "nearest")
NONE, COVERS, NEAREST = range(3)


class Hit(NamedTuple):
    """Regions at and near one position.

    Attributes:
        near: distance in metres and number of each region within the radius, by number: 0 where it covers. The radius is that
            of the search plus the misfit of the region that covers or, where none does, of the region itself.
        other: distance in metres on the ellipsoid and number of the nearest region other than the first that covers, or of the
            nearest of all where none covers. None where there is none, or where the search did not include it.
    """

    near: tuple[tuple[float, int], ...]
    other: tuple[float, int] | None


class Answer(NamedTuple):
    """Answer for one position. Regions are numbers.

    Attributes:
        match: `covers`, `nearest` or `none`.
        region: the region that covers the position, or the nearest one within the requested distance.
        distance_m: to that region, metres on the ellipsoid; 0 where it covers, None where there is none.
        certain: with `covers`, True if no other region is within `uncertainty_m`; with `nearest`, False; with `none`, True if
            no region is within `uncertainty_m`.
        uncertainty_m: metres: 1.5 times the accuracy, at least the 2 m between WGS 84 and NAD83, plus the distance by which the
            region's border may be off in its vintage.
        covering: every region that covers the position: more than one on a shared border.
        near: every region within the uncertainty, the covering ones included.
        neighbour: the nearest region other than `region`, where that was requested and `region` covers.
        distance_to_border_m: to that neighbour, metres on the ellipsoid.
    """

    match: str
    region: int | None
    distance_m: float | None
    certain: bool
    uncertainty_m: float
    covering: tuple[int, ...]
    near: tuple[int, ...]
    neighbour: int | None
    distance_to_border_m: float | None


def answer(hit: Hit, radius_m: float, max_distance_m: float, misfits: Sequence[float]) -> Answer:
    """Return the answer for one position.

    Args:
        radius_m: of the search.
        misfits: metres by which the border of each region may be off.
    """
    near, other = hit
    regions = tuple(region for _, region in near)
    covering = tuple(region for distance, region in near if distance <= BORDER_EPSILON_M)
    if covering:
        border_m, neighbour = other if other else (None, None)
        uncertainty_m = radius_m + misfits[covering[0]]
        return Answer("covers", covering[0], 0.0, len(regions) == 1, uncertainty_m, covering, regions, neighbour, border_m)
    uncertainty_m = radius_m + max((misfits[region] for region in regions), default=0.0)
    if other is not None and other[0] <= max_distance_m:
        uncertainty_m = max(uncertainty_m, radius_m + misfits[other[1]])
        return Answer("nearest", other[1], other[0], False, uncertainty_m, (), regions, None, None)
    return Answer("none", None, None, not regions, uncertainty_m, (), regions, None, None)


class Hits(NamedTuple):
    """Hits of many positions, as columns: see `Hit`.

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
    """Answers for many positions, one element each: see `Answer`.

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
    """Return the answers for many positions: for each the same as `answer`."""
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

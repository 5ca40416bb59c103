"""Point lookup: the region that covers a position, the regions near it, and the distance to the border."""

from collections.abc import Sequence
from typing import NamedTuple

from geography.constants import ACCURACY_FACTOR, BORDER_EPSILON_M, DATUM_UNCERTAINTY_M
from geography.coordinates import LonLat, within_reach
from geography.lookup import postgis, registry
from geography.lookup.types import LookupHit, RegionRef, SearchOptions
from geography.models import Vintage
from geography.projection import ProjectedPoint, ProjectedPoints

_NOTHING = LookupHit((), None)


class Located(NamedTuple):
    """What covers a position in one vintage, or is nearest to it.

    Attributes:
        vintage: the edition asked.
        match: `covers`, `nearest` or `none`.
        region: the region that covers the position, or the nearest one within the distance asked for.
        distance_m: to that region, metres on the ellipsoid; 0 where it covers, None where there is none.
        certain: where a region covers: True if no other is within `uncertainty_m`. Never for the nearest. Where there is none:
            True if nothing is within it.
        uncertainty_m: 1.5 times the accuracy asked for, at least the 2 m between WGS 84 and NAD83, and on top of that how far
            the region's border may be off in its edition; metres.
        covering: every region that covers the position, by code: more than one on a shared border.
        near: every region within the uncertainty, by code, the covering ones included.
        neighbour: the nearest other region than `region`, where that was asked for and `region` covers.
        distance_to_border_m: to that neighbour, metres on the ellipsoid.
    """

    vintage: Vintage
    match: str
    region: RegionRef | None
    distance_m: float | None
    certain: bool
    uncertainty_m: float
    covering: tuple[RegionRef, ...]
    near: tuple[RegionRef, ...]
    neighbour: RegionRef | None
    distance_to_border_m: float | None


def points_locate(
    *,
    positions: Sequence[LonLat],
    vintages: Sequence[Vintage],
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    borders: Sequence[bool] = (),
) -> list[tuple[Located, ...]]:
    """Return what covers each position in each vintage: an entry for each position, with one for each vintage, in their order.

    Tested against the boundaries as published, never a simplified level, with the predicate *covers*: a border belongs to
    its region. On a border that regions share, the lowest code wins and the answer is not certain.

    Args:
        positions: WGS 84 (EPSG:4326), decimal degrees. Far outside Canada nothing covers them; at the pole any longitude is
            the same place.
        vintages: published ones. Cartographic ones end at the shoreline.
        accuracy_m: radius around a position within which it really is in 95 of 100 cases.
        max_distance_m: how far the nearest region may be where none covers.
        borders: for each vintage, whether to find the neighbour of a region that covers.

    Queries: none for the vintages that this process holds in memory (`geography.lookup.registry`), 1 for all others, and 1 more
    for each of these whose borders may be off, however many positions there are.
    """
    radius = max(accuracy_m * ACCURACY_FACTOR, DATUM_UNCERTAINTY_M)
    reaches = [SearchOptions(radius, max_distance_m, border) for border in (borders or [False] * len(vintages))]
    around = [number for number, position in enumerate(positions) if within_reach(position)]
    requested = positions if len(around) == len(positions) else [positions[number] for number in around]
    columns = _nearby(requested, vintages, reaches) if requested else [[] for _ in vintages]
    columns = [
        _with_misfit(requested, vintage, reach, column) if vintage.misfit_m else column
        for vintage, reach, column in zip(vintages, reaches, columns, strict=True)
    ]
    if len(requested) != len(positions):
        allowed = [dict(zip(around, column, strict=True)) for column in columns]
        columns = [[column.get(number, _NOTHING) for number in range(len(positions))] for column in allowed]
    located = [
        _located_each(vintage, column, radius, max_distance_m) for vintage, column in zip(vintages, columns, strict=True)
    ]
    return list(zip(*located, strict=True)) if located else [() for _ in positions]


def is_in_memory(vintages: Sequence[Vintage], *, borders: Sequence[bool]) -> bool:
    """Say whether `points_locate` and `circle_shares` would ask no table. What is missing is read in the background."""
    return None not in [registry.get_index(vintage, border=border) for vintage, border in zip(vintages, borders, strict=True)]


def position_locate(
    *,
    position: LonLat,
    vintages: Sequence[Vintage],
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    borders: Sequence[bool] = (),
) -> tuple[Located, ...]:
    """Return what covers one position in each vintage: `points_locate` of one."""
    (located,) = points_locate(
        positions=[position], vintages=vintages, accuracy_m=accuracy_m, max_distance_m=max_distance_m, borders=borders
    )
    return located


def provinces_differ(located: Located, other: Located) -> bool:
    """Say whether two vintages put a position into different provinces, so that a border of one of them must be off."""
    if located.region is None or other.region is None or located.region.pruid == other.region.pruid:
        return False
    # The province is empty where a region lies in several.
    return bool(located.region.pruid and other.region.pruid)


def circle_shares(*, position: LonLat, radius_m: float, vintage: Vintage) -> dict[int, float]:
    """Return which part (0 to 1) of the circle around a position each region of a vintage covers, by the region's id.

    What no region covers, such as the sea, is in none of them. Queries: none where the vintage is in memory, else 1; none far
    outside Canada.
    """
    if not within_reach(position):
        return {}
    layer = registry.get_index(vintage)
    shares = postgis.circle_shares(position, radius_m, vintage) if layer is None else layer.circle_shares(position, radius_m)
    return {region: min(share, 1.0) for region, share in shares.items()}


def _nearby(
    positions: Sequence[LonLat], vintages: Sequence[Vintage], reaches: Sequence[SearchOptions]
) -> list[list[LookupHit]]:
    """Return for each vintage what is near each position, from memory where it is there."""
    layers = [registry.get_index(vintage, border=reach.border) for vintage, reach in zip(vintages, reaches, strict=True)]
    if len(positions) == 1 and None not in layers:
        place = ProjectedPoint(positions[0])
        return [[layer.lookup(place, reach)] for layer, reach in zip(layers, reaches, strict=True) if layer]
    missing = [number for number, layer in enumerate(layers) if layer is None]
    requests = [(vintages[number], reaches[number]) for number in missing]
    from_tables = dict(zip(missing, postgis.lookup_many(positions, requests), strict=True)) if missing else {}
    places = ProjectedPoints(positions) if len(missing) < len(layers) else None
    return [
        from_tables[number] if layer is None or places is None else layer.lookup_many(places, reaches[number])
        for number, layer in enumerate(layers)
    ]


def _with_misfit(
    positions: Sequence[LonLat], vintage: Vintage, reach: SearchOptions, column: list[LookupHit]
) -> list[LookupHit]:
    """Return what is near each position of a vintage whose borders may be off, out to where they may be.

    Most positions are farther from any border, which the neighbour's distance says where it is known.
    """
    margins = [_misfit(vintage, reach, item) for item in column]
    wider = [number for number, margin in enumerate(margins) if margin]
    if not wider:
        return column
    farther = SearchOptions(reach.radius_m + max(margins))
    (again,) = _nearby([positions[number] for number in wider], [vintage], [farther])
    result = list(column)
    for number, item in zip(wider, again, strict=True):
        own = _covering(item.near)
        near = tuple(
            (distance, region)
            for distance, region in item.near
            if distance <= reach.radius_m + (own[0] if own else region).misfit_m
        )
        result[number] = LookupHit(near, column[number].other)
    return result


def _misfit(vintage: Vintage, reach: SearchOptions, lookup_hit: LookupHit) -> float:
    """Return how much farther than the radius a region that makes the answer uncertain may be; 0 where none is."""
    near = lookup_hit.near
    if len(near) == 1 and near[0][0] <= BORDER_EPSILON_M and not near[0][1].misfit_m:
        return 0.0  # what nearly every position has
    own = _covering(near)
    if own:
        margin = own[0].misfit_m
        clear = reach.border and (lookup_hit.other is None or lookup_hit.other[0] > reach.radius_m + margin)
        return 0.0 if clear else margin
    margin = vintage.misfit_m or 0.0
    return 0.0 if lookup_hit.other is not None and lookup_hit.other[0] > reach.radius_m + margin else margin


def _covering(near: Sequence[tuple[float, RegionRef]]) -> tuple[RegionRef, ...]:
    return tuple(region for distance, region in near if distance <= BORDER_EPSILON_M)


def _located_each(vintage: Vintage, column: Sequence[LookupHit], radius_m: float, max_distance_m: float) -> list[Located]:
    # What is near is one object for all that lie in one region, where nobody asked for its neighbour.
    known_values = {id(result): result for result in column}
    made = {number: _located(vintage, entry, radius_m, max_distance_m) for number, entry in known_values.items()}
    return [made[id(item)] for item in column]


def _located(vintage: Vintage, lookup_hit: LookupHit, radius_m: float, max_distance_m: float) -> Located:
    near, other = lookup_hit
    if len(near) == 1 and near[0][0] <= BORDER_EPSILON_M:
        # What nearly every answer is.
        alone = (near[0][1],)
        neighbour, border_m = (other[1], other[0]) if other else (None, None)
        uncertainty_m = radius_m + alone[0].misfit_m
        return Located(vintage, "covers", alone[0], 0.0, True, uncertainty_m, alone, alone, neighbour, border_m)
    covering = _covering(near)
    regions = tuple(region for _, region in near)
    if covering:
        neighbour, border_m = (other[1], other[0]) if other else (None, None)
        certain, uncertainty_m = len(regions) == 1, radius_m + covering[0].misfit_m
        return Located(vintage, "covers", covering[0], 0.0, certain, uncertainty_m, covering, regions, neighbour, border_m)
    uncertainty_m = radius_m + max((region.misfit_m for region in regions), default=0.0)
    if other is not None and other[0] <= max_distance_m:
        uncertainty_m = max(uncertainty_m, radius_m + other[1].misfit_m)
        return Located(vintage, "nearest", other[1], other[0], False, uncertainty_m, (), regions, None, None)
    return Located(vintage, "none", None, None, not regions, uncertainty_m, (), regions, None, None)

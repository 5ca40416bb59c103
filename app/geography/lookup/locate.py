"""Point lookup: the region that covers a position, the regions near it, and the distance to the border."""

from collections.abc import Sequence
from typing import NamedTuple

from geography.constants import ACCURACY_FACTOR, BORDER_EPSILON_M, DATUM_UNCERTAINTY_M
from geography.coordinates import LonLat, within_reach
from geography.lookup import postgis, registry
from geography.lookup.postgis import PostgisLocator
from geography.lookup.types import Locator, LookupHit, LookupPoints, RegionRef, SearchOptions
from geography.models import Vintage

_NO_HIT = LookupHit((), None)


class Located(NamedTuple):
    """Result of a lookup in one vintage: the region that covers the position or is nearest to it.

    Attributes:
        vintage: the vintage searched.
        match: `covers`, `nearest` or `none`.
        region: the region that covers the position, or the nearest one within the requested distance.
        distance_m: to that region, metres on the ellipsoid; 0 where it covers, None where there is none.
        certain: with `covers`, True if no other region is within `uncertainty_m`; with `nearest`, False; with `none`, True if
            no region is within `uncertainty_m`.
        uncertainty_m: metres: 1.5 times the accuracy, at least the 2 m between WGS 84 and NAD83, plus the distance by which the
            region's border may be off in its vintage.
        covering: every region that covers the position, by code: more than one on a shared border.
        near: every region within the uncertainty, by code, the covering ones included.
        neighbour: the nearest region other than `region`, where that was requested and `region` covers.
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
    """Return for each position the result in each vintage, both in the order of the arguments.

    Tested against the boundaries as published, never a simplified level, with the predicate *covers*: a border belongs to
    its region. On a border that regions share, the lowest code wins and the answer is not certain.

    Args:
        positions: WGS 84 (EPSG:4326), decimal degrees. Far outside Canada no region covers them; at the pole every longitude
            is the same point.
        vintages: published ones. Cartographic ones end at the shoreline.
        accuracy_m: radius around a position that contains the true position in 95 of 100 cases.
        max_distance_m: greatest distance of the nearest region where none covers.
        borders: for each vintage, whether to find the neighbour of a region that covers.

    Queries: none for the vintages that this process holds in memory (`geography.lookup.registry`), 1 for all others, and 1 more
    for each of these whose borders may be off, however many positions there are.
    """
    radius = max(accuracy_m * ACCURACY_FACTOR, DATUM_UNCERTAINTY_M)
    options = [SearchOptions(radius, max_distance_m, border) for border in (borders or [False] * len(vintages))]
    around = [number for number, position in enumerate(positions) if within_reach(position)]
    points = LookupPoints(positions).subset(around)
    columns = _hits(points, vintages, options) if around else [[] for _ in vintages]
    if len(around) != len(positions):
        by_number = [dict(zip(around, column, strict=True)) for column in columns]
        columns = [[column.get(number, _NO_HIT) for number in range(len(positions))] for column in by_number]
    located = [
        _located_each(vintage, column, radius, max_distance_m) for vintage, column in zip(vintages, columns, strict=True)
    ]
    return list(zip(*located, strict=True)) if located else [() for _ in positions]


def position_locate(
    *,
    position: LonLat,
    vintages: Sequence[Vintage],
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    borders: Sequence[bool] = (),
) -> tuple[Located, ...]:
    """Return the result for one position in each vintage: `points_locate` of one."""
    (located,) = points_locate(
        positions=[position], vintages=vintages, accuracy_m=accuracy_m, max_distance_m=max_distance_m, borders=borders
    )
    return located


def provinces_differ(located: Located, other: Located) -> bool:
    """Return whether two vintages put a position into different provinces, so that a border of one of them must be off."""
    if located.region is None or other.region is None or located.region.pruid == other.region.pruid:
        return False
    # A region in several provinces has none.
    return bool(located.region.pruid and other.region.pruid)


def circle_shares(*, position: LonLat, radius_m: float, vintage: Vintage) -> dict[int, float]:
    """Return the part (0 to 1) of the circle around a position that each region of a vintage covers, by the region's id.

    Parts that no region covers, such as the sea, are not included. Queries: none where the vintage is in memory, and none far
    outside Canada; else 1.
    """
    if not within_reach(position):
        return {}
    shares = registry.locator_for(vintage).circle_shares(position, radius_m)
    return {region: min(share, 1.0) for region, share in shares.items()}


def _hits(points: LookupPoints, vintages: Sequence[Vintage], options: Sequence[SearchOptions]) -> list[list[LookupHit]]:
    """Return for each vintage the regions at and near each position, as far as the borders of the vintage may be off."""
    requests = [
        (registry.locator_for(vintage, border=each.border), each) for vintage, each in zip(vintages, options, strict=True)
    ]
    return [
        _with_misfit(points, vintage, locator, each, column) if vintage.misfit_m else column
        for vintage, (locator, each), column in zip(vintages, requests, _locate_each(points, requests), strict=True)
    ]


def _locate_each(points: LookupPoints, requests: Sequence[tuple[Locator, SearchOptions]]) -> list[list[LookupHit]]:
    """Return the hits of each locator. Those that query the tables share one statement."""
    queries = [(locator.vintage, options) for locator, options in requests if isinstance(locator, PostgisLocator)]
    if len(queries) < 2:
        return [locator.locate(points, options) for locator, options in requests]
    from_tables = iter(postgis.lookup_many(points.positions, queries))
    return [next(from_tables) if not locator.in_memory else locator.locate(points, options) for locator, options in requests]


def _with_misfit(
    points: LookupPoints, vintage: Vintage, locator: Locator, options: SearchOptions, column: list[LookupHit]
) -> list[LookupHit]:
    """Return the hits with all regions that may cover a position although the files put them farther away than the radius.

    Most positions are farther from any border. The neighbour's distance proves that, where it is known.
    """
    margins = [_misfit(vintage, options, hit) for hit in column]
    wider = [number for number, margin in enumerate(margins) if margin]
    if not wider:
        return column
    farther = SearchOptions(options.radius_m + max(margins))
    result = list(column)
    for number, hit in zip(wider, locator.locate(points.subset(wider), farther), strict=True):
        own = _covering(hit.near)
        near = tuple(
            (distance, region)
            for distance, region in hit.near
            if distance <= options.radius_m + (own[0] if own else region).misfit_m
        )
        result[number] = LookupHit(near, column[number].other)
    return result


def _misfit(vintage: Vintage, options: SearchOptions, hit: LookupHit) -> float:
    """Return by how much farther than the radius a region may be and still make the answer uncertain; 0 where none is."""
    near, other = hit
    if len(near) == 1 and near[0][0] <= BORDER_EPSILON_M and not near[0][1].misfit_m:
        return 0.0  # nearly every position
    own = _covering(near)
    if own:
        margin = own[0].misfit_m
        clear = options.border and (other is None or other[0] > options.radius_m + margin)
        return 0.0 if clear else margin
    margin = vintage.misfit_m or 0.0
    return 0.0 if other is not None and other[0] > options.radius_m + margin else margin


def _covering(near: Sequence[tuple[float, RegionRef]]) -> tuple[RegionRef, ...]:
    return tuple(region for distance, region in near if distance <= BORDER_EPSILON_M)


def _located_each(vintage: Vintage, column: Sequence[LookupHit], radius_m: float, max_distance_m: float) -> list[Located]:
    if len(column) == 1:
        return [_located(vintage, column[0], radius_m, max_distance_m)]
    # Positions in the interior of a region share one hit object, where the neighbour was not requested.
    distinct = {id(hit): hit for hit in column}
    located = {key: _located(vintage, hit, radius_m, max_distance_m) for key, hit in distinct.items()}
    return [located[id(hit)] for hit in column]


def _located(vintage: Vintage, hit: LookupHit, radius_m: float, max_distance_m: float) -> Located:
    near, other = hit
    if len(near) == 1 and near[0][0] <= BORDER_EPSILON_M:
        # Nearly every answer.
        only = (near[0][1],)
        neighbour, border_m = (other[1], other[0]) if other else (None, None)
        uncertainty_m = radius_m + only[0].misfit_m
        return Located(vintage, "covers", only[0], 0.0, True, uncertainty_m, only, only, neighbour, border_m)
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

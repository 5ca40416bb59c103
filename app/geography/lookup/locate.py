"""Point lookup (point in polygon): the region that covers a position, the regions near it, and the distance to the border."""

from collections.abc import Sequence

from covidtrends_geo.constants import ACCURACY_FACTOR, DATUM_UNCERTAINTY_M
from covidtrends_geo.point import Hit, answer
from geography.coordinates import LonLat, within_reach
from geography.lookup.registry import locator_for
from geography.lookup.types import Located, Locator, Search
from geography.models import Vintage


def points_locate(
    *,
    positions: Sequence[LonLat],
    vintages: Sequence[Vintage],
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    borders: Sequence[bool] = (),
) -> list[tuple[Located, ...]]:
    """Return for each position the result in each vintage, both in the order of the arguments: see `locate_with`."""
    return locate_with(
        locators=[locator_for(vintage) for vintage in vintages],
        positions=positions,
        accuracy_m=accuracy_m,
        max_distance_m=max_distance_m,
        borders=borders,
    )


def locate_with(
    *,
    locators: Sequence[Locator],
    positions: Sequence[LonLat],
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    borders: Sequence[bool] = (),
) -> list[tuple[Located, ...]]:
    """Return for each position the result of each locator, both in the order of the arguments.

    Tested against the boundaries as published, never a simplified level, with the predicate *covers*: a border belongs to
    its region. On a border that regions share, the lowest code wins and the answer is not certain.

    Args:
        locators: of published vintages. Cartographic ones end at the shoreline.
        positions: WGS 84 (EPSG:4326), decimal degrees. Far outside Canada no region covers them; at the pole every longitude
            is the same point.
        accuracy_m: radius around a position that contains the true position in 95 of 100 cases.
        max_distance_m: greatest distance of the nearest region where none covers.
        borders: for each locator, whether to find the neighbour of a region that covers.

    Queries: none for a vintage with an index (`geography.lookup.registry`), else 1, however many positions there are.
    """
    radius = max(accuracy_m * ACCURACY_FACTOR, DATUM_UNCERTAINTY_M)
    reachable = [within_reach(position) for position in positions]
    around = [position for position, reached in zip(positions, reachable, strict=True) if reached]
    columns = []
    for locator, border in zip(locators, borders or [False] * len(locators), strict=True):
        column = locator.locate(around, Search(radius, max_distance_m, border)) if around else []
        if len(around) != len(positions):
            outside = Located(locator.vintage, *answer(Hit((), None), radius, max_distance_m, ()))
            inside = iter(column)
            column = [next(inside) if reached else outside for reached in reachable]
        columns.append(column)
    return list(zip(*columns, strict=True)) if columns else [() for _ in positions]


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


def circle_shares(*, position: LonLat, radius_m: float, vintage: Vintage) -> dict[str, float]:
    """Return the part (0 to 1) of the circle around a position that each region of a vintage covers, by the region's code.

    Parts that no region covers, such as the sea, are not included. Queries: none where the vintage has an index, and none far
    outside Canada; else 1.
    """
    if not within_reach(position):
        return {}
    shares = locator_for(vintage).circle_shares(position, radius_m)
    return {code: min(share, 1.0) for code, share in shares.items()}

"""Types of point lookups: the result of a lookup, and the interface of the two engines.

`IndexLocator` answers from the compiled index of a vintage, `PostgisLocator` from the tables. Both give the same answers; a
test compares them on real boundaries.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from covidtrends_geo.lookup_file import Region
from geography.coordinates import LonLat
from geography.models import Vintage


class Search(NamedTuple):
    """Distances up to which regions are searched.

    Attributes:
        radius_m: every region within this distance, and its misfit, is near; at least `constants.DATUM_UNCERTAINTY_M`.
        nearest_m: where no region covers, the distance up to which the nearest region is searched; 0 for no search.
        border: where a region covers, whether to search the nearest other region, at any distance.
    """

    radius_m: float
    nearest_m: float = 0.0
    border: bool = False


class Located(NamedTuple):
    """Result of a lookup in one vintage: the region that covers the position or is nearest to it.

    Attributes:
        vintage: the vintage searched.
        match, region, distance_m, certain, uncertainty_m, covering, near, neighbour, distance_to_border_m: see
            `covidtrends_geo.point.Answer`.
    """

    vintage: Vintage
    match: str
    region: Region | None
    distance_m: float | None
    certain: bool
    uncertainty_m: float
    covering: tuple[Region, ...]
    near: tuple[Region, ...]
    neighbour: Region | None
    distance_to_border_m: float | None


class Locator(Protocol):
    """Engine of point lookups in one vintage. `geography.lookup.registry.locator_for` chooses it."""

    @property
    def vintage(self) -> Vintage:
        """Return the vintage that it searches."""
        ...

    @property
    def in_memory(self) -> bool:
        """Return whether lookups need no query."""
        ...

    def locate(self, positions: Sequence[LonLat], search: Search) -> list[Located]:
        """Return the result for each position, in the order of the positions.

        Args:
            positions: around Canada, where the projection is defined.
        """
        ...

    def circle_shares(self, position: LonLat, radius_m: float) -> dict[str, float]:
        """Return the part (0 to 1) of the circle around a position that each region covers, by the region's code."""
        ...

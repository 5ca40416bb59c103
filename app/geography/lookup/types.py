"""Types of point lookups: search options, hits, and the interface of the two engines.

`MemoryLocator` answers from the index of a process, `PostgisLocator` from the tables. Both give the same answers; a test
compares them on real boundaries.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from geography.coordinates import LonLat
from geography.projection import ProjectedPoint, ProjectedPoints


class RegionRef(NamedTuple):
    """Identity of a region: `code` is its HRUID or CFSAUID, `pruid` its province.

    `misfit_m` is the distance in metres by which its border may be off in its vintage; 0 where that was not measured.
    """

    id: int
    code: str
    dguid: str | None
    name_en: str
    name_fr: str
    pruid: str
    misfit_m: float = 0.0


class SearchOptions(NamedTuple):
    """Distances up to which regions are searched.

    Attributes:
        radius_m: every region within this distance is near; at least `constants.DATUM_UNCERTAINTY_M`.
        nearest_m: where no region covers, the distance up to which the nearest region is searched; 0 for no search.
        border: where a region covers, whether to search the nearest other region, at any distance.
    """

    radius_m: float
    nearest_m: float = 0.0
    border: bool = False


class LookupHit(NamedTuple):
    """Regions at and near one position.

    Attributes:
        near: regions within the radius by code, each with its distance in metres: 0 where it covers.
        other: the nearest region other than the first that covers, or the nearest of all where none covers, with its distance
            in metres on the ellipsoid. None where there is none, or where `SearchOptions` did not include it.
    """

    near: tuple[tuple[float, RegionRef], ...]
    other: tuple[float, RegionRef] | None


class LookupPoints:
    """Positions of a lookup. They are projected at first use, once for all vintages."""

    __slots__ = ("_projected", "_single", "positions")

    def __init__(self, positions: Sequence[LonLat]) -> None:
        self.positions = positions
        self._single: ProjectedPoint | None = None
        self._projected: ProjectedPoints | None = None

    @property
    def single(self) -> ProjectedPoint:
        """Return the first position, projected."""
        if self._single is None:
            self._single = ProjectedPoint(self.positions[0])
        return self._single

    @property
    def projected(self) -> ProjectedPoints:
        """Return all positions, projected."""
        if self._projected is None:
            self._projected = ProjectedPoints(self.positions)
        return self._projected

    def subset(self, numbers: Sequence[int]) -> "LookupPoints":
        """Return the positions with these indexes; all of them are this object."""
        if len(numbers) == len(self.positions):
            return self
        return LookupPoints([self.positions[number] for number in numbers])


class Locator(Protocol):
    """Engine of point lookups in one vintage. `geography.lookup.registry.locator_for` chooses it."""

    @property
    def in_memory(self) -> bool:
        """Return whether lookups need no query."""
        ...

    def locate(self, points: LookupPoints, options: SearchOptions) -> list[LookupHit]:
        """Return the regions at and near each position, in the order of the positions."""
        ...

    def circle_shares(self, position: LonLat, radius_m: float) -> dict[int, float]:
        """Return the part (0 to 1) of the circle around a position that each region covers, by the region's id."""
        ...

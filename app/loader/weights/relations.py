"""Relations of places to the regions of another vintage, computed from where people live: the finest common geography.

Places and regions that share people are merged until both sides of a group have the same people; then counts can be added.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from loader.weights.areas import AreaShares

Joint = Mapping[str, Mapping[str, float]]

# A place and a region that share at least this part of the people of either are in one group. Less comes from borders that two
# vintages draw differently: at most 1.6 % between the health regions of 2015 and 2022, whose areas differ there by under 0.5 %.
CROSSING_SHARE = 0.02
# The same applies to this part, if they also share `CROSSING_AREA_SHARE` of the area of either, or if areas are not known.
SMALL_CROSSING_SHARE = 0.005
CROSSING_AREA_SHARE = 0.01
# By whether the group has several places, and several regions.
_METHODS = {(False, False): "same", (True, False): "sum", (False, True): "part_of", (True, True): "common"}
# A group may share at most this part of its people with places and regions whose relations are declared.
OUTSIDE_SHARE_MAX = 0.01


class Relation(NamedTuple):
    """Relation of a place to a region: `same`, `sum`, `common` or `part_of`; with the people in both as shares of either."""

    place: str
    region: str
    method: str
    share_of_place: float
    share_of_region: float


@dataclass(frozen=True)
class Overlay:
    """People of a vintage of places by region of another vintage.

    Attributes:
        people: by code of the place and of the region.
        areas: shares of area by codes of both; None where the vintages were not compared.
        declared_places, declared_regions: codes with declared relations. They are in no group.
    """

    people: Joint
    areas: AreaShares | None = None
    declared_places: Collection[str] = ()
    declared_regions: Collection[str] = ()

    @cached_property
    def _of_place(self) -> dict[str, float]:
        return {place: sum(by_region.values()) for place, by_region in self.people.items()}

    @cached_property
    def _of_region(self) -> dict[str, float]:
        totals: dict[str, float] = defaultdict(float)
        for by_region in self.people.values():
            for region, number in by_region.items():
                totals[region] += number
        return totals

    def relations(self) -> Iterator[Relation]:
        """Yield the relations of every group: each of its regions with each of its places.

        A group of one place and one region is `same`; several places of one region are its `sum`; several regions are
        `part_of` one place.
        Several places with several regions have their counts in `common`. Places and regions without people have no relation,
        nor has a group whose people are partly those of declared relations.
        """
        for places, regions in self._groups():
            if self._outside(places, regions) > OUTSIDE_SHARE_MAX:
                continue
            method = _METHODS[len(places) > 1, len(regions) > 1]
            for region in sorted(regions):
                for place in sorted(places):
                    number = self.people[place].get(region, 0.0)
                    yield Relation(place, region, method, number / self._of_place[place], number / self._of_region[region])

    def _groups(self) -> Iterator[tuple[set[str], set[str]]]:
        """Yield the places and the regions of each connected group, in the order of their first place."""
        crossings: dict[str, set[str]] = {}
        places_of: dict[str, set[str]] = defaultdict(set)
        for place in sorted(set(self.people) - set(self.declared_places)):
            crossings[place] = {region for region in self.people[place] if self._crosses(place, region)}
            for region in crossings[place]:
                places_of[region].add(place)
        while crossings:
            places, regions, pending = set(), set(), [next(iter(crossings))]
            while pending:
                place = pending.pop()
                if place not in places:
                    places.add(place)
                    regions |= crossings[place]
                    pending += [other for region in crossings.pop(place) for other in places_of[region] if other not in places]
            if regions:
                yield places, regions

    def _crosses(self, place: str, region: str) -> bool:
        number = self.people[place][region]
        if region in self.declared_regions or number <= 0:
            return False
        share = max(number / self._of_place[place], number / self._of_region[region])
        if share >= CROSSING_SHARE or share < SMALL_CROSSING_SHARE:
            return share >= CROSSING_SHARE
        return self.areas is None or self.areas.get((place, region), 0.0) >= CROSSING_AREA_SHARE

    def _outside(self, places: Collection[str], regions: Collection[str]) -> float:
        """Return the people that a group shares with declared places and regions, as a part of its own people."""
        inside = sum(self.people[place].get(region, 0.0) for place in places for region in regions)
        outside = sum(self.people[place].get(region, 0.0) for place in places for region in self.declared_regions)
        outside += sum(self.people.get(place, {}).get(region, 0.0) for place in self.declared_places for region in regions)
        return outside / inside if inside else 1.0

"""Relations of places to the regions of another vintage, computed from where people live: the finest common geography.

Places and regions that share people are merged until both sides of a group have the same people; then counts can be added.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

Joint = Mapping[str, Mapping[str, float]]

# At most this part of the people of a place or region may be outside of its group. It follows from what a rate can show,
# not from a vintage: it makes a rate wrong by 2 % where the misplaced people have twice the rate of the others, and half of the
# exact interval of a count n, 1.96 / sqrt(n), is more than that up to 9,604 cases a week.
MISPLACED_MAX = 0.02
# By whether the group has several places, and several regions.
_METHODS = {(False, False): "same", (True, False): "sum", (False, True): "part_of", (True, True): "common"}


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
        declared_places, declared_regions: codes with declared relations. They are in no group.
    """

    people: Joint
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
        Several places with several regions have their counts in `common`. At most `MISPLACED_MAX` of the people of a place or
        region are outside of its group. Places and regions without people have no relation, nor has a group with more people of
        declared relations.
        """
        for places, regions in self._groups():
            if self._outside(places, regions) > MISPLACED_MAX:
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
        crossing = self._crossing
        for place in sorted(set(self.people) - set(self.declared_places)):
            crossings[place] = {region for region in self.people[place] if (place, region) in crossing}
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

    @cached_property
    def _crossing(self) -> Set[tuple[str, str]]:
        """Pairs of a place and a region that belong to one group: those that either of them cannot do without."""
        of_region: dict[str, dict[str, float]] = defaultdict(dict)
        for place, by_region in self.people.items():
            for region, number in by_region.items():
                of_region[region][place] = number
        pairs = {
            (place, region)
            for place, by_region in self.people.items()
            if place not in self.declared_places
            for region in _needed(by_region, self.declared_regions)
        }
        return pairs | {
            (place, region)
            for region, by_place in of_region.items()
            if region not in self.declared_regions
            for place in _needed(by_place, self.declared_places)
        }

    def _outside(self, places: Collection[str], regions: Collection[str]) -> float:
        """Return the people that a group shares with declared places and regions, as a part of its own people."""
        inside = sum(self.people[place].get(region, 0.0) for place in places for region in regions)
        outside = sum(self.people[place].get(region, 0.0) for place in places for region in self.declared_regions)
        outside += sum(self.people.get(place, {}).get(region, 0.0) for place in self.declared_places for region in regions)
        return outside / inside if inside else 1.0


def _needed(people: Mapping[str, float], declared: Collection[str]) -> list[str]:
    """Return the counterparts of a place or region without which more than `MISPLACED_MAX` of its people would be misplaced.

    Args:
        people: by code of the counterpart.
        declared: counterparts that are in no group; their people are misplaced in any case.
    """
    most = MISPLACED_MAX * sum(people.values())
    misplaced = sum(number for code, number in people.items() if code in declared)
    needed = []
    for code, number in sorted(people.items(), key=lambda counted: (counted[1], counted[0])):
        if code in declared or number <= 0:
            continue
        misplaced += number
        if misplaced > most:
            needed.append(code)
    return needed

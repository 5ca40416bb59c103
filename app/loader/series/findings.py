"""Findings of revision gates for the notice to readers: names of the changed places, in both languages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from geography.codes import PROVINCE_BY_PRUID
from indicators.models import Place, PlaceKind

# Maximum number of places named in a finding, and smallest share of all changes for which a province is named.
NAMED_MAX = 3
NAMED_SHARE = 0.1


def of_places(places: Iterable[Place]) -> dict[str, Any]:
    """Return the names of places as a finding: `places` with `name_en` and `name_fr`, and `more`, the number of others.

    Several places of a province are named by the province, and the country only if nothing else is. In the order of the places,
    so that the first ones are named.
    """
    by_province: dict[str, list[Place]] = defaultdict(list)
    country = []
    for place in places:
        if place.kind == PlaceKind.COUNTRY:
            country.append(place)
        else:
            # A site without a province stands for itself.
            by_province[place.pruid or place.key].append(place)
    named = [_name(members) for members in by_province.values()] or [_name([place]) for place in country]
    return {"places": named[:NAMED_MAX], "more": max(len(named) - NAMED_MAX, 0)}


def most_of(numbers: Mapping[Place, int]) -> list[Place]:
    """Return the places of the provinces with a tenth of a total or more, those of the largest number first."""
    by_province: dict[str, int] = defaultdict(int)
    for place, number in numbers.items():
        by_province[place.pruid or place.key] += number
    least = NAMED_SHARE * sum(by_province.values())
    order = sorted(numbers, key=lambda place: -by_province[place.pruid or place.key])
    return [place for place in order if by_province[place.pruid or place.key] >= least]


def _name(members: list[Place]) -> dict[str, str]:
    """Return the names of a place, or of the province that several places lie in."""
    province = PROVINCE_BY_PRUID.get(members[0].pruid)
    alone = len(members) == 1 and members[0].kind != PlaceKind.UNASSIGNED
    named = members[0] if alone or province is None else province
    return {"name_en": named.name_en, "name_fr": named.name_fr}

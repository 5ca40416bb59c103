"""Figures for the regions of any vintage, from their declared relations to the places of a series."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geography.models import Region
from indicators.measures import NOTHING, RATE_DECIMALS, RATE_PEOPLE, Element
from indicators.models import PlaceKind
from indicators.queries.figures import Figure, members_of
from indicators.statuses import ValueStatus

if TYPE_CHECKING:
    from geography.models import Vintage

# Measures of a larger place that also hold for each region inside it; counts do not.
RATES = ("rate_7d", "rate", "value")


def figures_of_regions(figures: Sequence[Figure], measure: str, vintage: "Vintage") -> dict[str, Figure | None]:
    """Return a figure for every region of a vintage by code; None for a region without a declared relation to a place.

    `same`: the figure of the place. `sum`: the sum over whole places, with rates from the sums. `part_of`: the rate of the
    larger place without a count, because the count belongs to the whole place. Queries: 2.
    """
    by_place = {figure.place.pk: figure for figure in figures if figure.place.kind == PlaceKind.REGION}
    members = defaultdict(list)
    for member in members_of(vintage.coverage.slug, vintage.label, [figure.place for figure in figures]):
        if member.place_id in by_place:
            members[member.code].append((member.method, by_place[member.place_id]))
    codes = Region.objects.filter(vintage=vintage).order_by("code").values_list("code", flat=True)
    return {code: _figure(members[code], measure) if code in members else None for code in codes}


def _figure(parts: Sequence[tuple[str, Figure]], measure: str) -> Figure:
    methods = {method for method, _ in parts}
    first = parts[0][1]
    if methods == {"same"} and len(parts) == 1:
        return first
    if methods == {"part_of"} and len(parts) == 1:
        if measure in RATES:
            return replace(first, count=None, people=None, people_year=None, method="part_of")
        return replace(first, element=NOTHING, count=None, method="part_of")
    return _sum([figure for _, figure in parts], measure)


def _sum(parts: Sequence[Figure], measure: str) -> Figure:
    first = parts[0]
    # A missing part makes the sum unknown, not smaller.
    missing = next((part for part in parts if (part.count if measure == "rate_7d" else part.element.value) is None), None)
    if missing is not None:
        return replace(missing, element=replace(missing.element, value=None), count=None, people=None, method="sum")
    status = max((part.element.status for part in parts), key=int, default=ValueStatus.REPORTED)
    lag = max(part.element.lag for part in parts)
    span = max(part.element.span for part in parts)
    if measure != "rate_7d":
        total = sum(part.element.value for part in parts if part.element.value is not None)
        return replace(first, element=Element(total, status, lag, span), method="sum")
    count = sum(part.count for part in parts if part.count is not None)
    people = sum(part.people or 0 for part in parts)
    rate = round(count * RATE_PEOPLE / people, RATE_DECIMALS) if people and count >= 0 else None
    return replace(first, element=Element(rate, status, lag, span), count=count, people=people, method="sum")


def by_key(figures: Sequence[Figure], kind: PlaceKind) -> dict[str, Figure]:
    """Return the figures of a kind of place by key."""
    return {figure.place.key: figure for figure in figures if figure.place.kind == kind}

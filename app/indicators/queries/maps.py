"""Figures for the regions of any vintage, from their declared relations to the places of a series."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geography.models import Region
from indicators.measures import NOTHING, RATE_DECIMALS, RATE_PEOPLE, Element
from indicators.models import PlaceKind
from indicators.queries.figures import Figure, members_of

if TYPE_CHECKING:
    from geography.models import Vintage

# Rates that are computed from a count and a population.
_RATES = ("rate_7d", "rate")
# Kinds of indicators whose values hold for every part of a place. All other values are counts.
_INTENSIVE_KINDS = ("percent", "concentration")


def figures_of_regions(figures: Sequence[Figure], kind: str, measure: str, vintage: "Vintage") -> dict[str, Figure | None]:
    """Return a figure for every region of a vintage by code; None for a region without a relation that permits a conversion.

    `same`: the figure of the place. `sum`: the sum over whole places, with rates from the sums; no value for percentages and
    concentrations, which cannot be added. `part_of`: the rate, percentage or concentration of the larger place without a count,
    because the count belongs to the whole place. Other methods, and different methods for one region, permit no conversion.

    Args:
        figures: of all places of the series.
        kind: of the indicator (`indicators.models.Kind`).

    Queries: 2.
    """
    by_place = {figure.place.pk: figure for figure in figures if figure.place.kind == PlaceKind.REGION}
    members = defaultdict(list)
    for member in members_of(vintage.coverage.slug, vintage.label, [figure.place for figure in figures]):
        if member.place_id in by_place:
            members[member.code].append((member.method, by_place[member.place_id]))
    codes = Region.objects.filter(vintage=vintage).order_by("code").values_list("code", flat=True)
    return {code: convert(members[code], kind, measure) if code in members else None for code in codes}


def convert(parts: Sequence[tuple[str, Figure]], kind: str, measure: str) -> Figure | None:
    """Return the figure of one region from the method and the figure of each of its places, as `figures_of_regions`."""
    methods = {method for method, _ in parts}
    if methods == {"sum"}:
        return _sum([figure for _, figure in parts], kind, measure)
    if len(parts) > 1:
        return None
    ((method, figure),) = parts
    if method == "same":
        return figure
    if method == "part_of":
        element = figure.element if measure in _RATES or kind in _INTENSIVE_KINDS else NOTHING
        return replace(figure, element=element, count=None, people=None, people_year=None, method=method)
    return None


def _sum(parts: Sequence[Figure], kind: str, measure: str) -> Figure:
    first = parts[0]
    if kind in _INTENSIVE_KINDS:
        return replace(first, element=NOTHING, method="sum")
    counts = [part.count if measure in _RATES else part.element.value for part in parts]
    # A missing part makes the sum unknown, not smaller.
    missing = next((part for part, count in zip(parts, counts, strict=True) if count is None), None)
    if missing is not None:
        return replace(missing, element=missing.element._replace(value=None), count=None, people=None, method="sum")
    total = sum(count for count in counts if count is not None)
    elements = [part.element for part in parts]
    element = Element(
        total,
        max(element.status for element in elements),
        max(element.lag for element in elements),
        max(element.span for element in elements),
    )
    if measure not in _RATES:
        return replace(first, element=element, count=None if first.count is None else total, method="sum")
    inhabitants = [part.people for part in parts]
    people = None if None in inhabitants else sum(number or 0 for number in inhabitants)
    rate = round(total * RATE_PEOPLE / people, RATE_DECIMALS) if people and total >= 0 else None
    return replace(first, element=element._replace(value=rate), count=total, people=people, method="sum")


def by_key(figures: Sequence[Figure], kind: PlaceKind) -> dict[str, Figure]:
    """Return the figures of a kind of place by key."""
    return {figure.place.key: figure for figure in figures if figure.place.kind == kind}

"""Figures for the regions of any vintage, from their declared relations to the places of a series."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geography.models import Region
from indicators.measures import NOTHING, RATE_DECIMALS, RATE_PEOPLE, Element
from indicators.models import PlaceKind, PlaceWeight
from indicators.queries.figures import Figure, members_of
from indicators.statuses import ValueStatus

if TYPE_CHECKING:
    from geography.models import Vintage

# Rates that are computed from a count and a population.
_RATES = ("rate_7d", "rate")
# Kinds of indicators whose values hold for every part of a place. All other values are counts.
_INTENSIVE_KINDS = ("percent", "concentration")
# Relations by which the count of a place belongs to a region as a whole.
_WHOLE_METHODS = ("same", "sum")
# Estimated counts are rounded so that the sum over all regions is exact to one.
_COUNT_DECIMALS = 2


def figures_of_regions(
    figures: Sequence[Figure], kind: str, measure: str, vintage: "Vintage", *, weighted: bool = False
) -> dict[str, Figure | None]:
    """Return a figure for every region of a vintage by code; None for a region without a relation that permits a conversion.

    `same`: the figure of the place. `sum`: the sum over whole places, with rates from the sums; no value for percentages and
    concentrations, which cannot be added. `part_of`: the rate, percentage or concentration of the larger place without a count,
    because the count belongs to the whole place. Other methods, and different methods for one region, permit no conversion.
    `weighted`, on request, for regions without a value by these: as `_weighted`.

    Args:
        figures: of all places of the series.
        kind: of the indicator (`indicators.models.Kind`).
        weighted: whether to estimate by population weights.

    Queries: 2, and 1 with `weighted`.
    """
    by_place = {figure.place.pk: figure for figure in figures if figure.place.kind == PlaceKind.REGION}
    members = defaultdict(list)
    for member in members_of(vintage.coverage.slug, vintage.label, [figure.place for figure in figures]):
        if member.place_id in by_place:
            members[member.code].append((member.method, by_place[member.place_id]))
    codes = Region.objects.filter(vintage=vintage).order_by("code").values_list("code", flat=True)
    declared = {code: convert(members[code], kind, measure) if code in members else None for code in codes}
    if not weighted or kind in _INTENSIVE_KINDS:
        return declared
    whole = {code for code, parts in members.items() if any(method in _WHOLE_METHODS for method, _ in parts)}
    used = {figure.place.pk for code in whole for _, figure in members[code]}
    divided = {pk: figure for pk, figure in by_place.items() if pk not in used}
    estimates = _weighted(divided, [code for code in declared if code not in whole], measure, vintage)
    return {
        code: estimates.get(code, figure) if figure is None or figure.element is NOTHING else figure
        for code, figure in declared.items()
    }


def _weighted(divided: Mapping[int, Figure], codes: Collection[str], measure: str, vintage: "Vintage") -> dict[str, Figure]:
    """Return estimates for regions by code, from figures of places divided among them by where people live.

    The count of a place is divided among the regions without a whole place of their own, so that the sum over the regions is
    that of the places. A rate is computed from the divided counts and populations; it is not divided itself. The status is
    `estimated`, unless a part is missing: then the value is, too. A region without weights has no entry.

    Args:
        divided: figures of the places that are no region of the vintage themselves, by primary key of the place.
        codes: regions that may receive a part of them.

    Queries: 1.
    """
    shares: dict[int, dict[str, float]] = defaultdict(dict)
    rows = PlaceWeight.objects.filter(
        place__in=list(divided), coverage=vintage.coverage.slug, vintage_label=vintage.label, code__in=codes
    )
    for place, code, share in rows.order_by("code", "-share_of_place").values_list("place_id", "code", "share_of_place"):
        shares[place][code] = share
    parts = defaultdict(list)
    for place, by_code in shares.items():
        total = sum(by_code.values())
        for code, share in by_code.items():
            parts[code].append(_part(divided[place], share / total, measure))
    # The place with most of a region's count first: the figure names it.
    return {code: _estimated(_sum(sorted(of_region, key=_size, reverse=True), measure)) for code, of_region in parts.items()}


def _size(part: Figure) -> float:
    return part.count or part.element.value or 0.0


def _part(figure: Figure, share: float, measure: str) -> Figure:
    """Return the part of a figure's count and population; rates are computed from the sums of these."""
    count = figure.count if measure in _RATES else figure.element.value
    part = None if count is None else count * share
    people = None if figure.people is None else figure.people * share
    count = None if figure.count is None else part
    return replace(figure, element=figure.element._replace(value=part), count=count, people=people)


def _estimated(figure: Figure) -> Figure:
    """Return a sum of parts as an estimate."""
    element = figure.element
    value, count, people = (
        None if number is None else round(number, decimals)
        for number, decimals in ((element.value, _COUNT_DECIMALS), (figure.count, _COUNT_DECIMALS), (figure.people, None))
    )
    if value is not None or count is not None:
        element = element._replace(value=value, status=ValueStatus.ESTIMATED)
    return replace(figure, element=element, count=count, people=people, method="weighted")


def convert(parts: Sequence[tuple[str, Figure]], kind: str, measure: str) -> Figure | None:
    """Return the figure of one region from the method and the figure of each of its places, as `figures_of_regions`."""
    methods = {method for method, _ in parts}
    if methods == {"sum"}:
        summed = [figure for _, figure in parts]
        if kind in _INTENSIVE_KINDS:
            return replace(summed[0], element=NOTHING, method="sum")
        return _sum(summed, measure)
    if len(parts) > 1:
        return None
    ((method, figure),) = parts
    if method == "same":
        return figure
    if method == "part_of":
        element = figure.element if measure in _RATES or kind in _INTENSIVE_KINDS else NOTHING
        return replace(figure, element=element, count=None, people=None, people_year=None, method=method)
    return None


def _sum(parts: Sequence[Figure], measure: str) -> Figure:
    first = parts[0]
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

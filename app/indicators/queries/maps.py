"""Figures for the regions of any vintage, from their declared or computed relations to the places of a series."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q

from geography.models import Region
from indicators.measures import NOTHING, RATE_DECIMALS, RATE_PEOPLE, Element
from indicators.models import Place, PlaceKind, PlaceMember, PlaceWeight
from indicators.queries.figures import Figure, Group
from indicators.statuses import ValueStatus

if TYPE_CHECKING:
    from geography.models import Vintage

# Rates that are computed from a count and a population.
_RATES = ("rate_7d", "rate")
# Kinds of indicators whose values hold for every part of a place. All other values are counts.
_INTENSIVE_KINDS = ("percent", "concentration")
# Relations by which the count of a place belongs to a region as a whole.
_WHOLE_METHODS = ("same", "sum")
# Relations by which the counts of several places are added.
_ADDED_METHODS = ("sum", "common")
# Statuses that an estimate has from its parts: a limit, and a total that is no longer reported.
_STATUSES_OF_PARTS = (ValueStatus.NOT_REPORTED, ValueStatus.CAPPED)
# Estimated counts are rounded so that the sum over all regions is exact to one.
_COUNT_DECIMALS = 2


class Relations(NamedTuple):
    """Relations of a region: method and place of each, also of places without a series.

    Attributes:
        group: with method `common`; None with any other.
        misplaced_share: as in `Figure`.
    """

    parts: Sequence[tuple[str, Place]]
    group: Group | None = None
    misplaced_share: float | None = None


def figures_of_regions(
    figures: Sequence[Figure], kind: str, measure: str, vintage: "Vintage", *, weighted: bool = False
) -> dict[str, Figure | None]:
    """Return a figure for every region of a vintage by code; None for a region without a relation that permits a conversion.

    `same`: the figure of the place. `sum`: the sum over whole places, with rates from the sums; no value for percentages and
    concentrations, which cannot be added. `common`: the same sum over the places of a group of regions, which all have this one
    figure. `part_of`: the rate, percentage or concentration of the larger place without a count, because the count belongs to
    the whole place. Other methods, and different methods for one region, permit no conversion. A place of the vintage of the
    series without a series of its own is a missing part, not a part of 0.
    `weighted`, on request, for regions without a value of their own by these, and for counts of groups: as `_weighted`.

    Args:
        figures: of all places of the series, for one day.
        kind: of the indicator (`indicators.models.Kind`).
        weighted: whether to estimate by population weights.

    Queries: 2, and 1 with `weighted`.
    """
    by_place = {figure.place.pk: figure for figure in figures if figure.place.kind == PlaceKind.REGION}
    relations = relations_of(vintage.coverage.slug, vintage.label, [figure.place for figure in by_place.values()])
    converted: dict[str, Figure | None] = {}
    for code in Region.objects.filter(vintage=vintage).order_by("code").values_list("code", flat=True):
        of_region = relations.get(code, Relations(()))
        parts = [(method, _figure_of(place, by_place)) for method, place in of_region.parts]
        converted[code] = convert(parts, of_region, kind, measure)
    if not weighted or kind in _INTENSIVE_KINDS:
        return converted
    whole = {code for code, of_region in relations.items() if any(method in _WHOLE_METHODS for method, _ in of_region.parts)}
    used = {place.pk for code in whole for _, place in relations[code].parts}
    estimates = _weighted(by_place, used, [code for code in converted if code not in whole], measure, vintage)
    return {code: figure if _is_own(figure, measure) else estimates.get(code, figure) for code, figure in converted.items()}


def _is_own(figure: Figure | None, measure: str) -> bool:
    """Return whether a region has a value that needs no estimate. The count of a group is that of no single region."""
    if figure is None or figure.element is NOTHING:
        return False
    return figure.method != "common" or measure in _RATES


def relations_of(coverage: str, label: str, places: Iterable[Place]) -> dict[str, Relations]:
    """Return the relations of the regions of a vintage to all places of the vintages of `places`, by code.

    Regions with the `common` relation to the same places are a group.

    Queries: 1; none without places.
    """
    members: dict[str, list[PlaceMember]] = defaultdict(list)
    for member in members_of(coverage, label, places):
        members[member.code].append(member)
    regions: dict[tuple[int, ...], list[str]] = defaultdict(list)
    places_of: dict[str, tuple[int, ...]] = {}
    for code, of_region in members.items():
        if {member.method for member in of_region} == {"common"}:
            places_of[code] = tuple(member.place_id for member in of_region)
            regions[places_of[code]].append(code)
    relations = {}
    for code, of_region in members.items():
        together = regions[places_of[code]] if code in places_of else [code]
        relations[code] = Relations(
            [(member.method, member.place) for member in of_region],
            Group(tuple(together), tuple(member.place.code for member in of_region)) if code in places_of else None,
            _misplaced_share([member for other in together for member in members[other]]),
        )
    return relations


def _misplaced_share(members: Sequence[PlaceMember]) -> float | None:
    """Return the largest part of the people of a region or place of a group that is outside of it; None without shares.

    Of a place with `part_of`, the parts outside are those of other regions, and not misplaced.
    """
    inside: dict[str | int, float] = defaultdict(float)
    for member in members:
        if member.share_of_region is None or member.share_of_place is None:
            return None
        inside[member.code] += member.share_of_region
        if member.method != "part_of":
            inside[member.place_id] += member.share_of_place
    return max(0.0, 1 - min(inside.values()))


def members_of(coverage: str, label: str, places: Iterable[Place]) -> list[PlaceMember]:
    """Return the stored relations of the regions of a vintage to all places of the vintages of `places`, ordered by code.

    Queries: 1; none without places.
    """
    own = _of_same_vintages(places)
    if own is None:
        return []
    members = PlaceMember.objects.filter(own, coverage=coverage, vintage_label=label)
    return list(members.select_related("place").order_by("code", "place__code"))


def _of_same_vintages(places: Iterable[Place]) -> Q | None:
    """Return the condition that the place of a row is a region of a vintage of these places; None without places."""
    vintages = sorted({(place.coverage, place.vintage_label) for place in places})
    conditions = [Q(place__coverage=coverage, place__vintage_label=label) for coverage, label in vintages]
    return Q(*conditions, _connector=Q.OR) & Q(place__kind=PlaceKind.REGION) if conditions else None


def _figure_of(place: Place, by_place: Mapping[int, Figure]) -> Figure:
    """Return the figure of a place; `not_reported` without a series."""
    return by_place.get(place.pk) or Figure(place, next(iter(by_place.values())).day, NOTHING)


def _weighted(
    by_place: Mapping[int, Figure], used: Collection[int], codes: Collection[str], measure: str, vintage: "Vintage"
) -> dict[str, Figure]:
    """Return estimates for regions by code, from figures of places divided among them by where people live.

    The count of a place is divided among the regions without a whole place of their own, so that the sum over the regions is
    that of the places. A rate is computed from the divided counts and populations; it is not divided itself. The status is
    `estimated`, unless a part is capped or no longer reported: then it is that of the part. If a part is missing, or its place
    has no series, the value is missing, too. A region without weights has no entry.

    Args:
        by_place: figures of regions by primary key of the place.
        used: primary keys of places that are regions of the vintage themselves or whole parts of them. They are not divided.
        codes: regions that may receive a part of a place.

    Queries: 1; none without figures.
    """
    own = _of_same_vintages(figure.place for figure in by_place.values())
    if own is None:
        return {}
    weights = PlaceWeight.objects.filter(own, coverage=vintage.coverage.slug, vintage_label=vintage.label, code__in=codes)
    shares: dict[int, list[PlaceWeight]] = defaultdict(list)
    for weight in weights.exclude(place__in=used).select_related("place").order_by("code", "-share_of_place"):
        shares[weight.place_id].append(weight)
    parts = defaultdict(list)
    for of_place in shares.values():
        total = sum(weight.share_of_place for weight in of_place)
        for weight in of_place:
            parts[weight.code].append(_part(_figure_of(weight.place, by_place), weight.share_of_place / total, measure))
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
    """Return a sum of parts as an estimate; a missing value, a limit and an ended total keep their status."""
    element = figure.element
    value, count, people = (
        None if number is None else round(number, decimals)
        for number, decimals in ((element.value, _COUNT_DECIMALS), (figure.count, _COUNT_DECIMALS), (figure.people, None))
    )
    status = element.status if value is None or element.status in _STATUSES_OF_PARTS else ValueStatus.ESTIMATED
    element = element._replace(value=value, status=status)
    return replace(figure, element=element, count=count, people=people, method="weighted")


def convert(parts: Sequence[tuple[str, Figure]], relations: Relations, kind: str, measure: str) -> Figure | None:
    """Return the figure of one region from the method and the figure of each of its places, as `figures_of_regions`.

    Args:
        relations: of the region, with its group and misplaced share.
    """
    figure = _converted(parts, kind, measure)
    return None if figure is None else replace(figure, group=relations.group, misplaced_share=relations.misplaced_share)


def _converted(parts: Sequence[tuple[str, Figure]], kind: str, measure: str) -> Figure | None:
    methods = {method for method, _ in parts}
    if len(methods) != 1:
        return None
    (method,) = methods
    figures = [figure for _, figure in parts]
    if method in _ADDED_METHODS:
        added = replace(figures[0], element=NOTHING) if kind in _INTENSIVE_KINDS else _sum(figures, measure)
        return replace(added, method=method)
    if len(figures) > 1:
        return None
    (figure,) = figures
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

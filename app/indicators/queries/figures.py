"""Figures: values of measures by place and day, read from the arrays derived at publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connections

from geography.db.routing import current_alias
from indicators.measures import NOTHING, Element, nearest_year
from indicators.models import Blob, Indicator, Place, PlaceKind, PlaceMember, Population, Series
from indicators.statuses import ValueStatus

# Measures whose elements cover the week that ends with a report.
WEEKLY = ("new_7d", "rate_7d")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of a place for a day.

    Attributes:
        element: value, status, lag and span.
        count: the count behind a rate; None without one.
        people, people_year: population behind a rate, and its year.
        method: `same` for the place itself, otherwise the relation of the place to the requested region.
    """

    place: Place
    day: date
    element: Element
    count: float | None = None
    people: int | None = None
    people_year: int | None = None
    method: str = "same"

    @property
    def reported_on(self) -> date | None:
        """Day of the report behind the value; None without a value."""
        return None if self.element.value is None and self.count is None else self.day - timedelta(days=self.element.lag)

    @property
    def period(self) -> tuple[date, date] | None:
        """First and last day that the value covers; None without a value."""
        last = self.reported_on
        return None if last is None else (last - timedelta(days=self.element.span - 1), last)


@dataclass(frozen=True, slots=True)
class Row:
    """A measure of a place from `start` on, one element per step."""

    place: Place
    start: date
    elements: Sequence[Element]


def indicator_series(indicator: Indicator) -> list[Series]:
    """Return the series of an indicator with their places, regions by code first. Queries: 1."""
    all_series = indicator.series.select_related("place").exclude(first=None)
    return sorted(all_series, key=lambda series: place_order(series.place))


def place_order(place: Place) -> tuple[int, str]:
    """Return the sort key of a place: regions first, the country last, by key within a kind."""
    kinds = (PlaceKind.REGION, PlaceKind.SITE, PlaceKind.UNASSIGNED, PlaceKind.PROVINCE, PlaceKind.COUNTRY)
    return kinds.index(PlaceKind(place.kind)), place.key


def populations(places: Sequence[Place]) -> dict[int, dict[int, int]]:
    """Return the populations of places by year, by primary key. Queries: 1."""
    people_by_place: dict[int, dict[int, int]] = {}
    rows = Population.objects.filter(place__in=[place.pk for place in places]).order_by("year")
    for place_id, year, people in rows.values_list("place_id", "year", "people"):
        people_by_place.setdefault(place_id, {})[year] = people
    return people_by_place


_DAY_SQL = """
    SELECT b.series_id, b.measure, b.values[i.position], b.statuses[i.position], b.lags[i.position], b.spans[i.position]
    FROM indicator_blob b JOIN indicator_series s ON s.id = b.series_id
    CROSS JOIN LATERAL (SELECT (%(day)s::date - b.start) + 1 AS position) i
    WHERE s.indicator_id = %(indicator)s AND b.measure = ANY (%(measures)s)
      AND i.position BETWEEN 1 AND cardinality(b.statuses)  -- as long as values, and smaller to decompress
"""


def figures_on(indicator: Indicator, measure: str, day: date) -> list[Figure]:
    """Return a measure of every place for a day; places without a value are `not_reported`. Queries: 3."""
    count_measure = "new_7d" if measure == "rate_7d" else "value" if measure == "rate" else measure
    elements: dict[tuple[int, str], Element] = {}
    with connections[current_alias()].cursor() as cursor:
        cursor.execute(_DAY_SQL, {"day": day, "indicator": indicator.pk, "measures": [measure, count_measure]})
        for series_id, name, value, status, lag, span in cursor:
            elements[series_id, name] = Element(value, ValueStatus(status), lag, span)
    all_series = indicator_series(indicator)
    people = populations([series.place for series in all_series]) if measure != count_measure else {}
    figures = []
    for series in all_series:
        element = elements.get((series.pk, measure), NOTHING)
        count = elements.get((series.pk, count_measure), NOTHING)
        years = people.get(series.place_id, {})
        year = nearest_year(years, (day - timedelta(days=element.lag)).year)
        figures.append(
            Figure(series.place, day, element, count.value, years[year] if year is not None else None, year)
            if measure != count_measure
            else Figure(series.place, day, element, element.value if measure == "new_7d" else None)
        )
    return figures


def rows(
    indicator: Indicator,
    measure: str,
    *,
    places: Sequence[int] | None = None,
    kind: str | None = None,
    first: date | None = None,
    last: date | None = None,
    step_days: int = 1,
    weekday: int | None = None,
) -> list[Row]:
    """Return a measure of places over time. Queries: 2.

    All rows begin on the same day and have the same length; days before and after a series are `not_reported`.

    Args:
        places: primary keys; None for all.
        kind: kind of the places (`PlaceKind`); None for all.
        first, last: days; None for the first and last day of all series.
        weekday: weekday of the first day (0 is Monday), on or after `first`; None begins at `first`.
    """
    selected = [
        series
        for series in indicator_series(indicator)
        if (places is None or series.place_id in places) and kind in (None, series.place.kind)
    ]
    blobs = {blob.series_id: blob for blob in Blob.objects.filter(series__in=selected, measure=measure)}
    if not blobs:
        return []
    start = first or min(blob.start for blob in blobs.values())
    end = last or max(blob.start + timedelta(days=len(blob.values) - 1) for blob in blobs.values())
    if weekday is not None:
        start += timedelta(days=(weekday - start.weekday()) % 7)
        if last is None:
            end += timedelta(days=(weekday - end.weekday()) % 7)
    days = range(0, (end - start).days + 1, step_days)
    table = []
    for series in selected:
        blob = blobs.get(series.pk)
        if blob is not None:
            offset = (start - blob.start).days
            table.append(Row(series.place, start, [_element(blob, offset + step) for step in days]))
    return table


def _element(blob: Blob, position: int) -> Element:
    if not 0 <= position < len(blob.values):
        return NOTHING
    return Element(blob.values[position], ValueStatus(blob.statuses[position]), blob.lags[position], blob.spans[position])


def members_of(coverage: str, vintage: str, places: Sequence[Place]) -> list[PlaceMember]:
    """Return the declared relations of the regions of a vintage to places, ordered by code. Queries: 1."""
    return list(
        PlaceMember.objects.filter(coverage=coverage, vintage_label=vintage, place__in=[place.pk for place in places])
        .select_related("place")
        .order_by("code", "place__code")
    )

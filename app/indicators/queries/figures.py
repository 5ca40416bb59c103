"""Figures: values of measures by place and day, read from the arrays derived at publication."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from django.db import connections

from geography.db.routing import current_alias
from indicators.measures import NOTHING, Element, nearest_year
from indicators.models import Blob, Indicator, Place, Population, Series
from indicators.queries.as_of import IssueValues
from indicators.queries.extents import place_order
from indicators.statuses import ValueStatus

# Measures whose elements cover the week that ends with a report.
WEEKLY = ("new_7d", "rate_7d")


class Group(NamedTuple):
    """Group of regions and places that cover the same area only together, by code."""

    regions: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of a place for a day.

    Attributes:
        element: value, status, lag and span.
        count: the count behind a rate; None without one.
        people, people_year: population behind a rate, and its year.
        method: `same` for the place itself, otherwise the relation of the place to the requested region.
        group: the regions and places that share the figure, with method `common`; None with any other.
        misplaced_share: largest part of the people of a region or place behind the figure that the other side lacks, 0 to 1;
            None for the place itself and for declared relations.
    """

    place: Place
    day: date
    element: Element
    count: float | None = None
    people: float | None = None
    people_year: int | None = None
    method: str = "same"
    group: Group | None = None
    misplaced_share: float | None = None

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


def indicator_series(indicator: Indicator, at: IssueValues | None = None) -> list[Series]:
    """Return the series of an indicator with their places, regions by code first: current, or as of an issue.

    Queries: 1; none where `at` is read already.
    """
    if at is not None:
        return at.series
    all_series = indicator.series.select_related("place").exclude(first=None)
    return sorted(all_series, key=lambda series: place_order(series.place))


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


def figures_on(indicator: Indicator, measure: str, day: date, at: IssueValues | None = None) -> list[Figure]:
    """Return a measure of every place for a day; places without a value are `not_reported`.

    Args:
        at: values of an issue instead of the current ones.

    Queries: 3.
    """
    count_measure = "new_7d" if measure == "rate_7d" else "value" if measure == "rate" else measure
    elements = _elements_on(indicator, (measure, count_measure), day, at)
    all_series = indicator_series(indicator, at)
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


def _elements_on(
    indicator: Indicator, measures: Sequence[str], day: date, at: IssueValues | None
) -> dict[tuple[int, str], Element]:
    """Return elements of a day by series and measure; series without one are missing."""
    if at is not None:
        return {(series.pk, name): at.elements(series, name, [day])[0] for series in at.series for name in measures}
    with connections[current_alias()].cursor() as cursor:
        cursor.execute(_DAY_SQL, {"day": day, "indicator": indicator.pk, "measures": list(measures)})
        return {
            (series_id, name): Element(value, ValueStatus(status), lag, span)
            for series_id, name, value, status, lag, span in cursor
        }


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
    at: IssueValues | None = None,
) -> list[Row]:
    """Return a measure of places over time. Queries: 2.

    All rows begin on the same day and have the same length; days before and after a series are `not_reported`.

    Args:
        places: primary keys; None for all.
        kind: kind of the places (`PlaceKind`); None for all.
        first, last: days; None for the first and last day of all series.
        weekday: weekday of the first day (0 is Monday), on or after `first`; None begins at `first`.
        at: values of an issue instead of the current ones.
    """
    selected = [
        series
        for series in indicator_series(indicator, at)
        if (places is None or series.place_id in places) and kind in (None, series.place.kind)
    ]
    tracks = _tracks(selected, measure, at)
    if not tracks:
        return []
    start = first or min(track.start for track in tracks.values())
    end = last or max(track.end for track in tracks.values())
    if weekday is not None:
        start += timedelta(days=(weekday - start.weekday()) % 7)
        if last is None:
            end += timedelta(days=(weekday - end.weekday()) % 7)
    days = [start + timedelta(days=step) for step in range(0, (end - start).days + 1, step_days)]
    return [Row(series.place, start, tracks[series.pk].elements(days)) for series in selected if series.pk in tracks]


@dataclass(frozen=True, slots=True)
class _Track:
    """A measure of one series from `start` to `end`."""

    start: date
    end: date
    elements: Callable[[Sequence[date]], Sequence[Element]]


def _tracks(selected: Sequence[Series], measure: str, at: IssueValues | None) -> dict[int, _Track]:
    """Return the measure of each series by its primary key; series without one are missing. Queries: 1; none with `at`."""
    if at is not None:
        return {series.pk: _Track(*at.extent(series), partial(at.elements, series, measure)) for series in selected}
    blobs = Blob.objects.filter(series__in=selected, measure=measure)
    return {
        blob.series_id: _Track(blob.start, blob.start + timedelta(days=len(blob.values) - 1), partial(_elements, blob))
        for blob in blobs
    }


def _elements(blob: Blob, days: Sequence[date]) -> list[Element]:
    return [_element(blob, (day - blob.start).days) for day in days]


def _element(blob: Blob, position: int) -> Element:
    if not 0 <= position < len(blob.values):
        return NOTHING
    return Element(blob.values[position], ValueStatus(blob.statuses[position]), blob.lags[position], blob.spans[position])

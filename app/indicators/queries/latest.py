"""Latest figures of an indicator in memory, so that an answer about a region needs no query.

A process reads the last weeks of all series once for each published revision of an indicator, and the relations of a vintage's
regions to its places on their first use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connections

from geography.db.routing import current_alias
from geography.vintages import catalogue as boundaries
from indicators.measures import NOTHING, RATE_OF, WEEK, Element, nearest_year
from indicators.models import Note, Place, PlaceKind, Series
from indicators.queries import catalogue
from indicators.queries.catalogue import PublishedIndicator
from indicators.queries.completeness import completeness
from indicators.queries.figures import Figure, indicator_series, populations
from indicators.queries.maps import Relations, convert, relations_of
from indicators.statistics import Change, Interval, change, rate_interval, reported_count
from indicators.statuses import ValueStatus

if TYPE_CHECKING:
    from geography.models import Vintage

# Length of a sparkline, and days of each series in memory: the sparkline, and further back a report of four weeks with the
# period before it.
WEEKS = 12
_DAYS = WEEK * (WEEKS + 8)
# Statuses of values that are counts of their period. A capped value is a limit.
_COUNTED = (ValueStatus.REPORTED, ValueStatus.CARRIED, ValueStatus.UNASSIGNED, ValueStatus.ESTIMATED)
_TRACKS_SQL = """
    SELECT b.series_id, b.measure, b.start + i.first - 1, b.values[i.first:i.last], b.statuses[i.first:i.last],
           b.lags[i.first:i.last], b.spans[i.first:i.last]
    FROM indicator_blob b JOIN indicator_series s ON s.id = b.series_id
    CROSS JOIN LATERAL (
        SELECT greatest(cardinality(b.statuses) - %(days)s + 1, 1) AS first, cardinality(b.statuses) AS last
    ) i
    WHERE s.indicator_id = %(indicator)s AND b.measure = ANY (%(measures)s)
"""
_REVISIONS_SQL = """
    SELECT v.series_id, count(*) - 1, max(i.issued_at)
    FROM indicator_series s JOIN indicator_value v ON v.series_id = s.id AND v.period = s.last_report
    JOIN indicator_issue i ON i.id = v.from_issue_id
    WHERE s.indicator_id = %(indicator)s GROUP BY v.series_id HAVING count(*) > 1
"""


class Revised(NamedTuple):
    """Number of corrections of a value since its first publication, and the time of the last."""

    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class LatestFigure:
    """The latest figure of a region or province, with interval, change and notes.

    Attributes:
        figure: on the last day of the place's own series.
        counted: figure with the count and population behind `figure`: that of the larger place where `figure` is its rate.
        interval: of the rate; None where it is no rate of a count, and for a sum of places that reported on different days.
        change: from the period before; None where one of the two has no count, or is such a sum.
        compared_with: first and last day of the period before; None without a change.
        weeks: the figure's measure on the same weekday of the last `WEEKS` weeks, oldest first.
        ended_on: last report of a series that stopped before its source.
        likely_complete: usual fraction of the final value at this age, in the province; None without enough earlier issues.
        revised: None where the value was never corrected, and for sums.
        notes: remarks that begin or end in these weeks.
    """

    figure: Figure
    counted: Figure
    interval: Interval | None
    change: Change | None
    compared_with: tuple[date, date] | None
    weeks: Sequence[float | None]
    ended_on: date | None
    likely_complete: float | None
    revised: Revised | None
    notes: Sequence[Note]


class _Track(NamedTuple):
    start: date
    values: Sequence[float | None]
    statuses: Sequence[int]
    lags: Sequence[int]
    spans: Sequence[int]

    def element(self, day: date) -> Element:
        position = (day - self.start).days
        if not 0 <= position < len(self.values):
            return NOTHING
        return Element(self.values[position], ValueStatus(self.statuses[position]), self.lags[position], self.spans[position])


@dataclass(frozen=True)
class LatestFigures:
    """The last weeks of every series of an indicator, as of one revision. Queries of the methods: see each.

    Attributes:
        measure: the indicator's first.
    """

    published: PublishedIndicator
    measure: str
    _series: Mapping[int, Series]
    _tracks: Mapping[tuple[int, str], _Track]
    _people: Mapping[int, Mapping[int, int]]
    _revised: Mapping[int, Revised]
    _complete: Mapping[str, float]
    _notes: Sequence[Note]
    _relations: dict[tuple[str, str], Mapping[str, Relations]] = field(default_factory=dict)

    def knows(self, vintage: "Vintage") -> bool:
        """Return whether the relations of the regions of a vintage are in memory."""
        return (vintage.coverage.slug, vintage.label) in self._relations

    def of_region(self, vintage: "Vintage", code: str) -> LatestFigure | None:
        """Return the latest figure of a region, converted as `indicators.queries.maps` does.

        None where the region has no relation to a place of the indicator, or relations that permit no conversion.

        Queries: 1 on the first use of a vintage; none for the vintage of the indicator itself.
        """
        key = (vintage.coverage.slug, vintage.label)
        if key not in self._relations:
            self._relations[key] = self._read_relations(*key)
        return self._latest(self._relations[key].get(code, Relations(())))

    def of_province(self, pruid: str) -> LatestFigure | None:
        """Return the latest figure of a province; None without a series. Queries: none."""
        series = (s for s in self._series.values() if s.place.kind == PlaceKind.PROVINCE and s.place.pruid == pruid)
        return next((self._latest(Relations([("same", province.place)])) for province in series), None)

    def _read_relations(self, coverage: str, label: str) -> Mapping[str, Relations]:
        regions = [series.place for series in self._series.values() if series.place.kind == PlaceKind.REGION]
        indicator = self.published.indicator
        if (coverage, label) == (indicator.coverage, indicator.vintage_label):
            return {place.code: Relations([("same", place)]) for place in regions}
        return relations_of(coverage, label, regions)

    def _latest(self, relations: Relations) -> LatestFigure | None:
        parts = relations.parts
        all_series = [self._series[place.pk] for _, place in parts if place.pk in self._series]
        last_days = [series.last for series in all_series if series.last]
        if not last_days:
            return None
        # The last day of the own series, since provinces stop reporting on different days.
        on = min(last_days)
        figure, counted = self._figures(relations, on)
        if figure is None or counted is None:
            return None
        aligned = self._aligned(parts, on)
        before = self._before(relations, counted) if aligned else None
        last = figure.reported_on or on
        weeks = [self._figures(relations, last - timedelta(weeks=back))[0] for back in range(WEEKS - 1, -1, -1)]
        shown = change_between(counted, before, self.published.indicator.overdispersion)
        return LatestFigure(
            figure=figure,
            counted=counted,
            interval=interval_of(counted) if aligned and figure.element.value is not None else None,
            change=shown,
            compared_with=before.period if before is not None and shown is not None else None,
            weeks=[None if week is None else week.element.value for week in weeks],
            ended_on=max((series.ended_on for series in all_series if series.ended_on), default=None),
            likely_complete=None if figure.reported_on is None else self._complete.get(figure.place.pruid),
            revised=self._revised.get(all_series[0].pk) if len(parts) == 1 else None,
            notes=self._notes_about(all_series, last),
        )

    def _figures(self, relations: Relations, day: date) -> tuple[Figure | None, Figure | None]:
        """Return the figure of a day, and the figure with its count and population."""
        figures = [(method, self._figure(place, day)) for method, place in relations.parts]
        figure = convert(figures, relations, self.published.indicator.kind, self.measure)
        return figure, figures[0][1] if figure is not None and figure.method == "part_of" else figure

    def _figure(self, place: Place, day: date) -> Figure:
        """Return the figure of a place for a day; `not_reported` without a series."""
        series = self._series.get(place.pk)
        if series is None:
            return Figure(place, day, NOTHING)
        count_measure = RATE_OF.get(self.measure, self.measure)
        element = self._element(series, self.measure, day)
        if count_measure == self.measure:
            return Figure(series.place, day, element)
        years = self._people.get(series.place_id, {})
        year = nearest_year(years, (day - timedelta(days=element.lag)).year)
        count = self._element(series, count_measure, day).value
        return Figure(series.place, day, element, count, None if year is None else years[year], year)

    def _element(self, series: Series, measure: str, day: date) -> Element:
        track = self._tracks.get((series.pk, measure))
        return NOTHING if track is None else track.element(day)

    def _aligned(self, parts: Sequence[tuple[str, Place]], day: date) -> bool:
        """Return whether the figures of all parts cover the same days, so that their sum is a count of these days."""
        elements = [self._figure(place, day).element for _, place in parts]
        return len({(element.lag, element.span) for element in elements}) == 1

    def _before(self, relations: Relations, counted: Figure) -> Figure | None:
        """Return the figure of the period that ends where that of `counted` begins; None without one."""
        if counted.reported_on is None:
            return None
        earlier = counted.reported_on - timedelta(days=counted.element.span)
        return self._figures(relations, earlier)[1] if self._aligned(relations.parts, earlier) else None

    def _notes_about(self, all_series: Sequence[Series], last: date) -> list[Note]:
        """Return the notes that begin or end in the weeks up to a day, of the places, their provinces and the whole indicator.

        Notes that hold for all these weeks do not explain a change in them.
        """
        places = {None, *(series.place_id for series in all_series)}
        pruids = {series.place.pruid for series in all_series}
        first = last - timedelta(weeks=WEEKS)
        return [
            note
            for note in self._notes
            if any(day is not None and first < day <= last for day in (note.day_from, note.day_to))
            and (
                note.place_id in places
                or (note.place is not None and note.place.kind == PlaceKind.PROVINCE and note.place.pruid in pruids)
            )
        ]


def interval_of(figure: Figure) -> Interval | None:
    """Return the interval of a rate; None for other measures, and without a count or a population."""
    count = _count(figure)
    if count is None or not figure.people:
        return None
    return rate_interval(count, figure.people, figure.element.span)


def change_between(figure: Figure, before: Figure | None, overdispersion: float) -> Change | None:
    """Return the change from the period before a figure's; None unless both have a count and the periods adjoin."""
    if before is None or before.element.lag or figure.period is None or before.period is None:
        return None
    count, count_before = _count(figure), _count(before)
    if count is None or count_before is None or before.period[1] + timedelta(days=1) != figure.period[0]:
        return None
    return change(count, count_before, days=figure.element.span, days_before=before.element.span, overdispersion=overdispersion)


def _count(figure: Figure) -> int | None:
    return reported_count(figure.count, figure.element.span) if figure.element.status in _COUNTED else None


# With the revisions of all indicators and of the boundaries: any load may change the relations and populations of places.
_cache: dict[tuple[str, str], tuple[LatestFigures, tuple[str | None, str | None]]] = {}


def latest_in_memory(published: PublishedIndicator) -> LatestFigures | None:
    """Return the latest figures of a published indicator from memory; None before they are read. Queries: none."""
    latest, read_at = _cache.get((current_alias(), published.indicator.slug), (None, None))
    current = latest is not None and latest.published.revision == published.revision and read_at == _revisions()
    return latest if current else None


def _revisions() -> tuple[str | None, str | None]:
    return catalogue.revision(), boundaries.revision()


def latest_figures(published: PublishedIndicator) -> LatestFigures:
    """Return the latest figures of a published indicator. Queries: none while they are in memory, else 6.

    Concurrent threads each read them: a lock would be held while its holder waits for a database permit.
    """
    latest = latest_in_memory(published)
    if latest is None:
        revisions = _revisions()
        latest = _read(published)
        _cache[current_alias(), published.indicator.slug] = latest, revisions
    return latest


def clear() -> None:
    """Clear the memory, so that the next call reads the tables."""
    _cache.clear()


def _read(published: PublishedIndicator) -> LatestFigures:
    measure = published.measures[0]
    series = {series.place_id: series for series in indicator_series(published.indicator)}
    parameters: dict[str, Any] = {
        "indicator": published.indicator.pk,
        "measures": [measure, RATE_OF.get(measure, measure)],
        "days": _DAYS,
    }
    with connections[current_alias()].cursor() as cursor:
        cursor.execute(_TRACKS_SQL, parameters)
        tracks = {(series_id, name): _Track(*columns) for series_id, name, *columns in cursor}
        cursor.execute(_REVISIONS_SQL, parameters)
        revised = {series_id: Revised(times, last) for series_id, times, last in cursor}
    people = populations([place_series.place for place_series in series.values()])
    notes = list(published.indicator.notes.select_related("place").order_by("day_from", "pk"))
    return LatestFigures(published, measure, series, tracks, people, revised, completeness(published), notes)

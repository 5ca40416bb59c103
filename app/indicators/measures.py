"""Measures derived from the values of a series, one element per day.

Elements refer to calendar days without a time zone. Counts are in the unit of the series, rates are per 100,000 inhabitants
and week. On a day without a report, a measure is that of the last report, marked `carried` unless it is a limit. Missing values
never become zero.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from indicators.statuses import REPORTING, ValueStatus

WEEK = 7
RATE_PEOPLE = 100_000
RATE_DECIMALS = 2

# Measures by kind of indicator, the default first.
MEASURES: Mapping[str, tuple[str, ...]] = {
    "cumulative": ("rate_7d", "new_7d", "new_1d", "cumulative"),
    "count": ("rate_7d", "new_7d", "value"),
    "stock": ("value", "rate"),
    "percent": ("value",),
    "concentration": ("value",),
}


# Rates, with the measure that each is computed from.
RATE_OF: Mapping[str, str] = {"rate_7d": "new_7d", "rate": "value"}


class Observation(NamedTuple):
    """A value as stated by the source; None for a missing value."""

    value: float | None
    status: ValueStatus


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure by day from `start` on.

    Attributes:
        lags: days from the source report of each element to its day.
        spans: days covered by each element, ending at that report.
    """

    start: date
    values: list[float | None]
    statuses: list[int]
    lags: list[int]
    spans: list[int]


class Element(NamedTuple):
    """A measure of one day."""

    value: float | None
    status: ValueStatus
    lag: int = 0
    span: int = 1


NOTHING = Element(None, ValueStatus.NOT_REPORTED)


@dataclass(frozen=True, slots=True)
class SeriesValues:
    """Values of one series, for the computation of its measures. At least one observation.

    Every element depends on observations on or before its day only.

    Attributes:
        kind, period, from_zero: of the indicator (`indicators.models.Indicator`).
        observations: by day; any order, gaps allowed.
        population: inhabitants by year; empty if rates are not possible.
    """

    kind: str
    period: str
    from_zero: bool
    observations: Mapping[date, Observation]
    population: Mapping[int, int]
    _calendar: "_Calendar" = field(init=False)

    def __post_init__(self) -> None:
        days = sorted(self.observations)
        reports = [day for day in days if self.observations[day].status in REPORTING]
        # A weekly count stays valid until the next week ends.
        calendar = _Calendar(self.observations, days, reports, carry=WEEK - 1 if self.period == "week" else 0)
        object.__setattr__(self, "_calendar", calendar)

    @property
    def start(self) -> date:
        """First day with elements."""
        return self._calendar.days[0]

    @property
    def end(self) -> date:
        """Last day with elements."""
        return self._calendar.days[-1] + timedelta(days=self._calendar.carry)

    def elements(self, measure: str, days: Sequence[date]) -> list[Element]:
        """Return a measure for days between `start` and `end`, in the order of `days`."""
        if measure in RATE_OF:
            return rates(self.elements(RATE_OF[measure], days), days, self.population)
        if measure == "new_1d":
            return [_since_last(self._calendar, day, self.from_zero) for day in days]
        if measure == "new_7d" and self.kind == "cumulative":
            return [_week(self._calendar, day, self.from_zero) for day in days]
        if measure == "new_7d":
            return [_week_of_counts(self._calendar, day, self.period) for day in days]
        return [_stated(self._calendar, day) for day in days]


def measures(
    *,
    kind: str,
    period: str,
    from_zero: bool,
    observations: Mapping[date, Observation],
    population: Mapping[int, int],
    since: date | None = None,
) -> dict[str, Measure]:
    """Return every measure of a series by name; empty for a series without observations.

    Args:
        kind, period, from_zero, observations, population: as `SeriesValues`.
        since: first day to compute; None or an earlier day than the series' first begins with that.
    """
    if not observations:
        return {}
    series = SeriesValues(kind, period, from_zero, observations, population)
    start = series.start if since is None else max(since, series.start)
    grid = [start + timedelta(days=step) for step in range((series.end - start).days + 1)]
    columns: dict[str, list[Element]] = {}
    # Counts before the rates that are computed from them.
    for name in sorted(MEASURES[kind], key=lambda measure: measure in RATE_OF):
        if name in RATE_OF:
            columns[name] = rates(columns[RATE_OF[name]], grid, population)
        else:
            columns[name] = series.elements(name, grid)
    return {name: _column(start, elements) for name, elements in columns.items()}


def nearest_year(population: Mapping[int, int], year: int) -> int | None:
    """Return the nearest year with a population, the earlier of two; None without a population."""
    return min(population, key=lambda estimate_year: (abs(estimate_year - year), estimate_year), default=None)


def rates(counts: Sequence[Element], grid: Sequence[date], population: Mapping[int, int]) -> list[Element]:
    """Return counts per 100,000 inhabitants in the year of their report. A negative count has no rate."""
    people_by_year: dict[int, int | None] = {}
    elements = []
    for day, count in zip(grid, counts, strict=True):
        year = (day - timedelta(days=count.lag)).year
        if year not in people_by_year:
            nearest = nearest_year(population, year)
            people_by_year[year] = None if nearest is None else population[nearest]
        people = people_by_year[year]
        value = None
        if count.value is not None and count.value >= 0 and people:
            value = round(count.value * RATE_PEOPLE / people, RATE_DECIMALS)
        elements.append(Element(value, count.status, count.lag, count.span))
    return elements


@dataclass(frozen=True, slots=True)
class _Calendar:
    observations: Mapping[date, Observation]
    days: Sequence[date]
    reports: Sequence[date]
    carry: int

    def last_report(self, day: date) -> date | None:
        """Return the day of the report behind a day's measure; None if nothing is reported for the day."""
        position = bisect_right(self.reports, day)
        if not position:
            return None
        report = self.reports[position - 1]
        if report == day or (day - report).days <= self.carry:
            return report
        stated = self.observations.get(day)
        return report if stated is not None and stated.status == ValueStatus.CARRIED else None

    def report_before(self, day: date) -> date | None:
        """Return the day of the last report on or before a day; None without one."""
        position = bisect_right(self.reports, day)
        return self.reports[position - 1] if position else None


def _stated(calendar: _Calendar, day: date) -> Element:
    stated = calendar.observations.get(day)
    report = calendar.last_report(day)
    if stated is not None:
        return Element(stated.value, stated.status, (day - report).days if report else 0)
    if report is None:
        return NOTHING
    last = calendar.observations[report]
    # A limit stays a limit on the days after it.
    status = ValueStatus.CAPPED if last.status == ValueStatus.CAPPED else ValueStatus.CARRIED
    return Element(last.value, status, (day - report).days)


def _difference(calendar: _Calendar, report: date, base: date | None, from_zero: bool) -> tuple[float | None, ValueStatus]:
    last = calendar.observations[report]
    first = calendar.observations[base] if base is not None else Observation(0.0 if from_zero else None, ValueStatus.REPORTED)
    for endpoint in (last, first):
        if endpoint.status in (ValueStatus.SUPPRESSED, ValueStatus.CAPPED, ValueStatus.WITHDRAWN):
            return None, endpoint.status
    if last.value is None or first.value is None:
        return None, ValueStatus.NOT_REPORTED
    return last.value - first.value, last.status


def _since_last(calendar: _Calendar, day: date, from_zero: bool) -> Element:
    stated = calendar.observations.get(day)
    if stated is None:
        return NOTHING
    if stated.status not in REPORTING:
        return Element(None, stated.status, (day - (calendar.last_report(day) or day)).days)
    base = calendar.report_before(day - timedelta(days=1))
    value, status = _difference(calendar, day, base, from_zero)
    return Element(value, status, 0, (day - base).days if base else 1)


def _week(calendar: _Calendar, day: date, from_zero: bool) -> Element:
    report = calendar.last_report(day)
    if report is None:
        stated = calendar.observations.get(day)
        return NOTHING if stated is None else Element(None, stated.status)
    base = calendar.report_before(report - timedelta(days=WEEK))
    value, status = _difference(calendar, report, base, from_zero)
    span = (report - base).days if base else WEEK
    if value is not None and span != WEEK:
        # The report covers more than a week: the mean of its weeks, marked as estimated.
        value, status = round(value * WEEK / span, 2), ValueStatus.ESTIMATED
    lag = (day - report).days
    if lag and status in (ValueStatus.REPORTED, ValueStatus.UNASSIGNED):
        status = ValueStatus.CARRIED
    return Element(value, status, lag, span)


def _week_of_counts(calendar: _Calendar, day: date, period: str) -> Element:
    if period == "week":
        stated = _stated(calendar, day)
        return Element(stated.value, stated.status, stated.lag, WEEK)
    window = [day - timedelta(days=back) for back in range(WEEK)]
    stated_days = [calendar.observations.get(window_day) for window_day in window]
    if any(stated_day is not None and stated_day.status == ValueStatus.CAPPED for stated_day in stated_days):
        # A limit cannot be added.
        return Element(None, ValueStatus.CAPPED, 0, WEEK)
    if any(stated_day is None or stated_day.value is None for stated_day in stated_days):
        statuses = [stated_day.status for stated_day in stated_days if stated_day is not None and stated_day.value is None]
        return Element(None, statuses[0] if statuses else ValueStatus.NOT_REPORTED, 0, WEEK)
    total = sum(stated_day.value for stated_day in stated_days if stated_day is not None and stated_day.value is not None)
    return Element(total, ValueStatus.REPORTED, 0, WEEK)


def _column(start: date, elements: Sequence[Element]) -> Measure:
    return Measure(
        start,
        [element.value for element in elements],
        [int(element.status) for element in elements],
        [element.lag for element in elements],
        [element.span for element in elements],
    )

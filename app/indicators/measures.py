"""Measures derived from the values of a series, one element per day.

Elements refer to calendar days without a time zone. Counts are in the unit of the series, rates are per 100,000 inhabitants
and week. On a day without a report, a measure is that of the last report, marked `carried`; missing values never become zero.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

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


@dataclass(frozen=True, slots=True)
class Observation:
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


@dataclass(frozen=True, slots=True)
class Element:
    """A measure of one day."""

    value: float | None
    status: ValueStatus
    lag: int = 0
    span: int = 1


NOTHING = Element(None, ValueStatus.NOT_REPORTED)


def measures(
    *,
    kind: str,
    period: str,
    from_zero: bool,
    observations: Mapping[date, Observation],
    population: Mapping[int, int],
) -> dict[str, Measure]:
    """Return every measure of a series by name; empty for a series without observations.

    Args:
        kind, period, from_zero: of the indicator (`indicators.models.Indicator`).
        observations: by day; any order, gaps allowed.
        population: inhabitants by year; empty if rates are not possible.
    """
    if not observations:
        return {}
    days = sorted(observations)
    reports = [day for day in days if observations[day].status in REPORTING]
    calendar = _Calendar(observations, days, reports, carry=WEEK - 1 if period == "week" else 0)
    # A weekly count stays valid until the next week ends.
    end = days[-1] + timedelta(days=calendar.carry)
    grid = [days[0] + timedelta(days=step) for step in range((end - days[0]).days + 1)]
    columns: dict[str, list[Element]] = {}
    if kind == "cumulative":
        columns["cumulative"] = [_stated(calendar, day) for day in grid]
        columns["new_1d"] = [_since_last(calendar, day, from_zero) for day in grid]
        columns["new_7d"] = [_week(calendar, day, from_zero) for day in grid]
    elif kind == "count":
        columns["value"] = [_stated(calendar, day) for day in grid]
        columns["new_7d"] = [_week_of_counts(calendar, day, period) for day in grid]
    else:
        columns["value"] = [_stated(calendar, day) for day in grid]
    if kind == "stock":
        columns["rate"] = rates(columns["value"], grid, population)
    if "new_7d" in columns:
        columns["rate_7d"] = rates(columns["new_7d"], grid, population)
    return {name: _column(grid[0], elements) for name, elements in columns.items()}


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
    return Element(calendar.observations[report].value, ValueStatus.CARRIED, (day - report).days)


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

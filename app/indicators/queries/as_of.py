"""Values of an indicator as of an issue: the values in force after this issue and before the next.

Only changed values are stored (`indicators.models.Value`), so a value of an issue is the row that began with it or before, and
had not ended. The ids of an indicator's published issues increase with time, which makes that a comparison of integers.
"""

import struct
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any

from django.db import connections

from geography.db.routing import current_alias
from geography.translation import Message
from indicators.errors import IssueUnknown
from indicators.measures import NOTHING, Element, Observation, SeriesValues
from indicators.models import Indicator, Issue, IssueStatus, PlaceKind, Population, Series
from indicators.queries.catalogue import PublishedIndicator
from indicators.queries.extents import place_order, set_extent
from indicators.statuses import ValueStatus

_STATUSES = tuple(ValueStatus)
_RECORD = struct.Struct(">idh")
# All values of a series as one byte string: a row for each of 100,000 values takes three times as long to read.
_VALUES_SQL = """
    SELECT v.series_id, string_agg(
        int4send(v.period - date '0001-01-01') || float8send(coalesce(v.value, 'NaN')) || int2send(v.status), ''::bytea)
    FROM indicator_value v
    WHERE v.series_id = ANY (%(series)s) AND v.from_issue_id <= %(issue)s
      AND (v.to_issue_id IS NULL OR v.to_issue_id > %(issue)s) AND v.status <> %(withdrawn)s
    GROUP BY v.series_id
"""


def issue_at(published: PublishedIndicator, instant: datetime) -> Issue:
    """Return the issue in force at an instant: the last published one issued then or before.

    Raises: IssueUnknown before the first issue. Queries: 1 for each publication, none afterwards.
    """
    if instant >= published.issue.issued_at:
        return published.issue
    issues = _published_issues(published.indicator.pk, published.revision)
    position = bisect_right(issues, instant, key=lambda issue: issue.issued_at)
    if not position:
        first = issues[0] if issues else published.issue
        raise IssueUnknown(
            Message("%(indicator)s has no issue as early as this.", indicator=published.indicator.slug),
            parameter="as_of",
            hint=Message("The first is of %(instant)s.", instant=f"{first.issued_at:%Y-%m-%dT%H:%M:%SZ}"),
        )
    return issues[position - 1]


@lru_cache(maxsize=64)
def _published_issues(indicator_id: int, revision: str) -> tuple[Issue, ...]:
    """Return the published issues of an indicator in time order, without reports; cached until its revision changes."""
    issues = Issue.objects.filter(indicator=indicator_id, status=IssueStatus.PUBLISHED)
    return tuple(issues.defer("report").order_by("issued_at", "pk"))


class IssueValues:
    """Values of an indicator as of an issue, with the measures computed from them; populations are those of today.

    Read once, on the first use. Queries: 3.
    """

    def __init__(self, indicator: Indicator, issue: Issue) -> None:
        self._indicator = indicator
        self._issue = issue

    @cached_property
    def series(self) -> list[Series]:
        """Series with a value, with their extents as of the issue, regions by code first."""
        return [series for series, _ in self._read.values()]

    def observations(self, series: Series) -> Mapping[date, Observation]:
        """Return the values of a series by day, without withdrawn ones."""
        return self._read[series.pk][1].observations

    def extent(self, series: Series) -> tuple[date, date]:
        """Return the first and the last day with elements."""
        values = self._read[series.pk][1]
        return values.start, values.end

    def elements(self, series: Series, measure: str, days: Sequence[date]) -> list[Element]:
        """Return a measure of a series on days; `not_reported` outside its extent."""
        values = self._read[series.pk][1]
        start, end = values.start, values.end
        inside = [day for day in days if start <= day <= end]
        elements = values.elements(measure, inside)
        if len(inside) == len(days):
            return elements
        by_day = dict(zip(inside, elements, strict=True))
        return [by_day.get(day, NOTHING) for day in days]

    @cached_property
    def _read(self) -> dict[int, tuple[Series, SeriesValues]]:
        indicator = self._indicator
        all_series = sorted(indicator.series.select_related("place"), key=lambda series: place_order(series.place))
        parameters: dict[str, Any] = {
            "series": [series.pk for series in all_series],
            "issue": self._issue.pk,
            "withdrawn": int(ValueStatus.WITHDRAWN),
        }
        with connections[current_alias()].cursor() as cursor:
            cursor.execute(_VALUES_SQL, parameters)
            observations = {series_id: _observations(records) for series_id, records in cursor}
        people: dict[int, dict[int, int]] = {}
        rows = Population.objects.filter(place__in=[series.place_id for series in all_series])
        for place_id, year, number in rows.values_list("place_id", "year", "people"):
            people.setdefault(place_id, {})[year] = number
        tracks = {}
        for series in all_series:
            if series.pk in observations:
                set_extent(series, observations[series.pk])
                population = {} if series.place.kind == PlaceKind.UNASSIGNED else people.get(series.place_id, {})
                values = SeriesValues(
                    indicator.kind, indicator.period, indicator.from_zero, observations[series.pk], population
                )
                tracks[series.pk] = (series, values)
        return tracks


def _observations(records: memoryview) -> dict[date, Observation]:
    return {
        _day(number): Observation(None if value != value else value, _STATUSES[status])  # noqa: PLR0124 -- NaN
        for number, value, status in _RECORD.iter_unpack(records)
    }


@lru_cache(maxsize=20_000)
def _day(number: int) -> date:
    return date.fromordinal(number + 1)

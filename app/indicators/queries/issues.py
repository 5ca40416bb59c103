"""Issues of an indicator, and the revisions of one value by issue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from geography.translation import Message
from indicators.errors import IssueUnknown, PlaceUnknown
from indicators.models import Indicator, Issue, Series, Value
from indicators.statuses import ValueStatus


@dataclass(frozen=True, slots=True)
class IssuePage:
    """A page of issues, newest first, and the number of all matching issues."""

    issues: Sequence[Issue]
    matched: int


@dataclass(frozen=True, slots=True)
class Revision:
    """A value of a place and period as published from `issued_at` on, until another issue changed it."""

    issue_id: int
    issued_at: datetime
    superseded_at: datetime | None
    value: float | None
    status: ValueStatus


def issues_page(indicator: Indicator, *, status: str | None, limit: int, offset: int) -> IssuePage:
    """Return issues with their reports, held and rolled-back ones included. Queries: 2."""
    issues = indicator.issues.order_by("-issued_at", "-pk")
    if status is not None:
        issues = issues.filter(status=status)
    return IssuePage(list(issues[offset : offset + limit]), issues.count())


def issue_get(indicator: Indicator, issue_id: int) -> Issue:
    """Return an issue of an indicator with its report. Raises: IssueUnknown. Queries: 1."""
    issue = indicator.issues.filter(pk=issue_id).first()
    if issue is None:
        raise IssueUnknown(
            Message("%(indicator)s has no issue %(issue)s.", indicator=indicator.slug, issue=str(issue_id)),
            parameter="issue",
            hint=Message("/indicators/%(indicator)s/issues lists its issues.", indicator=indicator.slug),
        )
    return issue


def series_of(indicator: Indicator, key: str) -> Series:
    """Return the series of a place by its key, ended ones included; case is ignored. Raises: PlaceUnknown. Queries: 1."""
    series = indicator.series.filter(place__key__iexact=key).select_related("place").first()
    if series is None:
        raise PlaceUnknown(
            Message("%(indicator)s has no place '%(place)s'.", indicator=indicator.slug, place=key[:80]),
            parameter="place",
            hint=Message("/indicators/%(indicator)s lists its places.", indicator=indicator.slug),
        )
    return series


def revisions(series: Series, period: date) -> list[Revision]:
    """Return every value of a place and period as published, in order; at most one for each issue. Queries: 1."""
    rows = Value.objects.filter(series=series, period=period).order_by("from_issue_id")
    return [
        Revision(issue_id, issued_at, superseded_at, value, ValueStatus(status))
        for issue_id, issued_at, superseded_at, value, status in rows.values_list(
            "from_issue_id", "from_issue__issued_at", "to_issue__issued_at", "value", "status"
        )
    ]

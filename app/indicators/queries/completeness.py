"""Completeness of a recent value, estimated from the revisions of earlier values."""

from typing import Any

from django.db import connections

from geography.db.routing import current_alias
from indicators.models import IssueStatus
from indicators.queries.catalogue import PublishedIndicator
from indicators.statuses import REPORTING

# Issues this much older than the latest one count: their values have been revised since.
SETTLED_DAYS = 28
# Fewest issues that give an estimate.
ISSUES_MIN = 10

# The count of a week in an issue, at the lag of the current last report, and the current count of the same week.
_SQL = """
    SELECT pruid, percentile_cont(0.5) WITHIN GROUP (ORDER BY stated / final)
    FROM (
        SELECT p.pruid, i.id, last.value - base.value AS stated, last_now.value - base_now.value AS final
        FROM indicator_series s
        JOIN place p ON p.id = s.place_id AND p.kind = 'province'
        JOIN indicator_issue i ON i.indicator_id = s.indicator_id AND i.status = %(published)s
             AND i.issued_at < %(issued_at)s - make_interval(days => %(settled)s)
        CROSS JOIN LATERAL (
            SELECT (i.issued_at AT TIME ZONE 'UTC')::date - ((%(issued_at)s AT TIME ZONE 'UTC')::date - s.last_report) AS day
        ) week
        JOIN indicator_value last ON last.series_id = s.id AND last.period = week.day AND last.from_issue_id <= i.id
             AND (last.to_issue_id IS NULL OR last.to_issue_id > i.id) AND last.status = ANY (%(reporting)s)
        JOIN indicator_value base ON base.series_id = s.id AND base.period = week.day - 7 AND base.from_issue_id <= i.id
             AND (base.to_issue_id IS NULL OR base.to_issue_id > i.id)
        JOIN indicator_value last_now
             ON last_now.series_id = s.id AND last_now.period = week.day AND last_now.to_issue_id IS NULL
        JOIN indicator_value base_now
             ON base_now.series_id = s.id AND base_now.period = week.day - 7 AND base_now.to_issue_id IS NULL
        WHERE s.indicator_id = %(indicator)s
    ) weeks
    WHERE final > 0 AND stated >= 0
    GROUP BY pruid HAVING count(*) >= %(fewest)s
"""


def completeness(published: PublishedIndicator) -> dict[str, float]:
    """Return by PRUID the usual fraction of its final value that a week has at the age of the province's latest week.

    The median, over earlier issues, of the week's count as that issue stated it, at the same lag behind the report as in the
    latest issue, divided by its count as stated now. Above 1 where values are usually lowered later. Provinces with fewer than
    `ISSUES_MIN` such issues are missing, and all of an indicator without totals. Queries: 1, none for other indicators.
    """
    indicator = published.indicator
    if indicator.kind != "cumulative":
        return {}
    parameters: dict[str, Any] = {
        "indicator": indicator.pk,
        "published": IssueStatus.PUBLISHED,
        "issued_at": published.issue.issued_at,
        "settled": SETTLED_DAYS,
        "reporting": [int(status) for status in REPORTING],
        "fewest": ISSUES_MIN,
    }
    with connections[current_alias()].cursor() as cursor:
        cursor.execute(_SQL, parameters)
        return dict(cursor.fetchall())

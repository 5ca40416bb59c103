"""Views of the issues of an indicator, and of the revisions of a value."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.http.streaming import Chunks, json_body
from api.openapi import document
from api.requests import issues as queries
from api.responses import indicators as bodies
from api.responses import issues as issue_bodies
from api.responses.payloads import page_links
from api.views.indicator_base import IndicatorView
from geography import errors
from indicators.errors import IndicatorUnknown, IssueUnknown, PlaceUnknown
from indicators.queries import issues
from indicators.queries.catalogue import published_indicator


class IssuesView(IndicatorView):
    """Issues of an indicator."""

    @document.documented(
        queries.ISSUES,
        operation_id="list_indicator_issues",
        tag="Indicators",
        summary="The issues of an indicator, newest first",
        body="IndicatorIssues",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, IndicatorUnknown),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """List issues with the numbers of changed values and the failed gates.

        `status`: `published`; `staged`, held by gates and used by no response; `rolled_back`. The newest published issue
        answers
        requests without `as_of`.
        """
        query = self.parse(request, queries.ISSUES, id=id)
        published = published_indicator(query.indicator)

        def make() -> Chunks:
            page = issues.issues_page(published.indicator, status=query.status, limit=query.limit, offset=query.offset)
            chosen = {"status": query.status, "limit": str(query.limit), "offset": str(query.offset or "")}
            links = page_links(
                path=f"/indicators/{published.indicator.slug}/issues",
                parameters={name: text for name, text in chosen.items() if text},
                limit=query.limit,
                offset=query.offset,
                matched=page.matched,
                media_type="application/json",
            )
            return json_body(
                {
                    "indicator": published.indicator.slug,
                    "number_matched": page.matched,
                    "number_returned": len(page.issues),
                    "issues": [issue_bodies.issue_payload(issue) for issue in page.issues],
                    "links": links,
                }
            )

        return self.cached_by_issue(request, query, published, make=make)


class IssueView(IndicatorView):
    """One issue of an indicator."""

    @document.documented(
        queries.ONE_ISSUE,
        operation_id="get_indicator_issue",
        tag="Indicators",
        summary="One issue with its changes, gates and acceptances",
        body="IndicatorIssueDetail",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, IndicatorUnknown, IssueUnknown),
    )
    def get(self, request: Request, id: str, issue: str) -> HttpResponseBase:
        """Return an issue with the numbers of new, changed and withdrawn values by place, and the largest change.

        The numbers compare with the issue that was published before it. Totals that are computed from regions are not counted.
        """
        query = self.parse(request, queries.ONE_ISSUE, id=id, issue=issue)
        published = published_indicator(query.indicator)

        def make() -> Chunks:
            stored = issues.issue_get(published.indicator, query.issue)
            return json_body({"indicator": published.indicator.slug} | issue_bodies.issue_detail_payload(stored))

        return self.cached_by_issue(request, query, published, make=make)


class RevisionsView(IndicatorView):
    """Revisions of a value."""

    @document.documented(
        queries.REVISIONS,
        operation_id="list_indicator_revisions",
        tag="Indicators",
        summary="All published values of a place and day",
        body="IndicatorRevisions",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, IndicatorUnknown, PlaceUnknown),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return all published values of a place and day with their issues: at most one value for each issue, without paging.

        Values are those of the source (of cases, totals). The list is empty for a day for which nothing was ever published; a
        value that the source removed is null with the status `withdrawn`.
        """
        query = self.parse(request, queries.REVISIONS, id=id)
        published = published_indicator(query.indicator)

        def make() -> Chunks:
            series = issues.series_of(published.indicator, query.place)
            return json_body(
                {
                    "indicator": published.indicator.slug,
                    "place": series.place.key,
                    "period": query.period,
                    "unit": bodies.unit_of(published, "value", self.language),
                    "revisions": issue_bodies.revisions_payload(issues.revisions(series, query.period)),
                    "statuses": bodies.statuses_payload(self.language),
                }
            )

        return self.cached_by_issue(request, query, published, make=make)

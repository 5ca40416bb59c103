"""Views of one vintage and of the changes between two."""

from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import document
from api.requests import models
from api.requests.vintage_choice import named
from api.responses.payloads import add_links, page_links, provenance
from api.responses.vintage_report import changed_payload, thresholds_payload, vintage_report_payload
from api.views.base import ApiView
from geography import errors
from geography.queries.changes import changes_page
from geography.vintages.resolve import vintage_report


class VintageView(ApiView):
    """One vintage."""

    @document.documented(
        models.ONE_VINTAGE,
        operation_id="get_vintage",
        tag="Vintages",
        summary="One vintage: where it comes from and how it was checked",
        body="VintageWhole",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.VintageUnknown),
    )
    def get(self, request: Request, coverage: str, label: str) -> Response:
        """Return a published vintage whole: source and licence, gates, repairs, levels, and what it can be compared with.

        A gate that failed and was accepted all the same says why.
        """
        query = self.parse(request, models.ONE_VINTAGE, coverage=coverage, label=label)
        vintage = named("label", query.coverage, query.label)
        return Response(vintage_report_payload(vintage, vintage_report(vintage), self.language))


class ChangesView(ApiView):
    """What became of regions from one vintage to another."""

    @document.documented(
        models.CHANGES,
        operation_id="list_changes",
        tag="Vintages",
        summary="What became of every region from one vintage to another",
        body="Changes",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.VintageUnknown, errors.VintagesNotCompared),
    )
    def get(self, request: Request, coverage: str, a: str, b: str) -> Response:
        """List the regions of both vintages, each with what became of it on the way from `a` to `b`, in the order of codes.

        Computed from the areas that regions share, never from codes or names: codes are reused. The kinds: `kept`, one place
        with one code and name; `renamed` and `recoded`, one place under another name or code; `moved`, the same in the main
        with another border; `split`, divided among several, and a part of what was divided; `merged`, joined with others,
        and what was joined; `new` and `gone`, where the other vintage covers nothing; `outside`, where it is an extract that
        leaves the region out. `thresholds` says from which shares on.
        """
        query = self.parse(request, models.CHANGES, coverage=coverage, a=a, b=b)
        vintages = {"from": named("a", query.coverage, query.from_label), "to": named("b", query.coverage, query.to_label)}
        page = changes_page(
            from_vintage=vintages["from"],
            to_vintage=vintages["to"],
            kind=query.kind,
            code=query.code,
            limit=query.limit,
            offset=query.offset,
        )
        links = page_links(
            path=request.path.rstrip("/"),
            parameters=request.query_params.dict(),
            limit=query.limit,
            offset=query.offset,
            matched=page.matched,
            media_type="application/json",
        )
        response = Response(
            {
                **provenance(vintages, self.language),
                "thresholds": thresholds_payload(),
                "summary": page.summary,
                "number_matched": page.matched,
                "number_returned": len(page.changes),
                "links": links,
                "changes": [changed_payload(change, self.language) for change in page.changes],
            }
        )
        add_links(response, links)
        return response

"""Views of one vintage, and of the changes between two vintages."""

from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import document
from api.requests import models
from api.requests.vintage_choice import named_vintage
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
        summary="One vintage with its source and gates",
        body="VintageWhole",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.VintageUnknown),
    )
    def get(self, request: Request, coverage: str, label: str) -> Response:
        """Return a published vintage: source and licence, gates, repairs, levels, and the vintages it is compared with.

        An accepted gate has the reason of the acceptance.
        """
        query = self.parse(request, models.ONE_VINTAGE, coverage=coverage, label=label)
        vintage = named_vintage("label", query.coverage, query.label)
        return Response(vintage_report_payload(vintage, vintage_report(vintage), self.language))


class ChangesView(ApiView):
    """Changes of regions between two vintages."""

    @document.documented(
        models.CHANGES,
        operation_id="list_changes",
        tag="Vintages",
        summary="The changes of all regions between two vintages",
        body="Changes",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.VintageUnknown, errors.VintagesNotCompared),
    )
    def get(self, request: Request, coverage: str, a: str, b: str) -> Response:
        """List the regions of both vintages, each with its change from `a` to `b`, in the order of codes.

        Changes are computed from shared areas, never from codes or names, since codes are reused. The kinds: `kept`, the same
        place with the same code and name; `renamed` and `recoded`, the same place under another name or code; `moved`, mostly
        the same area with another border; `split`, a region divided among several, and each of the parts; `merged`, regions
        joined into another, and the joined region; `new` and `gone`, an area that the other vintage does not cover;
        `outside`, an area outside the other vintage, which is an extract. `thresholds` has the shares that separate the
        kinds.
        """
        query = self.parse(request, models.CHANGES, coverage=coverage, a=a, b=b)
        vintages = {
            "from": named_vintage("a", query.coverage, query.from_label),
            "to": named_vintage("b", query.coverage, query.to_label),
        }
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

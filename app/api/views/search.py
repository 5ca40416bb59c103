"""View of the search for health regions, localities and FSAs."""

from datetime import date
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from api.http.renderers import JSONRenderer
from api.openapi import document
from api.requests.search import SEARCH_QUERY
from api.responses.payloads import provenance
from api.responses.search import fsa_match_payload, localities_attribution, match_payload
from api.views.base import UNCACHED, GeoView
from geography import errors
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.queries.overlaps import fsas_health_regions
from geography.queries.search import search
from geography.vintages.catalogue import published
from geography.vintages.resolve import vintage_in_force


class SearchView(GeoView):
    """Search by name or code."""

    renderer_classes = [JSONRenderer]

    @document.documented(
        SEARCH_QUERY,
        operation_id="search",
        tag="Search",
        summary="Health regions, localities and FSAs that match a text",
        body="SearchResults",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.NothingPublished),
    )
    def get(self, request: Request) -> Response:
        """Return the health regions, localities and FSAs that match a text, in one list, best match first.

        Regions are those in force today; `former` marks names that only another vintage has. A locality has the health regions
        of its postal codes, several with their shares. An FSA or a postal code in `q` gives the FSA; the rest of a postal
        code is not used. Texts are never logged, and no cache may store the response.
        """
        query = self.parse(request, SEARCH_QUERY)
        vintage = vintage_in_force(coverage=COVERAGE_HEALTH_REGIONS)
        fsa_vintage = published().in_force(COVERAGE_FSA, date.today())
        answer = search(text=query.text, vintage=vintage, limit=query.limit)
        results: list[dict[str, Any]] = []
        if (fsa := answer.fsa) is not None:
            regions = None
            if fsa_vintage is not None:
                by_code = fsas_health_regions(fsa_vintage=fsa_vintage, health_region_vintage=vintage, codes=[fsa.code])
                regions = by_code.get(fsa.code)
            results.append(fsa_match_payload(fsa, regions, vintage, self.language))
        results += [match_payload(match, vintage, self.language) for match in answer.matches]
        vintages = {"vintage": vintage} | ({} if fsa_vintage is None else {"fsa_vintage": fsa_vintage})
        body: dict[str, Any] = {
            "used": fsa.code if fsa else None,
            "similar": answer.similar,
            "number_returned": len(results[: query.limit]),
            "results": results[: query.limit],
            **provenance(vintages, self.language, localities_attribution(self.language)),
        }
        return Response(body, headers=UNCACHED)

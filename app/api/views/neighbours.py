"""Views of the neighbours of a region."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.openapi import document
from api.requests import models
from api.requests.vintage_choice import chosen_vintage
from api.responses.features import CoverageRegionSerializer, HealthRegionSerializer, RegionSerializer, features
from api.responses.payloads import collection, provenance, region_names, warnings_payload
from api.views.base import GeoView
from geography import errors
from geography.constants import COVERAGE_HEALTH_REGIONS
from geography.queries.changes import reused_codes
from geography.queries.neighbours import region_neighbours

# A millimetre, the accuracy of a border (docs/decisions/0001).
KM_DECIMALS = 6


class NeighboursView(GeoView):
    """Base of the neighbour routes. `coverage` is set by a subclass, or from the URL."""

    coverage: str
    code_name: str
    serializer: type[RegionSerializer]

    def neighbours(self, request: Request, query: models.RegionQuery) -> HttpResponseBase:
        """Return the response with the neighbours of a region. Queries: 2, and those of `reused_codes`."""
        vintage = chosen_vintage(query, self.coverage)
        neighbourhood = region_neighbours(vintage=vintage, region_id=query.region_id, level=query.level)
        lengths = {
            border.neighbour.code: {"border_km": round(border.length_km, KM_DECIMALS)} for border in neighbourhood.borders
        }
        drawn = features(
            self.serializer,
            [border.neighbour for border in neighbourhood.borders],
            vintage=vintage,
            language=self.language,
            shares=lengths,
        )
        region = region_names(neighbourhood.region, code_name=self.code_name, language=self.language)
        return self.uncached_collection(
            request,
            collection(
                drawn,
                region=region | {"warnings": warnings_payload(neighbourhood.region.code, reused_codes(vintage), self.language)},
                tolerance_m=neighbourhood.borders[0].tolerance_m if neighbourhood.borders else None,
                number_matched=len(drawn),
                number_returned=len(drawn),
                **provenance({"vintage": vintage}, self.language),
            ),
        )


class HealthRegionNeighboursView(NeighboursView):
    """Neighbours of one health region."""

    coverage = COVERAGE_HEALTH_REGIONS
    code_name = "hruid"
    serializer = HealthRegionSerializer

    @document.documented(
        models.HEALTH_REGION_NEIGHBOURS,
        operation_id="get_health_region_neighbours",
        tag="Health regions",
        summary="The neighbours of a health region",
        body="HealthRegionNeighbours",
        problems=(errors.ParameterInvalid, errors.RegionUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return the neighbours of a health region, longest common border first, with the length of each border.

        Lengths are measured on the ellipsoid along the boundaries as published, with every bend. Regions that meet only at a
        point have a border of 0; an island has no neighbours.
        """
        return self.neighbours(request, self.parse(request, models.HEALTH_REGION_NEIGHBOURS, id=id))


class CoverageRegionNeighboursView(NeighboursView):
    """Neighbours of one region of any coverage."""

    code_name = "code"
    serializer = CoverageRegionSerializer

    @document.documented(
        models.COVERAGE_REGION_NEIGHBOURS,
        operation_id="get_coverage_region_neighbours",
        tag="Coverages",
        summary="The neighbours of a region of a coverage",
        body="RegionNeighbours",
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.RegionUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, coverage: str, code: str) -> HttpResponseBase:
        """Return the neighbours of a region, as `/health-regions/{id}/neighbours` does for health regions."""
        query = self.parse(request, models.COVERAGE_REGION_NEIGHBOURS, coverage=coverage, code=code)
        self.coverage = str(query.coverage)
        return self.neighbours(request, query)

"""Views of the neighbours of a region."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.openapi import document
from api.requests import models
from api.requests.vintage_choice import chosen
from api.responses.features import CoverageRegionSerializer, HealthRegionSerializer, RegionSerializer, features
from api.responses.payloads import collection, provenance, region_names, warnings_payload
from api.views.base import GeoView
from geography import errors
from geography.constants import COVERAGE_HEALTH_REGIONS
from geography.queries.changes import reused_codes
from geography.queries.neighbours import region_neighbours

# A millimetre: what is called a border (docs/decisions/0001) is no more exact.
KM_DECIMALS = 6


class NeighboursView(GeoView):
    """The neighbours of one region: of the coverage that a subclass names, or that the URL does."""

    coverage: str
    code_name: str
    serializer: type[RegionSerializer]

    def neighbours(self, request: Request, query: models.RegionQuery) -> HttpResponseBase:
        """Answer with the neighbours of a region. Queries: 2, and those of `reused_codes`."""
        vintage = chosen(query, self.coverage)
        result = region_neighbours(vintage=vintage, region_id=query.region_id, level=query.level)
        lengths = {border.neighbour.code: {"border_km": round(border.length_km, KM_DECIMALS)} for border in result.borders}
        drawn = features(
            self.serializer,
            [border.neighbour for border in result.borders],
            vintage=vintage,
            language=self.language,
            shares=lengths,
        )
        region = region_names(result.region, code_name=self.code_name, language=self.language)
        return self.uncached_collection(
            request,
            collection(
                drawn,
                region=region | {"warnings": warnings_payload(result.region.code, reused_codes(vintage), self.language)},
                tolerance_m=result.borders[0].tolerance_m if result.borders else None,
                number_matched=len(drawn),
                number_returned=len(drawn),
                **provenance({"vintage": vintage}, self.language),
            ),
        )


class HealthRegionNeighboursView(NeighboursView):
    """The neighbours of one health region."""

    coverage = COVERAGE_HEALTH_REGIONS
    code_name = "hruid"
    serializer = HealthRegionSerializer

    @document.documented(
        models.HEALTH_REGION_NEIGHBOURS,
        operation_id="get_health_region_neighbours",
        tag="Health regions",
        summary="The health regions that a health region touches",
        body="HealthRegionNeighbours",
        problems=(errors.ParameterInvalid, errors.RegionUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return the neighbours of a health region, longest common border first, each with its length.

        Measured on the ellipsoid along the boundaries as published, so with every bend that those have. Regions that meet only
        at a point have a border of 0; an island has no neighbours.
        """
        return self.neighbours(request, self.parse(request, models.HEALTH_REGION_NEIGHBOURS, id=id))


class CoverageRegionNeighboursView(NeighboursView):
    """The neighbours of one region of any coverage."""

    code_name = "code"
    serializer = CoverageRegionSerializer

    @document.documented(
        models.COVERAGE_REGION_NEIGHBOURS,
        operation_id="get_coverage_region_neighbours",
        tag="Coverages",
        summary="The regions that a region of a coverage touches",
        body="RegionNeighbours",
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.RegionUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, coverage: str, code: str) -> HttpResponseBase:
        """Return the neighbours of a region, as `/health-regions/{id}/neighbours` does for health regions."""
        query = self.parse(request, models.COVERAGE_REGION_NEIGHBOURS, coverage=coverage, code=code)
        self.coverage = str(query.coverage)
        return self.neighbours(request, query)

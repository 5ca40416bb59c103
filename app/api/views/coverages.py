"""Views of coverages, and of the regions of any coverage."""

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import document
from api.requests import models
from api.responses.features import CoverageRegionSerializer
from api.responses.payloads import coverage_listing
from api.views.base import ApiView
from api.views.layers import LayerView
from geography import errors
from geography.queries.coverages import published_coverages


class CoveragesView(ApiView):
    """List of coverages."""

    @document.documented(
        models.PLAIN,
        operation_id="list_coverages",
        tag="Coverages",
        summary="All coverages with a published vintage",
        body="CoverageList",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid,),
    )
    def get(self, request: Request) -> Response:
        """List the coverages, each with its vintage in force and the labels of all its vintages. Empty before a publication."""
        self.parse(request, models.PLAIN)
        coverages = published_coverages()
        return Response({"coverages": [coverage_listing(coverage, self.language) for coverage in coverages]})


class CoverageRegionsView(LayerView):
    """Layer of any coverage."""

    serializer = CoverageRegionSerializer

    @document.documented(
        models.COVERAGE_REGIONS,
        operation_id="list_coverage_regions",
        tag="Coverages",
        summary="Regions of a coverage, optionally filtered",
        body="RegionCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, errors.CoverageUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, coverage: str) -> HttpResponseBase:
        """List regions in the order of their codes.

        The same as `/health-regions` and `/fsa`, for every coverage. Regions must meet every condition. With `lat` and `lon`:
        the regions that cover the position, several on a shared border.
        """
        query = self.parse(request, models.COVERAGE_REGIONS, coverage=coverage)
        self.coverage = str(query.coverage)
        return self.layer_response(request, query)


class CoverageRegionView(LayerView):
    """Region of any coverage."""

    serializer = CoverageRegionSerializer

    @document.documented(
        models.COVERAGE_REGION,
        operation_id="get_coverage_region",
        tag="Coverages",
        summary="One region of a coverage",
        body="RegionFeature",
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, errors.RegionUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, coverage: str, code: str) -> HttpResponseBase:
        """Return a region by its code or its DGUID."""
        query = self.parse(request, models.COVERAGE_REGION, coverage=coverage, code=code)
        self.coverage = str(query.coverage)
        return self.region_response(request, query)

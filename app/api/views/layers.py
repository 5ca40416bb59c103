"""Regions of one coverage: lists and single features."""

from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, queries
from api.bodies import collection, page_links, provenance
from api.editions import chosen
from api.serializers import FsaSerializer, HealthRegionSerializer, RegionSerializer, features
from api.views.base import GeoView
from geography import errors
from geography.conf import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.selectors.regions import fsa_get, region_get, regions_page


class LayerView(GeoView):
    """Regions of one coverage: the one that a subclass names, or that the URL does."""

    coverage: str
    serializer: type[RegionSerializer]

    def one(self, query: queries.RegionQuery) -> Response:
        """Answer with one region of the layer. Queries: 2."""
        vintage = chosen(query, self.coverage)
        region = region_get(vintage=vintage, region_id=query.region_id, level=query.level)
        (feature,) = features(self.serializer, [region], vintage=vintage, language=self.language)
        return Response({**feature, **provenance({"vintage": vintage}, self.language)})

    def list(self, request: Request, query: queries.RegionsQuery) -> Response:
        """Answer with a page of the layer. Queries: 3, and 1 more for a position."""
        vintage = chosen(query, self.coverage)
        page = regions_page(
            vintage=vintage,
            level=query.level,
            limit=query.limit,
            offset=query.offset,
            province=query.province,
            search=query.search,
            bbox=query.bbox,
            position=query.position,
        )
        drawn = features(self.serializer, page.regions, vintage=vintage, language=self.language)
        links = page_links(
            path=request.path.rstrip("/"),
            given=request.query_params.dict(),
            label=vintage.label,
            limit=query.limit,
            offset=query.offset,
            matched=page.matched,
        )
        return Response(
            collection(
                drawn,
                number_matched=page.matched,
                number_returned=len(drawn),
                links=links,
                **provenance({"vintage": vintage}, self.language),
            )
        )


class HealthRegionsView(LayerView):
    """The layer of health regions."""

    coverage = COVERAGE_HEALTH_REGIONS
    serializer = HealthRegionSerializer

    @openapi.documented(
        queries.HEALTH_REGIONS,
        operation_id="list_health_regions",
        tag="Health regions",
        summary="Health regions, all or those that meet every condition",
        body="HealthRegionCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *openapi.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request) -> Response:
        """List health regions in the order of their codes.

        Every condition given must hold. With `lat` and `lon`: the regions that cover the position, more than one on a
        shared border.
        """
        return self.list(request, self.ask(request, queries.HEALTH_REGIONS))


class HealthRegionView(LayerView):
    """One health region."""

    coverage = COVERAGE_HEALTH_REGIONS
    serializer = HealthRegionSerializer

    @openapi.documented(
        queries.HEALTH_REGION,
        operation_id="get_health_region",
        tag="Health regions",
        summary="One health region",
        body="HealthRegionFeature",
        problems=(errors.ParameterInvalid, errors.RegionUnknown, *openapi.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request, id: str) -> Response:
        """Return a health region by its code. Codes are reused: the same one can be another area in another vintage."""
        return self.one(self.ask(request, queries.HEALTH_REGION, id=id))


class FsasView(LayerView):
    """The layer of FSAs."""

    coverage = COVERAGE_FSA
    serializer = FsaSerializer

    @openapi.documented(
        queries.FSAS,
        operation_id="list_fsas",
        tag="FSAs",
        summary="Forward sortation areas, all or those that meet every condition",
        body="FsaCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *openapi.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request) -> Response:
        """List forward sortation areas (the first three characters of a postal code) in the order of their codes."""
        return self.list(request, self.ask(request, queries.FSAS))


class FsaBoundaryView(LayerView):
    """The boundary of one FSA."""

    coverage = COVERAGE_FSA
    serializer = FsaSerializer

    @openapi.documented(
        queries.FSA_BOUNDARY,
        operation_id="get_fsa_boundary",
        tag="FSAs",
        summary="The boundary of one FSA",
        body="FsaFeature",
        problems=(
            errors.ParameterInvalid,
            errors.FsaMalformed,
            errors.FsaWithoutBoundary,
            *openapi.VINTAGE_PROBLEMS,
        ),
    )
    def get(self, request: Request, code: str) -> Response:
        """Return the FSA itself as a feature."""
        query = self.ask(request, queries.FSA_BOUNDARY, code=code)
        vintage = chosen(query, self.coverage)
        fsa = fsa_get(vintage=vintage, code=query.fsa.code, level=query.level)
        (feature,) = features(self.serializer, [fsa], vintage=vintage, language=self.language)
        return Response({**feature, **provenance({"vintage": vintage}, self.language)})

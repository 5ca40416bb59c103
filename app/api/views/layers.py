"""Regions of one coverage: lists and single features."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api import openapi, queries, schemas
from api.bodies import collection, page_links, provenance
from api.bulk import codes
from api.bulk.reading import Items
from api.editions import chosen, chosen_pair
from api.located import Answers
from api.openapi import Sent
from api.pieces import Pieces, json_body
from api.schemas.bulk import TEXT
from api.serializers import FsaSerializer, HealthRegionSerializer, RegionSerializer, features
from api.views.base import GeoView
from api.views.bulk import BULK_PROBLEMS, TEXTS, Body, BulkView
from geography import errors
from geography.conf import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.selectors.changes import reused_codes
from geography.selectors.regions import fsa_get, region_get, regions_page

if TYPE_CHECKING:
    from geography.models import Vintage
    from geography.selectors.drawn import Drawn


class LayerView(GeoView):
    """Regions of one coverage: the one that a subclass names, or that the URL does."""

    coverage: str
    serializer: type[RegionSerializer]

    def one(self, request: Request, query: queries.RegionQuery) -> HttpResponseBase:
        """Answer with one region of the layer. Queries: 1, none where the answer is kept (no FSA is) or the client has it."""
        vintage = chosen(query, self.coverage)

        def feature() -> "Drawn":
            return region_get(vintage=vintage, region_id=query.region_id, level=query.level)

        # Which FSA somebody asks about is a part of a postal code, and a hash of three characters is no secret.
        return self.feature(request, query, vintage, feature, keep=self.coverage != COVERAGE_FSA)

    def feature(
        self,
        request: Request,
        query: queries.RegionQuery | queries.FsaQuery,
        vintage: "Vintage",
        read: Callable[[], "Drawn"],
        *,
        keep: bool,
    ) -> HttpResponseBase:
        """Answer with the region that `read` returns."""

        def make() -> Pieces:
            (feature,) = features(self.serializer, [read()], vintage=vintage, language=self.language, fields=query.fields)
            return json_body({**feature, **provenance({"vintage": vintage}, self.language)})

        # What a code means elsewhere is a matter of the other vintages that are published.
        return self.cached(request, query, reused_codes(vintage), vintage=vintage, make=make, keep=keep, personal=not keep)

    def list(self, request: Request, query: queries.RegionsQuery) -> HttpResponseBase:
        """Answer with a page of the layer. Queries: as for `regions_page`, none where the answer is kept or known."""
        vintage = chosen(query, self.coverage)
        given = dict(sorted(request.query_params.dict().items()))

        def make() -> Pieces:
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
            drawn = features(self.serializer, page.regions, vintage=vintage, language=self.language, fields=query.fields)
            links = page_links(
                path=request.path.rstrip("/"),
                given=given,
                label=vintage.label,
                limit=query.limit,
                offset=query.offset,
                matched=page.matched,
            )
            return json_body(
                collection(
                    drawn,
                    number_matched=page.matched,
                    number_returned=len(drawn),
                    links=links,
                    **provenance({"vintage": vintage}, self.language),
                )
            )

        # Where people look, and what they look for, is nobody's business and seldom asked twice.
        personal = query.position is not None or query.bbox is not None or query.search is not None
        return self.cached(
            request, query, given, reused_codes(vintage), vintage=vintage, make=make, keep=not personal, personal=personal
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
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *openapi.SHAPE_PROBLEMS),
    )
    def get(self, request: Request) -> HttpResponseBase:
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
        problems=(errors.ParameterInvalid, errors.RegionUnknown, *openapi.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return a health region by its code. Codes are reused: the same one can be another area in another vintage."""
        return self.one(request, self.ask(request, queries.HEALTH_REGION, id=id))


class FsasView(BulkView, LayerView):
    """The layer of FSAs, and the health regions of many of them."""

    coverage = COVERAGE_FSA
    serializer = FsaSerializer
    subject = codes.SUBJECT

    @openapi.documented(
        queries.FSAS,
        operation_id="list_fsas",
        tag="FSAs",
        summary="Forward sortation areas, all or those that meet every condition",
        body="FsaCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *openapi.SHAPE_PROBLEMS),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List forward sortation areas (the first three characters of a postal code) in the order of their codes."""
        return self.list(request, self.ask(request, queries.FSAS))

    @openapi.documented(
        queries.FSA_MANY,
        operation_id="locate_many_fsas",
        tag="FSAs",
        summary="The health regions of each of many FSAs or postal codes",
        body="FsaMany",
        media_types=("application/json",),
        others=TEXTS,
        request={
            "application/json": Sent(schemas.ref("Codes"), {"codes": ["M5V", {"id": 7, "code": "K0A 1B0"}]}),
            "text/csv": Sent(TEXT, "patient,postal_code\r\n1,M5V 3L9\r\n"),
            "application/x-ndjson": Sent(TEXT, '{"id": 1, "code": "M5V"}\n"K0A"\n'),
        },
        problems=(errors.ParameterInvalid, *BULK_PROBLEMS, *openapi.VINTAGE_PROBLEMS),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Answer up to 100,000 codes, in their order, each with a status of its own.

        The body is JSON (`{"codes": ["M5V", …]}`, or objects with `code` and any `id`), CSV with a header (`fsa`,
        `postal_code`, `code` …; other columns come back as they are) or lines of JSON. Of a postal code only its FSA is used.
        CSV gets the region with the largest share as `hruid`, and all of them as `hruids`. Formats, order and status are as
        for `POST /locate`.
        """
        return self.answer_many(request)

    def chunks(self, request: Request, items: Items[Any]) -> Body:
        """Return the answers, the columns that CSV adds, and what says where they come from."""
        vintages = chosen_pair(queries.FSA_MANY.parse(dict(request.GET.lists()), {}))
        answers = Answers(vintages, self.language, max_distance_m=0.0)
        return Body(codes.answered(items.items, vintages, self.language), codes.COLUMNS, answers.source, answers.links())


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
            *openapi.SHAPE_PROBLEMS,
        ),
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        """Return the FSA itself as a feature."""
        query = self.ask(request, queries.FSA_BOUNDARY, code=code)
        vintage = chosen(query, self.coverage)
        # Somebody's postal code: nothing of it is kept.
        return self.feature(
            request,
            query,
            vintage,
            lambda: fsa_get(vintage=vintage, code=query.fsa.code, level=query.level),
            keep=False,
        )

"""Views of layers: lists of regions and single features of one coverage."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api.bulk import codes
from api.bulk.items import Items
from api.bulk.writers import Layout
from api.http.streaming import Pieces, json_body
from api.openapi import document, schemas
from api.openapi.document import RequestBody
from api.openapi.schemas.bulk import TEXT
from api.requests import models
from api.requests.vintage_choice import chosen_vintage, chosen_vintages
from api.responses.features import FsaSerializer, HealthRegionSerializer, RegionSerializer, features
from api.responses.locate import LocateResponder
from api.responses.payloads import add_links, collection, page_links, provenance
from api.views.base import GeoView
from api.views.bulk import BULK_PROBLEMS, TEXTS, Body, BulkView
from geography import errors
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.download_formats import FORMATS, file_name
from geography.errors import ParameterInvalid
from geography.queries.changes import reused_codes
from geography.queries.regions import fsa_get, region_get, regions_count, regions_page
from geography.translation import Message

if TYPE_CHECKING:
    from geography.models import Vintage
    from geography.queries.region_rows import RegionRow

# The parameters of bodies that are stored: each has a few dozen values at most.
_STORED_WITH = frozenset({"detail", "province", "vintage", "lang"})


def _check_size(regions: Sequence["RegionRow"], vintage: "Vintage") -> None:
    """Raises: ParameterInvalid, naming the file to take away, for more text of boundaries than an answer may have."""
    size = sum(region.size or 0 for region in regions)
    most = settings.LAYER_MAX_MB * 2**20
    if size <= most:
        return
    coverage, level = vintage.coverage.slug, regions[0].level
    name = file_name(FORMATS["geojson"], coverage=coverage, label=vintage.label, level=level)
    raise ParameterInvalid(
        Message(
            "With detail=%(detail)s these boundaries are longer than %(most)s MB.",
            detail=str(level),
            most=settings.LAYER_MAX_MB,
        ),
        parameter="detail",
        hint=Message(
            "Take the file %(file)s, ask for less detail, or page by page with limit.",
            file=f"/downloads/{coverage}/{vintage.label}/{name}",
        ),
    )


class LayerView(GeoView):
    """Regions of one coverage: the one that a subclass names, or that the URL does."""

    coverage: str
    serializer: type[RegionSerializer]

    def item(self, request: Request, query: models.RegionQuery) -> HttpResponseBase:
        """Answer with one region of the layer. Queries: 1, none where the answer is kept (no FSA is) or the client has it."""
        vintage = chosen_vintage(query, self.coverage)

        def feature() -> "RegionRow":
            return region_get(vintage=vintage, region_id=query.region_id, level=query.level)

        # Which FSA somebody asks about is a part of a postal code, and a hash of three characters is no secret.
        return self.feature(request, query, vintage, feature, keep=self.coverage != COVERAGE_FSA)

    def feature(
        self,
        request: Request,
        query: models.RegionQuery | models.FsaQuery,
        vintage: "Vintage",
        read: Callable[[], "RegionRow"],
        *,
        keep: bool,
    ) -> HttpResponseBase:
        """Answer with the region that `read` returns."""

        def make() -> Pieces:
            (feature,) = features(self.serializer, [read()], vintage=vintage, language=self.language, fields=query.fields)
            return json_body({**feature, **provenance({"vintage": vintage}, self.language)})

        # What a code means elsewhere is a matter of the other vintages that are published.
        stored = keep and request.query_params.keys() <= _STORED_WITH | {"at"}
        return self.cached(request, query, reused_codes(vintage), vintage=vintage, make=make, keep=stored, personal=not keep)

    def list(self, request: Request, query: models.RegionsQuery) -> HttpResponseBase:
        """Answer with the layer, or with a page of it.

        Queries: as for `regions_page`, none where the answer is kept or known; as for `regions_count` for a page.
        """
        vintage = chosen_vintage(query, self.coverage)
        value = dict(sorted(request.query_params.dict().items()))
        conditions: dict[str, Any] = {
            "province": query.province,
            "search": query.search,
            "bbox": query.bbox,
            "position": query.position,
        }

        def links(matched: int) -> list[dict[str, str]]:
            return page_links(
                path=request.path.rstrip("/"),
                parameters=value,
                label=vintage.label,
                limit=query.limit,
                offset=query.offset,
                matched=matched,
            )

        def make() -> Pieces:
            page = regions_page(vintage=vintage, level=query.level, limit=query.limit, offset=query.offset, **conditions)
            _check_size(page.regions, vintage)
            drawn = features(self.serializer, page.regions, vintage=vintage, language=self.language, fields=query.fields)
            return json_body(
                collection(
                    drawn,
                    number_matched=page.matched,
                    number_returned=len(drawn),
                    links=links(page.matched),
                    **provenance({"vintage": vintage}, self.language),
                )
            )

        # Positions and searches are private. Of all other parameters only those with few values make a body worth storing:
        # with any limit, offset, date or choice of fields, a client could fill the cache.
        personal = query.position is not None or query.bbox is not None or query.search is not None
        stored = value.keys() <= _STORED_WITH
        response = self.cached(
            request, query, value, reused_codes(vintage), vintage=vintage, make=make, keep=stored, personal=personal
        )
        if query.limit is not None or query.offset:
            add_links(response, links(regions_count(vintage=vintage, **conditions)))
        return response


class HealthRegionsView(LayerView):
    """The layer of health regions."""

    coverage = COVERAGE_HEALTH_REGIONS
    serializer = HealthRegionSerializer

    @document.documented(
        models.HEALTH_REGIONS,
        operation_id="list_health_regions",
        tag="Health regions",
        summary="Health regions, all or those that meet every condition",
        body="HealthRegionCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List health regions in the order of their codes.

        Every condition given must hold. With `lat` and `lon`: the regions that cover the position, more than one on a
        shared border.
        """
        return self.list(request, self.ask(request, models.HEALTH_REGIONS))


class HealthRegionView(LayerView):
    """One health region."""

    coverage = COVERAGE_HEALTH_REGIONS
    serializer = HealthRegionSerializer

    @document.documented(
        models.HEALTH_REGION,
        operation_id="get_health_region",
        tag="Health regions",
        summary="One health region",
        body="HealthRegionFeature",
        problems=(errors.ParameterInvalid, errors.RegionUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return a health region by its code. Codes are reused: the same one can be another area in another vintage."""
        return self.item(request, self.ask(request, models.HEALTH_REGION, id=id))


class FsasView(BulkView, LayerView):
    """The layer of FSAs, and the health regions of many of them."""

    coverage = COVERAGE_FSA
    serializer = FsaSerializer
    item_type = codes.ITEM_TYPE
    bulk_spec = models.FSA_MANY

    @document.documented(
        models.FSAS,
        operation_id="list_fsas",
        tag="FSAs",
        summary="Forward sortation areas, all or those that meet every condition",
        body="FsaCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List forward sortation areas (the first three characters of a postal code) in the order of their codes."""
        return self.list(request, self.ask(request, models.FSAS))

    @document.documented(
        models.FSA_MANY,
        operation_id="locate_many_fsas",
        tag="FSAs",
        summary="The health regions of each of many FSAs or postal codes",
        body="FsaMany",
        media_types=("application/json",),
        others=TEXTS,
        request={
            "application/json": RequestBody(schemas.ref("Codes"), {"codes": ["M5V", {"id": 7, "code": "K0A 1B0"}]}),
            "text/csv": RequestBody(TEXT, "patient,postal_code\r\n1,M5V 3L9\r\n"),
            "application/x-ndjson": RequestBody(TEXT, '{"id": 1, "code": "M5V"}\n"K0A"\n'),
        },
        problems=(errors.ParameterInvalid, *BULK_PROBLEMS, *document.VINTAGE_PROBLEMS),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Answer up to 100,000 codes, in their order, each with a status of its own.

        The body is JSON (`{"codes": ["M5V", …]}`, or objects with `code` and any `id`), CSV with a header (`fsa`,
        `postal_code`, `code` …) or lines of JSON. Of a postal code only its FSA is used.
        CSV gets the region with the largest share as `hruid`, and all of them as `hruids`. Formats, encodings, order, status
        and names are as for `POST /locate`.
        """
        return self.answer_many(request)

    def chunks(self, query: models.FsaManyQuery, items: Items[Any]) -> Body:
        """Return the answers, what they add, and what they come from."""
        vintages = chosen_vintages(query)
        answers = LocateResponder(vintages, self.language, max_distance_m=0.0)
        return Body(
            codes.answer_codes(items.items, vintages, self.language),
            Layout(codes.COLUMNS, ("fsa", "health_regions"), answers.source),
            lambda: [*vintages.values()],
            answers.links(),
        )


class FsaBoundaryView(LayerView):
    """The boundary of one FSA."""

    coverage = COVERAGE_FSA
    serializer = FsaSerializer

    @document.documented(
        models.FSA_BOUNDARY,
        operation_id="get_fsa_boundary",
        tag="FSAs",
        summary="The boundary of one FSA",
        body="FsaFeature",
        problems=(
            errors.ParameterInvalid,
            errors.FsaMalformed,
            errors.FsaWithoutBoundary,
            *document.SHAPE_PROBLEMS,
        ),
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        """Return the FSA itself as a feature."""
        query = self.ask(request, models.FSA_BOUNDARY, code=code)
        vintage = chosen_vintage(query, self.coverage)
        # Somebody's postal code: nothing of it is kept.
        return self.feature(
            request,
            query,
            vintage,
            lambda: fsa_get(vintage=vintage, code=query.fsa.code, level=query.level),
            keep=False,
        )

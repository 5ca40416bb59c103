"""Views of layers: lists of regions and single features of one coverage."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api.bulk import codes
from api.bulk.items import Items
from api.bulk.writers import Layout
from api.http.renderers import json_bytes
from api.http.streaming import Chunks, json_body
from api.openapi import document, schemas
from api.openapi.document import RequestBody
from api.openapi.schemas.bulk import TEXT
from api.requests import bulk, models
from api.requests.vintage_choice import chosen_vintage, chosen_vintages
from api.responses.features import FsaSerializer, HealthRegionSerializer, RegionSerializer, features
from api.responses.locate import LocateResponder
from api.responses.payloads import add_links, collection, page_links, people_attribution, provenance
from api.views.base import GeoView
from api.views.bulk import BULK_PROBLEMS, TEXTS, Body, BulkView
from api.views.pages import PageView, wants_page
from api.views.region_pages import IMAGE_TYPES, region_image_response, region_page_response
from geography import errors
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.download_formats import FORMATS, file_name
from geography.errors import ParameterInvalid
from geography.queries.changes import ReusedCode, reused_codes
from geography.queries.overlaps import people_basis
from geography.queries.regions import fsa_get, region_get, regions_count, regions_page
from geography.translation import Message

if TYPE_CHECKING:
    from geography.models import Vintage
    from geography.queries.region_rows import RegionRow

# Parameters that a stored body may have: each has a few dozen values at most.
_STORED_WITH = frozenset({"detail", "province", "vintage", "lang"})


def _check_size(regions: Sequence["RegionRow"], vintage: "Vintage") -> None:
    """Check the total length of the boundaries. Raises: ParameterInvalid above LAYER_MAX_MB, naming the file to download."""
    size = sum(region.size or 0 for region in regions)
    most = settings.LAYER_MAX_MB * 2**20
    if size <= most:
        return
    coverage, level = vintage.coverage.slug, regions[0].level
    name = file_name(FORMATS["geojson"], coverage=coverage, label=vintage.label, level=level)
    raise ParameterInvalid(
        Message(
            "With detail=%(detail)s these boundaries exceed %(most)s MB.",
            detail=str(level),
            most=settings.LAYER_MAX_MB,
        ),
        parameter="detail",
        hint=Message(
            "Download %(file)s, request less detail, or use pages with limit.",
            file=f"/downloads/{coverage}/{vintage.label}/{name}",
        ),
    )


def _sorted_reused_codes(vintage: "Vintage") -> tuple[tuple[str, tuple[ReusedCode, ...]], ...]:
    return tuple(sorted(reused_codes(vintage).items()))


class LayerView(GeoView):
    """Base of the layer routes. `coverage` is set by a subclass, or from the URL."""

    coverage: str
    serializer: type[RegionSerializer]

    def region_response(self, request: Request, query: models.RegionQuery) -> HttpResponseBase:
        """Return the response with one region of the layer.

        Queries: 1; none for a cached body (FSAs are not cached) and a 304.
        """
        vintage = chosen_vintage(query, self.coverage)

        def read() -> "RegionRow":
            return region_get(vintage=vintage, region_id=query.region_id, level=query.level)

        # A requested FSA is part of a postal code. The file names of the cache are hashes, and a hash of three characters is no
        # secret.
        return self.feature_response(request, query, vintage, read, personal=self.coverage == COVERAGE_FSA)

    def feature_response(
        self,
        request: Request,
        query: models.RegionQuery | models.FsaQuery,
        vintage: "Vintage",
        read: Callable[[], "RegionRow"],
        *,
        personal: bool,
    ) -> HttpResponseBase:
        """Return the response with the region that `read` returns; a `personal` one is not stored."""

        def make() -> Chunks:
            (feature,) = features(self.serializer, [read()], vintage=vintage, language=self.language, fields=query.fields)
            return json_body({**feature, **provenance({"vintage": vintage}, self.language)})

        # Warnings about reused codes depend on the other published vintages.
        stored = not personal and request.query_params.keys() <= _STORED_WITH | {"at"}
        return self.cached(
            request,
            query,
            vintage=vintage,
            make=make,
            cacheable=stored,
            personal=personal,
            reused_codes=_sorted_reused_codes(vintage),
        )

    def layer_response(self, request: Request, query: models.RegionsQuery) -> HttpResponseBase:
        """Return the response with the layer, or with a page of it.

        Queries: as for `regions_page`, none for a cached body and a 304; for a page also those of `regions_count`.
        """
        vintage = chosen_vintage(query, self.coverage)
        parameters = dict(sorted(request.query_params.dict().items()))
        conditions: dict[str, Any] = {
            "province": query.province,
            "search": query.search,
            "bbox": query.bbox,
            "position": query.position,
        }

        def links(matched: int) -> list[dict[str, str]]:
            return page_links(
                path=request.path.rstrip("/"),
                parameters=parameters,
                label=vintage.label,
                limit=query.limit,
                offset=query.offset,
                matched=matched,
            )

        def make() -> Chunks:
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

        # Positions and searches are private. Of the other parameters only those with few values allow storage: with arbitrary
        # limits, offsets, dates or fields a client could fill the cache.
        personal = query.position is not None or query.bbox is not None or query.search is not None
        stored = parameters.keys() <= _STORED_WITH
        response = self.cached(
            request,
            query,
            vintage=vintage,
            make=make,
            cacheable=stored,
            personal=personal,
            raw_query=tuple(parameters.items()),
            reused_codes=_sorted_reused_codes(vintage),
        )
        if query.limit is not None or query.offset:
            add_links(response, links(regions_count(vintage=vintage, **conditions)))
        return response


class HealthRegionsView(LayerView):
    """Layer of health regions."""

    coverage = COVERAGE_HEALTH_REGIONS
    serializer = HealthRegionSerializer

    @document.documented(
        models.HEALTH_REGIONS,
        operation_id="list_health_regions",
        tag="Health regions",
        summary="Health regions, optionally filtered",
        body="HealthRegionCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List health regions in the order of their codes.

        Regions must meet every condition. With `lat` and `lon`: the regions that cover the position, several on a shared
        border.
        """
        return self.layer_response(request, self.parse(request, models.HEALTH_REGIONS))


class HealthRegionView(PageView, LayerView):
    """Health region by its code: GeoJSON, or a page."""

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
        """Return a health region by its code. Codes are reused: a code can mean another area in another vintage.

        Clients that prefer HTML to JSON, as browsers do, get a page; `/health-regions/{id}.json` is GeoJSON and
        `/health-regions/{id}.html` the page, whatever `Accept` is.
        """
        query = self.parse(request, models.HEALTH_REGION, id=id)
        if self.suffix in IMAGE_TYPES:
            return region_image_response(request, query, self.suffix, self.language)
        if wants_page(request):
            return region_page_response(request, query, self.language)
        return self.region_response(request, query)


class FsasView(BulkView, LayerView):
    """Layer of FSAs, and the bulk lookup of their health regions."""

    coverage = COVERAGE_FSA
    serializer = FsaSerializer
    item_type = codes.ITEM_TYPE
    bulk_spec = bulk.FSA_MANY

    @document.documented(
        models.FSAS,
        operation_id="list_fsas",
        tag="FSA",
        summary="Forward sortation areas, optionally filtered",
        body="FsaCollection",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """List forward sortation areas (the first three characters of a postal code) in the order of their codes."""
        return self.layer_response(request, self.parse(request, models.FSAS))

    @document.documented(
        bulk.FSA_MANY,
        operation_id="locate_many_fsas",
        tag="FSA",
        summary="The health regions of many FSAs or postal codes",
        body="FsaMany",
        media_types=("application/json",),
        further_schemas=TEXTS,
        request={
            "application/json": RequestBody(schemas.ref("Codes"), {"codes": ["M5V", {"id": 7, "code": "K0A 1B0"}]}),
            "text/csv": RequestBody(TEXT, "patient,postal_code\r\n1,M5V 3L9\r\n"),
            "application/x-ndjson": RequestBody(TEXT, '{"id": 1, "code": "M5V"}\n"K0A"\n'),
        },
        problems=(errors.ParameterInvalid, *BULK_PROBLEMS, *document.VINTAGE_PROBLEMS),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Return the health regions of up to 100,000 codes, in the order of the codes, each with its own status.

        The body is JSON (`{"codes": ["M5V", …]}`, or objects with `code` and any `id`), CSV with a header (`fsa`,
        `postal_code`, `code` …) or NDJSON. Only the FSA of a postal code is used. In CSV, `hruid` is the region with the
        largest share of the FSA's people (`ordered_by`: or of its area) and `hruids` lists all. Formats, encodings, order,
        status and names are as for `POST /locate`.
        """
        return self.answer_many(request)

    def chunks(self, query: bulk.FsaManyQuery, items: Items[Any]) -> Body:
        """Return the answers, their layout and their vintages."""
        vintages = chosen_vintages(query)
        responder = LocateResponder(vintages, self.language, max_distance_m=0.0)
        basis = people_basis(fsa_vintage=vintages["fsa_vintage"], health_region_vintage=vintages["vintage"])
        source = provenance(vintages, self.language, people_attribution(basis, self.language))
        return Body(
            codes.answer_codes(items.items, vintages, self.language),
            Layout(codes.COLUMNS, ("fsa", "health_regions"), lambda: json_bytes(source)[1:-1]),
            lambda: [*vintages.values()],
            responder.links(),
        )


class FsaBoundaryView(LayerView):
    """Boundary of one FSA."""

    coverage = COVERAGE_FSA
    serializer = FsaSerializer

    @document.documented(
        models.FSA_BOUNDARY,
        operation_id="get_fsa_boundary",
        tag="FSA",
        summary="The boundary of an FSA",
        body="FsaFeature",
        problems=(
            errors.ParameterInvalid,
            errors.FsaMalformed,
            errors.FsaWithoutBoundary,
            *document.SHAPE_PROBLEMS,
        ),
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        """Return the FSA as a feature."""
        query = self.parse(request, models.FSA_BOUNDARY, code=code)
        vintage = chosen_vintage(query, self.coverage)
        # An FSA is part of a postal code: never stored.
        return self.feature_response(
            request,
            query,
            vintage,
            lambda: fsa_get(vintage=vintage, code=query.fsa.code, level=query.level),
            personal=True,
        )

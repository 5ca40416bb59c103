"""Views of OGC API - Features."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from django.http import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.http.cache_key import CacheKey
from api.http.compression import chosen_encoding
from api.http.conditional import cached_response
from api.http.renderers import GeoJSONRenderer, JSONRenderer, json_bytes
from api.http.streaming import Chunks, json_body
from api.ogc import payloads, requests
from api.ogc.crs import uri_of
from api.ogc.document import document
from api.requests.models import PlainQuery
from api.requests.vintage_choice import chosen_vintage
from api.views.base import ApiView, key_parameters, source_version
from geography.constants import COVERAGE_FSA, CRS84
from geography.errors import CoverageUnknown, VintageUnknown
from geography.queries.changes import reused_codes
from geography.queries.coverages import PublishedCoverage, published_coverages
from geography.queries.regions import region_get, regions_page
from geography.translation import Message
from geography.vintages.resolve import vintage_during

if TYPE_CHECKING:
    from geography.models import Vintage
    from geography.queries.region_rows import RegionRow

# A page ends with the feature that exceeds this length of geometry, so that a page of the longest boundaries is not a download
# of hundreds of megabytes.
PAGE_MAX_BYTES = 16 << 20
# Parameters of pages that the response cache may store: with these limits and their multiples as offsets, few pages exist.
_STORED_WITH = frozenset({"crs", "limit", "offset", "vintage", "load", "lang", "f"})
_STORED_LIMITS = (requests.LIMIT_DEFAULT, requests.LIMIT_MAX)


class OpenApiRenderer(JSONRenderer):
    """OpenAPI as JSON. Without the version: REST framework matches a media type with a parameter to no `*/*`."""

    media_type = payloads.OPENAPI.partition(";")[0]
    format = "openapi"


def _collections() -> list[tuple[PublishedCoverage, "Vintage"]]:
    """Return the coverages with a vintage in force today, each with that vintage."""
    return [(coverage, coverage.in_force) for coverage in published_coverages() if coverage.in_force is not None]


def _collection(name: str) -> tuple[PublishedCoverage, "Vintage"]:
    """Return a coverage and its vintage in force. Raises: CoverageUnknown."""
    for coverage, vintage in _collections():
        if coverage.coverage.slug == name:
            return coverage, vintage
    raise CoverageUnknown(
        Message("There is no collection '%(collection)s'.", collection=name),
        parameter="collectionId",
        hint=Message("/ogc/collections lists the collections."),
    )


class OgcView(ApiView):
    """Base of the resources. `f` takes precedence over the Accept header."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Return the renderer: the first one where `f` is set."""
        negotiated: tuple[BaseRenderer, str] = super().perform_content_negotiation(
            request, force or "f" in request.query_params
        )
        if "f" in request.query_params:
            renderer = self.get_renderers()[0]
            return renderer, renderer.media_type
        return negotiated

    def root(self, request: Request) -> str:
        """Return the absolute URL of /ogc."""
        return request.build_absolute_uri("/ogc")

    def content_type(self, renderer: BaseRenderer) -> str:
        """Return the Content-Type of a document."""
        return renderer.media_type

    def described(
        self, request: Request, query: PlainQuery, make: Callable[[], Any], vintages: Sequence["Vintage"] = ()
    ) -> HttpResponseBase:
        """Return the response with a document that depends on the address of the service and on vintages."""
        key = CacheKey(
            view=type(self).__name__,
            path=request.path.rstrip("/"),
            parameters=key_parameters(query, excluded=("lang",)),
            sources=tuple(map(source_version, vintages)),
            media_type=self.content_type(request.accepted_renderer),
            language=self.language,
            encoding=chosen_encoding(request.headers.get("Accept-Encoding", "")),
            base_url=self.root(request),
        )
        return cached_response(request, key, licence_url="", labelled=False, make=lambda: json_bytes(make()), cacheable=False)


class LandingPageView(OgcView):
    """Landing page."""

    def get(self, request: Request) -> HttpResponseBase:
        """Return the links to the other resources."""
        query = self.parse(request, requests.PLAIN)
        return self.described(request, query, lambda: payloads.landing_page(self.root(request), self.language))


class ConformanceView(OgcView):
    """Conformance classes."""

    def get(self, request: Request) -> HttpResponseBase:
        """Return the conformance classes that the service meets."""
        query = self.parse(request, requests.PLAIN)
        return self.described(request, query, lambda: {"conformsTo": list(payloads.CONFORMANCE)})


class ApiDefinitionView(OgcView):
    """OpenAPI 3.0 document of these resources."""

    renderer_classes = [OpenApiRenderer, JSONRenderer]

    def content_type(self, renderer: BaseRenderer) -> str:
        """Return the Content-Type with the version of OpenAPI."""
        return payloads.OPENAPI if isinstance(renderer, OpenApiRenderer) else renderer.media_type

    def get(self, request: Request) -> HttpResponseBase:
        """Return the document, with the paths of every collection."""
        query = self.parse(request, requests.PLAIN)
        collections = _collections()
        names = [(coverage.coverage.slug, coverage.coverage.name_en) for coverage, _ in collections]
        vintages = [vintage for _, vintage in collections]
        return self.described(request, query, lambda: document(self.root(request), names), vintages)


class CollectionsView(OgcView):
    """List of collections."""

    def get(self, request: Request) -> HttpResponseBase:
        """Return every collection: the coverages with a vintage in force. Queries: 1 for each collection, none for a 304."""
        query = self.parse(request, requests.PLAIN)
        collections = _collections()
        root = self.root(request)

        def make() -> dict[str, Any]:
            return {
                "links": [payloads.link("self", f"{root}/collections", payloads.JSON)],
                "collections": [
                    payloads.collection_payload(coverage, vintage, root, self.language) for coverage, vintage in collections
                ],
            }

        published = [vintage for coverage, _ in collections for vintage in coverage.vintages]
        return self.described(request, query, make, [*published, *(vintage for _, vintage in collections)])


class CollectionView(OgcView):
    """One collection."""

    def get(self, request: Request, collection: str) -> HttpResponseBase:
        """Return a collection with its extent and its CRSs. Queries: 1, none for a 304."""
        query = self.parse(request, requests.ONE_COLLECTION, collectionId=collection)
        coverage, vintage = _collection(query.collection)

        def make() -> dict[str, Any]:
            return payloads.collection_payload(coverage, vintage, self.root(request), self.language)

        return self.described(request, query, make, [*coverage.vintages, vintage])


class FeaturesView(OgcView):
    """Base of the resources with geometry, in a CRS that the header Content-Crs names."""

    renderer_classes = [GeoJSONRenderer, JSONRenderer]

    def with_crs(self, response: HttpResponseBase, crs: str) -> HttpResponseBase:
        """Return the response with its CRS in the header (OGC 18-058r1, requirement 16)."""
        response.headers["Content-Crs"] = f"<{uri_of(crs)}>"
        return response


class ItemsView(FeaturesView):
    """Features of a collection, in pages."""

    def get(self, request: Request, collection: str) -> HttpResponseBase:
        """Return a page of features in the order of their codes. Queries: those of `regions_page`, none for a 304."""
        query = self.parse(request, requests.ITEMS, collectionId=collection)
        _collection(query.collection)
        parameters = dict(sorted(request.query_params.dict().items()))
        address = payloads.collection_address(self.root(request), query.collection)
        vintage = self._vintage(query)

        def make() -> Chunks:
            if vintage is None:
                items = f"{address}/items?{urlencode(parameters)}"
                return json_body(payloads.collection_of([], 0, [payloads.link("self", items, payloads.GEOJSON)]))
            page = regions_page(
                vintage=vintage,
                level="full",
                limit=query.limit,
                offset=query.offset,
                province=query.province,
                code=query.code,
                bbox=query.bbox,
                texts=query.crs == CRS84,
            )
            return json_body(
                payloads.page_payload(
                    _within_size(page.regions),
                    matched=page.matched,
                    vintage=vintage,
                    query=query,
                    address=address,
                    parameters=parameters,
                    language=self.language,
                )
            )

        # A box is the area of a client's screen, and the code of an FSA a part of a postal code.
        personal = query.bbox is not None or query.code is not None
        key = CacheKey(
            view=type(self).__name__,
            path=request.path.rstrip("/"),
            parameters=key_parameters(query, excluded=("label", "lang")),
            sources=() if vintage is None else (source_version(vintage),),
            media_type=request.accepted_renderer.media_type,
            language=self.language,
            encoding=chosen_encoding(request.headers.get("Accept-Encoding", "")),
            raw_query=tuple(parameters.items()),
            base_url=address,
            reused_codes=() if vintage is None else tuple(sorted(reused_codes(vintage).items())),
            dated=True,
        )
        response = cached_response(
            request,
            key,
            licence_url="" if vintage is None else vintage.licence_url,
            labelled=query.label is not None,
            make=make,
            cacheable=vintage is not None and _is_plain(parameters) and _is_regular(query, vintage.region_count),
            personal=personal,
        )
        return self.with_crs(response, query.crs)

    def _vintage(self, query: requests.ItemsQuery) -> "Vintage | None":
        """Return the vintage of a page; None where `datetime` selects none. Raises: VintageUnknown."""
        if query.interval is not None:
            return vintage_during(coverage=query.collection, first=query.interval.first, last=query.interval.last)
        vintage = chosen_vintage(query, query.collection)
        if query.load not in (None, requests.load_of(vintage.load_id)):
            raise VintageUnknown(
                Message("Vintage %(vintage)s was published again since the first page.", vintage=vintage.label),
                parameter="load",
                hint=Message("Start again from the first page."),
            )
        return vintage


def _within_size(regions: Sequence["RegionRow"]) -> Sequence["RegionRow"]:
    """Return the regions up to the one whose geometry exceeds PAGE_MAX_BYTES in all."""
    size = 0
    for number, region in enumerate(regions, 1):
        size += region.size or 0
        if size > PAGE_MAX_BYTES:
            return regions[:number]
    return regions


def _is_plain(parameters: Mapping[str, str]) -> bool:
    """Return whether a body may be stored: with spaces around values, a client could store the same answer many times."""
    return parameters.keys() <= _STORED_WITH and all(value == value.strip() for value in parameters.values())


def _is_regular(query: requests.ItemsQuery, count: int) -> bool:
    return query.limit in _STORED_LIMITS and query.offset % query.limit == 0 and query.offset < max(count, 1)


class FeatureView(FeaturesView):
    """One feature."""

    def get(self, request: Request, collection: str, feature: str) -> HttpResponseBase:
        """Return a region by its code or DGUID. Queries: 1, none for a 304."""
        query = self.parse(request, requests.FEATURE, collectionId=collection, featureId=feature)
        _collection(query.collection)
        vintage = chosen_vintage(query, query.collection)
        address = payloads.collection_address(self.root(request), query.collection)
        parameters = dict(sorted(request.query_params.dict().items()))

        def make() -> Chunks:
            row = region_get(vintage=vintage, region_id=query.feature_id, level="full")
            item = f"{address}/items/{quote(row.code)}"
            return json_body(
                payloads.single_payload(
                    row,
                    vintage=vintage,
                    crs=query.crs,
                    address=address,
                    self_address=f"{item}?{urlencode(parameters)}" if parameters else item,
                    language=self.language,
                )
            )

        response = self.cached(
            request,
            query,
            vintage=vintage,
            make=make,
            cacheable=query.collection != COVERAGE_FSA and _is_plain(parameters),
            personal=query.collection == COVERAGE_FSA,
            raw_query=tuple(parameters.items()),
            base_url=address,
            reused_codes=tuple(sorted(reused_codes(vintage).items())),
        )
        return self.with_crs(response, query.crs)

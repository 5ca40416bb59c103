"""Base views: parse the URL, negotiate the language, set the shared headers."""

from collections.abc import Callable, Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from django.http import HttpRequest, HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.http.cache_key import CacheKey, SourceVersion
from api.http.compression import chosen_encoding
from api.http.conditional import cached_response, uncached_response
from api.http.language import language_of
from api.http.links import licence_links
from api.http.renderers import GeoJSONRenderer, JSONRenderer
from api.http.streaming import Chunks, json_body
from api.requests.models import PlainQuery, VintageQuery
from api.requests.parser import RequestParser
from geography.queries.changes import ReusedCode
from geography.queries.geometry_stream import StreamedGeometry

if TYPE_CHECKING:
    from geography.models import Vintage

Query = TypeVar("Query", bound=PlainQuery)

# Headers of responses to a position or a postal code, which have no ETag.
UNCACHED = {"Cache-Control": "private, no-store"}


class DependsOn(TypedDict, total=False):
    """Optional fields of `api.http.cache_key.CacheKey`."""

    raw_query: tuple[tuple[str, str], ...]
    base_url: str
    reused_codes: tuple[tuple[str, tuple[ReusedCode, ...]], ...]


def key_parameters(query: PlainQuery, *, excluded: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return the fields of a query, except `excluded`, as `CacheKey.parameters`."""
    return tuple((field.name, repr(getattr(query, field.name))) for field in fields(query) if field.name not in excluded)


def source_version(vintage: "Vintage") -> SourceVersion:
    """Return the publication of a vintage as a source of a cache key."""
    return SourceVersion(str(vintage.load_id), vintage.published_at)


class ApiView(APIView):
    """Base of the JSON routes."""

    renderer_classes = [JSONRenderer]
    language = "en"

    def parse(self, request: Request, spec: RequestParser[Query], **path: str) -> Query:
        """Return the request as the typed query of its spec, and set `language`. Raises: as the spec's validators."""
        self.language = language_of(request)
        return spec.parse(dict(request.query_params.lists()), path)

    def cached(
        self,
        request: Request,
        query: VintageQuery,
        *,
        vintage: "Vintage",
        make: Callable[[], Chunks],
        cacheable: bool,
        personal: bool = False,
        translated: bool = True,
        **depends_on: Unpack[DependsOn],
    ) -> HttpResponseBase:
        """Return the response whose body depends on the query, the vintage and `depends_on`: see
        `api.http.conditional.cached_response`.

        Args:
            translated: False where the body is the same in every language.
            depends_on: further fields of the cache key.
        """
        key = CacheKey(
            view=type(self).__name__,
            path=request.path.rstrip("/"),
            # The vintage is in `sources`, however the request chose it.
            parameters=key_parameters(query, excluded=("label", "at", "lang")),
            sources=(source_version(vintage),),
            media_type=request.accepted_renderer.media_type,
            language=self.language if translated else None,
            encoding=chosen_encoding(request.headers.get("Accept-Encoding", "")),
            **depends_on,
        )
        return cached_response(
            request,
            key,
            licence_url=vintage.licence_url,
            labelled=query.label is not None,
            make=make,
            cacheable=cacheable,
            personal=personal,
        )

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Return 204 with the Allow header and no body."""
        return Response(status=204)


class GeoView(ApiView):
    """Base of the GeoJSON routes, served as application/geo+json or application/json, with a Link header to the licences."""

    renderer_classes = [GeoJSONRenderer, JSONRenderer]

    def uncached_collection(self, request: Request, data: dict[str, Any]) -> HttpResponseBase:
        """Return the response with a collection that no cache may store; long geometries are streamed.

        Raises: TooManyAtOnce.
        """
        if not any(isinstance(feature["geometry"], StreamedGeometry) for feature in data["features"]):
            return Response(data, headers=UNCACHED)
        accepted: BaseRenderer = request.accepted_renderer
        response = uncached_response(request, json_body(data), media_type=accepted.media_type)
        for name, value in UNCACHED.items():
            response.headers[name] = value
        if links := licence_links(data):
            response.headers["Link"] = links
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add `Link: rel="license"` for the vintages that the response names."""
        final = super().finalize_response(request, response, *args, **kwargs)
        # Other bodies are serialized already, and their views set the header.
        data = getattr(final, "data", None)
        if isinstance(data, dict) and (links := licence_links(data)):
            final.headers["Link"] = ", ".join(filter(None, [final.headers.get("Link"), links]))
        return final

"""Base views: parse the URL, negotiate the language, set the shared headers."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from django.http import HttpRequest, HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.http.conditional import cached_response, uncached_response
from api.http.language import language_of
from api.http.links import licence_links
from api.http.renderers import GeoJSONRenderer, JSONRenderer
from api.http.streaming import Pieces, json_body
from api.requests.models import PlainQuery, VintageQuery
from api.requests.parser import RequestParser
from geography.queries.geometry_stream import StreamedGeometry

if TYPE_CHECKING:
    from geography.models import Vintage

Query = TypeVar("Query", bound=PlainQuery)


# Of answers to a position or a postal code that have no ETag.
UNCACHED = {"Cache-Control": "private, no-store"}


class ApiView(APIView):
    """A route that answers with JSON."""

    renderer_classes = [JSONRenderer]
    language = "en"

    def ask(self, request: Request, spec: RequestParser[Query], **path: str) -> Query:
        """Return the request as its spec reads it, and settle the language (`api.http.language.language_of`)."""
        self.language = language_of(request)
        return spec.parse(dict(request.query_params.lists()), path)

    def cached(
        self,
        request: Request,
        query: VintageQuery,
        *about: object,
        vintage: "Vintage",
        make: Callable[[], Pieces],
        keep: bool,
        personal: bool = False,
        translated: bool = True,
    ) -> HttpResponseBase:
        """Answer with a body that depends on nothing but the query, the vintage and `about`: see
        `api.http.conditional.cached_response`.
        """
        accepted: BaseRenderer = request.accepted_renderer
        return cached_response(
            request,
            # Which vintage it is counts, not how it was chosen.
            about=(type(self).__name__, request.path.rstrip("/"), replace(query, label=None, at=None, lang=None), *about),
            vintage=vintage,
            named=query.label is not None,
            media_type=accepted.media_type,
            language=self.language if translated else None,
            make=make,
            keep=keep,
            personal=personal,
        )

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Say which methods there are, and nothing else."""
        return Response(status=204)


class GeoView(ApiView):
    """A route that answers with GeoJSON, under either media type. The header leads to the licence of the boundaries."""

    renderer_classes = [GeoJSONRenderer, JSONRenderer]

    def collected(self, request: Request, data: dict[str, Any]) -> HttpResponseBase:
        """Answer with a collection that no cache may keep, whatever its geometries weigh. Raises: TooManyAtOnce."""
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
        """Add `Link: rel="license"` to what comes from boundaries."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if links := licence_links(getattr(final, "data", None)):
            final.headers["Link"] = ", ".join(filter(None, [final.headers.get("Link"), links]))
        return final

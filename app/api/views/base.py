"""What every view of the API does: read the URL by its spec, settle the language, say so in the headers."""

from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.translation import get_language
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.params import LANGUAGES, Spec
from api.queries import PlainQuery
from api.renderers import GeoJSONRenderer, JSONRenderer

Query = TypeVar("Query", bound=PlainQuery)


class ApiView(APIView):
    """A route that answers with JSON."""

    renderer_classes = [JSONRenderer]
    language = "en"

    def ask(self, request: Request, spec: Spec[Query], **path: str) -> Query:
        """Return the request as its spec reads it, and settle the language: `lang`, then Accept-Language, then English."""
        query = spec.parse(request.query_params, path)
        accepted = (get_language() or "en")[:2]
        self.language = query.lang or (accepted if accepted in LANGUAGES else "en")
        return query

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Say which methods there are, and nothing else."""
        return Response(status=204)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the language of the body; the middleware adds Accept-Language to Vary."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Content-Language", self.language)
        return final


class GeoView(ApiView):
    """A route that answers with GeoJSON, under either media type."""

    renderer_classes = [GeoJSONRenderer, JSONRenderer]

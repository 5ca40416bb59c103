"""View of /now: the latest figures at a position or of an FSA."""

import orjson
from rest_framework.request import Request
from rest_framework.response import Response

from api.bulk.body import read_bytes
from api.http.body_errors import BodyInvalid, BodyTooLarge, EncodingUnknown, MediaTypeUnknown
from api.http.concurrency import TooManyAtOnce, body_slot
from api.http.conditional import staleness
from api.http.language import language_of
from api.http.renderers import JSONRenderer
from api.openapi import document, schemas
from api.openapi.document import RequestBody
from api.requests.now import NOW, NOW_OPTIONS, NowQuery, parse_body
from api.responses.locate import COMPUTED
from api.responses.now import NowResponder, now_responder
from api.views.base import UNCACHED, ApiView
from geography import errors
from geography.translation import Message
from operations.request_body import BodyTimeout

_PROBLEMS: tuple[type[Exception], ...] = (
    *(errors.ParameterInvalid, errors.CoordinateInvalid, errors.FsaMalformed, errors.FsaWithoutBoundary),
    *document.VINTAGE_PROBLEMS,
)


class NowView(ApiView):
    """Latest figures of every indicator: GET with a position or an FSA in the URL, POST with it in the body."""

    @document.documented(
        NOW,
        operation_id="get_now",
        tag="Indicators",
        summary="The latest figures for a position or an FSA",
        body="Now",
        media_types=("application/json",),
        problems=_PROBLEMS,
    )
    def get(self, request: Request) -> Response:
        """Return the latest value of every indicator for the health region at a position, or of an FSA, with its province.

        The interval of a rate is exact for a Poisson count. `trend` compares with the previous period; its word is increase
        or decrease only if the interval of the ratio excludes 1. Near a border, and in a split FSA, `also_possible` has every
        other region, `differs` is true if its figures differ, and `range` has the lowest and the highest value; there is no
        average. Positions and FSAs are never logged, and no cache may store the response.
        """
        return _computed(request) or self._answer(self.parse(request, NOW))

    @document.documented(
        NOW_OPTIONS,
        operation_id="get_now_privately",
        tag="Indicators",
        summary="The latest figures for a position or an FSA in the request body",
        body="Now",
        media_types=("application/json",),
        request={"application/json": RequestBody(schemas.ref("NowRequest"), {"lat": 43.6426, "lon": -79.3871})},
        problems=(
            *_PROBLEMS,
            *(BodyInvalid, BodyTooLarge, EncodingUnknown, MediaTypeUnknown, BodyTimeout, TooManyAtOnce),
        ),
    )
    def post(self, request: Request) -> Response:
        """Return what `GET /now` returns. The position or the FSA is in the body, so that no proxy logs it with the URL."""
        if (response := _computed(request)) is not None:
            return response
        self.language = language_of(request)
        if request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != JSONRenderer.media_type:
            raise MediaTypeUnknown(
                Message("This media type is not supported."),
                hint=Message("Use one of these as Content-Type: %(supported)s.", supported=[JSONRenderer.media_type]),
            )
        with body_slot(request._request):
            content = read_bytes(request._request)
        return self._answer(parse_body(dict(request.query_params.lists()), content))

    def _answer(self, query: NowQuery) -> Response:
        responder = now_responder(query, self.language)
        return _response(responder, responder.body(query))


def _computed(request: Request) -> Response | None:
    """Return the response that the fast path has computed; None where it needs a query."""
    computed = request.META.get(COMPUTED)
    return None if computed is None else _response(*computed)


def _response(responder: NowResponder, body: bytes) -> Response:
    return Response(orjson.Fragment(body), headers=UNCACHED | responder.links() | staleness())

"""Problem types (RFC 9457): one table from exception class to status, slug and title.

Log lines name the route's template, never the path, the query or the exception's text: those hold positions and postal codes.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAcceptable
from rest_framework.response import Response

from api.http.body_errors import REQUEST_ENCODINGS, BodyInvalid, BodyTooLarge, EncodingUnknown, MediaTypeUnknown
from api.http.byte_ranges import RangeUnsatisfiable
from api.http.concurrency import TooManyAtOnce, TooManyRequests
from api.http.language import language_of, translate
from api.http.negotiation import prefers_html
from api.http.renderers import PROBLEM_MEDIA_TYPE, json_bytes
from api.problem_page import problem_page
from api.responses.other_vintages import other_vintages_payload
from api.responses.payloads import province_payload
from geography import errors as geography
from geography.codes import fsa_provinces
from geography.db.routing import PRIMARY, current_alias
from geography.queries.geometry_stream import GeometryDeleted
from geography.translation import Message
from geography.vintages.resolve import VintageGone
from indicators import errors as indicators
from operations import request_id as requestid
from operations.db_permits import PoolExhausted
from operations.metrics import PROBLEMS, method_of
from operations.request_body import BodyTimeout

logger = logging.getLogger(__name__)

# Expected under load: logged at INFO, without a traceback.
_BY_DESIGN = (TooManyAtOnce, PoolExhausted)


class NotReady(Exception):
    """A readiness check fails; `checks` has the results."""

    def __init__(self, checks: Mapping[str, Any]) -> None:
        super().__init__("not ready")
        self.checks = checks


class DatabaseBusy(Exception):
    """Key in the table for an OperationalError that means a timeout (see `problem_type_of`)."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A problem type.

    Attributes:
        slug: last part of `type`, `/problems/<slug>`. Stable: clients branch on it.
        detail: detail of the problem where the exception has no message for readers.
        retry_after_s: Retry-After in seconds; None where a retry does not help.
    """

    status: int
    slug: str
    title: Message
    detail: Message | None = None
    retry_after_s: int | None = None

    @property
    def type(self) -> str:
        """URI reference of the problem type."""
        return f"/problems/{self.slug}"


_DATABASE_BUSY = ProblemType(
    503,
    "database-busy",
    Message("Database busy"),
    Message("The database did not answer within the time limit; retry shortly."),
    5,
)
_DATABASE_AWAY = ProblemType(
    503, "database-away", Message("Database unavailable"), Message("The database does not answer; retry shortly."), 5
)
_REFUSED = (Message("Bad request"), Message("The request cannot be processed."))

# query_canceled and lock_not_available: timeouts of a database that is available.
_BUSY_SQLSTATES = ("57014", "55P03")

PROBLEM_TYPES: dict[type[Exception], ProblemType] = {
    geography.CoordinateInvalid: ProblemType(400, "coordinate-invalid", Message("Invalid coordinates")),
    geography.FsaMalformed: ProblemType(400, "fsa-malformed", Message("Invalid FSA")),
    geography.ParameterInvalid: ProblemType(400, "parameter-invalid", Message("Invalid parameter")),
    BodyInvalid: ProblemType(400, "body-invalid", Message("Invalid request body")),
    BodyTooLarge: ProblemType(413, "body-too-large", Message("Request body too large")),
    EncodingUnknown: ProblemType(415, "encoding-unknown", Message("Unsupported content encoding")),
    BodyTimeout: ProblemType(
        408, "body-timeout", Message("Request timeout"), Message("The request body did not arrive within the time limit.")
    ),
    MediaTypeUnknown: ProblemType(415, "media-type-unknown", Message("Unsupported media type")),
    geography.CoverageUnknown: ProblemType(404, "coverage-unknown", Message("Coverage not found")),
    geography.RegionUnknown: ProblemType(404, "region-unknown", Message("Region not found")),
    geography.FsaWithoutBoundary: ProblemType(404, "fsa-without-boundary", Message("FSA without a boundary")),
    geography.TileUnknown: ProblemType(404, "tile-unknown", Message("Tile not found")),
    geography.VintageUnknown: ProblemType(404, "vintage-unknown", Message("Vintage not found")),
    geography.VintagesNotCompared: ProblemType(404, "vintages-not-compared", Message("Vintages not compared")),
    geography.NoVintage: ProblemType(404, "no-vintage", Message("No vintage in force")),
    geography.DownloadUnknown: ProblemType(404, "download-unknown", Message("File not found")),
    geography.DownloadNotMade: ProblemType(404, "download-not-made", Message("File not available")),
    indicators.IndicatorUnknown: ProblemType(404, "indicator-unknown", Message("Indicator not found")),
    indicators.IssueUnknown: ProblemType(404, "issue-unknown", Message("Issue not found")),
    indicators.PlaceUnknown: ProblemType(404, "place-unknown", Message("Place not found")),
    geography.TilesMissing: ProblemType(503, "tiles-missing", Message("Tiles not built yet"), retry_after_s=60),
    geography.DownloadMissing: ProblemType(503, "download-missing", Message("File not ready yet"), retry_after_s=60),
    RangeUnsatisfiable: ProblemType(
        416, "range-unsatisfiable", Message("Range not satisfiable"), Message("The range begins after the end of the file.")
    ),
    geography.NothingPublished: ProblemType(503, "nothing-published", Message("Nothing published yet"), retry_after_s=30),
    NotReady: ProblemType(
        503, "not-ready", Message("Service not ready"), Message("Some readiness checks fail; see checks."), 5
    ),
    DatabaseBusy: _DATABASE_BUSY,
    PoolExhausted: _DATABASE_BUSY,
    # A vintage deleted during the request: a retry gets the next vintage, or an error of its own.
    GeometryDeleted: _DATABASE_BUSY,
    VintageGone: _DATABASE_BUSY,
    TooManyAtOnce: ProblemType(
        503,
        "too-many-at-once",
        Message("Too many concurrent bulk requests or downloads"),
        Message("All slots for bulk requests and large responses are taken; retry shortly."),
        2,
    ),
    TooManyRequests: ProblemType(
        429, "too-many-requests", Message("Too many requests"), Message("The client exceeded the rate limit of this service.")
    ),
    OperationalError: _DATABASE_AWAY,
    InterfaceError: _DATABASE_AWAY,
    Http404: ProblemType(
        404,
        "route-unknown",
        Message("Route not found"),
        Message("No route matches this address; /docs lists the routes."),
    ),
    MethodNotAllowed: ProblemType(
        405, "method-not-allowed", Message("Method not allowed"), Message("This route does not support the method.")
    ),
    NotAcceptable: ProblemType(
        406,
        "not-acceptable",
        Message("Not acceptable"),
        Message("This route supports no media type of the Accept header."),
    ),
    SuspiciousOperation: ProblemType(400, "request-refused", *_REFUSED),
    Exception: ProblemType(
        500, "internal-error", Message("Internal server error"), Message("An unexpected error occurred; it has been logged.")
    ),
}


def problem_type_of(error: BaseException) -> ProblemType:
    """Return the problem type of the nearest base class in the table.

    The SQLSTATE tells a database timeout from an unavailable database.
    """
    if isinstance(error, OperationalError) and getattr(error.__cause__, "pgcode", None) in _BUSY_SQLSTATES:
        return PROBLEM_TYPES[DatabaseBusy]
    if isinstance(error, TooManyRequests):
        return replace(PROBLEM_TYPES[TooManyRequests], retry_after_s=error.retry_after_s)
    for error_class in type(error).__mro__:
        if error_class in PROBLEM_TYPES:
            return PROBLEM_TYPES[error_class]
    return PROBLEM_TYPES[Exception]


def _resolve_problem_type(error: Exception) -> ProblemType:
    """Return the problem type.

    Raises: the error itself where a standby is unavailable or has no permit left: `api.middleware.replica_routing` then retries
    on the primary.
    """
    problem_type = problem_type_of(error)
    if (problem_type is _DATABASE_AWAY or isinstance(error, PoolExhausted)) and current_alias() != PRIMARY:
        raise error
    return problem_type


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the response to an exception raised in a view (REST framework's EXCEPTION_HANDLER).

    None for an unexpected exception: Django then shows its debug page, or calls `internal_error`.
    """
    problem_type = _resolve_problem_type(error)
    if problem_type.status == 500:
        if not isinstance(error, APIException):
            return None
        problem_type = ProblemType(error.status_code, "request-refused", *_REFUSED)
    if isinstance(error, MethodNotAllowed):
        problem_type = replace(
            problem_type, detail=Message("This route supports %(methods)s.", methods=context["view"].allowed_methods)
        )
    request = context["request"]
    _log(problem_type, request, error)
    language = language_of(request)
    return Response(
        _body(problem_type, error, language),
        status=problem_type.status,
        content_type=PROBLEM_MEDIA_TYPE,
        headers=_headers(problem_type, language),
    )


def refuse(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the problem response of an error, for middleware and for views outside REST framework."""
    return _plain(_resolve_problem_type(error), request, error)


def unknown_route(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the 404 of an unknown route: a page where the client prefers HTML, else a problem document."""
    response = _plain(PROBLEM_TYPES[Http404], request, Http404())
    if request.method in ("GET", "HEAD") and prefers_html(request):
        body = _body(PROBLEM_TYPES[Http404], Http404(), language_of(request))
        # The explanation has the same content for readers.
        response = problem_page(request, body | {"detail": ""}, response.headers)
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def request_refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the 400 of a request that Django refuses before a view runs, such as one with a foreign Host header."""
    return _plain(PROBLEM_TYPES[SuspiciousOperation], request, SuspiciousOperation())


def internal_error(request: HttpRequest) -> HttpResponse:
    """Return the response to an exception that no view handled, raised in middleware too: 503 for database errors, else 500."""
    error = sys.exc_info()[1] or Exception()
    return _plain(problem_type_of(error), request, error)


def _plain(problem_type: ProblemType, request: HttpRequest, error: BaseException) -> HttpResponse:
    _log(problem_type, request, error)
    # The error may come from middleware that runs before the language middleware.
    language = language_of(request)
    body = json_bytes(_body(problem_type, error, language))
    return HttpResponse(
        body, status=problem_type.status, content_type=PROBLEM_MEDIA_TYPE, headers=_headers(problem_type, language)
    )


def _headers(problem_type: ProblemType, language: str) -> dict[str, str]:
    retry = {} if problem_type.retry_after_s is None else {"Retry-After": str(problem_type.retry_after_s)}
    # RFC 9110, section 15.5.16.
    coding = {"Accept-Encoding": ", ".join(REQUEST_ENCODINGS)} if problem_type is PROBLEM_TYPES[EncodingUnknown] else {}
    return {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "private, no-store"} | retry | coding


def _body(problem_type: ProblemType, error: BaseException, language: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": problem_type.type,
        "title": translate(problem_type.title, language),
        "status": problem_type.status,
    }
    if problem_type.detail is not None:
        body["detail"] = translate(problem_type.detail, language)
    if isinstance(error, geography.GeographyError):
        body["detail"] = translate(error.message, language)
        if error.parameter is not None:
            body["parameter"] = error.parameter
        if error.hint is not None:
            body["hint"] = translate(error.hint, language)
    if isinstance(error, geography.FsaWithoutBoundary):
        # Several provinces where the first letter is shared: X by two territories.
        body["fsa"] = {
            "code": error.code,
            "provinces": [province_payload(fsa_province.pruid, language) for fsa_province in fsa_provinces(error.code)],
            "neighbours": list(error.neighbours),
        }
    if isinstance(error, geography.RegionUnknown | geography.FsaWithoutBoundary) and error.elsewhere:
        body["elsewhere"] = other_vintages_payload(error.elsewhere, language)
    if isinstance(error, NotReady):
        body["checks"] = error.checks
    if problem_type.status >= 500 and (request_id := requestid.current()):
        # Reference for reports to the operator. Left out for client errors, so that equal requests get equal bodies.
        body["instance"] = f"urn:uuid:{UUID(request_id)}"
    return body


def _log(problem_type: ProblemType, request: HttpRequest | None, error: BaseException) -> None:
    PROBLEMS.labels(problem_type.slug).inc()
    match = getattr(request, "resolver_match", None)
    route = (match.route if match else "") or "(no route)"
    method = method_of(getattr(request, "method", None))
    if problem_type.status < 500 or isinstance(error, _BY_DESIGN):
        logger.info("%d %s: %s %s", problem_type.status, problem_type.slug, method, route)
        return
    where = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in _frames(error))
    logger.error(
        "%d %s: %s %s: %s at %s", problem_type.status, problem_type.slug, method, route, type(error).__qualname__, where
    )


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    # Files and lines only: a database error's message repeats the statement with its values.
    return list(reversed(traceback.extract_tb(error.__traceback__)))[:12]

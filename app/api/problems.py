"""Problem types (RFC 9457): one table from exception class to status, slug and title.

What is logged names the route's template, never its path, its query or an exception's own text: those hold positions and
postal codes.
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
from django.template.loader import render_to_string
from django.utils.translation import override
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAcceptable
from rest_framework.response import Response

from api.http.body_errors import REQUEST_ENCODINGS, BodyInvalid, BodyTooLarge, EncodingUnknown, MediaTypeUnknown
from api.http.byte_ranges import RangeUnsatisfiable
from api.http.concurrency import TooManyAtOnce, TooManyRequests
from api.http.language import language_of, translate
from api.http.renderers import PROBLEM_MEDIA_TYPE, json_bytes
from api.problem_explanations import EXPLANATIONS
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

# Refusals that say nothing is wrong here: a line without the place in the code.
_BY_DESIGN = (TooManyAtOnce, PoolExhausted)
# A page with the project's own styles and nothing else.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class NotReady(Exception):
    """The service runs but cannot answer every question yet; `checks` says what is missing."""

    def __init__(self, checks: Mapping[str, Any]) -> None:
        super().__init__("not ready")
        self.checks = checks


class DatabaseBusy(Exception):
    """Stands in the table for an OperationalError that means a time limit (see `problem_type_of`)."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem.

    Attributes:
        slug: last part of `type`, `/problems/<slug>`. Stable: clients branch on it.
        detail: what is said where the exception brings no message for the reader.
        retry_after_s: when asking again makes sense, in seconds; None where it does not.
    """

    status: int
    slug: str
    title: Message
    detail: Message | None = None
    retry_after_s: int | None = None

    @property
    def type(self) -> str:
        """The URI reference that identifies the kind."""
        return f"/problems/{self.slug}"


_DATABASE_BUSY = ProblemType(
    503, "database-busy", Message("The database is busy"), Message("The answer took too long; ask again soon."), 5
)
_DATABASE_AWAY = ProblemType(
    503, "database-away", Message("The database is away"), Message("The database does not answer; ask again soon."), 5
)
_REFUSED = (Message("Request refused"), Message("The request cannot be read."))

# query_canceled and lock_not_available: the database is there but did not get to it in time.
_BUSY_SQLSTATES = ("57014", "55P03")

PROBLEM_TYPES: dict[type[Exception], ProblemType] = {
    geography.CoordinateInvalid: ProblemType(400, "coordinate-invalid", Message("Not a usable position")),
    geography.FsaMalformed: ProblemType(400, "fsa-malformed", Message("No postal code looks like this")),
    geography.ParameterInvalid: ProblemType(400, "parameter-invalid", Message("A parameter cannot be used")),
    BodyInvalid: ProblemType(400, "body-invalid", Message("The body cannot be used")),
    BodyTooLarge: ProblemType(413, "body-too-large", Message("The body is too large")),
    EncodingUnknown: ProblemType(415, "encoding-unknown", Message("Not a content coding that is read here")),
    BodyTimeout: ProblemType(
        408, "body-timeout", Message("The body came too slowly"), Message("The whole body has not arrived in time.")
    ),
    MediaTypeUnknown: ProblemType(415, "media-type-unknown", Message("Not a media type that is read here")),
    geography.CoverageUnknown: ProblemType(404, "coverage-unknown", Message("No such coverage")),
    geography.RegionUnknown: ProblemType(404, "region-unknown", Message("No such region")),
    geography.FsaWithoutBoundary: ProblemType(404, "fsa-without-boundary", Message("This FSA has no boundary")),
    geography.TileUnknown: ProblemType(404, "tile-unknown", Message("No such tile")),
    geography.VintageUnknown: ProblemType(404, "vintage-unknown", Message("No such vintage")),
    geography.VintagesNotCompared: ProblemType(404, "vintages-not-compared", Message("These vintages are not compared")),
    geography.NoVintage: ProblemType(404, "no-vintage", Message("No vintage was in force")),
    geography.DownloadUnknown: ProblemType(404, "download-unknown", Message("No such file")),
    geography.DownloadNotMade: ProblemType(404, "download-not-made", Message("The file is not made")),
    indicators.IndicatorUnknown: ProblemType(404, "indicator-unknown", Message("No such indicator")),
    indicators.PlaceUnknown: ProblemType(404, "place-unknown", Message("No such place")),
    geography.TilesMissing: ProblemType(503, "tiles-missing", Message("No tiles are drawn yet"), retry_after_s=60),
    geography.DownloadMissing: ProblemType(503, "download-missing", Message("The file is not here yet"), retry_after_s=60),
    RangeUnsatisfiable: ProblemType(
        416, "range-unsatisfiable", Message("No such part of the file"), Message("The file ends before this range begins.")
    ),
    geography.NothingPublished: ProblemType(503, "nothing-published", Message("Nothing is published yet"), retry_after_s=30),
    NotReady: ProblemType(
        503, "not-ready", Message("Not ready"), Message("Not every question can be answered yet; see checks."), 5
    ),
    DatabaseBusy: _DATABASE_BUSY,
    PoolExhausted: _DATABASE_BUSY,
    # A vintage that was taken away just then: whoever asks again gets the next one, or is told.
    GeometryDeleted: _DATABASE_BUSY,
    VintageGone: _DATABASE_BUSY,
    TooManyAtOnce: ProblemType(
        503,
        "too-many-at-once",
        Message("Too many at once"),
        Message("Other requests of this kind are under way; ask again soon."),
        2,
    ),
    TooManyRequests: ProblemType(
        429, "too-many-requests", Message("Too many requests"), Message("You ask more often than this service allows.")
    ),
    OperationalError: _DATABASE_AWAY,
    InterfaceError: _DATABASE_AWAY,
    Http404: ProblemType(
        404,
        "route-unknown",
        Message("No such route"),
        Message("Nothing is served at this address; /docs lists what is."),
    ),
    MethodNotAllowed: ProblemType(
        405, "method-not-allowed", Message("Method not allowed"), Message("This route does not answer to that method.")
    ),
    NotAcceptable: ProblemType(
        406,
        "not-acceptable",
        Message("Not acceptable"),
        Message("This route cannot answer in a media type of the Accept header."),
    ),
    SuspiciousOperation: ProblemType(400, "request-refused", *_REFUSED),
    Exception: ProblemType(
        500, "internal-error", Message("Internal error"), Message("Something went wrong here; it has been logged.")
    ),
}


def problem_type_of(error: BaseException) -> ProblemType:
    """Return the kind of the nearest class in the table; what tells a busy database from one that is away is its code."""
    if isinstance(error, OperationalError) and getattr(error.__cause__, "pgcode", None) in _BUSY_SQLSTATES:
        return PROBLEM_TYPES[DatabaseBusy]
    if isinstance(error, TooManyRequests):
        return replace(PROBLEM_TYPES[TooManyRequests], retry_after_s=error.retry_after_s)
    for item in type(error).__mro__:
        if item in PROBLEM_TYPES:
            return PROBLEM_TYPES[item]
    return PROBLEM_TYPES[Exception]


def _resolve_problem_type(error: Exception) -> ProblemType:
    """Return the kind. A standby that is away, or has no place, is no answer yet: api.middleware.replica_routing asks the
    primary then.
    """
    kind = problem_type_of(error)
    if (kind is _DATABASE_AWAY or isinstance(error, PoolExhausted)) and current_alias() != PRIMARY:
        raise error
    return kind


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an exception raised in a view (REST framework's EXCEPTION_HANDLER).

    None for what nobody foresaw: Django then shows its debug page, or calls `internal_error`.
    """
    kind = _resolve_problem_type(error)
    if kind.status == 500:
        if not isinstance(error, APIException):
            return None
        kind = ProblemType(error.status_code, "request-refused", *_REFUSED)
    if isinstance(error, MethodNotAllowed):
        kind = replace(kind, detail=Message("This route answers to %(methods)s.", methods=context["view"].allowed_methods))
    request = context["request"]
    _log(kind, request, error)
    language = language_of(request)
    return Response(
        _body(kind, error, language),
        status=kind.status,
        content_type=PROBLEM_MEDIA_TYPE,
        headers=_headers(kind, language),
    )


def refuse(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer in the place of a view, for middleware and for views that need no framework."""
    return _plain(_resolve_problem_type(error), request, error)


def unknown_route(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address that no route serves: with a page where a browser asks, else with a problem document."""
    response = _plain(PROBLEM_TYPES[Http404], request, Http404())
    if request.method in ("GET", "HEAD") and prefers_html(request):
        kind, language = PROBLEM_TYPES[Http404], language_of(request)
        explained = {
            "type": kind.type,
            "title": translate(kind.title, language),
            "status": kind.status,
            "explanation": translate(EXPLANATIONS[kind.slug], language),
        }
        with override(language):
            page = render_to_string("api/problems.html", {"language": language, "problems": [explained]})
        response = HttpResponse(page, status=kind.status, headers=_headers(kind, language))
        response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def prefers_html(request: HttpRequest) -> bool:
    """Return True where the Accept header prefers a page to JSON, as browsers do."""
    return request.get_preferred_type([PROBLEM_MEDIA_TYPE, "application/json", "text/html"]) == "text/html"


def request_refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what Django refuses before a view sees it, such as a foreign Host header."""
    return _plain(PROBLEM_TYPES[SuspiciousOperation], request, SuspiciousOperation())


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answer an exception that no view handled, in middleware too. A database that is away is no bug."""
    error = sys.exc_info()[1] or Exception()
    return _plain(problem_type_of(error), request, error)


def _plain(kind: ProblemType, request: HttpRequest, error: BaseException) -> HttpResponse:
    _log(kind, request, error)
    # Middleware that fails, or refuses, may stand before the one that settles the language.
    language = language_of(request)
    body = json_bytes(_body(kind, error, language))
    return HttpResponse(body, status=kind.status, content_type=PROBLEM_MEDIA_TYPE, headers=_headers(kind, language))


def _headers(kind: ProblemType, language: str) -> dict[str, str]:
    retry = {} if kind.retry_after_s is None else {"Retry-After": str(kind.retry_after_s)}
    # RFC 9110, section 15.5.16.
    coding = {"Accept-Encoding": ", ".join(REQUEST_ENCODINGS)} if kind is PROBLEM_TYPES[EncodingUnknown] else {}
    return {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "private, no-store"} | retry | coding


def _body(kind: ProblemType, error: BaseException, language: str) -> dict[str, Any]:
    body: dict[str, Any] = {"type": kind.type, "title": translate(kind.title, language), "status": kind.status}
    if kind.detail is not None:
        body["detail"] = translate(kind.detail, language)
    if isinstance(error, geography.GeographyError):
        body["detail"] = translate(error.message, language)
        if error.parameter is not None:
            body["parameter"] = error.parameter
        if error.hint is not None:
            body["hint"] = translate(error.hint, language)
    if isinstance(error, geography.FsaWithoutBoundary):
        # More than one where the letters alone do not tell: X is shared by two territories.
        body["fsa"] = {
            "code": error.code,
            "provinces": [province_payload(fsa_province.pruid, language) for fsa_province in fsa_provinces(error.code)],
            "neighbours": list(error.neighbours),
        }
    if isinstance(error, NotReady):
        body["checks"] = error.checks
    if kind.status >= 500 and (request_id := requestid.current()):
        # What to name when one asks the operator about it. Not where the client is at fault: those answers may be compared.
        body["instance"] = f"urn:uuid:{UUID(request_id)}"
    return body


def _log(kind: ProblemType, request: HttpRequest | None, error: BaseException) -> None:
    PROBLEMS.labels(kind.slug).inc()
    match = getattr(request, "resolver_match", None)
    route = (match.route if match else "") or "(no route)"
    method = method_of(getattr(request, "method", None))
    if kind.status < 500 or isinstance(error, _BY_DESIGN):
        logger.info("%d %s: %s %s", kind.status, kind.slug, method, route)
        return
    where = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in _frames(error))
    logger.error("%d %s: %s %s: %s at %s", kind.status, kind.slug, method, route, type(error).__qualname__, where)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    # Files and lines only: a database error's message repeats the statement with its values.
    return list(reversed(traceback.extract_tb(error.__traceback__)))[:12]

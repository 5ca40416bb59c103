"""Errors as problem documents (RFC 9457): one table from exception class to status, type and title.

What is logged names the route's template, never its path, its query or an exception's own text: those hold positions and
postal codes.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAcceptable
from rest_framework.response import Response

from api.bodies import province_block
from api.limits import TooManyAtOnce
from api.renderers import PROBLEM_MEDIA_TYPE, json_bytes
from geography import errors as geography
from geography.codes import fsa_provinces

logger = logging.getLogger(__name__)


class NotReady(Exception):
    """The service runs but cannot answer every question yet; `checks` says what is missing."""

    def __init__(self, checks: Mapping[str, Any]) -> None:
        super().__init__("not ready")
        self.checks = checks


class DatabaseBusy(Exception):
    """Stands in the table for an OperationalError that means a time limit (see `kind_of`)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem.

    Attributes:
        slug: last part of `type`, `/problems/<slug>`. Stable: clients branch on it.
        detail: what is said where the exception brings no message for the reader.
        retry_after_s: when asking again makes sense, in seconds; None where it does not.
    """

    status: int
    slug: str
    title: str
    detail: str = ""
    retry_after_s: int | None = None

    @property
    def type(self) -> str:
        """The URI reference that identifies the kind."""
        return f"/problems/{self.slug}"


_DATABASE_AWAY = Kind(503, "database-away", "The database is away", "The database does not answer; ask again soon.", 5)

# query_canceled and lock_not_available: the database is there but did not get to it in time.
_BUSY_SQLSTATES = ("57014", "55P03")

TABLE: dict[type[Exception], Kind] = {
    geography.CoordinateInvalid: Kind(400, "coordinate-invalid", "Not a usable position"),
    geography.FsaMalformed: Kind(400, "fsa-malformed", "No postal code looks like this"),
    geography.ParameterInvalid: Kind(400, "parameter-invalid", "A parameter cannot be used"),
    geography.CoverageUnknown: Kind(404, "coverage-unknown", "No such coverage"),
    geography.RegionUnknown: Kind(404, "region-unknown", "No such region"),
    geography.FsaWithoutBoundary: Kind(404, "fsa-without-boundary", "This FSA has no boundary"),
    geography.VintageUnknown: Kind(404, "vintage-unknown", "No such vintage"),
    geography.NoVintage: Kind(404, "no-vintage", "No vintage was in force"),
    geography.NothingPublished: Kind(503, "nothing-published", "Nothing is published yet", retry_after_s=30),
    NotReady: Kind(503, "not-ready", "Not ready", "Not every question can be answered yet; see checks.", 5),
    DatabaseBusy: Kind(503, "database-busy", "The database is busy", "The answer took too long; ask again soon.", 5),
    TooManyAtOnce: Kind(
        503, "too-many-at-once", "Too many at once", "Other requests of this kind are under way; ask again soon.", 2
    ),
    OperationalError: _DATABASE_AWAY,
    InterfaceError: _DATABASE_AWAY,
    Http404: Kind(404, "route-unknown", "No such route", "Nothing is served at this address; /docs lists what is."),
    MethodNotAllowed: Kind(405, "method-not-allowed", "Method not allowed", "This route answers to GET and HEAD."),
    NotAcceptable: Kind(
        406, "not-acceptable", "Not acceptable", "This route cannot answer in a media type of the Accept header."
    ),
    SuspiciousOperation: Kind(400, "request-refused", "Request refused", "The request cannot be read."),
    Exception: Kind(500, "internal-error", "Internal error", "Something went wrong here; it has been logged."),
}


def kind_of(error: BaseException) -> Kind:
    """Return the kind of the nearest class in the table; what tells a busy database from one that is away is its code."""
    if isinstance(error, OperationalError) and getattr(error.__cause__, "pgcode", None) in _BUSY_SQLSTATES:
        return TABLE[DatabaseBusy]
    for one in type(error).__mro__:
        if one in TABLE:
            return TABLE[one]
    return TABLE[Exception]


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an exception raised in a view (REST framework's EXCEPTION_HANDLER).

    None for what nobody foresaw: Django then shows its debug page, or calls `internal_error`.
    """
    kind = kind_of(error)
    if kind.status == 500:
        if not isinstance(error, APIException):
            return None
        kind = Kind(error.status_code, "request-refused", "Request refused", "The request cannot be read.")
    request = context.get("request")
    _log(kind, request, error)
    return Response(_body(kind, error), status=kind.status, content_type=PROBLEM_MEDIA_TYPE, headers=_headers(kind))


def unknown_route(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address that no route serves."""
    return _plain(TABLE[Http404], request, Http404())


def request_refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what Django refuses before a view sees it, such as a foreign Host header."""
    return _plain(TABLE[SuspiciousOperation], request, SuspiciousOperation())


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answer an exception that no view handled, in middleware too. A database that is away is no bug."""
    error = sys.exc_info()[1] or Exception()
    return _plain(kind_of(error), request, error)


def _plain(kind: Kind, request: HttpRequest, error: BaseException) -> HttpResponse:
    _log(kind, request, error)
    body = json_bytes(_body(kind, error))
    return HttpResponse(body, status=kind.status, content_type=PROBLEM_MEDIA_TYPE, headers=_headers(kind))


def _headers(kind: Kind) -> dict[str, str]:
    # Messages are in English only, whatever was asked.
    retry = {} if kind.retry_after_s is None else {"Retry-After": str(kind.retry_after_s)}
    return {"Content-Language": "en", "Cache-Control": "no-store" if kind.status >= 500 else "no-cache"} | retry


def _body(kind: Kind, error: BaseException) -> dict[str, Any]:
    body: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.detail}
    if isinstance(error, geography.GeographyError):
        body["detail"] = error.message
        if error.parameter is not None:
            body["parameter"] = error.parameter
        if error.hint is not None:
            body["hint"] = error.hint
    if isinstance(error, geography.FsaWithoutBoundary):
        # More than one where the letters alone do not tell: X is shared by two territories.
        body["fsa"] = {
            "code": error.code,
            "provinces": [province_block(one.pruid, "en") for one in fsa_provinces(error.code)],
            "neighbours": list(error.neighbours),
        }
    if isinstance(error, NotReady):
        body["checks"] = error.checks
    return body


def _log(kind: Kind, request: HttpRequest | None, error: BaseException) -> None:
    match = getattr(request, "resolver_match", None)
    route = (match.route if match else "") or "(no route)"
    method = getattr(request, "method", None)
    if kind.status < 500:
        logger.info("%d %s: %s %s", kind.status, kind.slug, method, route)
        return
    where = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in _frames(error))
    logger.error("%d %s: %s %s: %s at %s", kind.status, kind.slug, method, route, type(error).__qualname__, where)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    # Files and lines only: a database error's message repeats the statement with its values.
    return list(reversed(traceback.extract_tb(error.__traceback__)))[:12]

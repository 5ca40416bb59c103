"""WSGI fast path: serves cached bodies and in-memory lookups without entering Django.

Two kinds of request are answered here: a body that is in the response cache (`api.http.disk_cache`) and was requested in the
same words before, and a position in vintages that this process holds in memory. Neither needs a query. Every other request goes
through the full stack: the first of its kind, an invalid one, and all requests while the catalogue is not fresh.

Only the body is made here. The headers are those of the first answer of the same kind, which came through the full stack; the
request id and the length are the request's own.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse

from api.http.compression import COMPRESS_MIN_BYTES, chosen_encoding, compress
from api.http.conditional import CACHE_KEY, client_has_current
from api.http.disk_cache import response_cache
from api.http.language import negotiate
from api.requests import models
from api.responses.locate import LOCATED, LocateResponder, responder_for
from geography.db.routing import PRIMARY, REPLICA, use_database
from geography.errors import GeographyError
from geography.vintages.catalogue import Catalogue, get_fresh
from indicators.queries.catalogue import published_indicators
from operations import replica_lag
from operations.metrics import count_cache
from operations.middleware import ROUTE, RequestObservation
from operations.response_buffer import WSGI

# All of a request that anything on the long way looks at, but for If-None-Match, the parameters, and what goes into the body.
_VARY_ON = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_HOST", "SERVER_NAME"),
    *("HTTP_ACCEPT", "HTTP_ORIGIN"),
)
_VARY_ON_CACHED = (*_VARY_ON, "QUERY_STRING", "HTTP_ACCEPT_ENCODING", "HTTP_ACCEPT_LANGUAGE")
_LOCATE = ("/locate", "/locate/")
# Accept headers with which nothing needs to be negotiated about one position: GeoJSON is what comes first anyhow.
_PLAIN_ACCEPT = ("*/*", "application/geo+json", "application/geo+json, */*", "application/geo+json,*/*")
# Of each dictionary that grows with what is asked; a kind takes some two kilobytes.
_REMEMBERED_MAX = 8_192


class _Head(NamedTuple):
    """What an answer of a kind has before its body.

    Attributes:
        status: as HTTP has it, `200 OK`.
        headers: without the request's id and the length.
        match: Django's ResolverMatch.
    """

    code: int
    status: str
    headers: list[tuple[str, str]]
    match: Any


@dataclass(slots=True)
class _ResponseTemplate:
    """What is the same for all answers of a kind.

    Attributes:
        kept_as: the body's key on the shelf; empty where each has its own.
        etag: of what is kept.
        heads: by status, 200 and 304, as far as either was seen.
    """

    kept_as: str
    etag: str
    heads: dict[int, _Head] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Generation:
    """What is published, on one day: it decides what answers, so all that was seen of either is forgotten with it."""

    catalogue: Catalogue
    day: date
    indicators: str | None = None
    kinds: dict[bytes, _ResponseTemplate] = field(default_factory=dict)
    answers: dict[object, LocateResponder] = field(default_factory=dict)


class _Candidate(NamedTuple):
    """A request that may be answered here: its kind, and the body where that is not kept.

    Attributes:
        located: what LocateView would compute: see `api.responses.locate.LOCATED`.
    """

    kind: bytes
    body: bytes | None = None
    located: tuple[LocateResponder, bytes] | None = None


class FastPath:
    """A WSGI application before Django's, which answers the same."""

    def __init__(self, django: WSGI) -> None:
        self._django = django
        self._moment: _Generation | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._django(environ, start_response)
        observed = RequestObservation(environ)
        with use_database(REPLICA if replica_lag.is_usable() else PRIMARY):
            moment = self._now()
            requested = None if moment is None else _candidate(moment, environ)
        known_values = moment.kinds.get(requested.kind) if moment and requested else None
        answer = _answer(environ, requested, known_values) if requested and known_values else None
        if answer is not None:
            head, body = answer
            length = [] if head.code == 304 else [("Content-Length", str(len(body)))]
            start_response(head.status, [*head.headers, *length, ("X-Request-ID", observed.request_id)])
            observed.finish(head.match, environ["REQUEST_METHOD"], head.code)
            return [body]
        if requested and requested.located:
            environ[LOCATED] = requested.located
        response = self._django(environ, start_response)
        if moment and requested:
            _remember(moment, requested, environ, response)
        return response

    def _now(self) -> _Generation | None:
        catalogue, day, known_values = get_fresh(), date.today(), self._moment
        if catalogue is None:
            return None
        indicators = published_indicators().revision
        if (
            known_values is None
            or known_values.catalogue is not catalogue
            or known_values.day != day
            or known_values.indicators != indicators
        ):
            known_values = self._moment = _Generation(catalogue, day, indicators)
        return known_values


def _candidate(moment: _Generation, environ: dict[str, Any]) -> _Candidate | None:
    if environ["PATH_INFO"] not in _LOCATE:
        return _Candidate(_digest(environ, _VARY_ON_CACHED))
    text = environ.get("QUERY_STRING", "")
    if environ.get("HTTP_ACCEPT", "*/*") not in _PLAIN_ACCEPT or not text.isascii():
        return None
    try:
        parameters = parse_qs(text, keep_blank_values=True, max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
        query = models.LOCATE.parse(parameters, {})
        details = negotiate(parameters.get("lang", ()), environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        chosen = (details[0], query.label, query.fsa_label, query.at, query.accuracy_m, query.max_distance_m)
        answers = moment.answers.get(chosen)
        if answers is None:
            _evict_oldest(moment.answers)
            answers = moment.answers[chosen] = responder_for(query, details[0])
        if not answers.in_memory:
            return None
        body = feature = answers.feature(query.position)
    except (GeographyError, ValueError, OperationalError, InterfaceError):
        return None  # the long way says what is wrong
    encoding, large = None, len(body) >= COMPRESS_MIN_BYTES
    if large and (encoding := chosen_encoding(environ.get("HTTP_ACCEPT_ENCODING", ""))):
        body = compress(body, encoding)
    return _Candidate(_digest(environ, _VARY_ON, details, large, encoding, answers.links()), body, (answers, feature))


def _digest(environ: dict[str, Any], names: Iterable[str], *more: object) -> bytes:
    """Return what is short, however long the headers are."""
    text = repr(([environ.get(name) for name in names], more))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _evict_oldest(remembered: dict[Any, Any]) -> None:
    """Forget all where there is too much; one by one would need a lock."""
    if len(remembered) >= _REMEMBERED_MAX:
        remembered.clear()


def _answer(environ: dict[str, Any], requested: _Candidate, known_values: _ResponseTemplate) -> tuple[_Head, bytes] | None:
    has = bool(known_values.etag) and client_has_current(environ, known_values.etag)
    head = known_values.heads.get(304 if has else 200)
    if head is None:
        return None
    body = b"" if has else requested.body if requested.body is not None else response_cache().get(known_values.kept_as)
    if body is None:
        return None
    if known_values.etag and "HTTP_IF_NONE_MATCH" in environ:
        count_cache("client", has)
    return head, body


def _remember(moment: _Generation, requested: _Candidate, environ: dict[str, Any], response: Iterable[bytes]) -> None:
    """Remember what came the long way as a kind. What streams, and what was said while the database is away, is none."""
    kept_as = environ.get(CACHE_KEY, "")
    if not isinstance(response, HttpResponse) or not (requested.body is not None or kept_as):
        return
    if response.status_code not in (200, 304) or "Cache-Status" in response.headers:
        return
    kind = moment.kinds.get(requested.kind)
    if kind is None:
        _evict_oldest(moment.kinds)
        kind = moment.kinds[requested.kind] = _ResponseTemplate(kept_as, response.headers.get("ETag", "") if kept_as else "")
    own = ("content-length", "x-request-id") if response.status_code == 200 else ("x-request-id",)
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in own]
    status = f"{response.status_code} {response.reason_phrase}"
    kind.heads[response.status_code] = _Head(response.status_code, status, headers, environ.get(ROUTE))

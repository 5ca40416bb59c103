"""WSGI fast path: serves cached bodies and in-memory lookups without entering Django.

The fast path answers two classes of requests: a body of the response cache (`api.http.disk_cache`) whose headers are known
from an
earlier request, and a lookup (/locate, /now) in vintages with a compiled index and figures in memory. Neither needs a query.
Every other request goes through the full stack: the first of its kind, invalid requests, and all requests while the catalogue
is not fresh.

The fast path computes bodies only. Headers come from the first response of the same kind, which the full stack made; request id
and Content-Length are set for each request. A lookup is computed once: for the first request of a kind the fast path hands its
body to the view in WSGI's environ (`api.responses.locate.COMPUTED`).
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse

from api.http.compression import COMPRESS_MIN_BYTES, chosen_encoding, compress
from api.http.concurrency import TooManyAtOnce, receiving
from api.http.conditional import STORAGE_KEY, client_has_current
from api.http.disk_cache import response_cache
from api.http.language import preferred_language
from api.requests import models
from api.requests.now import BODY_MAX_BYTES, NOW, parse_body
from api.responses.locate import COMPUTED, LocateResponder, responder_for
from api.responses.now import NowResponder, now_responder
from geography.db.routing import PRIMARY, REPLICA, use_database
from geography.errors import GeographyError
from geography.vintages.catalogue import Catalogue, get_fresh
from indicators.queries.catalogue import published_indicators
from operations import replica_lag
from operations.metrics import count_cache
from operations.middleware import ROUTE, RequestObservation
from operations.request_body import BodyTimeout
from operations.response_buffer import WSGI

# Request attributes that response headers may vary on. Add to this when a middleware starts to read another header. Missing
# here: If-None-Match, which is evaluated for each request, and the attributes that only the body depends on.
_VARY_ON = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_HOST", "SERVER_NAME"),
    *("HTTP_ACCEPT", "HTTP_ORIGIN"),
)
_VARY_ON_CACHED = (*_VARY_ON, "QUERY_STRING", "HTTP_ACCEPT_ENCODING", "HTTP_ACCEPT_LANGUAGE")
_LOCATE = ("/locate", "/locate/")
_NOW = ("/now", "/now/")
# Accept headers that need no content negotiation for a lookup: all of them lead to its default.
_PLAIN_ACCEPT = {
    **dict.fromkeys(_LOCATE, ("*/*", "application/geo+json", "application/geo+json, */*", "application/geo+json,*/*")),
    **dict.fromkeys(_NOW, ("*/*", "application/json", "application/json, */*", "application/json,*/*")),
}
# Limit of each dictionary that grows with the variety of requests. A template takes some 2 kB.
_ENTRIES_MAX = 8_192


class _Head(NamedTuple):
    """Status and headers of a response.

    Attributes:
        status: code and reason phrase, `200 OK`.
        headers: without the request id and, for a 200, without the Content-Length.
        match: Django's ResolverMatch.
    """

    code: int
    status: str
    headers: list[tuple[str, str]]
    match: Any


@dataclass(slots=True)
class _ResponseTemplate:
    """The parts that all responses of a kind share.

    Attributes:
        storage_key: key of the body in the response cache; empty for lookups, whose bodies are not cached.
        etag: ETag of the cached body; empty for lookups.
        heads: by status code, 200 and 304, as far as the full stack has sent them.
    """

    storage_key: str
    etag: str
    heads: dict[int, _Head] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Generation:
    """Templates and responders of one catalogue on one day. A publication and a new day discard all of them, since both can
    change the vintages in force.
    """

    catalogue: Catalogue
    day: date
    templates: dict[bytes, _ResponseTemplate] = field(default_factory=dict)
    responders: dict[object, LocateResponder] = field(default_factory=dict)


class _Candidate(NamedTuple):
    """A request that the fast path can answer once a template of its kind exists.

    Attributes:
        kind: digest of everything that the headers depend on.
        computed: for a lookup, the responder and the body, not compressed: see `api.responses.locate.COMPUTED`. None for a
            body of the response cache.
        encoding: content encoding of the computed body, None for none.
    """

    kind: bytes
    computed: tuple[LocateResponder | NowResponder, bytes] | None = None
    encoding: str | None = None


class FastPath:
    """WSGI application in front of Django's. Its responses equal those of the full stack, byte for byte."""

    def __init__(self, django: WSGI) -> None:
        self._django = django
        self._generation: _Generation | None = None
        # Without a standby, requests need no choice of the database.
        self._database: Callable[[], AbstractContextManager[str]] = (
            _usable_database if REPLICA in settings.DATABASES else lambda: nullcontext(PRIMARY)
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer from memory or the response cache; otherwise call Django and remember the headers of its response."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") and not _is_small_lookup(environ):
            return self._django(environ, start_response)
        observation = RequestObservation(environ)
        with self._database() as alias:
            generation = self._current_generation(alias)
            candidate = None if generation is None else _candidate(generation, environ)
        if generation is None or candidate is None:
            return self._django(environ, start_response)
        template = generation.templates.get(candidate.kind)
        response = None if template is None else _response(environ, candidate, template)
        if response is not None:
            head, body = response
            length = [] if head.code == 304 else [("Content-Length", str(len(body)))]
            start_response(head.status, [*head.headers, *length, ("X-Request-ID", observation.request_id)])
            observation.finish(head.match, environ["REQUEST_METHOD"], head.code)
            return [body]
        if candidate.computed is not None:
            environ[COMPUTED] = candidate.computed
        from_django = self._django(environ, start_response)
        _remember(generation, candidate, environ, from_django)
        return from_django

    def _current_generation(self, alias: str) -> _Generation | None:
        """Return the generation of a database's fresh catalogue; None while the catalogue is stale."""
        catalogue, day, generation = get_fresh(alias), date.today(), self._generation
        if catalogue is None:
            return None
        if generation is None or generation.catalogue is not catalogue or generation.day != day:
            generation = self._generation = _Generation(catalogue, day)
        return generation


def _usable_database() -> AbstractContextManager[str]:
    return use_database(REPLICA if replica_lag.is_usable() else PRIMARY)


def _candidate(generation: _Generation, environ: dict[str, Any]) -> _Candidate | None:
    """Return the request as a candidate, with the lookup computed; None for a request that needs the full stack."""
    accepted = _PLAIN_ACCEPT.get(environ["PATH_INFO"])
    if accepted is None:
        try:
            return _Candidate(_digest(environ, _VARY_ON_CACHED, published_indicators().revision))
        except (OperationalError, InterfaceError):
            return None  # the full stack answers with the problem document, or without indicators
    query_string = environ.get("QUERY_STRING", "")
    if environ.get("HTTP_ACCEPT", "*/*") not in accepted or not query_string.isascii():
        return None
    try:
        parameters = parse_qs(query_string, keep_blank_values=True, max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
        if environ["PATH_INFO"] in _LOCATE:
            computed: tuple[LocateResponder | NowResponder, bytes] | None = _locate(generation, environ, parameters)
        else:
            computed = _now(environ, parameters)
    except (GeographyError, ValueError, OperationalError, InterfaceError, TooManyAtOnce, BodyTimeout):
        return None  # the full stack answers with the problem document
    if computed is None:
        return None
    responder, body = computed
    large = len(body) >= COMPRESS_MIN_BYTES
    encoding = chosen_encoding(environ.get("HTTP_ACCEPT_ENCODING", "")) if large else None
    # `lang`, if present, is valid here and determines the language.
    kind = _digest(environ, _VARY_ON, responder.language, "lang" in parameters, large, encoding, responder.links())
    return _Candidate(kind, computed, encoding)


_Parameters = Mapping[str, Sequence[str]]


def _locate(generation: _Generation, environ: dict[str, Any], parameters: _Parameters) -> tuple[LocateResponder, bytes] | None:
    """Return the responder of a /locate request and its Feature; None if it needs a query."""
    query = models.LOCATE.parse(parameters, {})
    responder = _responder(generation, query, _language(query, environ))
    return (responder, responder.feature(query.position)) if responder.in_memory else None


def _now(environ: dict[str, Any], parameters: _Parameters) -> tuple[NowResponder, bytes] | None:
    """Return the responder of a /now request and its body; None if it needs a query."""
    query = parse_body(parameters, _body_of(environ)) if environ["REQUEST_METHOD"] == "POST" else NOW.parse(parameters, {})
    responder = now_responder(query, _language(query, environ))
    return (responder, responder.body(query)) if responder.in_memory(query) else None


def _language(query: models.PlainQuery, environ: dict[str, Any]) -> str:
    return query.lang or preferred_language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))


def _is_small_lookup(environ: dict[str, Any]) -> bool:
    """Return whether a request is a POST to /now with a small uncompressed JSON body of known length."""
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ["PATH_INFO"] in _NOW
        and environ.get("CONTENT_TYPE") == "application/json"
        and "HTTP_CONTENT_ENCODING" not in environ
        and length.isdecimal()
        and int(length) <= BODY_MAX_BYTES
    )


def _body_of(environ: dict[str, Any]) -> bytes:
    """Return the body of a small request, which Django can read again.

    Raises: ValueError for a truncated body; TooManyAtOnce; BodyTimeout.
    """
    length = int(environ["CONTENT_LENGTH"])
    with receiving(environ["wsgi.input"]):
        content: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(content)
    if len(content) < length:
        raise ValueError("truncated body")
    return content


def _responder(generation: _Generation, query: models.LocateQuery, language: str) -> LocateResponder:
    """Return the generation's responder for the vintages and options of a query. Raises: as `responder_for`."""
    key = (language, models.locate_options(query))
    responder = generation.responders.get(key)
    if responder is None:
        _make_room(generation.responders)
        responder = generation.responders[key] = responder_for(query, language)
    return responder


def _digest(environ: dict[str, Any], names: Iterable[str], *more: object) -> bytes:
    """Return a digest of request attributes, 16 bytes however long the headers are."""
    text = repr(([environ.get(name) for name in names], more))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _make_room(entries: dict[Any, Any]) -> None:
    """Clear a full dictionary. Eviction of single entries would need a lock."""
    if len(entries) >= _ENTRIES_MAX:
        entries.clear()


def _response(environ: dict[str, Any], candidate: _Candidate, template: _ResponseTemplate) -> tuple[_Head, bytes] | None:
    """Return head and body; None if no head is stored or the body is not in the response cache."""
    not_modified = bool(template.etag) and client_has_current(environ, template.etag)
    head = template.heads.get(304 if not_modified else 200)
    if head is None:
        return None
    body = b"" if not_modified else _body(candidate, template)
    if body is None:
        return None
    if template.etag and "HTTP_IF_NONE_MATCH" in environ:
        count_cache("client", not_modified)
    return head, body


def _body(candidate: _Candidate, template: _ResponseTemplate) -> bytes | None:
    """Return the compressed body; None if the response cache does not contain it."""
    if candidate.computed is None:
        return response_cache().get(template.storage_key)
    _, body = candidate.computed
    return compress(body, candidate.encoding) if candidate.encoding else body


def _remember(generation: _Generation, candidate: _Candidate, environ: dict[str, Any], response: Iterable[bytes]) -> None:
    """Remember the head of a response by the full stack as that of its kind.

    Not remembered: streamed responses, errors, and responses with `Cache-Status`, which were made while the database did not
    answer.
    """
    storage_key = environ.get(STORAGE_KEY, "")
    if not isinstance(response, HttpResponse) or (candidate.computed is None and not storage_key):
        return
    if response.status_code not in (200, 304) or "Cache-Status" in response.headers:
        return
    template = generation.templates.get(candidate.kind)
    if template is None:
        _make_room(generation.templates)
        etag = response.headers.get("ETag", "") if storage_key else ""
        template = generation.templates[candidate.kind] = _ResponseTemplate(storage_key, etag)
    per_request = ("content-length", "x-request-id") if response.status_code == 200 else ("x-request-id",)
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in per_request]
    status = f"{response.status_code} {response.reason_phrase}"
    template.heads[response.status_code] = _Head(response.status_code, status, headers, environ.get(ROUTE))

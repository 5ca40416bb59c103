"""Conditional requests and caching headers for responses that depend only on the URL, the vintages and the code.

The ETag is computed before anything is read, so a client that has the body gets 304 without a query. A publication changes the
vintage and with it every key.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.request import Request

from api.http.compression import COMPRESS_MIN_BYTES, chosen_encoding, compress, compress_pieces
from api.http.disk_cache import response_cache
from api.http.links import licence_links
from api.http.streaming import send_body
from geography.vintages.catalogue import staleness_s
from operations.metrics import count_cache


class Edition(Protocol):
    """What an answer is about: a vintage of boundaries, or an issue of an indicator."""

    @property
    def load_id(self) -> Any:
        """Key of the edition."""

    @property
    def published_at(self) -> Any:
        """When it was published."""

    @property
    def licence_url(self) -> Any:
        """Address of its licence; empty where there is none."""


# What answers today may be another edition tomorrow. A label stays one edition, unless a corrected file takes its place, or an
# edition is published in which a code means another place: a day is how long a map may then show the old answer.
# Where this service fails, a proxy does better to go on with what it has, for as long as the service itself does
# (`catalogue.STALE_MAX_S`).
_CURRENT = "public, max-age=60, stale-if-error=86400"
_NAMED = "public, max-age=86400, immutable, stale-if-error=86400"
# The URL says where a person is or what they look for. The person's own browser may keep the answer; proxies and CDNs may not.
_PERSONAL = "private, max-age=60"
_PERSONAL_NAMED = "private, max-age=86400, immutable"
# Where WSGI's environ says which body of the shelf the answer is, if it may be kept.
CACHE_KEY = "covidtrends_geo.kept_as"


def cached_response(
    request: Request,
    *,
    about: object,
    vintage: Edition,
    named: bool,
    media_type: str,
    language: str | None,
    make: Callable[[], bytes | Iterable[bytes]],
    keep: bool,
    personal: bool = False,
) -> HttpResponseBase:
    """Answer from what is kept, or with what `make` returns; 304 where the client has it, 204 where it is empty.

    Args:
        about: everything of the request that decides about the body, with a `repr` that is the same for the same.
        named: True where the URL names the vintage by its label.
        language: of the body, None where it is the same in all.
        make: of a body that comes in pieces, little is in memory at a time.
        keep: False where the request holds a position, a postal code, or a choice that few will make again.
        personal: True where the request holds a position, a box, a search or a postal code; no shared cache may store the
            answer then.

    Raises: TooManyAtOnce for a long body.
    """
    encoding = chosen_encoding(request.headers.get("Accept-Encoding", ""))
    details = (_code_version(), str(vintage.load_id), vintage.published_at, about, media_type, language, encoding)
    key = repr(details)
    etag = f'"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"'
    if keep:
        request.META[CACHE_KEY] = key
    response: HttpResponseBase
    has = client_has_current(request.META, etag)
    if "HTTP_IF_NONE_MATCH" in request.META:
        count_cache("client", has)
    if has:
        response = HttpResponseNotModified()
    else:

        def encoded() -> bytes | Iterable[bytes]:
            body = make()
            return _encoded(body, encoding) if encoding and body else body

        body = response_cache().get_or_create(key, encoded) if keep else response_cache().spool_to_file(encoded())
        headers = {"Content-Type": media_type} | ({"Content-Encoding": encoding} if encoding else {})
        response = send_body(body, headers=headers, head=request.method == "HEAD") if body else HttpResponse(status=204)
    response.headers["ETag"] = etag
    if personal:
        response.headers["Cache-Control"] = _PERSONAL_NAMED if named else _PERSONAL
    else:
        response.headers["Cache-Control"] = _NAMED if named else _CURRENT
    for name, value in staleness().items():
        response.headers[name] = value
    if links := licence_links({"vintage": {"licence_url": vintage.licence_url}}):
        response.headers["Link"] = links
    patch_vary_headers(response, ("Accept-Encoding",))
    response.same_in_every_language = language is None  # type: ignore[attr-defined] # see api.http.language
    return response


def staleness() -> dict[str, str]:
    """Return the header of an answer that is given while the database is away, from what is remembered (RFC 9211); else none.

    Its ttl says for how long nobody could tell whether another vintage was published.
    """
    stale = staleness_s()
    return {} if stale is None else {"Cache-Status": f"covidtrends-geo; hit; ttl=-{stale}"}


def uncached_response(request: Request, made: bytes | Iterable[bytes], *, media_type: str) -> HttpResponseBase:
    """Answer with a body that may come in pieces and is not kept. Raises: TooManyAtOnce."""
    encoding = chosen_encoding(request.headers.get("Accept-Encoding", ""))
    body = response_cache().spool_to_file(_encoded(made, encoding) if encoding else made)
    headers = {"Content-Type": media_type} | ({"Content-Encoding": encoding} if encoding else {})
    response = send_body(body, headers=headers, head=request.method == "HEAD")
    patch_vary_headers(response, ("Accept-Encoding",))
    return response


def _encoded(body: bytes | Iterable[bytes], encoding: str) -> bytes | Iterable[bytes]:
    return compress(body, encoding) if isinstance(body, bytes) else compress_pieces(body, encoding)


def client_has_current(environ: Mapping[str, Any], etag: str) -> bool:
    """Say whether a client has the answer, by its request (WSGI's environ)."""
    value = environ.get("HTTP_IF_NONE_MATCH", "")
    # If-None-Match compares weakly (RFC 9110, section 13.1.2).
    return bool(value) and any(parse_etag == "*" or parse_etag.removeprefix("W/") == etag for parse_etag in parse_etags(value))


@cache
def _code_version() -> str:
    """Return a hash of all code and translations that an answer may depend on: another version makes other ETags."""
    digest = hashlib.blake2b(digest_size=8)
    for folder in ("api", "geography", "indicators", "locale"):
        for path in sorted(Path(settings.APP_DIR, folder).rglob("*")):
            if path.suffix in {".py", ".mo"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def vary_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Name the underscore spelling of every header in `Vary` too.

    WSGI gives `Accept_Language` and `Accept-Language` the same name, so the application cannot tell them apart. A proxy that
    forwards headers with underscores would otherwise store the answer to one under the key of the other.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if "Vary" in response.headers:
            names = [name.strip() for name in response.headers["Vary"].split(",")]
            patch_vary_headers(response, [name.replace("-", "_") for name in names if "-" in name])
        return response

    return middleware


def compression_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Compress every other answer that is large enough, on its way out."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, HttpResponse) or "Content-Encoding" in response.headers:
            return response
        if request.method == "POST" and response.status_code == 200:
            return response  # many items: compressing them takes as long as answering them
        if len(response.content) < COMPRESS_MIN_BYTES or response.headers.get("Content-Type", "").startswith("image/"):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        encoding = chosen_encoding(request.headers.get("Accept-Encoding", ""))
        if encoding:
            response.content = compress(response.content, encoding)
            response.headers["Content-Encoding"] = encoding
            response.headers["Content-Length"] = str(len(response.content))
        return response

    return middleware

"""Conditional requests and caching headers: ETag, If-None-Match, Cache-Control, Cache-Status, Vary, Content-Encoding.

The ETag is computed from the cache key (`api.http.cache_key`) before any read, so a client that has the current body gets 304
without a query. A publication changes the sources of the key and with them the ETag.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.request import Request

from api.http.cache_key import CacheKey
from api.http.compression import COMPRESS_MIN_BYTES, chosen_encoding, compress, compress_chunks
from api.http.disk_cache import response_cache
from api.http.links import licence_links
from api.http.streaming import send_body
from geography.vintages.catalogue import staleness_s
from operations.metrics import count_cache

# Without a label, another vintage may answer tomorrow. A label keeps its vintage, unless a corrected file replaces it, or a
# vintage is published in which a code means another place; a max-age of one day limits how long a map then shows the old body.
# On errors of this service a proxy may serve its stored response for as long as the service serves a stale catalogue
# (`catalogue.STALE_MAX_S`).
_CURRENT = "public, max-age=60, stale-if-error=86400"
_LABELLED = "public, max-age=86400, immutable, stale-if-error=86400"
# For URLs with a position, a box, a search or a postal code: the client may store the response, proxies and CDNs may not.
_PERSONAL = "private, max-age=60"
_PERSONAL_LABELLED = "private, max-age=86400, immutable"
# Entry of WSGI's environ with the response cache's key of the body. Set only for bodies that may be stored.
STORAGE_KEY = "covidtrends_geo.storage_key"


def cached_response(
    request: Request | HttpRequest,
    key: CacheKey,
    *,
    licence_url: str,
    labelled: bool,
    make: Callable[[], bytes | Iterable[bytes]],
    cacheable: bool,
    personal: bool = False,
) -> HttpResponseBase:
    """Return the response for a cache key: 304 where the client has it, else the body from the response cache or from `make`.

    An empty body is answered with 204.

    Args:
        licence_url: licence of the body's source, for the Link header; empty for none.
        labelled: True where the URL names the vintage by its label, or an instant whose issue is settled.
        make: returns the body; a body in chunks is never in memory as a whole.
        cacheable: False if the request contains a position, a postal code, or a rare combination of parameters: the body
            is then not stored.
        personal: True where the request holds a position, a box, a search or a postal code: shared caches must not store the
            response then.

    Raises: TooManyAtOnce for a long body.
    """
    storage_key, etag = key.storage_key(), key.etag()
    if cacheable:
        request.META[STORAGE_KEY] = storage_key
    response: HttpResponseBase
    not_modified = client_has_current(request.META, etag)
    if "HTTP_IF_NONE_MATCH" in request.META:
        count_cache("client", not_modified)
    if not_modified:
        response = HttpResponseNotModified()
    else:

        def encoded() -> bytes | Iterable[bytes]:
            body = make()
            return _encoded(body, key.encoding) if key.encoding and body else body

        cache = response_cache()
        body = cache.get_or_create(storage_key, encoded) if cacheable else cache.spool_to_file(encoded())
        headers = _content_headers(key.media_type, key.encoding)
        response = send_body(body, headers=headers, head=request.method == "HEAD") if body else HttpResponse(status=204)
    response.headers["ETag"] = etag
    if personal:
        response.headers["Cache-Control"] = _PERSONAL_LABELLED if labelled else _PERSONAL
    else:
        response.headers["Cache-Control"] = _LABELLED if labelled else _CURRENT
    for name, value in staleness().items():
        response.headers[name] = value
    if links := licence_links({"vintage": {"licence_url": licence_url}}):
        response.headers["Link"] = links
    patch_vary_headers(response, ("Accept-Encoding",))
    response.same_in_every_language = key.language is None  # type: ignore[attr-defined] # see api.http.language
    return response


def staleness() -> dict[str, str]:
    """Return the Cache-Status header (RFC 9211) of a response from a stale catalogue; empty while the catalogue is fresh.

    The negative `ttl` is the time in seconds since the catalogue was last read from the database.
    """
    stale = staleness_s()
    return {} if stale is None else {"Cache-Status": f"covidtrends-geo; hit; ttl=-{stale}"}


def uncached_response(request: Request, made: bytes | Iterable[bytes], *, media_type: str) -> HttpResponseBase:
    """Return the response with a body, whole or in chunks, that is not stored. Raises: TooManyAtOnce for a long body."""
    encoding = chosen_encoding(request.headers.get("Accept-Encoding", ""))
    body = response_cache().spool_to_file(_encoded(made, encoding) if encoding else made)
    response = send_body(body, headers=_content_headers(media_type, encoding), head=request.method == "HEAD")
    patch_vary_headers(response, ("Accept-Encoding",))
    return response


def _content_headers(media_type: str, encoding: str | None) -> dict[str, str]:
    return {"Content-Type": media_type} | ({"Content-Encoding": encoding} if encoding else {})


def _encoded(body: bytes | Iterable[bytes], encoding: str) -> bytes | Iterable[bytes]:
    return compress(body, encoding) if isinstance(body, bytes) else compress_chunks(body, encoding)


def client_has_current(environ: Mapping[str, Any], etag: str) -> bool:
    """Return whether If-None-Match of a request (WSGI's environ) names an ETag, or is `*`."""
    header = environ.get("HTTP_IF_NONE_MATCH", "")
    # If-None-Match compares weakly (RFC 9110, section 13.1.2).
    opaque = etag.removeprefix("W/")
    return bool(header) and any(tag == "*" or tag.removeprefix("W/") == opaque for tag in parse_etags(header))


def vary_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that adds the underscore spelling of every header in `Vary`.

    WSGI gives `Accept_Language` and `Accept-Language` the same name, so the application cannot tell them apart. A proxy that
    forwards headers with underscores would otherwise store the response to one spelling under the key of the other.
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
    """Middleware that compresses responses of at least COMPRESS_MIN_BYTES that are not encoded yet."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, HttpResponse) or "Content-Encoding" in response.headers:
            return response
        if request.method == "POST" and response.status_code == 200:
            return response  # bulk responses: compression would take as long as the lookups
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

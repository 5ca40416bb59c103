"""Request body as bytes: chunked transfer, gzip, and the size limit `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

import gzip
import zlib
from io import BytesIO

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import LimitedStream
from django.http import HttpRequest

from api.http.body_errors import REQUEST_ENCODINGS, BodyInvalid, BodyTooLarge, EncodingUnknown
from geography.translation import Message


def read_bytes(request: HttpRequest) -> bytes:
    """Return the whole body, decompressed.

    Raises: BodyTooLarge beyond the limit, which applies before and after decompression; BodyInvalid for a truncated body or
    one that does not match Content-Encoding; EncodingUnknown for any content coding but gzip.
    """
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in ("", "identity", "x-gzip", *REQUEST_ENCODINGS):
        raise EncodingUnknown(
            Message("This content coding is not supported."),
            hint=Message("Use one of %(supported)s, or omit Content-Encoding.", supported=", ".join(REQUEST_ENCODINGS)),
        )
    body = _read_raw(request)
    return body if encoding in ("", "identity") else _decompress(body)


def _read_raw(request: HttpRequest) -> bytes:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("wsgi.input_terminated") and not hasattr(request, "_body"):
        # Transfer-Encoding: chunked. Django treats a body without Content-Length as empty.
        request._stream = LimitedStream(request.META["wsgi.input"], most + 1)  # type: ignore[assignment] # as Django does
    try:
        body = bytes(request.body)
    except RequestDataTooBig:
        raise _too_large() from None
    if length.isdecimal() and len(body) < int(length):
        raise BodyInvalid(
            Message("The body ends after %(received)s of %(length)s bytes.", received=len(body), length=int(length))
        )
    return body


def _decompress(body: bytes) -> bytes:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as file:
            content = file.read(most + 1)
    except (OSError, EOFError, zlib.error):
        raise BodyInvalid(Message("The body is not valid gzip, or is truncated.")) from None
    if len(content) > most:
        raise _too_large()
    return content


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(
        Message("The decompressed body is limited to %(most)s bytes.", most=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        hint=Message("Split the request, or use bin/manage locate, which has no size limit."),
    )

"""The body of a request as bytes: chunked or with a length, compressed or not, within `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

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

    Raises: BodyTooLarge beyond the limit, which holds before and after decompression; BodyInvalid for a body that ends early or
    is not what Content-Encoding says; EncodingUnknown for any coding but gzip.
    """
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in ("", "identity", "x-gzip", *REQUEST_ENCODINGS):
        raise EncodingUnknown(
            Message("The body is compressed in a way that is not read here."),
            hint=Message("Content-Encoding is %(known)s, or left out.", known=", ".join(REQUEST_ENCODINGS)),
        )
    body = _read_raw(request)
    return body if encoding in ("", "identity") else _decompress(body)


def _read_raw(request: HttpRequest) -> bytes:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("wsgi.input_terminated") and not hasattr(request, "_body"):
        # Transfer-Encoding: chunked. Without a Content-Length, Django takes every body for empty.
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
        raise BodyInvalid(Message("The body is not gzip, or it is cut short.")) from None
    if len(content) > most:
        raise _too_large()
    return content


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(
        Message("A body has at most %(most)s bytes, decompressed.", most=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        hint=Message("Send it in parts, or answer a file of any size with bin/manage locate."),
    )

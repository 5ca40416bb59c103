"""Streaming responses: JSON with geometries read from the database in chunks, and bodies sent from a file."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import IO, Any

import orjson
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from api.http.concurrency import transfers
from api.http.disk_cache import BodyFile
from geography.queries.geometry_stream import StreamedGeometry, read_shapes
from operations.metrics import PROBLEMS

logger = logging.getLogger(__name__)

Chunks = bytes | Iterator[bytes]
_CHUNK_BYTES = 1 << 18
# Placeholder of a streamed geometry. JSON text never holds this character: strings escape it.
_PLACEHOLDER = b"\x00"


def json_body(data: Any) -> Chunks:
    """Return the data as JSON in UTF-8: bytes, or chunks where the data holds a `StreamedGeometry`.

    A geometry is read from the database when its chunks are consumed.
    """
    geometries: list[StreamedGeometry] = []

    def placeholder(value: Any) -> orjson.Fragment:
        if not isinstance(value, StreamedGeometry):
            raise TypeError(type(value).__name__)
        geometries.append(value)
        return orjson.Fragment(_PLACEHOLDER)

    text = orjson.dumps(data, default=placeholder, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    return _with_geometries(text.split(_PLACEHOLDER), geometries) if geometries else text


def _with_geometries(texts: list[bytes], geometries: list[StreamedGeometry]) -> Iterator[bytes]:
    """Yield the texts between geometries and the chunks of the geometries, in order."""
    for text, chunks in zip(texts, read_shapes(geometries), strict=False):
        yield text
        yield from chunks
    yield texts[-1]


def send_body(body: bytes | BodyFile, *, headers: Mapping[str, str], head: bool) -> HttpResponseBase:
    """Return the response with a body. A body in a file is streamed from it and holds a transfer slot until then.

    Args:
        body: bytes, or a file, which is closed with the response.
        head: True for a HEAD request: a file's response has no body.

    Raises: TooManyAtOnce.
    """
    if isinstance(body, bytes):
        return HttpResponse(body, headers=headers)
    return send_range(body.file, range(body.size), headers=headers, head=head, large=True)


def send_range(
    source: IO[bytes], part: range, *, headers: Mapping[str, str], head: bool, large: bool, status: int = 200
) -> HttpResponseBase:
    """Return the response with a range of a file's bytes. The file is closed with the response.

    Args:
        large: True for a transfer that holds a thread until the client has received it: it needs a transfer slot.

    Raises: TooManyAtOnce.
    """
    headers = dict(headers) | {"Content-Length": str(len(part))}
    with ExitStack() as resources:
        resources.enter_context(source)
        if head:
            return HttpResponse(headers=headers, status=status)
        if large:
            resources.enter_context(transfers.acquire())
        response = StreamingHttpResponse(_chunks(source, part), headers=headers, status=status)
        # The end of the response, complete or not, releases the slot and closes the file.
        response._resource_closers.append(resources.pop_all().close)  # type: ignore[attr-defined]
    return response


def _chunks(source: IO[bytes], part: range) -> Iterator[bytes]:
    """Yield a range of a file's bytes.

    A file that ends early ends the response before its Content-Length. The server then breaks the connection, which every
    client treats as an error.
    """
    left, cause = len(part), "file truncated"
    try:
        source.seek(part.start)
        while left and (chunk := source.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
    except OSError as error:
        cause = type(error).__name__
    if left:
        PROBLEMS.labels("answer-broken-off").inc()
        logger.error("response aborted: %s; %d of %d bytes not sent, connection closed", cause, left, len(part))

"""Streaming bodies: JSON whose geometries are read from the database in parts, and answers from a file."""

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
_CHUNK = 1 << 18
# Stands for a geometry until its text is put in. No JSON text holds this character: in strings it is escaped.
_LATER = b"\x00"


def json_body(data: Any) -> Chunks:
    """Return the data as JSON, UTF-8: whole, or in pieces where it holds a `LongShape`, each read as the pieces are taken."""
    shapes: list[StreamedGeometry] = []

    def later(value: Any) -> orjson.Fragment:
        if not isinstance(value, StreamedGeometry):
            raise TypeError(type(value).__name__)
        shapes.append(value)
        return orjson.Fragment(_LATER)

    text = orjson.dumps(data, default=later, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    return _with_geometries(text.split(_LATER), shapes) if shapes else text


def _with_geometries(between: list[bytes], shapes: list[StreamedGeometry]) -> Iterator[bytes]:
    for text, pieces in zip(between, read_shapes(shapes), strict=False):
        yield text
        yield from pieces
    yield between[-1]


def send_body(body: bytes | BodyFile, *, headers: Mapping[str, str], head: bool) -> HttpResponseBase:
    """Return the answer with a body; one in a file is sent in blocks from the file, and takes a transfer slot meanwhile.

    Args:
        body: a file is closed with the answer.
        head: nothing is sent of it.

    Raises: TooManyAtOnce.
    """
    if isinstance(body, bytes):
        return HttpResponse(body, headers=headers)
    return send_range(body.file, range(body.size), headers=headers, head=head, large=True)


def send_range(
    source: IO[bytes], part: range, *, headers: Mapping[str, str], head: bool, large: bool, status: int = 200
) -> HttpResponseBase:
    """Return the answer with these bytes of a file, which is closed with it.

    Args:
        large: a slow client holds a thread until it has taken the whole, so it takes a transfer slot.

    Raises: TooManyAtOnce.
    """
    headers = dict(headers) | {"Content-Length": str(len(part))}
    with ExitStack() as held:
        held.enter_context(source)
        if head:
            return HttpResponse(headers=headers, status=status)
        if large:
            held.enter_context(transfers.acquire())
        response = StreamingHttpResponse(_chunks(source, part), headers=headers, status=status)
        # Whoever ends the response, having read it or not, gives the place and the file back.
        response._resource_closers.append(held.pop_all().close)  # type: ignore[attr-defined]
    return response


def _chunks(source: IO[bytes], part: range) -> Iterator[bytes]:
    """Yield the bytes of a part of a file.

    A file that ends early ends the answer before its Content-Length, upon which the server breaks the connection: every client
    takes that for an error.
    """
    left, cause = len(part), "the file ends early"
    try:
        source.seek(part.start)
        while left and (piece := source.read(min(_CHUNK, left))):
            left -= len(piece)
            yield piece
    except OSError as error:
        cause = type(error).__name__
    if left:
        PROBLEMS.labels("answer-broken-off").inc()
        logger.error("answer broken off: %s, %d of %d bytes were not sent", cause, left, len(part))

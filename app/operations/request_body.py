"""The body of a request, with a deadline for the whole of it.

`wsgi.input` of the server waits for the client without a limit. `RequestBody` takes its place: it reads in small pieces and
gives up when a piece comes after the deadline. A client that stops sending altogether holds its thread until it goes away: the
server's `wsgi.input` cannot be interrupted. `api.http.concurrency` bounds the number of such threads; the reverse proxy in
front, which hands over whole bodies, keeps such clients away (data/nginx).
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from operations.response_buffer import WSGI

# Small, so that a client that drips is noticed soon.
_PIECE = 4_096


class BodyTimeout(Exception):
    """The whole body has not arrived by its deadline."""


class RequestBody:
    """A file-like object in place of `wsgi.input`."""

    def __init__(self, source: Any, timeout_s: float) -> None:
        """Prepare to receive. Args: source: `wsgi.input` of the server; timeout_s: from now until the body must be complete."""
        self._source = source
        self._deadline = time.monotonic() + timeout_s

    def hurry(self, timeout_s: float) -> None:
        """Bring the deadline forward to so many seconds from now."""
        self._deadline = min(self._deadline, time.monotonic() + timeout_s)

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer at the end of the body; all of it by default. Raises: BodyTimeout."""
        pieces, left = [], size
        while left and (piece := self._source.read(_PIECE if left < 0 else min(_PIECE, left))):
            pieces.append(bytes(piece))
            if left > 0:
                left -= len(piece)
            if left and time.monotonic() > self._deadline:
                raise BodyTimeout
        return b"".join(pieces)

    def readline(self, size: int = -1) -> bytes:
        """Return the next line with its end, or `size` bytes of it. Raises: BodyTimeout."""
        line = bytearray()
        while len(line) != size and not line.endswith(b"\n") and (byte := self.read(1)):
            line += byte
        return bytes(line)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines."""
        return iter(self.readline, b"")


def with_deadline(application: WSGI, timeout_s: float) -> WSGI:
    """Return the application, which gets a `RequestBody` with every request that may have a body."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS"):
            environ["wsgi.input"] = RequestBody(environ["wsgi.input"], timeout_s)
        return application(environ, start_response)

    return answer

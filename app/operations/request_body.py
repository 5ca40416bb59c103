"""Request body timeout: a deadline for receiving the whole body.

granian's `wsgi.input` waits for the client without a limit. `RequestBody` replaces it (`operations.response_buffer`): it reads
in small chunks and fails when a chunk arrives after the deadline. A client that stops sending holds its thread until it
disconnects, since a read of `wsgi.input` cannot be interrupted. `api.http.concurrency` bounds the number of such threads; the
reverse proxy buffers whole bodies and keeps such clients away (data/nginx).
"""

import time
from collections.abc import Iterator
from typing import Any

# Small, so that a client that sends slowly reaches the deadline.
_CHUNK_BYTES = 4_096


class BodyTimeout(Exception):
    """The body was incomplete at its deadline."""


class RequestBody:
    """File-like replacement of `wsgi.input` with a deadline."""

    def __init__(self, source: Any, timeout_s: float) -> None:
        """Start the deadline. Args: source: the server's `wsgi.input`; timeout_s: seconds from now."""
        self._source = source
        self._deadline = time.monotonic() + timeout_s

    def hurry(self, timeout_s: float) -> None:
        """Bring the deadline forward to at most `timeout_s` seconds from now."""
        self._deadline = min(self._deadline, time.monotonic() + timeout_s)

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer at the end of the body; all of it by default. Raises: BodyTimeout."""
        chunks, left = [], size
        while left and (chunk := self._source.read(_CHUNK_BYTES if left < 0 else min(_CHUNK_BYTES, left))):
            chunks.append(bytes(chunk))
            if left > 0:
                left -= len(chunk)
            if left and time.monotonic() > self._deadline:
                raise BodyTimeout
        return b"".join(chunks)

    def readline(self, size: int = -1) -> bytes:
        """Return the next line with its end, or `size` bytes of it. Raises: BodyTimeout."""
        line = bytearray()
        while len(line) != size and not line.endswith(b"\n") and (byte := self.read(1)):
            line += byte
        return bytes(line)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines."""
        return iter(self.readline, b"")

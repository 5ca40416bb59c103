"""Response buffering: responses are passed to the server whole, so that a slow client holds no thread.

A thread answers one request at a time. granian releases the thread once it has the whole response, however slowly the client
reads; during an iterated response it holds the thread until the last chunk is taken. Only large responses are iterated
(`api.http.streaming`), and they hold a slot of `api.http.concurrency.transfers` or `api.http.concurrency.bulk` meanwhile.

The server logs the message of an exception that reaches it. Messages repeat values of a request, so they are suppressed.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import FileResponse, StreamingHttpResponse

from operations.request_body import RequestBody

logger = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ResponseFailed(Exception):
    """Replaces an exception that was logged without its message."""


class _Stream:
    """Iterated response that logs its exceptions without their message."""

    def __init__(self, response: StreamingHttpResponse) -> None:
        self._response = response
        self._chunks: Iterator[bytes] = iter(response)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except Exception:
            logger.error("response stream failed; connection closed before the end of the body", exc_info=True)
        raise ResponseFailed

    def close(self) -> None:
        self._response.close()


def buffer_response(application: WSGI, body_timeout_s: float) -> WSGI:
    """Return a WSGI application that returns each response in one chunk, except streams of a view.

    A request with a body gets a `RequestBody` as `wsgi.input`, with `body_timeout_s` seconds for the whole body.
    """

    def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS"):
            environ["wsgi.input"] = RequestBody(environ["wsgi.input"], body_timeout_s)
        try:
            response = application(environ, start_response)
        except Exception:
            logger.error("request failed outside of Django's error handling; no response", exc_info=True)
            response = None
        if response is None:
            raise ResponseFailed
        # WhiteNoise's files are part of the project and have at most a few megabytes.
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            return _Stream(response)
        try:
            return [b"".join(response)]
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()

    return respond

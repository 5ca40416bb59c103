"""Response buffering: answers are handed to the server whole, so that a slow client holds no thread.

A thread answers one request at a time. granian releases the thread once it has the whole answer, however slowly the client
takes it; of an iterated answer it holds the thread until the last piece is taken. Only large answers are iterated
(`api.http.streaming`), which take a slot of `api.http.concurrency.transfers` or `api.http.concurrency.bulk` meanwhile.

The server writes the text of an exception that reaches it to its log. Texts repeat values of a request, so none gets that far.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import FileResponse, StreamingHttpResponse

logger = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ResponseFailed(Exception):
    """Stands for an exception that was logged without its text."""


class _Stream:
    """An iterated answer; what it raises is logged without its text."""

    def __init__(self, response: StreamingHttpResponse) -> None:
        self._response = response
        self._parts: Iterator[bytes] = iter(response)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            raise
        except Exception:
            logger.error("an answer failed while it was sent", exc_info=True)
        raise ResponseFailed

    def close(self) -> None:
        self._response.close()


def buffer_response(application: WSGI) -> WSGI:
    """Return the application with answers in one piece, except those that a view streams itself."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            response = application(environ, start_response)
        except Exception:
            logger.error("no answer was made", exc_info=True)
            response = None
        if response is None:
            raise ResponseFailed
        # WhiteNoise's files are part of the project and have at most some megabytes.
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            return _Stream(response)
        try:
            return [b"".join(response)]
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()

    return answer

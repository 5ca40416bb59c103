"""Response buffering: answers are handed to the server whole, so that a slow client holds no thread.

A thread answers one request at a time. granian releases the thread once it has the whole answer, however slowly the client takes
it; of an iterated answer it holds the thread until the last piece is taken. Only large answers are iterated (`api.pieces`), which
take a slot of `api.limits.transfers` or `api.limits.bulk` meanwhile.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import FileResponse, StreamingHttpResponse

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


def whole(application: WSGI) -> WSGI:
    """Return the application with answers in one piece, except those that a view streams itself."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = application(environ, start_response)
        # WhiteNoise's files are part of the project and have at most some megabytes.
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            return response
        try:
            return [b"".join(response)]
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()

    return answer

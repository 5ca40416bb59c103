"""Replica routing and retry: middleware that reads from the standby and repeats a failed request on the primary."""

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from geography.db.routing import REPLICA, current_alias, fall_back_to_primary, use_database
from operations import replica_lag
from operations.metrics import REPLICA_FAILURES


class ReadFromReplica:
    """The innermost middleware. All requests are reads, so a retry is safe."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if REPLICA not in settings.DATABASES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request with reads from the standby while its lag is small, else from the primary."""
        if not replica_lag.is_usable():
            return self.get_response(request)
        with use_database(REPLICA):
            response = self.get_response(request)
            alias = current_alias()
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = _chunks_read_from(alias, cast(Iterable[bytes], response.streaming_content))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Call the view again on the primary where the standby was unavailable (`api.problems` raises its errors again)."""
        if not isinstance(exception, OperationalError | InterfaceError) or not fall_back_to_primary():
            return None
        replica_lag.mark_unhealthy()
        REPLICA_FAILURES.inc()
        match = request.resolver_match
        if match is None:
            return None
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response


def _chunks_read_from(alias: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks of a body, each created while this thread reads from the database of the response."""
    remaining = iter(chunks)
    while True:
        with use_database(alias):
            chunk = next(remaining, None)
            alias = current_alias()
        if chunk is None:
            return
        yield chunk

"""Middleware that routes reads to the standby and retries a failed request on the primary."""

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
    """The innermost middleware. Every request reads only, so one may be answered twice."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if REPLICA not in settings.DATABASES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request, reading from the standby where it keeps up."""
        if not replica_lag.is_usable():
            return self.get_response(request)
        with use_database(REPLICA):
            response = self.get_response(request)
            chosen = current_alias()
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = _kept(cast(Iterable[bytes], response.streaming_content), chosen)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Call the view once more where the standby was away (api.problems lets such an exception through)."""
        if not isinstance(exception, OperationalError | InterfaceError) or not fall_back_to_primary():
            return None
        replica_lag.mark_unhealthy()
        REPLICA_FAILURES.inc()
        match = request.resolver_match
        if match is None:
            return None
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response


def _kept(parts: Iterable[bytes], chosen: str) -> Iterator[bytes]:
    """Yield the parts, each made while this thread reads from the same database as before."""
    rest = iter(parts)
    while True:
        with use_database(chosen):
            part = next(rest, None)
            chosen = current_alias()
        if part is None:
            return
        yield part

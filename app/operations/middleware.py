"""Middleware of operations: request id, request metrics, security headers."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from operations import request_id
from operations.metrics import IN_PROGRESS, count_request, method_of, route_of
from operations.statement_watchdog import statement_timer

Handler = Callable[[HttpRequest], HttpResponseBase]

requests_log = logging.getLogger("requests")

# Responses of the API are not pages: they load nothing, and no page may frame them.
API_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

# Keys of the WSGI environ: the resolved route (Django's ResolverMatch), and the RequestObservation of a request.
ROUTE = "covidtrends_geo.route"
_OBSERVED = "covidtrends_geo.observed"


class RequestObservation:
    """Start time, request id and database use of a request in progress."""

    __slots__ = ("_began", "_database_seconds", "_statements", "request_id")

    def __init__(self, environ: dict[str, Any]) -> None:
        """Start observing. Args: environ: the WSGI environ, which keeps the observation."""
        self._began = perf_counter()
        self.request_id = request_id.start(environ.get("HTTP_X_REQUEST_ID"))
        self._database_seconds, self._statements = statement_timer.seconds, statement_timer.statements
        environ[_OBSERVED] = self

    def finish(self, match: Any, method: str, status: int) -> None:
        """Count the request, and log it if LOG_REQUESTS is set. `match` is as for `count_request`."""
        database_seconds, statements = (
            statement_timer.seconds - self._database_seconds,
            statement_timer.statements - self._statements,
        )
        seconds = perf_counter() - self._began
        count_request(
            match=match,
            method=method,
            status=status,
            seconds=seconds,
            database_seconds=database_seconds,
            statements=statements,
        )
        if settings.LOG_REQUESTS:
            requests_log.info(
                "%d %s %s %.1f ms, %d statements %.1f ms",
                *(status, method_of(method), route_of(match), seconds * 1000, statements, database_seconds * 1000),
            )


def observe_request(get_response: Handler) -> Handler:
    """Assign the request id and count the request. Outermost middleware, so that every response is counted."""
    enter, leave = IN_PROGRESS.inc, IN_PROGRESS.dec

    def middleware(request: HttpRequest) -> HttpResponseBase:
        observation = request.META.get(_OBSERVED) or RequestObservation(request.META)
        enter()
        try:
            response = get_response(request)
        finally:
            leave()
        response.headers["X-Request-ID"] = observation.request_id
        request.META[ROUTE] = request.resolver_match
        observation.finish(request.resolver_match, request.method or "", response.status_code)
        return response

    return middleware


def security_headers(get_response: Handler) -> Handler:
    """Add the security headers that Django's SecurityMiddleware lacks. A view's own policy takes precedence."""
    debug = settings.DEBUG

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        headers = response.headers
        # With DEBUG an error response is Django's own page, which has inline styles.
        if "Content-Security-Policy" not in headers and not (debug and response.status_code >= 400):
            headers["Content-Security-Policy"] = API_POLICY
        headers.setdefault("Permissions-Policy", "geolocation=(), camera=(), microphone=()")
        headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin")
        return response

    return middleware

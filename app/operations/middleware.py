"""What goes around every request: its id, its count, and the headers that protect a browser."""

import logging
from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from operations import requestid
from operations.database import stopwatch
from operations.metrics import IN_PROGRESS, count_request, method_of, route_of

Handler = Callable[[HttpRequest], HttpResponseBase]

requests_log = logging.getLogger("requests")

# Nothing that the API answers is a page: it may load nothing and stand in no frame.
API_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def observe(get_response: Handler) -> Handler:
    """Give the request its id, and count it. The outermost one, so that nothing is answered uncounted."""
    begin, enter, leave = requestid.begin, IN_PROGRESS.inc, IN_PROGRESS.dec
    log_requests = settings.LOG_REQUESTS

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        request_id = begin(request.META.get("HTTP_X_REQUEST_ID"))
        database_seconds, statements = stopwatch.seconds, stopwatch.statements
        enter()
        try:
            response = get_response(request)
        finally:
            leave()
        response.headers["X-Request-ID"] = request_id
        match, method, status = request.resolver_match, request.method or "", response.status_code
        database_seconds, statements = stopwatch.seconds - database_seconds, stopwatch.statements - statements
        seconds = perf_counter() - started
        count_request(
            match=match,
            method=method,
            status=status,
            seconds=seconds,
            database_seconds=database_seconds,
            statements=statements,
        )
        if log_requests:
            requests_log.info(
                "%d %s %s %.1f ms, %d statements %.1f ms",
                *(status, method_of(method), route_of(match), seconds * 1000, statements, database_seconds * 1000),
            )
        return response

    return middleware


def protect(get_response: Handler) -> Handler:
    """Add the headers that Django's SecurityMiddleware does not. A page's own policy goes before the API's."""
    debug = settings.DEBUG

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        headers = response.headers
        # With DEBUG an error is Django's own page, which is styled inline.
        if "Content-Security-Policy" not in headers and not (debug and response.status_code >= 400):
            headers["Content-Security-Policy"] = API_POLICY
        headers.setdefault("Permissions-Policy", "geolocation=(), camera=(), microphone=()")
        headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin")
        return response

    return middleware

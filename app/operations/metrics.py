"""Metrics. No label ever holds a path, a parameter or an address: routes are templates.

With PROMETHEUS_MULTIPROC_DIR set (bin/_server.sh does), every process counts in files of that folder, and any of them can
answer for all. Without it, a process answers for itself.
"""

import re
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Not the library's own, which adds the versions of Python and of its parts.
REGISTRY = CollectorRegistry()

METHODS = ("GET", "HEAD", "POST", "OPTIONS")


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(name, what, labels, registry=REGISTRY)


def _gauge(name: str, what: str) -> Gauge:
    # The sum over the processes that are alive.
    return Gauge(name, what, multiprocess_mode="livesum", registry=REGISTRY)


REQUESTS = _counter("geo_http_requests", "Requests answered, by route template.", "route", "method", "status")
DURATION = Histogram(
    "geo_http_request_duration_seconds",
    "Time from the first line of code to the answer, of a streamed one to its beginning.",
    ("route", "method"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
IN_PROGRESS = _gauge(
    "geo_http_requests_in_progress",
    "Requests under way that take more than a moment. Where there are as many as threads, others wait.",
)
BULK_IN_PROGRESS = _gauge("geo_bulk_requests_in_progress", "Bulk requests under way.")
TRANSFERS_IN_PROGRESS = _gauge("geo_transfers_in_progress", "Large answers and files that are being sent.")
PROBLEMS = _counter("geo_problems", "Problem documents sent, by kind: the last part of their type.", "kind")
CACHE = _counter("geo_cache_requests", "Look-ups in a cache, and whether it held the answer.", "cache", "result")
DATABASE_SECONDS = _counter("geo_database_seconds", "Time spent in statements, by route template.", "route")
DATABASE_STATEMENTS = _counter("geo_database_statements", "Statements sent, by route template.", "route")
REPLICA_FAILURES = _counter("geo_replica_failures", "Requests in which the standby failed, and that the primary answered then.")
DATABASE_SILENT = Gauge(
    "geo_database_silent",
    "Processes that know a database to say nothing.",
    ("database",),
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
STATEMENTS_CUT = _counter("geo_database_statements_cut", "Statements given up because the database said nothing.")


class _Series:
    """The series of one route, method and status: finding them once saves half of the cost of a request."""

    __slots__ = ("database_seconds", "database_statements", "duration", "requests")

    def __init__(self, route: str, method: str, status: int) -> None:
        self.requests = REQUESTS.labels(route, method, str(status)).inc
        self.duration = DURATION.labels(route, method).observe
        self.database_seconds = DATABASE_SECONDS.labels(route).inc
        self.database_statements = DATABASE_STATEMENTS.labels(route).inc


_series: dict[tuple[Any, str, int], _Series] = {}


def count_request(
    *, match: Any, method: str, status: int, seconds: float, database_seconds: float = 0.0, statements: int = 0
) -> None:
    """Count one answered request. `match` is Django's ResolverMatch, or None where the request came to no route."""
    key = (None if match is None else match.route or match.url_name or "", method, status)
    series = _series.get(key)
    if series is None:
        series = _Series(route_of(match), method_of(method), status)
        # Methods come from outside: what is not one of ours is not remembered.
        if method in METHODS:
            _series[key] = series
    series.requests()
    series.duration(seconds)
    if statements:
        series.database_seconds(database_seconds)
        series.database_statements(statements)


def method_of(method: str | None) -> str:
    """Return a method that may be counted and logged: anybody can write anything in its place, a postal code too."""
    return method if method in METHODS else "other"


def route_of(match: Any) -> str:
    """Return a route's template as the documentation spells it: `/fsa/{code}`.

    `(none)` is an address that nothing serves; `(before)` what is answered before there is a route, such as static files.
    """
    if match is None:
        return "(before)"
    if not match.route and not match.url_name:
        return "(none)"
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", match.route).strip("/")


def count_cache(cache: str, hit: bool) -> None:
    """Count one look-up in a cache. `cache` is a name from the code."""
    CACHE.labels(cache, "hit" if hit else "miss").inc()

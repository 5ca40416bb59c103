"""Metrics for Prometheus. No label holds a path, a parameter or an address: routes are templates.

With PROMETHEUS_MULTIPROC_DIR set (bin/_server.sh sets it), every process counts in files of that folder, and each of them can
render the sum of all. Without it, a process renders its own counters.
"""

import re
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Not the library's default registry, which exposes versions of Python and its parts.
REGISTRY = CollectorRegistry()

METHODS = ("GET", "HEAD", "POST", "OPTIONS")


def _counter(name: str, documentation: str, *labels: str) -> Counter:
    return Counter(name, documentation, labels, registry=REGISTRY)


def _gauge(name: str, documentation: str, *labels: str) -> Gauge:
    # The sum over the live processes.
    return Gauge(name, documentation, labels, multiprocess_mode="livesum", registry=REGISTRY)


REQUESTS = _counter("geo_http_requests", "Requests answered, by route template.", "route", "method", "status")
DURATION = Histogram(
    "geo_http_request_duration_seconds",
    "Time from the start of the request to the response; of a streamed response, to its first byte.",
    ("route", "method"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
IN_PROGRESS = _gauge(
    "geo_http_requests_in_progress",
    "Requests in progress in Django. If they are as many as threads, further requests queue.",
)
BULK_IN_PROGRESS = _gauge("geo_bulk_requests_in_progress", "Bulk requests in progress.")
TRANSFERS_IN_PROGRESS = _gauge("geo_transfers_in_progress", "Large responses and files in transfer.")
PROBLEMS = _counter("geo_problems", "Problem documents (RFC 9457) sent, by the last segment of their type.", "kind")
CACHE = _counter("geo_cache_requests", "Cache lookups, by result.", "cache", "result")
DATABASE_SECONDS = _counter("geo_database_seconds", "Time spent in database statements, by route template.", "route")
DATABASE_STATEMENTS = _counter("geo_database_statements", "Database statements sent, by route template.", "route")
REPLICA_FAILURES = _counter("geo_replica_failures", "Requests retried on the primary after the standby failed.")
DATABASE_UNAVAILABLE = _gauge("geo_database_unavailable", "Processes whose circuit is open for a database.", "database")
STATEMENTS_ABORTED = _counter("geo_database_statements_aborted", "Statements aborted because the database did not answer.")

# Names of earlier releases, exported with the same samples for one release.
DEPRECATED_NAMES = {
    "geo_database_silent": "geo_database_unavailable",
    "geo_database_statements_cut": "geo_database_statements_aborted",
    "geo_replica_used": "geo_replica_in_use",
}


class _Series:
    """The series of a route, method and status. Looking them up once halves the cost of counting a request."""

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
    """Count an answered request. `match` is Django's ResolverMatch, None for a response without a route."""
    key = (None if match is None else match.route or match.url_name or "", method, status)
    series = _series.get(key)
    if series is None:
        series = _Series(route_of(match), method_of(method), status)
        # Clients choose the method: only methods of METHODS are cached, so that the cache is bounded.
        if method in METHODS:
            _series[key] = series
    series.requests()
    series.duration(seconds)
    if statements:
        series.database_seconds(database_seconds)
        series.database_statements(statements)


def method_of(method: str | None) -> str:
    """Return a method that is safe to count and log: a client can send any text as its method, a postal code too."""
    return method if method in METHODS else "other"


def route_of(match: Any) -> str:
    """Return a route's template as the OpenAPI document spells it: `/fsa/{code}`.

    `(none)` stands for an unknown path; `(before)` for a response before routing, such as a static file.
    """
    if match is None:
        return "(before)"
    if not match.route and not match.url_name:
        return "(none)"
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", match.route).strip("/")


def count_cache(cache: str, hit: bool) -> None:
    """Count a cache lookup. `cache` is a name from the code."""
    CACHE.labels(cache, "hit" if hit else "miss").inc()

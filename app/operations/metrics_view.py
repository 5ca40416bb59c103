"""Prometheus endpoint /metrics: counters of all workers and the current state."""

import hmac
import ipaddress
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from datetime import time as midnight
from pathlib import Path

from django.conf import settings
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from geography.db.connections import connections
from geography.db.routing import PRIMARY, use_database
from geography.errors import GeographyError
from geography.vintages.resolve import published_vintages, vintage_in_force
from operations import replica_lag
from operations.metrics import REGISTRY

logger = logging.getLogger(__name__)

# Written by proxies. Who asks from this machine itself sends none of them.
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape; for who may not scrape, nothing is served here.

    With METRICS_TOKEN set it asks for `Authorization: Bearer TOKEN`. Without it only this machine itself is answered, by a name
    or address of its own: a proxy on it passes on a request's Host, or names the service as its upstream.
    """
    if not _may_scrape(request):
        raise Http404
    return HttpResponse(render_metrics(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def render_metrics() -> bytes:
    """Return the text. Queries: 3 to 5; where the database is away the text says so and lacks what it would have told."""
    registry, folder = REGISTRY, os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    workers = [os.getpid()]
    if folder:
        workers = _live_processes(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    now = CollectorRegistry()
    now.register(_StateCollector(workers))
    return generate_latest(registry) + generate_latest(now)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        encode = request.META.get("HTTP_AUTHORIZATION", "").encode()
        return hmac.compare_digest(encode, f"Bearer {settings.METRICS_TOKEN}".encode())
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    if not address.is_loopback or any(name in request.META for name in _FORWARDED):
        return False
    # A proxy that does not name itself passes on the name that the client used, or speaks HTTP/1.0, as nginx does unless told
    # otherwise. Where a proxy is known of, only METRICS_TOKEN opens the route: a check says so (operations.I001).
    if request.META.get("SERVER_PROTOCOL", "") in {"HTTP/1", "HTTP/1.0"}:
        return False
    host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
    return host in _LOCAL_NAMES and not settings.TRUSTED_PROXIES and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None)


def _live_processes(folder: Path) -> list[int]:
    """Return the processes that count here and are alive; what the others had under way is under way no more."""
    living = []
    for pid in sorted({int(path.stem.rpartition("_")[2]) for path in folder.glob("*.db")}):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, path=str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
        else:
            living.append(pid)
    return living


class _StateCollector:
    """How things stand, asked at each scrape."""

    def __init__(self, workers: list[int]) -> None:
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        yield from self._processes()
        up = GaugeMetricFamily("geo_database_up", "1 where the database answered this scrape.")
        started = time.perf_counter()
        try:
            with use_database(PRIMARY):
                result = list(self._from_the_database())
        except Error:
            logger.warning("the database does not answer a scrape")
            result = []
        up.add_metric([], float(bool(result)))
        yield up
        yield from result
        took = GaugeMetricFamily("geo_database_scrape_seconds", "How long the database took for this scrape.")
        took.add_metric([], time.perf_counter() - started)
        yield took
        yield from self._standby()

    def _standby(self) -> Iterator[Metric]:
        standing = replica_lag.status()
        if standing is None:
            return
        up = GaugeMetricFamily("geo_replica_up", "1 where the standby answers the process that answers this scrape.")
        up.add_metric([], float(standing.up))
        used = GaugeMetricFamily("geo_replica_used", "1 where reads of that process go to the standby.")
        used.add_metric([], float(standing.used))
        yield from (up, used)
        if standing.lag_s is not None:
            lag = GaugeMetricFamily("geo_replica_lag_seconds", "How far the standby is behind at most.")
            lag.add_metric([], standing.lag_s)
            yield lag

    def _processes(self) -> Iterator[Metric]:
        workers = GaugeMetricFamily("geo_workers", "Processes that serve.")
        workers.add_metric([], len(self._workers))
        threads = GaugeMetricFamily("geo_threads", "Requests that they can answer at once (WEB_THREADS times the processes).")
        threads.add_metric([], len(self._workers) * settings.WEB_THREADS)
        memory = GaugeMetricFamily("geo_worker_resident_bytes", "Memory of a process.", labels=["pid"])
        age = GaugeMetricFamily("geo_worker_age_seconds", "Age of a process.", labels=["pid"])
        for pid in self._workers:
            # Where there is no /proc there is nothing to tell.
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
                age.add_metric([str(pid)], time.time() - Path(f"/proc/{pid}").stat().st_mtime)
            except OSError:
                continue
            memory.add_metric([str(pid)], pages * os.sysconf("SC_PAGE_SIZE"))
        yield from (workers, threads, memory, age)

    def _from_the_database(self) -> Iterator[Metric]:
        result = connections()
        states = GaugeMetricFamily("geo_database_connections", "Connections of this service, by state.", labels=["state"])
        for state, count in sorted(result.by_state.items()):
            states.add_metric([state], count)
        most = GaugeMetricFamily("geo_database_connections_max", "Connections that the server takes from everybody.")
        most.add_metric([], result.most)
        yield from (states, most)

        info = GaugeMetricFamily(
            "geo_vintage_in_force_info", "The vintage that answers today.", labels=["coverage", "vintage", "demo"]
        )
        since = GaugeMetricFamily("geo_vintage_effective_from_seconds", "Since when it is in force.", labels=["coverage"])
        published = GaugeMetricFamily("geo_vintage_published_seconds", "When it was published.", labels=["coverage"])
        editions = GaugeMetricFamily("geo_vintages_published", "Published vintages.", labels=["coverage"])
        vintages = published_vintages()
        for coverage in sorted({force.coverage.slug for force in vintages}):
            editions.add_metric([coverage], sum(force.coverage.slug == coverage for force in vintages))
            try:
                force = vintage_in_force(coverage=coverage)
            except GeographyError:
                continue
            info.add_metric([coverage, force.label, str(force.demo).lower()], 1)
            since.add_metric([coverage], _start_of(force.effective_from))
            if force.published_at:
                published.add_metric([coverage], force.published_at.timestamp())
        yield from (info, since, published, editions)


def _start_of(day: date) -> float:
    return datetime.combine(day, midnight(), UTC).timestamp()

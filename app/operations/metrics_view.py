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
from operations.metrics import DEPRECATED_NAMES, REGISTRY

logger = logging.getLogger(__name__)

# Headers that proxies add. A scrape from this machine has none of them.
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape; 404 for a client that may not scrape.

    With METRICS_TOKEN set, `Authorization: Bearer TOKEN` is required. Without it, only clients of this machine are answered,
    under a local host name: a proxy on the machine passes on the client's Host, or uses its upstream's name.
    """
    if not _may_scrape(request):
        raise Http404
    return HttpResponse(render_metrics(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def render_metrics() -> bytes:
    """Return all metrics in the text format; without those of the database while it is unavailable. Queries: 3 to 5."""
    counters, folder = REGISTRY, os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    workers = [os.getpid()]
    if folder:
        workers = _live_processes(Path(folder))
        counters = CollectorRegistry()
        MultiProcessCollector(counters, path=folder)  # type: ignore[no-untyped-call]
    exported = CollectorRegistry()
    exported.register(_AllMetrics(counters, _StateCollector(workers)))
    return generate_latest(exported)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        authorization = request.META.get("HTTP_AUTHORIZATION", "").encode()
        return hmac.compare_digest(authorization, f"Bearer {settings.METRICS_TOKEN}".encode())
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    if not address.is_loopback or any(name in request.META for name in _FORWARDED):
        return False
    # A proxy that adds no header passes on the client's Host, or speaks HTTP/1.0, as nginx does by default. Behind a configured
    # proxy METRICS_TOKEN is required (check operations.I001).
    if request.META.get("SERVER_PROTOCOL", "") in {"HTTP/1", "HTTP/1.0"}:
        return False
    host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
    return host in _LOCAL_NAMES and not settings.TRUSTED_PROXIES and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None)


def _live_processes(folder: Path) -> list[int]:
    """Return the live processes that count in `folder`. The gauges of dead processes are removed."""
    alive = []
    for pid in sorted({int(path.stem.rpartition("_")[2]) for path in folder.glob("*.db")}):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, path=str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
        else:
            alive.append(pid)
    return alive


class _AllMetrics:
    """Counters and current state; renamed metrics under their deprecated name too."""

    def __init__(self, counters: CollectorRegistry, state: "_StateCollector") -> None:
        self._collectors = (counters, state)

    def collect(self) -> Iterator[Metric]:
        deprecated = {name: old_name for old_name, name in DEPRECATED_NAMES.items()}
        for collector in self._collectors:
            for metric in collector.collect():
                yield metric
                if metric.name in deprecated:
                    yield _renamed(metric, deprecated[metric.name])


def _renamed(metric: Metric, name: str) -> Metric:
    renamed = Metric(name, f"Deprecated: use {metric.name}.", metric.type)
    for sample in metric.samples:
        renamed.add_sample(name + sample.name.removeprefix(metric.name), sample.labels, sample.value)
    return renamed


class _StateCollector:
    """Current state of processes, database, vintages and standby, determined at each scrape."""

    def __init__(self, workers: list[int]) -> None:
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        yield from self._processes()
        up = GaugeMetricFamily("geo_database_up", "1 if the database answered this scrape.")
        started = time.perf_counter()
        try:
            with use_database(PRIMARY):
                database_metrics = list(self._database())
        except Error as error:
            logger.warning("metrics: database unavailable (%s); scrape without its metrics", type(error).__qualname__)
            database_metrics = []
        up.add_metric([], float(bool(database_metrics)))
        yield up
        yield from database_metrics
        duration = GaugeMetricFamily("geo_database_scrape_seconds", "Database time of this scrape.")
        duration.add_metric([], time.perf_counter() - started)
        yield duration
        yield from self._standby()

    def _standby(self) -> Iterator[Metric]:
        status = replica_lag.status()
        if status is None:
            return
        up = GaugeMetricFamily("geo_replica_up", "1 if the standby answers the process of this scrape.")
        up.add_metric([], float(status.up))
        in_use = GaugeMetricFamily("geo_replica_in_use", "1 if reads of the process of this scrape go to the standby.")
        in_use.add_metric([], float(status.in_use))
        yield from (up, in_use)
        if status.lag_s is not None:
            lag = GaugeMetricFamily("geo_replica_lag_seconds", "Upper bound of the standby's lag.")
            lag.add_metric([], status.lag_s)
            yield lag

    def _processes(self) -> Iterator[Metric]:
        workers = GaugeMetricFamily("geo_workers", "Web worker processes.")
        workers.add_metric([], len(self._workers))
        threads = GaugeMetricFamily(
            "geo_threads", "Requests that the workers can answer at the same time (WEB_THREADS x workers)."
        )
        threads.add_metric([], len(self._workers) * settings.WEB_THREADS)
        memory = GaugeMetricFamily("geo_worker_resident_bytes", "Resident memory of a worker.", labels=["pid"])
        age = GaugeMetricFamily("geo_worker_age_seconds", "Age of a worker.", labels=["pid"])
        for pid in self._workers:
            # Without /proc these two metrics have no samples.
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
                age.add_metric([str(pid)], time.time() - Path(f"/proc/{pid}").stat().st_mtime)
            except OSError:
                continue
            memory.add_metric([str(pid)], pages * os.sysconf("SC_PAGE_SIZE"))
        yield from (workers, threads, memory, age)

    def _database(self) -> Iterator[Metric]:
        pool = connections()
        states = GaugeMetricFamily("geo_database_connections", "Connections of this service, by state.", labels=["state"])
        for state, count in sorted(pool.by_state.items()):
            states.add_metric([state], count)
        limit = GaugeMetricFamily("geo_database_connections_max", "Connection limit of the server, for all its clients.")
        limit.add_metric([], pool.most)
        yield from (states, limit)

        info = GaugeMetricFamily("geo_vintage_in_force_info", "Vintage in force today.", labels=["coverage", "vintage", "demo"])
        since = GaugeMetricFamily(
            "geo_vintage_effective_from_seconds", "Start of validity of the vintage in force.", labels=["coverage"]
        )
        published = GaugeMetricFamily(
            "geo_vintage_published_seconds", "Publication time of the vintage in force.", labels=["coverage"]
        )
        counts = GaugeMetricFamily("geo_vintages_published", "Published vintages.", labels=["coverage"])
        vintages = published_vintages()
        for coverage in sorted({vintage.coverage.slug for vintage in vintages}):
            counts.add_metric([coverage], sum(vintage.coverage.slug == coverage for vintage in vintages))
            try:
                in_force = vintage_in_force(coverage=coverage)
            except GeographyError:
                continue
            info.add_metric([coverage, in_force.label, str(in_force.demo).lower()], 1)
            since.add_metric([coverage], _start_of(in_force.effective_from))
            if in_force.published_at:
                published.add_metric([coverage], in_force.published_at.timestamp())
        yield from (info, since, published, counts)


def _start_of(day: date) -> float:
    return datetime.combine(day, midnight(), UTC).timestamp()

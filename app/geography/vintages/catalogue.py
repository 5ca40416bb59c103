"""Catalogue of published vintages, cached in each process: choosing a vintage needs no query.

A process reads the published vintages again when its copy is older than `MAX_AGE_S`, so every process sees a publication within
that time. Ages are measured by the monotonic clock. The copy is also saved to disk (`geography.vintages.snapshot`) for a worker
that starts while the database is down; only the age of that file is measured by the wall clock.
"""

import hashlib
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core import serializers
from django.core.exceptions import FieldDoesNotExist
from django.core.serializers.base import DeserializationError
from django.db import Error

from geography.db.routing import PRIMARY, REPLICA, current_alias
from geography.models import Coverage, Status, Vintage
from geography.vintages import snapshot

# Maximum age of the cached catalogue, and so the longest time until requests see a publication.
MAX_AGE_S = 0.5
# While the database is unavailable, requests that need no table are answered from memory for this long.
STALE_MAX_S = 86_400.0
# Longest wait for another thread's query if a cached catalogue exists: that query may wait for a lock.
PATIENCE_S = 0.25

_NAME = "published"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All published vintages at a point in time.

    Attributes:
        vintages: by coverage, the latest first, without their reports.
        revision: hash of the published loads and of the times of their population weights. It changes only with a publication,
            retirement or rollback, or when weights are computed, and is the same in every process.
    """

    vintages: tuple[Vintage, ...]
    revision: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "revision",
            _revision((vintage.load_id, vintage.published_at, vintage.weights_at) for vintage in self.vintages),
        )

    def vintages_of(self, coverage: str) -> tuple[Vintage, ...]:
        """Return the published vintages of a coverage, the latest first."""
        return tuple(vintage for vintage in self.vintages if vintage.coverage.slug == coverage)

    def vintage_labelled(self, coverage: str, label: str) -> Vintage | None:
        """Return the vintage with a label, None if there is none."""
        return next(
            (vintage for vintage in self.vintages if vintage.label == label and vintage.coverage.slug == coverage), None
        )

    def in_force(self, coverage: str, day: date) -> Vintage | None:
        """Return the vintage in force on a day: see `geography.vintages.resolve.vintage_in_force`."""
        candidates = [
            vintage
            for vintage in self.vintages
            if vintage.coverage.slug == coverage
            and not vintage.extract
            and vintage.effective_from <= day
            and (vintage.effective_to is None or day < vintage.effective_to)
        ]
        # "digital" sorts after "cartographic".
        return max(
            candidates,
            key=lambda vintage: (not vintage.demo, vintage.effective_from, vintage.representation, vintage.pk),
            default=None,
        )


def _revision(published: Iterable[tuple[UUID, datetime | None, datetime | None]]) -> str:
    text = "\n".join(f"{load_id} {published_at} {weights_at}" for load_id, published_at, weights_at in sorted(published))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class _Cached:
    """The last catalogue read from a database and the time of the read; the last failed read and its time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.catalogue: tuple[Catalogue, float] | None = None
        self.failed_at: float | None = None
        self.failure: Error | None = None


# One for each database: a standby can be behind, and a request that reads from it must use its catalogue.
_cache = {alias: _Cached() for alias in (PRIMARY, REPLICA)}


def published() -> Catalogue:
    """Return the catalogue of this thread's database, at most `MAX_AGE_S` old; older only while the database is unavailable.

    Raises: django.db.Error if the database is unavailable and the cached catalogue is older than `STALE_MAX_S`.
    Queries: none while the cached catalogue is fresh; otherwise 1, and 1 more after a publication. Single flight: one thread of
    a process reads, and the others wait up to `PATIENCE_S`; while the database is unavailable they do not wait.
    """
    entry = _cache[current_alias()]
    cached = entry.catalogue
    now = time.monotonic()
    if cached is not None and now - cached[1] < MAX_AGE_S:
        return cached[0]
    unavailable = entry.failed_at is not None
    if cached is not None and _usable(cached, now):
        if unavailable and now - (entry.failed_at or 0.0) < MAX_AGE_S:
            return cached[0]
        if not entry.lock.acquire(timeout=0 if unavailable else PATIENCE_S):
            return cached[0]
    else:
        entry.lock.acquire()
    try:
        return _refresh(entry, now)
    finally:
        entry.lock.release()


def get_fresh(alias: str | None = None) -> Catalogue | None:
    """Return the cached catalogue if it is fresh and the database is available, else None. Queries: none.

    Args:
        alias: of the database; by default the one that this thread reads from.
    """
    entry = _cache[alias or current_alias()]
    cached = entry.catalogue
    if cached is None or entry.failed_at is not None or time.monotonic() - cached[1] >= MAX_AGE_S:
        return None
    return cached[0]


def revision() -> str | None:
    """Return the revision of the cached catalogue; None without one. Queries: none."""
    cached = _cache[current_alias()].catalogue
    return None if cached is None else cached[0].revision


def staleness_s() -> int | None:
    """Return the seconds since the cached catalogue was last confirmed; None while the database is available."""
    entry = _cache[current_alias()]
    cached = entry.catalogue
    if cached is None or entry.failed_at is None:
        return None
    return max(round(time.monotonic() - cached[1]), 1)


def clear() -> None:
    """Clear the cached catalogues, so that the next request reads the tables."""
    for entry in _cache.values():
        entry.catalogue = entry.failed_at = entry.failure = None


def _usable(cached: tuple[Catalogue, float], now: float) -> bool:
    return now - cached[1] < STALE_MAX_S


def _refresh(entry: _Cached, requested_at: float) -> Catalogue:
    cached = entry.catalogue
    if cached is not None and requested_at - cached[1] < MAX_AGE_S:
        return cached[0]  # another thread has read it during the wait
    failure = entry.failure
    if failure is not None and (entry.failed_at or 0.0) > requested_at:
        if entry is _cache[PRIMARY] and cached is not None and _usable(cached, requested_at):
            return cached[0]
        raise type(failure)(*failure.args) from failure.__cause__  # the other thread failed: a retry would fail too
    started = time.monotonic()
    try:
        from_database = _load_from_database()
    except Error as error:
        entry.failed_at, entry.failure = time.monotonic(), error
        # The standby is unavailable too, otherwise this thread would read from it. Its cached catalogue is equally valid.
        last = max(_all_cached(), key=lambda cached: cached[1], default=None) or _load_snapshot()
        if entry is _cache[PRIMARY] and last is not None and _usable(last, entry.failed_at):
            entry.catalogue = last
            return last[0]
        raise
    if any(catalogue is from_database for catalogue, _ in _all_cached()):
        snapshot.touch()
    else:
        snapshot.save(_NAME, _as_data(from_database))
    entry.catalogue, entry.failed_at, entry.failure = (from_database, started), None, None
    return from_database


def _all_cached() -> list[tuple[Catalogue, float]]:
    return [entry.catalogue for entry in _cache.values() if entry.catalogue is not None]


def _load_from_database() -> Catalogue:
    """Read the published vintages. Return the cached catalogue if it has the same revision, so that values which other modules
    cache by its identity stay valid.
    """
    published = Vintage.objects.filter(status=Status.PUBLISHED)
    cached = [catalogue for catalogue, _ in _all_cached()]
    if cached:
        revision = _revision(published.values_list("load_id", "published_at", "weights_at"))
        unchanged = next((catalogue for catalogue in cached if catalogue.revision == revision), None)
        if unchanged is not None:
            return unchanged
    vintages = published.select_related("coverage").defer("report").order_by("coverage__slug", "-effective_from", "-pk")
    return Catalogue(tuple(vintages))


def _load_snapshot() -> tuple[Catalogue, float] | None:
    """Return the catalogue snapshot and the monotonic time of its last confirmation; None if it is missing or unreadable."""
    loaded = snapshot.load(_NAME)
    if loaded is None:
        return None
    rows, age_s = loaded
    try:
        objects = [deserialized.object for deserialized in serializers.deserialize("python", rows)]
        coverages = {coverage.pk: coverage for coverage in objects if isinstance(coverage, Coverage)}
        vintages = [vintage for vintage in objects if isinstance(vintage, Vintage)]
        for vintage in vintages:
            vintage.coverage = coverages[vintage.coverage_id]
    except (DeserializationError, FieldDoesNotExist, AttributeError, KeyError, TypeError):
        return None  # written by another version of this code
    return Catalogue(tuple(vintages)), time.monotonic() - age_s


def _as_data(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return a catalogue as JSON rows, the format of `_load_snapshot`."""
    objects = [*{vintage.coverage for vintage in catalogue.vintages}, *catalogue.vintages]
    fields = {field.name for model in (Coverage, Vintage) for field in model._meta.fields} - {"report"}
    rows: list[dict[str, Any]] = serializers.serialize("python", objects, fields=fields)
    return rows

"""Catalogue of published vintages, cached in each process: choosing a vintage needs no query.

A process reads the published vintages again when its copy is older than `MAX_AGE_S`, so a publication is seen everywhere within
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

# Longest time after a publication until requests see it.
MAX_AGE_S = 0.5
# While the database is unavailable, requests that need no table are answered from memory for this long.
STALE_MAX_S = 86_400.0
# Longest wait for another thread's query, where a remembered catalogue can answer instead: that query may wait for a lock.
PATIENCE_S = 0.25

_NAME = "published"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every published vintage at one moment.

    Attributes:
        vintages: by coverage, the latest first, without their reports.
        revision: changes with whatever is published, retired or rolled back, and with nothing else; the same in every process.
    """

    vintages: tuple[Vintage, ...]
    revision: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "revision", _revision((vintage.load_id, vintage.published_at) for vintage in self.vintages))

    def vintages_of(self, coverage: str) -> tuple[Vintage, ...]:
        """Return the published vintages of a coverage, the latest first."""
        return tuple(vintage for vintage in self.vintages if vintage.coverage.slug == coverage)

    def vintage_labelled(self, coverage: str, label: str) -> Vintage | None:
        """Return the vintage of this label, None where there is none."""
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
            candidates, key=lambda item: (not item.demo, item.effective_from, item.representation, item.pk), default=None
        )


def _revision(published: Iterable[tuple[UUID, datetime | None]]) -> str:
    join = "\n".join(f"{load_id} {at}" for load_id, at in sorted(published))
    return hashlib.blake2b(join.encode(), digest_size=8).hexdigest()


class _Memory:
    """The last catalogue that was read from a database, with when, and when reading it last failed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.read: tuple[Catalogue, float] | None = None
        self.failed_at: float | None = None
        self.failure: Error | None = None


# A standby may be a moment behind: what it holds is what is published to who reads from it.
_memories = {item: _Memory() for item in (PRIMARY, REPLICA)}


def published() -> Catalogue:
    """Return what is published, at most `MAX_AGE_S` old; older only while the database is away.

    It is what the database that this thread reads from holds.

    Raises: django.db.Error where the database is away and what is remembered is older than `STALE_MAX_S`.
    Queries: none while what is remembered is young enough, else 1, and 1 more if something else is published by now. One thread
    of a process asks, the others wait for it for `PATIENCE_S`; while the database is away they do not.
    """
    memory = _memories[current_alias()]
    remembered = memory.read
    now = time.monotonic()
    if remembered is not None and now - remembered[1] < MAX_AGE_S:
        return remembered[0]
    away = memory.failed_at is not None
    if remembered is not None and _usable(remembered, now):
        if away and now - (memory.failed_at or 0.0) < MAX_AGE_S:
            return remembered[0]
        if not memory.lock.acquire(timeout=0 if away else PATIENCE_S):
            return remembered[0]
    else:
        memory.lock.acquire()
    try:
        return _refresh(memory, now)
    finally:
        memory.lock.release()


def get_fresh() -> Catalogue | None:
    """Return what `published` would, where it need not ask for it and the database is there; else None. Queries: none."""
    memory = _memories[current_alias()]
    remembered = memory.read
    if remembered is None or memory.failed_at is not None or time.monotonic() - remembered[1] >= MAX_AGE_S:
        return None
    return remembered[0]


def staleness_s() -> int | None:
    """Return the seconds since the remembered catalogue was last confirmed; None while the database is available."""
    memory = _memories[current_alias()]
    remembered = memory.read
    if remembered is None or memory.failed_at is None:
        return None
    return max(round(time.monotonic() - remembered[1]), 1)


def clear() -> None:
    """Forget the remembered catalogues, so that the next request reads the tables."""
    for memory in _memories.values():
        memory.read = memory.failed_at = memory.failure = None


def _usable(remembered: tuple[Catalogue, float], now: float) -> bool:
    return now - remembered[1] < STALE_MAX_S


def _refresh(memory: _Memory, asked_at: float) -> Catalogue:
    remembered = memory.read
    if remembered is not None and asked_at - remembered[1] < MAX_AGE_S:
        return remembered[0]  # another thread read it while this one waited
    failure = memory.failure
    if failure is not None and (memory.failed_at or 0.0) > asked_at:
        if memory is _memories[PRIMARY] and remembered is not None and _usable(remembered, asked_at):
            return remembered[0]
        raise type(failure)(*failure.args) from failure.__cause__  # the other thread failed: a second wait would fail too
    started = time.monotonic()
    try:
        from_database = _load_from_database()
    except Error as error:
        memory.failed_at, memory.failure = time.monotonic(), error
        # The standby failed too, or it would have been asked: what was read from it is as good.
        both = [memory.read for memory in _memories.values() if memory.read is not None]
        last = max(both, key=lambda read: read[1], default=None) or _load_snapshot()
        if memory is _memories[PRIMARY] and last is not None and _usable(last, memory.failed_at):
            memory.read = last
            return last[0]
        raise
    if any(memory.read is not None and memory.read[0] is from_database for memory in _memories.values()):
        snapshot.touch()
    else:
        snapshot.save(_NAME, _as_data(from_database))
    memory.read, memory.failed_at, memory.failure = (from_database, started), None, None
    return from_database


def _load_from_database() -> Catalogue:
    """Return what is published: where that is what is remembered already, the same objects, so that what others keep beside a
    vintage stays theirs.
    """
    published = Vintage.objects.filter(status=Status.PUBLISHED)
    allowed = [memory.read[0] for memory in _memories.values() if memory.read is not None]
    if allowed:
        revision = _revision(published.values_list("load_id", "published_at"))
        same = next((item for item in allowed if item.revision == revision), None)
        if same is not None:
            return same
    vintages = published.select_related("coverage").defer("report").order_by("coverage__slug", "-effective_from", "-pk")
    return Catalogue(tuple(vintages))


def _load_snapshot() -> tuple[Catalogue, float] | None:
    """Return the catalogue that lies on disk, and when it was last known to hold; None where none does or it cannot be read."""
    loaded = snapshot.load(_NAME)
    if loaded is None:
        return None
    rows, age_s = loaded
    try:
        objects = [vintage.object for vintage in serializers.deserialize("python", rows)]
        coverages = {vintage.pk: vintage for vintage in objects if isinstance(vintage, Coverage)}
        vintages = [vintage for vintage in objects if isinstance(vintage, Vintage)]
        for vintage in vintages:
            vintage.coverage = coverages[vintage.coverage_id]
    except (DeserializationError, FieldDoesNotExist, AttributeError, KeyError, TypeError):
        return None  # of another version of this code
    return Catalogue(tuple(vintages)), time.monotonic() - age_s


def _as_data(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return a catalogue as `_kept` reads it."""
    objects = [*{vintage.coverage for vintage in catalogue.vintages}, *catalogue.vintages]
    fields = {field.name for model in (Coverage, Vintage) for field in model._meta.fields} - {"report"}
    rows: list[dict[str, Any]] = serializers.serialize("python", objects, fields=fields)
    return rows

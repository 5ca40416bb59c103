"""In-memory catalogue of published indicators: a request that needs no values runs no query.

As for boundaries (`geography.vintages.catalogue`), the catalogue is reloaded when it is older than that module's `MAX_AGE_S`,
and stays valid for `STALE_MAX_S` while the database is unavailable.
"""

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import Error
from django.db.models import Count, Max, Min, OuterRef, Subquery
from django.db.models.functions import JSONObject

from geography.db.routing import current_alias
from geography.translation import Message
from geography.vintages import catalogue as boundaries
from indicators.errors import IndicatorUnknown
from indicators.measures import MEASURES
from indicators.models import BlockFile, Indicator, Issue, IssueStatus


@dataclass(frozen=True, slots=True)
class HeldIssues:
    """Issues after the published one that gates hold.

    Attributes:
        since: when the source published the first of them.
        number: how many there are.
        issue_id, issued_at, loaded_at: the last of them.
        gates: failed gates of the last, as its report has them.
    """

    since: datetime
    number: int
    issue_id: int
    issued_at: datetime
    loaded_at: datetime
    gates: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PublishedIndicator:
    """An indicator with its latest published issue.

    Attributes:
        changed_at: when an issue was last published or rolled back.
        revision: changes whenever an issue is published, held or rolled back.
        held_issues: later issues that gates hold; None without one.
    """

    indicator: Indicator
    issue: Issue
    changed_at: datetime
    revision: str
    held_issues: HeldIssues | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures, the default first."""
        return MEASURES[self.indicator.kind]

    def with_issue(self, issue: Issue) -> "PublishedIndicator":
        """Return the indicator with an earlier issue, without held issues."""
        return replace(self, issue=issue, held_issues=None)


@dataclass(frozen=True, slots=True)
class IndicatorCatalogue:
    """All published indicators at one moment, by name, in the order of their first load."""

    indicators: dict[str, PublishedIndicator]
    revision: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "revision", _digest([indicator.revision for indicator in self.indicators.values()]))


@dataclass(slots=True)
class _Cache:
    lock: threading.Lock = field(default_factory=threading.Lock)
    entry: tuple[IndicatorCatalogue, float] | None = None


_caches: dict[str, _Cache] = {}


def published_indicators() -> IndicatorCatalogue:
    """Return the published indicators. Queries: none while the cached catalogue is fresh, else 1.

    Raises: django.db.Error if the database is unavailable and no usable catalogue is cached.
    """
    cache = _caches.setdefault(current_alias(), _Cache())
    cached = cache.entry
    if cached is not None and time.monotonic() - cached[1] < boundaries.MAX_AGE_S:
        return cached[0]
    with cache.lock:
        cached = cache.entry
        now = time.monotonic()
        if cached is not None and now - cached[1] < boundaries.MAX_AGE_S:
            return cached[0]
        try:
            current = _load_from_database()
        except Error:
            if cached is not None and now - cached[1] < boundaries.STALE_MAX_S:
                return cached[0]
            raise
        if cached is not None and cached[0].revision == current.revision:
            current = cached[0]
        cache.entry = (current, now)
        return current


def revision() -> str | None:
    """Return the revision of the cached catalogue; None without one. Queries: none."""
    cache = _caches.get(current_alias())
    return cache.entry[0].revision if cache is not None and cache.entry is not None else None


def clear() -> None:
    """Clear the cache, so that the next call reads the tables."""
    _caches.clear()


def published_indicator(slug: str) -> PublishedIndicator:
    """Return a published indicator. Raises: IndicatorUnknown, listing the published ones."""
    catalogue = published_indicators()
    if slug not in catalogue.indicators:
        published = list(catalogue.indicators)
        raise IndicatorUnknown(
            Message("There is no indicator '%(indicator)s'.", indicator=slug[:40]),
            parameter="id",
            hint=Message("Published indicators: %(indicators)s.", indicators=published)
            if published
            else Message("None is loaded yet."),
        )
    return catalogue.indicators[slug]


def _load_from_database() -> IndicatorCatalogue:
    # A rollback stamps the issue that it removes. It restores the values of the previous issue, not its names and populations:
    # what follows is a new revision.
    of_indicator = Issue.objects.filter(indicator=OuterRef("indicator")).order_by().values("indicator")
    changes = of_indicator.exclude(status=IssueStatus.STAGED)
    staged = of_indicator.filter(status=IssueStatus.STAGED, issued_at__gt=OuterRef("issued_at"))
    last_held = JSONObject(issue_id="pk", issued_at="issued_at", loaded_at="loaded_at", gates="report__gates")
    issues = (
        Issue.objects.filter(status=IssueStatus.PUBLISHED)
        .annotate(
            changed_at=Subquery(changes.annotate(last=Max("loaded_at")).values("last")),
            held_since=Subquery(staged.annotate(first=Min("issued_at")).values("first")),
            held_number=Subquery(staged.annotate(number=Count("pk")).values("number")),
            held_last=Subquery(staged.order_by("-issued_at", "-pk").values(last=last_held)[:1]),
            block_file=Subquery(BlockFile.objects.order_by("-pk").values("pk")[:1]),
        )
        .select_related("indicator")
        .defer("report")
        .order_by("indicator_id", "-issued_at", "-pk")
        .distinct("indicator_id")
    )
    return IndicatorCatalogue({issue.indicator.slug: _published(issue) for issue in issues})


def _published(issue: Any) -> PublishedIndicator:
    """Return an indicator from its published issue with the annotations of `_load_from_database`."""
    held_issues = None
    if issue.held_last is not None:
        last = issue.held_last
        instants = {name: datetime.fromisoformat(last[name]) for name in ("issued_at", "loaded_at")}
        failed = [gate for gate in last["gates"] or () if not gate["passed"]]
        held_issues = HeldIssues(issue.held_since, issue.held_number, last["issue_id"], gates=failed, **instants)
    # Estimates by population weights change with the block file.
    version = [
        issue.pk,
        issue.changed_at,
        issue.sha256,
        *([issue.block_file] if issue.block_file else []),
        *([held_issues] if held_issues else []),
    ]
    return PublishedIndicator(issue.indicator, issue, issue.changed_at, _digest(version), held_issues)


def _digest(parts: list[object]) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()

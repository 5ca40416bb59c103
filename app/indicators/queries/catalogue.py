"""Published indicators, as every process remembers them: a request that needs no values asks no table.

As for boundaries (`geography.vintages.catalogue`): what is remembered is read again when it is older than that module's
`MAX_AGE_S`, and serves for `STALE_MAX_S` while the database is away.
"""

import hashlib
import threading
import time
from dataclasses import dataclass, field

from django.db import Error

from geography.db.routing import current_alias
from geography.translation import Message
from geography.vintages import catalogue as boundaries
from indicators.errors import IndicatorUnknown
from indicators.measures import MEASURES
from indicators.models import Indicator, Issue, IssueStatus


@dataclass(frozen=True, slots=True)
class PublishedIndicator:
    """An indicator with the issue that answers.

    Attributes:
        revision: changes with every issue that is published or rolled back.
    """

    indicator: Indicator
    issue: Issue
    revision: str

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures, the default first."""
        return MEASURES[self.indicator.kind]


@dataclass(frozen=True, slots=True)
class IndicatorCatalogue:
    """Every published indicator at one moment, by name, in the order of their first load."""

    indicators: dict[str, PublishedIndicator]
    revision: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "revision", _digest([indicator.revision for indicator in self.indicators.values()]))


@dataclass(slots=True)
class _Memory:
    lock: threading.Lock = field(default_factory=threading.Lock)
    read: tuple[IndicatorCatalogue, float] | None = None


_memories: dict[str, _Memory] = {}


def published_indicators() -> IndicatorCatalogue:
    """Return what is published. Queries: none while what is remembered is young enough, else 1.

    Raises: django.db.Error where the database is away and nothing usable is remembered.
    """
    memory = _memories.setdefault(current_alias(), _Memory())
    remembered = memory.read
    if remembered is not None and time.monotonic() - remembered[1] < boundaries.MAX_AGE_S:
        return remembered[0]
    with memory.lock:
        remembered = memory.read
        now = time.monotonic()
        if remembered is not None and now - remembered[1] < boundaries.MAX_AGE_S:
            return remembered[0]
        try:
            current = _load_from_database()
        except Error:
            if remembered is not None and now - remembered[1] < boundaries.STALE_MAX_S:
                return remembered[0]
            raise
        if remembered is not None and remembered[0].revision == current.revision:
            current = remembered[0]
        memory.read = (current, now)
        return current


def revision() -> str | None:
    """Return the revision of what is remembered, None where nothing is. Queries: none."""
    memory = _memories.get(current_alias())
    return memory.read[0].revision if memory is not None and memory.read is not None else None


def clear() -> None:
    """Forget what is remembered, so that the next question reads the tables."""
    _memories.clear()


def published_indicator(slug: str) -> PublishedIndicator:
    """Return one published indicator. Raises: IndicatorUnknown, listing what there is."""
    catalogue = published_indicators()
    if slug not in catalogue.indicators:
        there = list(catalogue.indicators)
        raise IndicatorUnknown(
            Message("There is no indicator '%(indicator)s'.", indicator=slug[:40]),
            parameter="id",
            hint=Message("There are %(indicators)s.", indicators=there) if there else Message("None is loaded yet."),
        )
    return catalogue.indicators[slug]


def _load_from_database() -> IndicatorCatalogue:
    issues = (
        Issue.objects.filter(status=IssueStatus.PUBLISHED)
        .select_related("indicator")
        .defer("report")
        .order_by("indicator_id", "-issued_at", "-pk")
        .distinct("indicator_id")
    )
    return IndicatorCatalogue(
        {
            issue.indicator.slug: PublishedIndicator(issue.indicator, issue, _digest([issue.pk, issue.loaded_at, issue.sha256]))
            for issue in issues
        }
    )


def _digest(parts: list[object]) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()

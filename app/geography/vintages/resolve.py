"""Resolution of a label or a day to a vintage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Max, Sum

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, COVERAGE_WORDS, LEVEL_NAMES
from geography.errors import CoverageUnknown, NothingPublished, NoVintage, VintageUnknown
from geography.models import Border, Change, Coverage, Region, RegionLevel, Status, Vintage
from geography.translation import Message
from geography.vintages.catalogue import Catalogue, published


@dataclass(frozen=True, slots=True)
class DrawnLevel:
    """Geometry of a vintage at one level: the largest tolerance, metres, and the number of vertices of all regions."""

    name: str
    tolerance_m: float
    vertices: int


@dataclass(frozen=True, slots=True)
class VintageReport:
    """Details of a vintage: load report, repairs, levels, borders and comparisons.

    Attributes:
        report: report of the load (loader.publication.report), as stored; parts of it are not public.
        repaired: codes of the regions whose published geometry was invalid, in order.
        levels: from the coarsest to the finest.
        border_tolerance_m: largest distance between two lines that count as a common border; None if no regions touch.
        compared_with: labels of the published vintages that the regions are compared with, the latest first.
    """

    report: Mapping[str, Any]
    repaired: Sequence[str]
    levels: Sequence[DrawnLevel]
    border_tolerance_m: float | None
    compared_with: Sequence[str]


class VintageGone(Exception):
    """A vintage was deleted while a response was built from it."""


def check_unchanged(vintages: Sequence[Vintage]) -> None:
    """Check that vintages are still in the database, so that everything read from them before is complete.

    A vintage is deleted in one transaction and never restored. Raises: VintageGone. Queries: 1, none for no vintages.
    """
    if not vintages:
        return
    stored = dict(Vintage.objects.filter(pk__in=[vintage.pk for vintage in vintages]).values_list("pk", "created_at"))
    if any(stored.get(vintage.pk) != vintage.created_at for vintage in vintages):
        raise VintageGone


def vintage_in_force(*, coverage: str, label: str | None = None, at: date | None = None) -> Vintage:
    """Return the published vintage of a coverage with a label, or in force on a day, by default today.

    The vintage in force is the latest with `effective_from` on or before the day. If two have the same date, the digital one
    wins, because it suits lookups better. A demonstration counts only if there is no official vintage. Extracts, which cover
    part of the country, are returned only by label.

    Args:
        coverage: slug, such as `health-regions` or `fsa`.
        label: such as `2022`; wins over `at`.
        at: a calendar day; no vintage is in force before the first, or after the end of the last.

    Raises: CoverageUnknown, VintageUnknown, NoVintage, NothingPublished.
    Queries: see `geography.vintages.catalogue.published`; 1 more for an unknown coverage or one without published vintages.
    """
    catalogue = published()
    words = COVERAGE_WORDS.get(coverage, coverage)
    if label is not None:
        vintage = catalogue.vintage_labelled(coverage, label)
        if vintage is None:
            _check_coverage(coverage)
            raise VintageUnknown(
                Message("There is no vintage '%(vintage)s' of %(coverage)s.", vintage=label, coverage=words),
                parameter="vintage",
                hint=_published_labels(catalogue, coverage),
            )
        return vintage
    day = at or date.today()
    vintage = catalogue.in_force(coverage, day)
    if vintage is None:
        labels = _published_labels(catalogue, coverage)
        if labels is None:
            _check_coverage(coverage)
            raise NothingPublished(Message("No boundaries of %(coverage)s are published yet.", coverage=words))
        if at is None and all(vintage.extract for vintage in catalogue.vintages_of(coverage)):
            raise NothingPublished(Message("Only extracts of %(coverage)s are published.", coverage=words), hint=labels)
        raise NoVintage(
            Message("No vintage of %(coverage)s was in force on %(day)s.", coverage=words, day=day),
            parameter="at" if at is not None else None,
            hint=labels,
        )
    return vintage


def vintage_during(*, coverage: str, first: date | None, last: date | None) -> Vintage | None:
    """Return the vintage of a coverage for an interval of days; None if no vintage is in force on any of them.

    It is the vintage in force on the day of the interval that is nearest to today, today itself where the interval contains it.
    Where none is in force on that day, it is the last one in force in the interval. Of vintages on one day, that of
    `vintage_in_force`.

    Args:
        first, last: days of the interval, both inclusive; None for an open end.

    Queries: see `geography.vintages.catalogue.published`.
    """
    catalogue = published()
    start, end = first or date.min, last or date.max
    starts = (max(vintage.effective_from, start) for vintage in catalogue.vintages_of(coverage) if not vintage.extract)
    days = [min(max(date.today(), start), end), *sorted((day for day in starts if day <= end), reverse=True)]
    return next(filter(None, (catalogue.in_force(coverage, day) for day in days)), None)


def _check_coverage(coverage: str) -> None:
    """Raise CoverageUnknown for a coverage that is neither built in nor in the database. Queries: at most 1."""
    if coverage not in (COVERAGE_HEALTH_REGIONS, COVERAGE_FSA) and not Coverage.objects.filter(slug=coverage).exists():
        raise CoverageUnknown(
            Message("There is no coverage '%(coverage)s'.", coverage=coverage),
            parameter="coverage",
            hint=Message("/coverages lists the coverages."),
        )


def published_vintages(*, coverage: str | None = None) -> list[Vintage]:
    """Return every published vintage, the latest first, of one coverage or of all. Queries: as for `published`."""
    catalogue = published()
    return list(catalogue.vintages_of(coverage) if coverage else catalogue.vintages)


def _published_labels(catalogue: Catalogue, coverage: str) -> Message | None:
    shown = [
        Message("%(label)s (only by name)", label=vintage.label)
        if vintage.extract
        else Message("%(label)s (from %(day)s)", label=vintage.label, day=vintage.effective_from)
        for vintage in reversed(catalogue.vintages_of(coverage))
    ]
    return Message("Published vintages: %(vintages)s.", vintages=shown) if shown else None


def vintage_report(vintage: Vintage) -> VintageReport:
    """Return the load report, levels, borders and comparisons of a vintage. Queries: 5."""
    regions = Region.objects.filter(vintage=vintage)
    by_level = (
        RegionLevel.objects.filter(region__vintage=vintage).values_list("level").annotate(Max("tolerance_m"), Sum("vertices"))
    )
    levels = [DrawnLevel(*row) for row in by_level.order_by()]
    compared = Vintage.objects.filter(
        pk__in=Change.objects.filter(region__vintage=vintage).values("other_vintage"), status=Status.PUBLISHED
    )
    return VintageReport(
        report=Vintage.objects.values_list("report", flat=True).get(pk=vintage.pk),
        repaired=list(regions.filter(repaired=True).order_by("code").values_list("code", flat=True)),
        levels=sorted(levels, key=lambda level: LEVEL_NAMES.index(level.name)),
        border_tolerance_m=Border.objects.filter(region__vintage=vintage).aggregate(Max("tolerance_m"))["tolerance_m__max"],
        compared_with=list(compared.order_by("-effective_from", "-pk").values_list("label", flat=True)),
    )

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
    """How a vintage is drawn at one level: the largest tolerance, metres, and the vertices of all regions."""

    name: str
    tolerance_m: float
    vertices: int


@dataclass(frozen=True, slots=True)
class VintageReport:
    """What is known of one vintage beside its own row.

    Attributes:
        report: of its load (loader.publication.report), as stored: not everything in it is for the public.
        repaired: codes of the regions whose published geometry was invalid, in order.
        levels: from the coarsest to the finest.
        border_tolerance_m: how far apart lines may lie and still be one border; None where no two regions touch.
        compared_with: labels of the published vintages that its regions are compared with, the latest first.
    """

    report: Mapping[str, Any]
    repaired: Sequence[str]
    levels: Sequence[DrawnLevel]
    border_tolerance_m: float | None
    compared_with: Sequence[str]


class VintageGone(Exception):
    """A vintage was deleted while an answer was made from it."""


def check_unchanged(vintages: Sequence[Vintage]) -> None:
    """Check that vintages still are in the database, so that what was read of them until now is whole.

    A vintage is deleted in one transaction and never comes back. Raises: VintageGone. Queries: 1, none for no vintages.
    """
    if not vintages:
        return
    stored = dict(Vintage.objects.filter(pk__in=[vintage.pk for vintage in vintages]).values_list("pk", "created_at"))
    if any(stored.get(vintage.pk) != vintage.created_at for vintage in vintages):
        raise VintageGone


def vintage_in_force(*, coverage: str, label: str | None = None, at: date | None = None) -> Vintage:
    """Return the published vintage that answers for a coverage.

    With a label, that vintage. With a date, the one in force on that day: the latest that took effect by then (where two took
    effect together, the digital one, which is the better for lookups; a demonstration only where there is nothing real). With
    neither, the one in force today.
    Extracts, which hold a part of the country, answer only to their label.

    Args:
        coverage: slug, such as `health-regions` or `fsa`.
        label: such as `2022`; wins over `at`.
        at: a calendar day; before the first vintage, or after the last one that ends, there is none.

    Raises: CoverageUnknown, VintageUnknown, NoVintage, NothingPublished.
    Queries: see `geography.vintages.catalogue.published`; 1 more where a coverage of another name has nothing published.
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
        there_is = _published_labels(catalogue, coverage)
        if there_is is None:
            _check_coverage(coverage)
            raise NothingPublished(Message("No boundaries of %(coverage)s are published yet.", coverage=words))
        if at is None and all(item.extract for item in catalogue.vintages_of(coverage)):
            raise NothingPublished(Message("Only extracts of %(coverage)s are published.", coverage=words), hint=there_is)
        raise NoVintage(
            Message("No vintage of %(coverage)s was in force on %(day)s.", coverage=words, day=day),
            parameter="at" if at is not None else None,
            hint=there_is,
        )
    return vintage


def _check_coverage(coverage: str) -> None:
    """Raise CoverageUnknown for a coverage that is neither built in nor in the database. Queries: 1 at most."""
    if coverage not in (COVERAGE_HEALTH_REGIONS, COVERAGE_FSA) and not Coverage.objects.filter(slug=coverage).exists():
        raise CoverageUnknown(
            Message("There is no coverage '%(coverage)s'.", coverage=coverage),
            parameter="coverage",
            hint=Message("/coverages lists what there is."),
        )


def published_vintages(*, coverage: str | None = None) -> list[Vintage]:
    """Return every published vintage, the latest first, of one coverage or of all. Queries: as for `published`."""
    catalogue = published()
    return list(catalogue.vintages_of(coverage) if coverage else catalogue.vintages)


def _published_labels(catalogue: Catalogue, coverage: str) -> Message | None:
    shown = [
        Message("%(label)s (only by name)", label=item.label)
        if item.extract
        else Message("%(label)s (from %(day)s)", label=item.label, day=item.effective_from)
        for item in reversed(catalogue.vintages_of(coverage))
    ]
    return Message("Published are %(vintages)s.", vintages=shown) if shown else None


def vintage_report(vintage: Vintage) -> VintageReport:
    """Return how a vintage was loaded, drawn and compared. Queries: 5."""
    regions = Region.objects.filter(vintage=vintage)
    drawn = (
        RegionLevel.objects.filter(region__vintage=vintage).values_list("level").annotate(Max("tolerance_m"), Sum("vertices"))
    )
    levels = [DrawnLevel(*row) for row in drawn.order_by()]
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

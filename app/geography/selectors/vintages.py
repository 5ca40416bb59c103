"""Which edition answers a question."""

from datetime import date

from geography.conf import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, COVERAGE_WORDS
from geography.errors import CoverageUnknown, NothingPublished, NoVintage, VintageUnknown
from geography.messages import Message
from geography.models import Coverage, Vintage
from geography.selectors.catalogue import Catalogue, published


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
    Queries: see `geography.selectors.catalogue.published`; 1 more where a coverage of another name has nothing published.
    """
    catalogue = published()
    words = COVERAGE_WORDS.get(coverage, coverage)
    if label is not None:
        vintage = catalogue.labelled(coverage, label)
        if vintage is None:
            _known(coverage)
            raise VintageUnknown(
                Message("There is no vintage '%(vintage)s' of %(coverage)s.", vintage=label, coverage=words),
                parameter="vintage",
                hint=_what_there_is(catalogue, coverage),
            )
        return vintage
    day = at or date.today()
    vintage = catalogue.in_force(coverage, day)
    if vintage is None:
        there_is = _what_there_is(catalogue, coverage)
        if there_is is None:
            _known(coverage)
            raise NothingPublished(Message("No boundaries of %(coverage)s are published yet.", coverage=words))
        if at is None and all(one.extract for one in catalogue.of(coverage)):
            raise NothingPublished(Message("Only extracts of %(coverage)s are published.", coverage=words), hint=there_is)
        raise NoVintage(
            Message("No vintage of %(coverage)s was in force on %(day)s.", coverage=words, day=day),
            parameter="at" if at is not None else None,
            hint=there_is,
        )
    return vintage


def _known(coverage: str) -> None:
    """Raise CoverageUnknown for a coverage that this service is not about and that nobody has loaded. Queries: 1 at most."""
    if coverage not in (COVERAGE_HEALTH_REGIONS, COVERAGE_FSA) and not Coverage.objects.filter(slug=coverage).exists():
        raise CoverageUnknown(
            Message("There is no coverage '%(coverage)s'.", coverage=coverage),
            parameter="coverage",
            hint=Message("/coverages lists what there is."),
        )


def published_vintages(*, coverage: str | None = None) -> list[Vintage]:
    """Return every published vintage, the latest first, of one coverage or of all. Queries: as for `published`."""
    catalogue = published()
    return list(catalogue.of(coverage) if coverage else catalogue.vintages)


def _what_there_is(catalogue: Catalogue, coverage: str) -> Message | None:
    shown = [
        Message("%(label)s (only by name)", label=one.label)
        if one.extract
        else Message("%(label)s (from %(day)s)", label=one.label, day=one.effective_from)
        for one in reversed(catalogue.of(coverage))
    ]
    return Message("Published are %(vintages)s.", vintages=shown) if shown else None

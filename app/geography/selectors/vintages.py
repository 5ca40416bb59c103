"""Which edition answers a question."""

from datetime import date

from django.db.models import QuerySet

from geography.errors import NothingPublished, NoVintage, VintageUnknown
from geography.models import Status, Vintage


def vintage_in_force(*, coverage: str, label: str | None = None, at: date | None = None) -> Vintage:
    """Return the published vintage that answers for a coverage.

    With a label, that vintage. With a date, the one in force on that day: the latest that took effect by then (where two took
    effect together, the digital one, which is the better for lookups; a demonstration only where there is nothing real). With
    neither, the one in force today.
    Extracts, which hold a part of the country, answer only to their label.

    Args:
        coverage: slug, `health-regions` or `fsa`.
        label: such as `2022`; wins over `at`.
        at: a calendar day; before the first vintage, or after the last one that ends, there is none.

    Raises: VintageUnknown, NoVintage, NothingPublished.
    Queries: 1, and 2 more to say what there is when nothing fits.
    """
    published = _published(coverage)
    if label is not None:
        vintage = published.filter(label=label).first()
        if vintage is None:
            raise VintageUnknown(
                f"There is no vintage {label!r} of {coverage}.", parameter="vintage", hint=_what_there_is(coverage)
            )
        return vintage
    day = at or date.today()
    vintage = (
        published.filter(extract=False, effective_from__lte=day)
        .exclude(effective_to__lte=day)
        # "digital" sorts after "cartographic".
        .order_by("demo", "-effective_from", "-representation", "-id")
        .first()
    )
    if vintage is None:
        there_is = _what_there_is(coverage)
        if there_is is None:
            raise NothingPublished(f"No boundaries of {coverage} are published yet.")
        if at is None and not published.filter(extract=False).exists():
            raise NothingPublished(f"Only extracts of {coverage} are published.", hint=there_is)
        raise NoVintage(
            f"No vintage of {coverage} was in force on {day}.", parameter="at" if at is not None else None, hint=there_is
        )
    return vintage


def published_vintages(*, coverage: str | None = None) -> list[Vintage]:
    """Return every published vintage, the latest first, of one coverage or of all. Queries: 1."""
    return list((_published(coverage) if coverage else _published_all()).order_by("coverage__slug", "-effective_from"))


def _published_all() -> QuerySet[Vintage]:
    return Vintage.objects.select_related("coverage").defer("report").filter(status=Status.PUBLISHED)


def _published(coverage: str) -> QuerySet[Vintage]:
    return _published_all().filter(coverage__slug=coverage)


def _what_there_is(coverage: str) -> str | None:
    rows = list(_published(coverage).order_by("effective_from").values_list("label", "effective_from", "extract"))
    if not rows:
        return None
    return "Published are " + ", ".join(
        f"{label} (only by name)" if extract else f"{label} (from {effective_from})" for label, effective_from, extract in rows
    )

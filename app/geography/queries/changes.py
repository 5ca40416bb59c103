"""Changes of regions between vintages, and codes that are reused for another place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import Error
from django.db.models import Case, Count, Q, QuerySet, When
from django.db.models.functions import Greatest

from geography.constants import CHANGE_KINDS, COVERAGE_WORDS, SLIVER_SHARE
from geography.db.routing import connection
from geography.errors import ParameterInvalid, VintagesNotCompared
from geography.models import Change, Counterpart, Kind, Region, Status, Vintage
from geography.translation import Message
from geography.vintages import snapshot
from geography.vintages.catalogue import Catalogue, published

# Kinds in the opposite direction: a split becomes a merge, and a region that is gone becomes a new region.
_MIRROR = {Kind.SPLIT: "merged", Kind.MERGED: "split", Kind.GONE: "new"}
_HEAVY = ("geom", "rep_point", "search_text", "attributes")


@dataclass(frozen=True, slots=True)
class Changed:
    """Change of a region of one of two vintages.

    Attributes:
        side: `from` or `to`, the vintage of the region.
        kind: one of `constants.CHANGE_KINDS`, in the direction from `from` to `to`. A region of `to` that is a part of a region
            of `from` also has the kind `split`.
        share_outside: part of the region, 0 to 1, that no region of the other vintage covers.
        code_reused: True if the other vintage has the same code for another place.
        counterparts: common areas with regions of the other vintage (`other_region`), largest area first.
        slivers: number of counterparts omitted because both shares are below `constants.SLIVER_SHARE`.
    """

    side: str
    region: Region
    kind: str
    share_outside: float
    code_reused: bool
    counterparts: Sequence[Counterpart]
    slivers: int


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A page of the list of changes.

    Attributes:
        changes: in the order of codes; for a code in both vintages, the region of `from` comes first.
        matched: number of changes on all pages.
        summary: numbers of regions of the whole vintages, by side and kind.
    """

    changes: Sequence[Changed]
    matched: int
    summary: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ReusedCode:
    """A code that another vintage has for another place: label of that vintage and names of that place."""

    vintage: str
    name_en: str
    name_fr: str


def changes_page(
    *,
    from_vintage: Vintage,
    to_vintage: Vintage,
    limit: int,
    offset: int = 0,
    kind: str | None = None,
    code: str | None = None,
) -> ChangesPage:
    """Return the changes of regions between two published vintages of a coverage; either can be the earlier.

    Slivers, which exist only because the vintages draw the same border differently, are omitted.

    Args:
        kind: filter, one of `constants.CHANGE_KINDS`. code: filter, a code in either vintage.

    Raises: ParameterInvalid if both vintages are the same; VintagesNotCompared for a demonstration, and before the comparison
    of the two is computed. Queries: 4.
    """
    if from_vintage.pk == to_vintage.pk:
        raise ParameterInvalid(
            Message("A vintage cannot be compared with itself."), parameter="b", hint=Message("Name another vintage.")
        )
    sides = {
        "from": Q(region__vintage=from_vintage, other_vintage=to_vintage),
        "to": Q(region__vintage=to_vintage, other_vintage=from_vintage),
    }
    both = Change.objects.filter(sides["from"] | sides["to"])
    summary = _summary(both, from_vintage)
    if not any(summary.values()):
        raise VintagesNotCompared(
            Message(
                "Vintages %(one)s and %(other)s of %(coverage)s are not compared.",
                one=from_vintage.label,
                other=to_vintage.label,
                coverage=COVERAGE_WORDS.get(from_vintage.coverage.slug, from_vintage.coverage.slug),
            ),
            parameter="b",
            hint=Message("One of the two is a demonstration.") if from_vintage.demo or to_vintage.demo else None,
        )
    filtered = both
    if kind is not None:
        filtered = filtered.filter(sides["from"] & Q(kind=kind) | sides["to"] & Q(kind__in=_kinds_seen_as(kind)))
    if code is not None:
        filtered = filtered.filter(region__code=code)
    matched = filtered.count()
    from_first = Case(When(region__vintage=from_vintage, then=0), default=1)
    ordered = _light(filtered.select_related("region"), "region").order_by("region__code", from_first)
    rows = list(ordered[offset : offset + limit])
    counterparts, slivers = _counterparts([row.region_id for row in rows], (from_vintage, to_vintage))
    changes = []
    for row in rows:
        side = "from" if row.region.vintage_id == from_vintage.pk else "to"
        changes.append(
            Changed(
                side=side,
                region=row.region,
                kind=_kind_seen_from(row.kind, side),
                share_outside=row.share_outside,
                code_reused=row.code_reused,
                counterparts=counterparts.get(row.region_id, []),
                slivers=slivers.get(row.region_id, 0),
            )
        )
    return ChangesPage(changes, matched, summary)


def reused_codes(vintage: Vintage) -> dict[str, tuple[ReusedCode, ...]]:
    """Return the codes of a vintage that another published vintage has for another place, latest vintage first.

    Two regions with one code are different places if they share less than `constants.CHANGE_REUSED_SHARE` of the larger. Empty
    for most vintages. Cached until the next publication, and on disk for processes that start without a database.
    Queries: those of `catalogue.published`; 1 more after a publication.
    """
    catalogue = published()
    cached = _cache.codes
    if cached is None or cached[0] is not catalogue:
        cached = _cache.codes = (catalogue, _reused_codes_of(catalogue))
    return cached[1].get(vintage.pk, {})


class _Cache:
    """Reused codes of all vintages of a catalogue. A publication creates another catalogue."""

    codes: tuple[Catalogue, Mapping[int, dict[str, tuple[ReusedCode, ...]]]] | None = None


_cache = _Cache()
_NAME = "reused-codes"


def _reused_codes_of(catalogue: Catalogue) -> Mapping[int, dict[str, tuple[ReusedCode, ...]]]:
    try:
        codes_by_vintage = _reused_codes()
    except Error:
        loaded = snapshot.load(_NAME)
        if loaded is None or loaded[0].get("revision") != catalogue.revision:
            raise
        return {
            int(vintage): {code: tuple(ReusedCode(*place) for place in places) for code, places in codes.items()}
            for vintage, codes in loaded[0]["codes"].items()
        }
    content = {
        str(vintage): {
            code: [[place.vintage, place.name_en, place.name_fr] for place in places] for code, places in codes.items()
        }
        for vintage, codes in codes_by_vintage.items()
    }
    snapshot.save(_NAME, {"revision": catalogue.revision, "codes": content})
    return codes_by_vintage


def _reused_codes() -> dict[int, dict[str, tuple[ReusedCode, ...]]]:
    codes_by_vintage: dict[int, dict[str, tuple[ReusedCode, ...]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT here.vintage_id, here.code, other.label, there.name_en, there.name_fr
            FROM change
            JOIN region AS here ON here.id = change.region_id
            JOIN vintage AS own ON own.id = here.vintage_id
            JOIN vintage AS other ON other.id = change.other_vintage_id
            JOIN region AS there ON there.vintage_id = other.id AND there.code = here.code
            WHERE change.code_reused AND own.status = %(published)s AND other.status = %(published)s
            ORDER BY here.vintage_id, here.code, other.effective_from DESC, other.id
            """,
            {"published": Status.PUBLISHED},
        )
        for vintage, code, label, name_en, name_fr in cursor:
            codes = codes_by_vintage.setdefault(vintage, {})
            codes[code] = (*codes.get(code, ()), ReusedCode(label, name_en, name_fr))
    return codes_by_vintage


def _kind_seen_from(kind: str, side: str) -> str:
    return _MIRROR.get(Kind(kind), kind) if side == "to" else kind


def _kinds_seen_as(kind: str) -> list[str]:
    return [stored for stored in Kind.values if _kind_seen_from(stored, "to") == kind]


def _summary(changes: QuerySet[Change], from_vintage: Vintage) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {"from": {}, "to": {}}
    for vintage, kind, number in changes.values_list("region__vintage", "kind").annotate(Count("pk")).order_by():
        side = "from" if vintage == from_vintage.pk else "to"
        counts[side][_kind_seen_from(kind, side)] = number
    return {side: {kind: numbers[kind] for kind in CHANGE_KINDS if kind in numbers} for side, numbers in counts.items()}


def _light(rows: QuerySet, relation: str) -> QuerySet:  # type: ignore[type-arg]
    """Return the query without the large columns of the related region."""
    return rows.defer(*(f"{relation}__{name}" for name in _HEAVY))


def _counterparts(regions: list[int], vintages: tuple[Vintage, Vintage]) -> tuple[dict[int, list[Counterpart]], dict[int, int]]:
    """Return by region the counterparts without slivers, and the number of slivers. Queries: 1."""
    rows = Counterpart.objects.filter(region__in=regions, other_region__vintage__in=vintages).annotate(
        largest_share=Greatest("share_of_region", "share_of_other")
    )
    counterparts: dict[int, list[Counterpart]] = {}
    slivers: dict[int, int] = {}
    for row in _light(rows.select_related("other_region"), "other_region").order_by("-area_km2", "other_region__code"):
        if row.largest_share >= SLIVER_SHARE:
            counterparts.setdefault(row.region_id, []).append(row)
        else:
            slivers[row.region_id] = slivers.get(row.region_id, 0) + 1
    return counterparts, slivers

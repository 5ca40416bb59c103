"""Changes of regions between vintages, and codes that mean another place in another vintage."""

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

# Seen from the other end: what was divided there was joined here, and what is gone on the way there is new on the way here.
_MIRROR = {Kind.SPLIT: "merged", Kind.MERGED: "split", Kind.GONE: "new"}
_HEAVY = ("geom", "rep_point", "search_text", "attributes")


@dataclass(frozen=True, slots=True)
class Changed:
    """A region of either vintage and what became of it.

    Attributes:
        side: `from` or `to`: which of the two vintages the region is of.
        kind: one of `conf.CHANGE_KINDS`, on the way from `from` to `to`: a region of `to` that is a part of one of `from` is
            `split` too.
        share_outside: part of the region, 0 to 1, that no region of the other vintage covers.
        code_reused: True where the other vintage has the same code for another place.
        counterparts: with `other`, the regions that it shares an area with, largest area first.
        slivers: how many of them were left out because both shares are under `conf.SLIVER_SHARE`.
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
    """A part of the list of changes.

    Attributes:
        changes: in the order of codes; where both vintages have a code, that of `from` comes first.
        matched: how many there are in all.
        summary: of the two vintages as a whole, by side and kind.
    """

    changes: Sequence[Changed]
    matched: int
    summary: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ReusedCode:
    """A code that means another place in another vintage: its label, and what the place is called there."""

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
    """Return what became of the regions of two published vintages of one coverage on the way from one to the other.

    Either may be the earlier one. Slivers, which come from vintages that are not drawn along the same lines, are left out.

    Args:
        kind: only these, one of `conf.CHANGE_KINDS`. code: only regions with this code, in either vintage.

    Raises: ParameterInvalid for twice the same vintage; VintagesNotCompared for one that is made up, and before the two are
    compared. Queries: 4.
    """
    if from_vintage.pk == to_vintage.pk:
        raise ParameterInvalid(
            Message("A vintage has no changes from itself."), parameter="b", hint=Message("Name another vintage.")
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
            hint=Message("One of them is made up.") if from_vintage.demo or to_vintage.demo else None,
        )
    wanted = both
    if kind is not None:
        wanted = wanted.filter(sides["from"] & Q(kind=kind) | sides["to"] & Q(kind__in=_kinds_seen_as(kind)))
    if code is not None:
        wanted = wanted.filter(region__code=code)
    matched = wanted.count()
    first = Case(When(region__vintage=from_vintage, then=0), default=1)
    rows = list(_light(wanted.select_related("region"), "region").order_by("region__code", first)[offset : offset + limit])
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
    """Return the codes of a vintage that mean another place in another published one, latest vintage first.

    Two regions with one code are two places where they share less than `conf.CHANGE_REUSED_SHARE` of the larger one.
    Empty for most vintages. Remembered for as long as the same vintages are published.
    Kept on disk, too: where the tables cannot be asked, a process that knows of the same vintages takes it from there.
    Queries: those of `catalogue.published`; the first time 1 more.
    """
    catalogue = published()
    remembered = _memory.item
    if remembered is None or remembered[0] is not catalogue:
        remembered = _memory.item = (catalogue, _reused_codes_of(catalogue))
    return remembered[1].get(vintage.pk, {})


class _Memory:
    """A catalogue, and beside it the reused codes of every vintage in it. A publication makes another catalogue."""

    item: tuple[Catalogue, Mapping[int, dict[str, tuple[ReusedCode, ...]]]] | None = None


_memory = _Memory()
_NAME = "reused-codes"


def _reused_codes_of(catalogue: Catalogue) -> Mapping[int, dict[str, tuple[ReusedCode, ...]]]:
    try:
        result = _reused_codes()
    except Error:
        loaded = snapshot.load(_NAME)
        if loaded is None or loaded[0].get("revision") != catalogue.revision:
            raise
        return {
            int(vintage): {code: tuple(ReusedCode(*other) for other in others) for code, others in codes.items()}
            for vintage, codes in loaded[0]["codes"].items()
        }
    codes = {
        str(vintage): {
            code: [[other.vintage, other.name_en, other.name_fr] for other in others] for code, others in codes.items()
        }
        for vintage, codes in result.items()
    }
    snapshot.save(_NAME, {"revision": catalogue.revision, "codes": codes})
    return result


def _reused_codes() -> dict[int, dict[str, tuple[ReusedCode, ...]]]:
    result: dict[int, dict[str, tuple[ReusedCode, ...]]] = {}
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
        for vintage, code, *rest in cursor:
            codes = result.setdefault(vintage, {})
            codes[code] = (*codes.get(code, ()), ReusedCode(*rest))
    return result


def _kind_seen_from(kind: str, side: str) -> str:
    return _MIRROR.get(Kind(kind), kind) if side == "to" else kind


def _kinds_seen_as(kind: str) -> list[str]:
    return [value for value in Kind.values if _kind_seen_from(value, "to") == kind]


def _summary(changes: QuerySet[Change], from_vintage: Vintage) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {"from": {}, "to": {}}
    for vintage, kind, number in changes.values_list("region__vintage", "kind").annotate(Count("pk")).order_by():
        side = "from" if vintage == from_vintage.pk else "to"
        counted[side][_kind_seen_from(kind, side)] = number
    return {side: {kind: numbers[kind] for kind in CHANGE_KINDS if kind in numbers} for side, numbers in counted.items()}


def _light(rows: QuerySet, to_region: str) -> QuerySet:  # type: ignore[type-arg]
    return rows.defer(*(f"{to_region}__{name}" for name in _HEAVY))


def _counterparts(regions: list[int], vintages: tuple[Vintage, Vintage]) -> tuple[dict[int, list[Counterpart]], dict[int, int]]:
    """Return by region those that count, and how many do not. Queries: 1."""
    rows = Counterpart.objects.filter(region__in=regions, other__vintage__in=vintages).annotate(
        largest_share=Greatest("share_of_region", "share_of_other")
    )
    shown: dict[int, list[Counterpart]] = {}
    slivers: dict[int, int] = {}
    for row in _light(rows.select_related("other"), "other").order_by("-area_km2", "other__code"):
        if row.largest_share >= SLIVER_SHARE:
            shown.setdefault(row.region_id, []).append(row)
        else:
            slivers[row.region_id] = slivers.get(row.region_id, 0) + 1
    return shown, slivers

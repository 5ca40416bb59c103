"""Changes of regions between two vintages of a coverage, computed once for every published pair."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection

from geography.constants import (
    CHANGE_COVERED_BY_EXTRACT_SHARE,
    CHANGE_COVERED_SHARE,
    CHANGE_MAIN_SHARE,
    CHANGE_REUSED_SHARE,
    CHANGE_SAME_SHARE,
    CHANGE_WHOLE_SHARE,
)
from geography.models import Change, Counterpart, Kind, Status, Vintage
from geography.normalize import normalize
from loader.geometry.rounding import area_sql, share_sql
from loader.relations.overlaps import LEAST_KM2, REGIONS_AT_ONCE, SHARED_AREAS_SQL

_COUNTERPART_SQL = f"""
    INSERT INTO counterpart (region_id, other_id, area_km2, share_of_region, share_of_other)
    SELECT way.region_id, way.other_id, {area_sql("shared.area_km2")},
           {share_sql("shared.area_km2 / region.area_km2")}, {share_sql("shared.area_km2 / other.area_km2")}
    FROM ({SHARED_AREAS_SQL}) AS shared
    CROSS JOIN LATERAL (VALUES (shared.one_id, shared.other_id), (shared.other_id, shared.one_id)) AS way (region_id, other_id)
    JOIN region ON region.id = way.region_id
    JOIN region AS other ON other.id = way.other_id
    WHERE shared.area_km2 >= {LEAST_KM2}
"""


@dataclass(slots=True)
class Side:
    """A region of one of the two vintages.

    Attributes:
        name: its names without case, accents and punctuation: what differs in those alone is no new name.
        links: area in km2 shared with each region of the other vintage, by its id.
    """

    id: int
    code: str
    name: tuple[str, str]
    area_km2: float
    links: dict[int, float] = field(default_factory=dict)

    @property
    def covered_km2(self) -> float:
        """The area that the other vintage covers; more than once where its regions overlap."""
        return sum(self.links.values())

    @property
    def is_covered(self) -> bool:
        """Whether that is more than slivers."""
        return self.covered_km2 >= self.area_km2 * CHANGE_COVERED_SHARE


def missing_pairs(vintage: Vintage) -> list[tuple[Vintage, Vintage]]:
    """Return the pairs of this vintage with a published one of its coverage that are not compared yet.

    Made-up boundaries are compared with none, and a vintage not with the earlier load that it takes the place of. Queries: 2.
    """
    others = Vintage.objects.select_related("coverage").filter(
        coverage=vintage.coverage_id, status=Status.PUBLISHED, demo=False
    )
    if vintage.demo or vintage.region_count == 0:
        return []
    done = set(Change.objects.filter(region__vintage=vintage).values_list("other_vintage", flat=True).distinct())
    return [
        (vintage, other)
        for other in others.exclude(pk=vintage.pk).exclude(label=vintage.label).order_by("pk")
        if other.pk not in done
    ]


def compute_changes(vintage: Vintage, other: Vintage, on_regions: Callable[[int], None]) -> None:
    """Store what two vintages share and what became of the regions of both. Queries: 1 for every 50 regions, and 5."""
    ids = list(vintage.regions.order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        for start in range(0, len(ids), REGIONS_AT_ONCE):
            batch = ids[start : start + REGIONS_AT_ONCE]
            cursor.execute(_COUNTERPART_SQL, {"regions": batch, "other_vintage": other.pk})
            on_regions(len(batch))
    here, there = _sides(vintage), _sides(other)
    for region, counterpart, area in Counterpart.objects.filter(region__vintage=vintage, other__vintage=other).values_list(
        "region", "other", "area_km2"
    ):
        here[region].links[counterpart] = area
        there[counterpart].links[region] = area
    Change.objects.bulk_create(
        [*_changes(here, there, other), *_changes(there, here, vintage)],
        batch_size=2_000,
    )


def _sides(vintage: Vintage) -> dict[int, Side]:
    rows = vintage.regions.values_list("pk", "code", "name_en", "name_fr", "area_km2")
    return {pk: Side(pk, code, (normalize(name_en), normalize(name_fr)), area) for pk, code, name_en, name_fr, area in rows}


def _changes(regions: Mapping[int, Side], others: Mapping[int, Side], other_vintage: Vintage) -> Iterable[Change]:
    by_code = {other.code: other for other in others.values()}
    for region in regions.values():
        yield Change(
            region_id=region.id,
            other_vintage=other_vintage,
            kind=kind_of(region, others, regions, of_extract=other_vintage.extract),
            share_outside=round(min(max(1 - region.covered_km2 / region.area_km2, 0.0), 1.0), 9),
            code_reused=is_reused(region, by_code.get(region.code)),
        )


def kind_of(region: Side, others: Mapping[int, Side], peers: Mapping[int, Side], *, of_extract: bool) -> Kind:
    """Return what became of a region on the way to the other vintage.

    Args:
        others: the regions of the other vintage by id. peers: those of the region's own.
        of_extract: True where the other vintage holds a part of the country. A region is compared with it only where it is
            mostly covered, or where all of its namesake lies in it (the rest is water then).

    In this order: nothing there to compare with (gone, or outside an extract); one place (kept, renamed, recoded); a part of
    it became a region of its own (split); it went whole into one that another went into whole as well (merged); it is in the
    main what one is in the main (moved: its border did). What is left went whole into one (merged) or into several (split).
    """
    if not _is_comparable(region, others, of_extract=of_extract):
        return Kind.OUTSIDE if of_extract else Kind.GONE
    main = others[max(region.links, key=lambda item: region.links[item])]
    share, back = _shares(region, main)
    if min(share, back) >= CHANGE_SAME_SHARE:
        if region.code != main.code:
            return Kind.RECODED
        return Kind.KEPT if region.name == main.name else Kind.RENAMED
    return _redrawn(region, main, others, peers)


def _redrawn(region: Side, main: Side, others: Mapping[int, Side], peers: Mapping[int, Side]) -> Kind:
    """Return what became of a region that is not the same place any more; `main` has the most of it."""
    share, back = _shares(region, main)
    if any(_shares(region, partner)[1] >= CHANGE_WHOLE_SHARE for partner in _partners(region, others) if partner is not main):
        return Kind.SPLIT
    whole = share >= CHANGE_WHOLE_SHARE
    if whole and any(
        _shares(partner, main)[0] >= CHANGE_WHOLE_SHARE for partner in _partners(main, peers) if partner is not region
    ):
        return Kind.MERGED
    if min(share, back) >= CHANGE_MAIN_SHARE:
        return Kind.MOVED
    return Kind.MERGED if whole else Kind.SPLIT


def _partners(region: Side, others: Mapping[int, Side]) -> Iterable[Side]:
    """Yield the regions that share an area with one and of which that says anything."""
    return (others[link] for link in region.links if others[link].is_covered)


def _is_comparable(region: Side, others: Mapping[int, Side], *, of_extract: bool) -> bool:
    if not of_extract or not region.is_covered:
        return region.is_covered
    namesakes = [others[link] for link in region.links if others[link].code == region.code]
    whole = any(_shares(region, namesake)[1] >= CHANGE_WHOLE_SHARE for namesake in namesakes)
    return whole or region.covered_km2 >= region.area_km2 * CHANGE_COVERED_BY_EXTRACT_SHARE


def is_reused(region: Side, namesake: Side | None) -> bool:
    """Say whether the region of the other vintage with the same code is another place."""
    if namesake is None:
        return False
    return min(_shares(region, namesake)) < CHANGE_REUSED_SHARE


def _shares(region: Side, other: Side) -> tuple[float, float]:
    """Return the area that two regions share as parts of what is compared of each, 0 where nothing is."""
    area = region.links.get(other.id, 0.0)
    return (area / region.covered_km2, area / other.covered_km2) if area else (0.0, 0.0)

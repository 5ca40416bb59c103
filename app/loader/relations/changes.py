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
from loader.relations.overlaps import MIN_OVERLAP_KM2, REGIONS_PER_BATCH, SHARED_AREAS_SQL

_COUNTERPART_SQL = f"""
    INSERT INTO counterpart (region_id, other_id, area_km2, share_of_region, share_of_other)
    SELECT pair.region_id, pair.other_id, {area_sql("shared.area_km2")},
           {share_sql("shared.area_km2 / region.area_km2")}, {share_sql("shared.area_km2 / other.area_km2")}
    FROM ({SHARED_AREAS_SQL}) AS shared
    CROSS JOIN LATERAL (
        VALUES (shared.region_id, shared.other_id), (shared.other_id, shared.region_id)
    ) AS pair (region_id, other_id)
    JOIN region ON region.id = pair.region_id
    JOIN region AS other ON other.id = pair.other_id
    WHERE shared.area_km2 >= {MIN_OVERLAP_KM2}
"""


@dataclass(slots=True)
class ComparedRegion:
    """A region of one of the two compared vintages.

    Attributes:
        name: normalised names (en, fr): a difference in case, accents or punctuation alone is not a new name.
        shared_km2: area in km2 shared with each region of the other vintage, by its id.
    """

    id: int
    code: str
    name: tuple[str, str]
    area_km2: float
    shared_km2: dict[int, float] = field(default_factory=dict)

    @property
    def covered_km2(self) -> float:
        """Area covered by the other vintage; overlaps of its regions count more than once."""
        return sum(self.shared_km2.values())

    @property
    def is_covered(self) -> bool:
        """Whether the covered area is more than slivers."""
        return self.covered_km2 >= self.area_km2 * CHANGE_COVERED_SHARE


def missing_pairs(vintage: Vintage) -> list[tuple[Vintage, Vintage]]:
    """Return the pairs of this vintage and a published vintage of its coverage that are not compared yet.

    Not compared: demonstrations, and a vintage with the earlier load of its own label. Queries: 2.
    """
    others = Vintage.objects.select_related("coverage").filter(
        coverage=vintage.coverage_id, status=Status.PUBLISHED, demo=False
    )
    if vintage.demo or vintage.region_count == 0:
        return []
    compared = set(Change.objects.filter(region__vintage=vintage).values_list("other_vintage", flat=True).distinct())
    return [
        (vintage, other_vintage)
        for other_vintage in others.exclude(pk=vintage.pk).exclude(label=vintage.label).order_by("pk")
        if other_vintage.pk not in compared
    ]


def compute_changes(vintage: Vintage, other_vintage: Vintage, on_regions: Callable[[int], None]) -> None:
    """Store the shared areas of two vintages and the changes in both directions. Queries: 1 for every 50 regions, and 5."""
    ids = list(vintage.regions.order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        for start in range(0, len(ids), REGIONS_PER_BATCH):
            batch = ids[start : start + REGIONS_PER_BATCH]
            cursor.execute(_COUNTERPART_SQL, {"regions": batch, "other_vintage": other_vintage.pk})
            on_regions(len(batch))
    here, there = _compared_regions(vintage), _compared_regions(other_vintage)
    counterparts = Counterpart.objects.filter(region__vintage=vintage, other_region__vintage=other_vintage)
    for region, counterpart, area in counterparts.values_list("region", "other_region", "area_km2"):
        here[region].shared_km2[counterpart] = area
        there[counterpart].shared_km2[region] = area
    Change.objects.bulk_create(
        [*_changes(here, there, other_vintage), *_changes(there, here, vintage)],
        batch_size=2_000,
    )


def _compared_regions(vintage: Vintage) -> dict[int, ComparedRegion]:
    rows = vintage.regions.values_list("pk", "code", "name_en", "name_fr", "area_km2")
    return {
        pk: ComparedRegion(pk, code, (normalize(name_en), normalize(name_fr)), area)
        for pk, code, name_en, name_fr, area in rows
    }


def _changes(
    regions: Mapping[int, ComparedRegion], others: Mapping[int, ComparedRegion], other_vintage: Vintage
) -> Iterable[Change]:
    by_code = {region.code: region for region in others.values()}
    for region in regions.values():
        yield Change(
            region_id=region.id,
            other_vintage=other_vintage,
            kind=classify_change(region, others, regions, to_extract=other_vintage.extract),
            share_outside=round(min(max(1 - region.covered_km2 / region.area_km2, 0.0), 1.0), 9),
            code_reused=is_code_reused(region, by_code.get(region.code)),
        )


def classify_change(
    region: ComparedRegion, others: Mapping[int, ComparedRegion], peers: Mapping[int, ComparedRegion], *, to_extract: bool
) -> Kind:
    """Return the kind of change of a region from its own vintage to the other.

    Args:
        others: regions of the other vintage by id. peers: regions of the region's own vintage.
        to_extract: True if the other vintage is an extract. A region is compared with an extract only if it is mostly covered,
            or if it contains all of the region with the same code (the rest is then water).

    Tested in this order: no counterpart (gone, or outside an extract); the same area (kept, renamed, recoded); a part became
    a separate region (split); the whole region and another whole region went into one (merged); the region and its
    counterpart have most of each other (moved: the border moved). Remaining cases: the whole region went into one region
    (merged), or into several (split).
    """
    if not _is_comparable(region, others, to_extract=to_extract):
        return Kind.OUTSIDE if to_extract else Kind.GONE
    main = others[max(region.shared_km2, key=region.shared_km2.__getitem__)]
    share, back = _shares(region, main)
    if min(share, back) >= CHANGE_SAME_SHARE:
        if region.code != main.code:
            return Kind.RECODED
        return Kind.KEPT if region.name == main.name else Kind.RENAMED
    return _classify_redrawn(region, main, others, peers)


def _classify_redrawn(
    region: ComparedRegion, main: ComparedRegion, others: Mapping[int, ComparedRegion], peers: Mapping[int, ComparedRegion]
) -> Kind:
    """Return the kind of change of a region that is no longer the same area; `main` has the largest part of it."""
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


def _partners(region: ComparedRegion, others: Mapping[int, ComparedRegion]) -> Iterable[ComparedRegion]:
    """Yield the regions that share an area with a region, except those covered by slivers alone."""
    return (others[pk] for pk in region.shared_km2 if others[pk].is_covered)


def _is_comparable(region: ComparedRegion, others: Mapping[int, ComparedRegion], *, to_extract: bool) -> bool:
    if not to_extract or not region.is_covered:
        return region.is_covered
    namesakes = [others[pk] for pk in region.shared_km2 if others[pk].code == region.code]
    whole = any(_shares(region, namesake)[1] >= CHANGE_WHOLE_SHARE for namesake in namesakes)
    return whole or region.covered_km2 >= region.area_km2 * CHANGE_COVERED_BY_EXTRACT_SHARE


def is_code_reused(region: ComparedRegion, namesake: ComparedRegion | None) -> bool:
    """Return whether the region with the same code in the other vintage is a different area; False without one."""
    if namesake is None:
        return False
    return min(_shares(region, namesake)) < CHANGE_REUSED_SHARE


def _shares(region: ComparedRegion, counterpart: ComparedRegion) -> tuple[float, float]:
    """Return the area that two regions share as parts of the covered area of each; (0, 0) for regions that share none."""
    area = region.shared_km2.get(counterpart.id, 0.0)
    return (area / region.covered_km2, area / counterpart.covered_km2) if area else (0.0, 0.0)

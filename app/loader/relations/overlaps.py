"""Overlaps of the FSAs of one vintage and the health regions of another, computed at load time."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import shapely
from django.db import connection
from django.db.models import Q

from geography.codes import fsa_provinces
from geography.constants import (
    COVERAGE_FSA,
    COVERAGE_HEALTH_REGIONS,
    FULL_MAX_SEGMENT_M,
    SLIVER_LARGEST_SHARE,
    SLIVER_SHARE,
    UNITS_LEAST,
)
from geography.models import Artefact, Overlap, Status, Vintage
from loader.geometry.coverage_fit import width
from loader.geometry.rounding import area_sql, share_sql

# Area on the ellipsoid (GRS 80, in NAD83 degrees). Long edges are segmented first, so that they follow the straight lines of
# the projection.
_KM2 = f"ST_Area(ST_Transform(ST_Segmentize({{}}, {FULL_MAX_SEGMENT_M}), 4269)::geography) / 1e6"
# Intersection of pieces: pieces are small, so each is fast, and a piece inside another needs none.
SHARED_AREAS_SQL = f"""
    SELECT part.region_id, other.region_id AS other_id, sum({_KM2.format("shared.geom")}) AS area_km2
    FROM region_part AS part JOIN region_part AS other ON ST_Intersects(part.geom, other.geom)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN ST_Covers(other.geom, part.geom) THEN part.geom
                    WHEN ST_Covers(part.geom, other.geom) THEN other.geom
                    ELSE ST_CollectionExtract(ST_Intersection(part.geom, other.geom), 3) END AS geom
    ) AS shared
    WHERE part.region_id = ANY(%(regions)s) AND other.vintage_id = %(other_vintage)s
    GROUP BY part.region_id, other.region_id
"""
REGIONS_PER_BATCH = 50
# A square metre: a smaller overlap is a rounding error of regions that touch.
MIN_OVERLAP_KM2 = 1e-6

_OVERLAP_SQL = f"""
    INSERT INTO overlap
        (fsa_id, health_region_id, fsa_vintage_id, health_region_vintage_id, area_km2, share_of_fsa, share_of_region)
    SELECT fsa.id, health_region.id, fsa.vintage_id, health_region.vintage_id, {area_sql("shared.area_km2")},
           {share_sql("shared.area_km2 / fsa.area_km2")}, {share_sql("shared.area_km2 / health_region.area_km2")}
    FROM ({SHARED_AREAS_SQL}) AS shared
    JOIN region AS fsa ON fsa.id = shared.region_id
    JOIN region AS health_region ON health_region.id = shared.other_id
    WHERE shared.area_km2 >= {MIN_OVERLAP_KM2}
"""

# The share of an FSA outside every region. The sum of its overlaps counts an area twice where regions of one vintage overlap
# each other. That happens only in pieces of the FSA that meet several regions: there the union is computed, and the excess of
# the sum over it is subtracted. The stored areas are exact to a square metre, so the share is exact to that of each overlap.
_OUTSIDE_SQL = f"""
    WITH pair AS MATERIALIZED (
        SELECT part.id, part.region_id AS fsa_id, part.geom, other.geom AS other_geom, other.region_id AS other_id
        FROM region_part AS part JOIN region_part AS other ON ST_Intersects(part.geom, other.geom)
        WHERE part.region_id = ANY(%(regions)s) AND other.vintage_id = %(other_vintage)s
    ), shared AS MATERIALIZED (
        SELECT id, fsa_id,
               CASE WHEN ST_Covers(other_geom, geom) THEN geom
                    ELSE ST_CollectionExtract(ST_Intersection(geom, other_geom), 3) END AS geom
        FROM pair
        WHERE id IN (SELECT id FROM pair GROUP BY id HAVING min(other_id) <> max(other_id))
    ), piece AS (
        SELECT fsa_id, sum({_KM2.format("geom")}) - {_KM2.format("ST_CollectionExtract(ST_Union(geom), 3)")} AS excess_km2
        FROM shared GROUP BY id, fsa_id
    ), excess AS (
        SELECT fsa_id, sum(excess_km2) AS km2 FROM piece GROUP BY fsa_id
    )
    UPDATE overlap SET share_outside = {share_sql("1 - (covered.km2 - coalesce(excess.km2, 0)) / fsa.area_km2")}
    FROM (
        SELECT fsa_id, sum(area_km2) AS km2 FROM overlap
        WHERE fsa_id = ANY(%(regions)s) AND health_region_vintage_id = %(other_vintage)s
        GROUP BY fsa_id
    ) AS covered
    JOIN region AS fsa ON fsa.id = covered.fsa_id
    LEFT JOIN excess ON excess.fsa_id = covered.fsa_id
    WHERE overlap.fsa_id = covered.fsa_id AND overlap.health_region_vintage_id = %(other_vintage)s
"""

_SHAPES_SQL = """
    SELECT overlap.id, ST_AsBinary(ST_Collect(ST_CollectionExtract(ST_Intersection(part.geom, other.geom), 3)))
    FROM overlap
    JOIN region_part AS part ON part.region_id = overlap.fsa_id
    JOIN region_part AS other ON other.region_id = overlap.health_region_id AND ST_Intersects(part.geom, other.geom)
    WHERE overlap.id = ANY(%s)
    GROUP BY overlap.id
"""
# Metres. Largest gap between the pieces of a shape along a cut.
_SEAM_M = 0.01
# Overlaps across provinces are certainly artefacts. This quantile of their widths limits the width of a sliver: the widest few
# are river mouths and bays that one of the vintages leaves out.
_SLIVER_QUANTILE = 0.9


def missing_pairs(vintage: Vintage) -> list[tuple[Vintage, Vintage]]:
    """Return the (FSA vintage, health-region vintage) pairs of this vintage and a published one without stored overlaps.

    Empty for other coverages. Queries: 2.
    """
    slugs = {COVERAGE_FSA: COVERAGE_HEALTH_REGIONS, COVERAGE_HEALTH_REGIONS: COVERAGE_FSA}
    other_slug = slugs.get(vintage.coverage.slug)
    others = Vintage.objects.select_related("coverage").filter(coverage__slug=other_slug, status=Status.PUBLISHED)
    pairs = [(vintage, second) if other_slug == COVERAGE_HEALTH_REGIONS else (second, vintage) for second in others]
    computed = set(
        Overlap.objects.filter(fsa_vintage__in=[fsa for fsa, _ in pairs])
        .values_list("fsa_vintage", "health_region_vintage")
        .distinct()
    )
    return [(fsa, region) for fsa, region in pairs if (fsa.pk, region.pk) not in computed]


def compute_overlaps(fsa_vintage: Vintage, health_region_vintage: Vintage, on_fsas: Callable[[int], None]) -> None:
    """Store the overlaps of two vintages. Regions that only touch do not overlap. Queries: 1 for every 50 FSAs, and 1."""
    ids = list(fsa_vintage.regions.order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        for start in range(0, len(ids), REGIONS_PER_BATCH):
            batch = ids[start : start + REGIONS_PER_BATCH]
            cursor.execute(_OVERLAP_SQL, {"regions": batch, "other_vintage": health_region_vintage.pk})
            on_fsas(len(batch))


class _Candidate(NamedTuple):
    """An overlap that may be an artefact.

    Attributes:
        across: True if the region is in a province that the FSA's first letter excludes.
        misfit_m: sum of the misfits of FSA and region, metres.
    """

    pk: int
    fsa: str
    share: float
    across: bool
    misfit_m: float


def unclassified_pairs(vintage: Vintage) -> list[tuple[Vintage, Vintage]]:
    """Return the (FSA vintage, health-region vintage) pairs of this vintage with unclassified overlaps. Queries: 2."""
    rows = Overlap.objects.filter(Q(fsa_vintage=vintage) | Q(health_region_vintage=vintage), artefact=None)
    pairs = sorted(set(rows.values_list("fsa_vintage", "health_region_vintage")))
    vintages = Vintage.objects.select_related("coverage").in_bulk({pk for pair in pairs for pk in pair})
    return [(vintages[fsa], vintages[region]) for fsa, region in pairs]


def classify_overlaps(fsa_vintage: Vintage, health_region_vintage: Vintage) -> None:
    """Classify overlaps as real or as artefacts of two vintages that draw one border differently, and store the result.

    An overlap is an artefact if its region is in a province that the FSA's first letter excludes. It is also an artefact if it
    has less than `SLIVER_LARGEST_SHARE` of the FSA and is nowhere wider than the distance between the lines of the vintages,
    which comes from the misfit of FSA and region and from the overlaps across provinces. Overlaps with half of an FSA or more,
    and the largest overlap within its province, are never artefacts. Also store the share of each FSA outside all regions.

    Queries: 3, 1 for every 50 overlaps that are measured, and 1 for every 50 FSAs.
    """
    candidates = list(_candidates(fsa_vintage, health_region_vintage))
    widths = _widths([candidate.pk for candidate in candidates if candidate.across or candidate.share >= SLIVER_SHARE])
    across = [widths[candidate.pk] for candidate in candidates if candidate.across and candidate.share >= SLIVER_SHARE]
    line_distance_m = float(np.quantile(across, _SLIVER_QUANTILE)) if across else 0.0
    kinds: dict[int, str] = {}
    for candidate in candidates:
        if candidate.across:
            kinds[candidate.pk] = Artefact.PROVINCE.value
        elif candidate.share < SLIVER_SHARE or widths[candidate.pk] <= max(line_distance_m, candidate.misfit_m):
            kinds[candidate.pk] = Artefact.SLIVER.value
    pair = {"fsa_vintage": fsa_vintage.pk, "health_region_vintage": health_region_vintage.pk}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE overlap SET artefact = ''"
            " WHERE fsa_vintage_id = %(fsa_vintage)s AND health_region_vintage_id = %(health_region_vintage)s",
            pair,
        )
        cursor.execute(
            "UPDATE overlap SET artefact = measured.kind, width_m = measured.width_m"
            " FROM unnest(%(ids)s::bigint[], %(kinds)s::text[], %(widths)s::float8[]) AS measured (id, kind, width_m)"
            " WHERE overlap.id = measured.id",
            {
                "ids": [candidate.pk for candidate in candidates],
                "kinds": [kinds.get(candidate.pk, "") for candidate in candidates],
                "widths": [widths.get(candidate.pk) for candidate in candidates],
            },
        )
        ids = list(fsa_vintage.regions.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), REGIONS_PER_BATCH):
            batch = ids[start : start + REGIONS_PER_BATCH]
            cursor.execute(_OUTSIDE_SQL, {"regions": batch, "other_vintage": health_region_vintage.pk})


def _candidates(fsa_vintage: Vintage, health_region_vintage: Vintage) -> Iterator[_Candidate]:
    """Yield every overlap that may be an artefact: small and not the FSA's largest, or across provinces. Queries: 1."""
    rows = (
        Overlap.objects.filter(fsa_vintage=fsa_vintage, health_region_vintage=health_region_vintage)
        .order_by("fsa_id", "-share_of_fsa", "pk")
        .values_list(
            *("pk", "fsa__code", "share_of_fsa", "health_region__pruid", "fsa__misfit_m", "health_region__misfit_m"),
        )
    )
    previous = ""
    for pk, fsa, share, pruid, fsa_misfit_m, region_misfit_m in rows:
        across = bool(pruid) and pruid not in {province.pruid for province in fsa_provinces(fsa)}
        if share < 0.5 if across else share < SLIVER_LARGEST_SHARE and fsa == previous:
            yield _Candidate(pk, fsa, share, across, (fsa_misfit_m or 0.0) + (region_misfit_m or 0.0))
        if not across:
            previous = fsa


def _widths(overlaps: list[int]) -> dict[int, float]:
    """Return the width of each overlap at its widest place, in metres on the ground. Queries: 1 for every 50."""
    widths = {}
    with connection.cursor() as cursor:
        for start in range(0, len(overlaps), REGIONS_PER_BATCH):
            cursor.execute(_SHAPES_SQL, [overlaps[start : start + REGIONS_PER_BATCH]])
            for pk, wkb in cursor:
                # Regions are stored in pieces: the union removes the seams between them.
                whole = shapely.union_all(shapely.get_parts(shapely.from_wkb(bytes(wkb))), grid_size=_SEAM_M)
                part_widths = width(shapely.get_parts(whole))
                widths[pk] = round(float(part_widths.max(initial=0.0)) / UNITS_LEAST, 1)
    return {pk: widths.get(pk, 0.0) for pk in overlaps}

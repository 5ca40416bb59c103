"""How the FSAs of a vintage and the health regions of another overlap, computed once when either is loaded."""

from collections.abc import Callable

from django.db import connection

from geography.conf import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, FULL_MAX_SEGMENT_M
from geography.models import Overlap, Status, Vintage

# From piece to piece: each is small, so the intersection is quick, and a piece inside another needs none.
# Areas are measured on the ellipsoid (GRS 80, through NAD83's geographic system); long edges are cut first, so that they
# follow the projection's straight lines.
SHARED_AREAS_SQL = f"""
    SELECT one.region_id AS one_id, other.region_id AS other_id,
           sum(ST_Area(ST_Transform(ST_Segmentize(
               CASE WHEN ST_Covers(other.geom, one.geom) THEN one.geom
                    WHEN ST_Covers(one.geom, other.geom) THEN other.geom
                    ELSE ST_CollectionExtract(ST_Intersection(one.geom, other.geom), 3) END,
               {FULL_MAX_SEGMENT_M}), 4269)::geography)) / 1e6 AS area_km2
    FROM region_part AS one JOIN region_part AS other ON ST_Intersects(one.geom, other.geom)
    WHERE one.region_id = ANY(%(regions)s) AND other.vintage_id = %(other_vintage)s
    GROUP BY one.region_id, other.region_id
"""
REGIONS_AT_ONCE = 50

_OVERLAP_SQL = f"""
    INSERT INTO overlap
        (fsa_id, health_region_id, fsa_vintage_id, health_region_vintage_id, area_km2, share_of_fsa, share_of_region)
    SELECT fsa.id, health_region.id, fsa.vintage_id, health_region.vintage_id, shared.area_km2,
           least(shared.area_km2 / fsa.area_km2, 1), least(shared.area_km2 / health_region.area_km2, 1)
    FROM ({SHARED_AREAS_SQL}) AS shared
    JOIN region AS fsa ON fsa.id = shared.one_id
    JOIN region AS health_region ON health_region.id = shared.other_id
    WHERE shared.area_km2 > 0
"""


def missing_pairs(vintage: Vintage) -> list[tuple[Vintage, Vintage]]:
    """Return the (FSA vintage, health-region vintage) pairs of this one and a published one that are not computed yet.

    Empty for coverages that are neither. Queries: 2.
    """
    slugs = {COVERAGE_FSA: COVERAGE_HEALTH_REGIONS, COVERAGE_HEALTH_REGIONS: COVERAGE_FSA}
    other_slug = slugs.get(vintage.coverage.slug)
    others = Vintage.objects.select_related("coverage").filter(coverage__slug=other_slug, status=Status.PUBLISHED)
    pairs = [(vintage, other) if other_slug == COVERAGE_HEALTH_REGIONS else (other, vintage) for other in others]
    done = set(
        Overlap.objects.filter(fsa_vintage__in=[fsa for fsa, _ in pairs])
        .values_list("fsa_vintage", "health_region_vintage")
        .distinct()
    )
    return [(fsa, region) for fsa, region in pairs if (fsa.pk, region.pk) not in done]


def compute_overlaps(fsa_vintage: Vintage, health_region_vintage: Vintage, on_fsas: Callable[[int], None]) -> None:
    """Store the overlaps of two vintages. Regions that only touch do not overlap. Queries: 1 for every 50 FSAs, and 1."""
    ids = list(fsa_vintage.regions.order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        for start in range(0, len(ids), REGIONS_AT_ONCE):
            some = ids[start : start + REGIONS_AT_ONCE]
            cursor.execute(_OVERLAP_SQL, {"regions": some, "other_vintage": health_region_vintage.pk})
            on_fsas(len(some))

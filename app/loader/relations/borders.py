"""Borders: the regions of a vintage that touch, and the length of their common line."""

from collections.abc import Callable, Mapping

from django.db import connection

from geography.constants import (
    BORDER_SHORTEST_M,
    BORDER_TOLERANCE_EXACT_M,
    BORDER_TOLERANCE_LOOSE_M,
    BORDER_TOLERANCE_NEAR_M,
    FULL_MAX_SEGMENT_M,
    PART_MAX_VERTICES,
    UNITS_LEAST,
)
from geography.models import Border, Vintage
from loader.geometry.coverage_fit import Fit
from loader.relations.overlaps import REGIONS_PER_BATCH

# For each region, the parts of its line inside another region or within the tolerance of it: neighbours may overlap or leave a
# gap. Lengths are measured like areas (loader.relations.overlaps): on GRS 80, with long edges segmented first.
_SHARED_LINE_SQL = f"""
    INSERT INTO border (region_id, neighbour_id, length_km, tolerance_m)
    WITH line AS MATERIALIZED (
        SELECT row_number() OVER () AS id, region.id AS region_id, piece AS geom
        FROM region, LATERAL ST_Subdivide(ST_Boundary(geom), {PART_MAX_VERTICES}) AS piece
        WHERE region.id = ANY(%(regions)s)
    )
    SELECT along.region_id, along.neighbour_id,
           sum(ST_Length(ST_Transform(ST_Segmentize(along.geom, {FULL_MAX_SEGMENT_M}), 4269)::geography)) / 1000,
           %(tolerance)s
    FROM (
        SELECT line.region_id, part.region_id AS neighbour_id,
               ST_CollectionExtract(ST_Intersection(line.geom, ST_Buffer(ST_Collect(part.geom), %(tolerance)s, 2)), 2) AS geom
        FROM line JOIN region_part AS part ON ST_DWithin(line.geom, part.geom, %(tolerance)s)
        WHERE part.vintage_id = %(vintage)s AND part.region_id <> line.region_id
        GROUP BY line.id, line.region_id, line.geom, part.region_id
    ) AS along
    GROUP BY along.region_id, along.neighbour_id
"""

# An island covered by an overlapping region has a line near that region, but the region has none near the island.
_REVERSE_SQL = """
    INSERT INTO border (region_id, neighbour_id, length_km, tolerance_m)
    SELECT there.neighbour_id, there.region_id, 0, there.tolerance_m
    FROM border AS there JOIN region ON region.id = there.region_id
    WHERE region.vintage_id = %(vintage)s AND NOT EXISTS (
        SELECT FROM border AS back WHERE back.region_id = there.neighbour_id AND back.neighbour_id = there.region_id
    )
"""

# Both regions get the mean of the two lengths. Beyond each end of a common line, a region's own line stays within the tolerance
# of the other region for about one tolerance, so one tolerance is deducted for each end.
_MEAN_SQL = f"""
    UPDATE border SET length_km = CASE WHEN mean.km * 1000 < greatest({BORDER_SHORTEST_M}, tolerance_m) THEN 0 ELSE mean.km END
    FROM (
        SELECT here.id, (here.length_km + there.length_km) / 2 - 2 * here.tolerance_m / 1000 AS km
        FROM border AS here
        JOIN border AS there ON there.region_id = here.neighbour_id AND there.neighbour_id = here.region_id
        JOIN region ON region.id = here.region_id
        WHERE region.vintage_id = %(vintage)s
    ) AS mean
    WHERE mean.id = border.id
"""


def tolerance_m(fit: Fit | None) -> float:
    """Return the border tolerance of a vintage in metres: the largest distance between the lines of two neighbours.

    Args:
        fit: coverage quality; None, for a vintage without a measurement, gives the loosest tolerance.
    """
    if fit is None:
        return BORDER_TOLERANCE_LOOSE_M
    if fit.valid:
        return BORDER_TOLERANCE_EXACT_M
    return BORDER_TOLERANCE_NEAR_M if fit.within_limit else BORDER_TOLERANCE_LOOSE_M


def store_misfit(vintage: Vintage, widths: Mapping[str, float]) -> None:
    """Store the misfit of each region, in metres on the ground: the width of its overlaps and gaps.

    Args:
        widths: by code, as `loader.geometry.coverage_fit.Fit.widths`; regions without an entry have a misfit of 0.

    Queries: 2.
    """
    misfits = {code: round(units / UNITS_LEAST, 1) for code, units in widths.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE region SET misfit_m = coalesce(off.metres, 0)"
            " FROM region AS own LEFT JOIN unnest(%s::text[], %s::float8[]) AS off (code, metres) ON off.code = own.code"
            " WHERE own.id = region.id AND region.vintage_id = %s",
            [list(misfits), list(misfits.values()), vintage.pk],
        )
    vintage.misfit_m = max(misfits.values(), default=0.0)
    vintage.save(update_fields=["misfit_m"])


def has_borders(vintage: Vintage) -> bool:
    """Return whether borders are stored; always False for a vintage in which no region touches another. Queries: 1."""
    return Border.objects.filter(region__vintage=vintage).exists()


def compute_borders(vintage: Vintage, tolerance: float, on_regions: Callable[[int], None]) -> None:
    """Compute and store the borders of a vintage from the boundaries as published. Queries: 1 for every 50 regions, and 3."""
    parameters = {"vintage": vintage.pk, "tolerance": tolerance}
    with connection.cursor() as cursor:
        ids = list(vintage.regions.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), REGIONS_PER_BATCH):
            batch = ids[start : start + REGIONS_PER_BATCH]
            cursor.execute(_SHARED_LINE_SQL, parameters | {"regions": batch})
            on_regions(len(batch))
        for statement in (_REVERSE_SQL, _MEAN_SQL):
            cursor.execute(statement, parameters)

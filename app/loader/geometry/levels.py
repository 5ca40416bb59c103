"""Simplified levels of a vintage: all regions are simplified as one coverage, so that neighbours keep common borders."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection, transaction

from geography.constants import LEVELS, SRID_STATCAN_LAMBERT, SRID_WGS84, TILE_BANDS, Level
from geography.models import Vintage
from loader.geometry.arc_simplify import simplify_to_fit
from loader.geometry.cleaning import clean
from loader.geometry.coverage_fit import Fit, measure_fit
from loader.geometry.curves import curved
from loader.geometry.deviation import Deviation, measure_deviation
from loader.geometry.min_area import drop_small_parts
from loader.geometry.snap_to_grid import snap_to_grid
from loader.geometry.subdivide import batches, finish_level
from loader.geometry.tiles import store_labels, store_pieces

# coverage_simplify needs about 140 bytes per vertex in addition to the geometry: under half a gigabyte at this limit.
MOST_VERTICES = 2_000_000

# Number of drawings: the levels (`full` is only cut into tiles), and the drawings for tiles only.
DRAWINGS = len(LEVELS) + sum(band.level is None for band in TILE_BANDS)
# Drawings for tiles only: longest edge before the transformation to degrees.
_COARSE_SEGMENT_M = 80_000

# Vertices of the regions that one statement transforms to degrees; a larger region has its own.
_BATCH_VERTICES = 20_000

_TO_DEGREES_SQL = f"""
    SELECT ST_AsBinary(ST_Transform(ST_GeomFromWKB(lambert, {SRID_STATCAN_LAMBERT}), {SRID_WGS84}))
    FROM unnest(%s) WITH ORDINALITY AS regions (lambert, position) ORDER BY position
"""

_Geometries = npt.NDArray[np.object_]


@dataclass
class LevelResult:
    """Sizes and precision of the levels of a vintage.

    Attributes:
        vertices: number of vertices by level.
        tolerances: tolerance by level, metres: the declared one, or a larger one for a layer that exceeds the memory limit.
        thinned_m: tolerance of the arc simplification before all levels, 0 where it was not needed.
        cleaned_km2: area that coverage cleaning assigned to another region, 0 for a valid coverage.
        deviations: measured distance of drawn and published lines, by level.
    """

    vertices: dict[str, int] = field(default_factory=dict)
    tolerances: dict[str, float] = field(default_factory=dict)
    thinned_m: float = 0.0
    cleaned_km2: float = 0.0
    deviations: dict[str, Deviation] = field(default_factory=dict)


def build_levels(vintage: Vintage, *, vertices: int, on_level: Callable[[], None]) -> tuple[LevelResult, Fit]:
    """Simplify the regions of a vintage to every level but `full`, store them with GeoJSON text, and cut the tile pieces.

    Levels are computed from fine to coarse, each from the one before, so that they have lines in common.

    Args:
        vertices: number of vertices of the vintage; above `MOST_VERTICES` arcs are simplified first.
        on_level: called once for each drawing, `DRAWINGS` times.

    Returns: the level results, and the fit of the regions before coverage cleaning.
    Queries: 1 for each pass over the boundaries; for each drawing 3, and 1 for each few regions and each few megabytes of
        pieces; for each level 2 for each region.
    """
    drawn = LevelResult()
    ids, codes = zip(*vintage.regions.order_by("pk").values_list("pk", "code"), strict=True)
    finest = min(level.tolerance_m for level in LEVELS if level.tolerance_m)
    published = geometries = _bounded(vintage, vertices, finest, drawn)
    fit = measure_fit(geometries, codes)
    if not fit.valid:
        geometries = _cleaned(geometries, drawn)
    for level in sorted((level for level in LEVELS if level.tolerance_m), key=lambda level: level.tolerance_m):
        geometries = _simplified(geometries, level.tolerance_m, drawn)
        if level.tolerance_m == finest:
            store_labels(vintage, ids, geometries)
        drawn.tolerances[level.name] = max(level.tolerance_m, drawn.thinned_m)
        degrees = snap_to_grid(_in_degrees(geometries, level.max_segment_m), level.decimals)
        drawn.vertices[level.name] = _store(ids, degrees, level, drawn.tolerances[level.name])
        drawn.deviations[level.name] = measure_deviation(
            published, degrees, codes, tolerance_m=level.tolerance_m, thinned_m=drawn.thinned_m
        )
        _cut(vintage, level.name, ids, degrees)
        on_level()
    build_coarse_levels(vintage, ids, geometries, on_level)
    cut_full(vintage, ids)
    on_level()
    return drawn, fit


def build_coarse_levels(vintage: Vintage, ids: Sequence[int], geometries: _Geometries, on_level: Callable[[], None]) -> None:
    """Simplify the coarsest level further for the lowest zooms, and cut the tile pieces of these drawings.

    Args:
        geometries: the coarsest level in EPSG:3347, in the order of the ids.

    Queries: for each drawing 1 for each few regions and each few megabytes of pieces.
    """
    for band in sorted((band for band in TILE_BANDS if band.level is None), key=lambda band: band.tolerance_m):
        geometries = _simplified(geometries, band.tolerance_m, LevelResult())
        store_pieces(vintage, band, zip(ids, _in_degrees(geometries, _COARSE_SEGMENT_M), strict=True))
        on_level()


def _simplified(geometries: _Geometries, tolerance_m: float, drawn: LevelResult) -> _Geometries:
    """Return the coverage with lines simplified, without islands and lakes smaller than the square of the tolerance."""
    geometries = drop_small_parts(geometries, tolerance_m**2)
    if tolerance_m <= drawn.thinned_m:
        return geometries
    simplified: _Geometries = shapely.coverage_simplify(geometries, tolerance_m)
    return simplified


def _bounded(vintage: Vintage, vertices: int, finest_m: float, drawn: LevelResult) -> _Geometries:
    """Return the boundaries (EPSG:3347) in the order of the ids, with arcs simplified above the vertex limit."""
    if vertices <= MOST_VERTICES:
        return np.array(list(_boundaries(vintage)), dtype=object)
    # A quarter of the finest tolerance does not show at the finest level.
    thinned, drawn.thinned_m = simplify_to_fit(
        lambda: _boundaries(vintage), first_tolerance_m=finest_m / 4, most_vertices=MOST_VERTICES
    )
    geometries = np.array(thinned, dtype=object)
    # The stored boundaries are valid; after arc simplification a narrow part may intersect itself.
    broken = ~shapely.is_valid(geometries)
    geometries[broken] = shapely.make_valid(geometries[broken], method="structure", keep_collapsed=False)
    lost = shapely.is_empty(geometries)
    if lost.any():
        geometries[lost] = [boundary for boundary, is_lost in zip(_boundaries(vintage), lost, strict=True) if is_lost]
    return geometries


def _cleaned(geometries: _Geometries, drawn: LevelResult) -> _Geometries:
    """Return a valid coverage from regions that overlap, for drawing only: lookups use the published boundaries."""
    cleaned = clean(geometries)
    drawn.cleaned_km2 = float(np.abs(shapely.area(cleaned) - shapely.area(geometries)).sum() / 1e6)
    return cleaned


def _boundaries(vintage: Vintage) -> Iterator[shapely.MultiPolygon]:
    """Yield the published boundaries by id, from a server-side cursor, one at a time."""
    # A server-side cursor needs a transaction; within that of the load, this is a savepoint.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(geom) FROM region WHERE vintage_id = %s ORDER BY id", [vintage.pk])
        # Iteration would fetch 2,000 rows at a time.
        while row := cursor.fetchone():
            yield shapely.from_wkb(bytes(row[0]))


def _in_degrees(geometries: _Geometries, max_segment_m: float) -> _Geometries:
    """Return the geometries (EPSG:3347) in EPSG:4326, densified first. Queries: 1 for each `_BATCH_VERTICES`."""
    degrees: list[shapely.Geometry] = []
    with connection.cursor() as cursor:
        for batch in batches(shapely.get_num_coordinates(geometries).tolist(), _BATCH_VERTICES):
            lambert = [shapely.to_wkb(curved(geometry, max_segment_m)) for geometry in geometries[batch]]
            cursor.execute(_TO_DEGREES_SQL, [lambert])
            degrees += [shapely.from_wkb(bytes(wkb)) for (wkb,) in cursor.fetchall()]
    return np.array(degrees, dtype=object)


def _store(ids: Sequence[int], degrees: _Geometries, level: Level, tolerance_m: float) -> int:
    """Store a level and return its number of vertices. Queries: 2, and 1 for each region."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO region_level (region_id, level, tolerance_m, vertices, extent, geom, geojson)"
            f" VALUES (%s, %s, %s, 0, '{{0,0,0,0}}', ST_GeomFromWKB(%s, {SRID_WGS84}), '')",
            [
                (region, level.name, tolerance_m, shapely.to_wkb(geometry))
                for region, geometry in zip(ids, degrees, strict=True)
            ],
        )
        finish_level(cursor, level, ids)
    return int(shapely.get_num_coordinates(degrees).sum())


def _cut(vintage: Vintage, level: str, ids: Sequence[int], degrees: Iterable[shapely.MultiPolygon]) -> None:
    for band in TILE_BANDS:
        if band.level == level:
            store_pieces(vintage, band, zip(ids, degrees, strict=True))


def cut_full(vintage: Vintage, ids: Sequence[int]) -> None:
    """Cut the stored level `full` into tile pieces, and update the planner statistics."""
    cut_level(vintage, LEVELS[-1].name, ids)
    with connection.cursor() as cursor:
        cursor.execute("SELECT analyze_boundaries()")


def cut_level(vintage: Vintage, level: str, ids: Sequence[int]) -> None:
    """Cut a stored level into tile pieces, region by region. Queries: 1 for each region and each few megabytes of pieces."""

    def regions() -> Iterator[shapely.MultiPolygon]:
        with connection.cursor() as cursor:
            for region in ids:
                cursor.execute(
                    "SELECT ST_AsBinary(geom) FROM region_level WHERE region_id = %s AND level = %s", [region, level]
                )
                yield shapely.from_wkb(bytes(cursor.fetchone()[0]))

    _cut(vintage, level, ids, regions())

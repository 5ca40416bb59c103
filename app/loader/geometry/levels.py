"""Draws a vintage at its levels of detail, all regions together so that neighbours neither part nor overlap."""

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

# coverage_simplify needs about 140 bytes for a vertex besides the geometry itself: this many stay under half a gigabyte.
MOST_VERTICES = 2_000_000

# How many drawings there are: the levels, of which `full` is only cut into tiles, and those that only tiles use.
DRAWINGS = len(LEVELS) + sum(band.level is None for band in TILE_BANDS)
# Longer straight edges of the latter are cut before they are turned into degrees.
_COARSE_SEGMENT_M = 80_000

# As many are turned into degrees by one statement, and the last region.
_VERTICES_AT_ONCE = 20_000

_TO_DEGREES_SQL = f"""
    SELECT ST_AsBinary(ST_Transform(ST_GeomFromWKB(lambert, {SRID_STATCAN_LAMBERT}), {SRID_WGS84}))
    FROM unnest(%s) WITH ORDINALITY AS given (lambert, place) ORDER BY place
"""

_Geometries = npt.NDArray[np.object_]


@dataclass
class LevelResult:
    """What was made of the layer for drawing.

    Attributes:
        vertices: by level.
        tolerances: by level, metres: the declared one, or a larger one where the layer would not have fitted in memory.
        thinned_m: tolerance with which the arcs were thinned beforehand, 0 where that was not needed.
        cleaned_km2: area that changed hands because the source is no valid coverage, 0 where it is one.
        deviations: by level, how far drawn and published lines lie apart, measured.
    """

    vertices: dict[str, int] = field(default_factory=dict)
    tolerances: dict[str, float] = field(default_factory=dict)
    thinned_m: float = 0.0
    cleaned_km2: float = 0.0
    deviations: dict[str, Deviation] = field(default_factory=dict)


def build_levels(vintage: Vintage, *, vertices: int, on_level: Callable[[], None]) -> tuple[LevelResult, Fit]:
    """Simplify a vintage's regions as one coverage to every level but `full`, store them ready to send, and cut the tiles.

    The finest level comes first and each coarser one is made from it, so a line that two levels share is one line.

    Args:
        vertices: of the whole vintage; decides whether the layer is thinned first.
        on_level: called once for each drawing, `DRAWINGS` times.

    Returns: what was drawn, and how well the regions fitted together before anything was cleaned.
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
    """Simplify the coarsest level further, for the zooms that have drawings of their own, and cut the tiles of those.

    Args:
        geometries: that level in EPSG:3347, in the order of the ids.

    Queries: for each drawing 1 for each few regions and each few megabytes of pieces.
    """
    for band in sorted((band for band in TILE_BANDS if band.level is None), key=lambda band: band.tolerance_m):
        geometries = _simplified(geometries, band.tolerance_m, LevelResult())
        store_pieces(vintage, band, zip(ids, _in_degrees(geometries, _COARSE_SEGMENT_M), strict=True))
        on_level()


def _simplified(geometries: _Geometries, tolerance_m: float, drawn: LevelResult) -> _Geometries:
    """Return the coverage with lines simplified, and without the islands and lakes that are smaller than that."""
    geometries = drop_small_parts(geometries, tolerance_m**2)
    if tolerance_m <= drawn.thinned_m:
        return geometries
    simplified: _Geometries = shapely.coverage_simplify(geometries, tolerance_m)
    return simplified


def _bounded(vintage: Vintage, vertices: int, finest_m: float, drawn: LevelResult) -> _Geometries:
    """Return the regions' boundaries (EPSG:3347) in the order of their ids, thinned where they would not fit in memory."""
    if vertices <= MOST_VERTICES:
        return np.array(list(_boundaries(vintage)), dtype=object)
    # A quarter of the finest tolerance is lost in what that level leaves out anyway.
    thinned, drawn.thinned_m = simplify_to_fit(
        lambda: _boundaries(vintage), first_tolerance_m=finest_m / 4, most_vertices=MOST_VERTICES
    )
    geometries = np.array(thinned, dtype=object)
    # What is stored is valid; thinned line by line, a narrow place may cross itself.
    broken = ~shapely.is_valid(geometries)
    geometries[broken] = shapely.make_valid(geometries[broken], method="structure", keep_collapsed=False)
    lost = shapely.is_empty(geometries)
    if lost.any():
        geometries[lost] = [value for value, gone in zip(_boundaries(vintage), lost, strict=True) if gone]
    return geometries


def _cleaned(geometries: _Geometries, drawn: LevelResult) -> _Geometries:
    """Return a valid coverage from regions that overlap: for drawing only, what is looked up stays as published."""
    cleaned = clean(geometries)
    drawn.cleaned_km2 = float(np.abs(shapely.area(cleaned) - shapely.area(geometries)).sum() / 1e6)
    return cleaned


def _boundaries(vintage: Vintage) -> Iterator[shapely.MultiPolygon]:
    """Yield the boundaries as published, by id; the server hands out one at a time."""
    # A named cursor lives in a transaction; inside the load's own this is a savepoint.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(geom) FROM region WHERE vintage_id = %s ORDER BY id", [vintage.pk])
        # Iterating would fetch 2,000 rows at a time.
        while row := cursor.fetchone():
            yield shapely.from_wkb(bytes(row[0]))


def _in_degrees(geometries: _Geometries, max_segment_m: float) -> _Geometries:
    """Return the geometries (EPSG:3347) in EPSG:4326, long edges cut first. Queries: 1 for each `_VERTICES_AT_ONCE`."""
    degrees: list[shapely.Geometry] = []
    with connection.cursor() as cursor:
        for batch in batches(shapely.get_num_coordinates(geometries).tolist(), _VERTICES_AT_ONCE):
            lambert = [shapely.to_wkb(curved(geometry, max_segment_m)) for geometry in geometries[batch]]
            cursor.execute(_TO_DEGREES_SQL, [lambert])
            degrees += [shapely.from_wkb(bytes(wkb)) for (wkb,) in cursor.fetchall()]
    return np.array(degrees, dtype=object)


def _store(ids: Sequence[int], degrees: _Geometries, level: Level, tolerance_m: float) -> int:
    """Store a level. Returns the number of vertices. Queries: 2, and 1 for each region."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO region_level (region_id, level, tolerance_m, vertices, extent, geom, geojson)"
            f" VALUES (%s, %s, %s, 0, '{{0,0,0,0}}', ST_GeomFromWKB(%s, {SRID_WGS84}), '')",
            [(region, level.name, tolerance_m, shapely.to_wkb(value)) for region, value in zip(ids, degrees, strict=True)],
        )
        finish_level(cursor, level, ids)
    return int(shapely.get_num_coordinates(degrees).sum())


def _cut(vintage: Vintage, level: str, ids: Sequence[int], degrees: Iterable[shapely.MultiPolygon]) -> None:
    for band in TILE_BANDS:
        if band.level == level:
            store_pieces(vintage, band, zip(ids, degrees, strict=True))


def cut_full(vintage: Vintage, ids: Sequence[int]) -> None:
    """Cut the level that derive has stored, and let the planner know of everything that was drawn."""
    cut_level(vintage, LEVELS[-1].name, ids)
    with connection.cursor() as cursor:
        cursor.execute("SELECT analyze_boundaries()")


def cut_level(vintage: Vintage, level: str, ids: Sequence[int]) -> None:
    """Cut a level that is stored; one region at a time is held. Queries: 1 for each region and each few megabytes of pieces."""

    def regions() -> Iterator[shapely.MultiPolygon]:
        with connection.cursor() as cursor:
            for region in ids:
                cursor.execute(
                    "SELECT ST_AsBinary(geom) FROM region_level WHERE region_id = %s AND level = %s", [region, level]
                )
                yield shapely.from_wkb(bytes(cursor.fetchone()[0]))

    _cut(vintage, level, ids, regions())

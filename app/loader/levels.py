"""Draws a vintage at its levels of detail, all regions together so that neighbours neither part nor overlap."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection, transaction

from geography.conf import LEVELS, SRID_STATCAN_LAMBERT, Level
from geography.models import Vintage
from loader.arcs import thin_to_fit
from loader.derive import LEVEL_SQL
from loader.fit import Fit, measure_fit

# coverage_simplify needs about 140 bytes for a vertex besides the geometry itself: this many stay under half a gigabyte.
MOST_VERTICES = 2_000_000

_Geometries = npt.NDArray[np.object_]


@dataclass
class Drawn:
    """What was made of the layer for drawing.

    Attributes:
        vertices: by level.
        tolerances: by level, metres: the declared one, or a larger one where the layer would not have fitted in memory.
        thinned_m: tolerance with which the arcs were thinned beforehand, 0 where that was not needed.
        cleaned_km2: area that changed hands because the source is no valid coverage, 0 where it is one.
    """

    vertices: dict[str, int] = field(default_factory=dict)
    tolerances: dict[str, float] = field(default_factory=dict)
    thinned_m: float = 0.0
    cleaned_km2: float = 0.0


def draw_levels(vintage: Vintage, *, vertices: int, on_level: Callable[[], None]) -> tuple[Drawn, Fit]:
    """Simplify a vintage's regions as one coverage to every level but `full`, and store them ready to send.

    The finest level comes first and each coarser one is made from it, so a line that two levels share is one line.

    Args:
        vertices: of the whole vintage; decides whether the layer is thinned first.

    Returns: what was drawn, and how well the regions fitted together before anything was cleaned.
    Queries: 1 for each pass over the boundaries, 3 for each level.
    """
    drawn = Drawn()
    ids, codes = zip(*vintage.regions.order_by("pk").values_list("pk", "code"), strict=True)
    simplified = sorted((level for level in LEVELS if level.tolerance_m), key=lambda level: level.tolerance_m)
    geometries = _bounded(vintage, vertices, simplified[0], drawn)
    fit = measure_fit(geometries, codes)
    if not fit.valid:
        geometries = _cleaned(geometries, drawn)
    for level in simplified:
        if level.tolerance_m > drawn.thinned_m:
            geometries = shapely.coverage_simplify(geometries, level.tolerance_m)
        drawn.tolerances[level.name] = max(level.tolerance_m, drawn.thinned_m)
        drawn.vertices[level.name] = int(shapely.get_num_coordinates(geometries).sum())
        _store(ids, geometries, level, drawn.tolerances[level.name])
        on_level()
    return drawn, fit


def _bounded(vintage: Vintage, vertices: int, finest: Level, drawn: Drawn) -> _Geometries:
    """Return the regions' boundaries (EPSG:3347) in the order of their ids, thinned where they would not fit in memory."""
    if vertices <= MOST_VERTICES:
        return np.array(list(_boundaries(vintage)), dtype=object)
    # A quarter of the finest tolerance is lost in what that level leaves out anyway.
    thinned, drawn.thinned_m = thin_to_fit(
        lambda: _boundaries(vintage), first_tolerance_m=finest.tolerance_m / 4, most_vertices=MOST_VERTICES
    )
    return np.array(thinned, dtype=object)


def _cleaned(geometries: _Geometries, drawn: Drawn) -> _Geometries:
    """Return a valid coverage from regions that overlap: for drawing only, what is looked up stays as published."""
    broken = ~shapely.is_valid(geometries)
    if broken.any():  # by thinning: what is stored is valid
        geometries = geometries.copy()
        geometries[broken] = shapely.make_valid(geometries[broken], method="structure", keep_collapsed=False)
    cleaned: _Geometries = shapely.coverage_clean(geometries)
    # A region that lies wholly under others must not vanish from the map: it is drawn as it came.
    lost = shapely.is_empty(cleaned)
    cleaned[lost] = geometries[lost]
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


def _store(ids: Sequence[int], geometries: _Geometries, level: Level, tolerance_m: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE level_source (region_id bigint, geom geometry(MultiPolygon, {SRID_STATCAN_LAMBERT}))"
            " ON COMMIT DROP"
        )
        rows = [(one, shapely.to_wkb(_multi(geometry))) for one, geometry in zip(ids, geometries, strict=True)]
        cursor.executemany(f"INSERT INTO level_source VALUES (%s, ST_GeomFromWKB(%s, {SRID_STATCAN_LAMBERT}))", rows)
        cursor.execute(
            LEVEL_SQL.format(source="SELECT region_id, geom FROM level_source"),
            {
                "level": level.name,
                "tolerance": tolerance_m,
                "decimals": level.decimals,
                "max_segment": level.max_segment_m,
            },
        )
        cursor.execute("DROP TABLE level_source")


def _multi(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    polygons = [part for part in shapely.get_parts(geometry) if isinstance(part, shapely.Polygon)]
    return shapely.multipolygons(polygons)

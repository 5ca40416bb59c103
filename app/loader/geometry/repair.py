"""Geometry repair: from the geometry of a row to a valid multipolygon of EPSG:3347, unchanged where it is valid."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely

from loader.geometry.self_touching import split_self_touching
from loader.source.crs import GDAL_ERRORS, SourceCrs, are_degrees

# Longest edge in degrees before the projection, where it becomes a curve: at 0.02 degrees (2 km) the chord is within 0.2 m.
MAX_DEGREES = 0.02
# Largest coordinate in EPSG:3347, where Canada extends from 3.6 to 9.1 thousand kilometres east and from 0.6 to 6.1 north.
# Coordinates beyond may have no equivalent in degrees; those within are left to the gate `canada`.
_MAX_COORDINATE_M = 20_000_000.0

_Coords = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A geometry ready to be stored.

    Attributes:
        geometry: valid MultiPolygon, EPSG:3347; bit for bit that of the file where it was valid and in EPSG:3347.
        repair: defect and change of area, None for a valid geometry.
        changed_share: share of the area that the repair added or removed.
    """

    geometry: shapely.MultiPolygon
    repair: str | None
    changed_share: float


class GeometryProblem(Exception):
    """A geometry that cannot be stored, with the reason."""


# Coordinates that are not finite are refused below, without warnings of NumPy.
@np.errstate(all="ignore")
def prepare_geometry(wkb: bytes | None, crs: SourceCrs) -> Prepared:
    """Parse, project and, if invalid, repair a geometry.

    Raises: GeometryProblem for a geometry that is missing, unreadable, empty, not finite, far from Canada or no polygon, and
        where no area is left after the repair.
    """
    if wkb is None:
        raise GeometryProblem("no geometry")
    try:
        geometry = shapely.force_2d(shapely.from_wkb(wkb))
    except shapely.errors.GEOSException as error:
        raise GeometryProblem(f"unreadable geometry: {error}") from error
    if shapely.is_empty(geometry):
        raise GeometryProblem("empty geometry")
    # Checks the length, because the bounds ignore NaN.
    if not np.isfinite(shapely.length(geometry)):
        raise GeometryProblem("coordinates that are not finite")
    collected = None
    if isinstance(geometry, shapely.GeometryCollection):
        geometry, collected = _collected(geometry)
    if crs.geographic:
        if not are_degrees(shapely.bounds(geometry)):
            raise GeometryProblem("coordinates out of range for degrees, in a file in degrees")
        geometry = densified(geometry, MAX_DEGREES)
    if crs.transform is not None:
        try:
            geometry = shapely.from_wkb(crs.to_lambert(shapely.to_wkb(geometry)))
        except GDAL_ERRORS as error:
            raise GeometryProblem(f"cannot be projected to EPSG:3347 ({error})") from error
    if not (np.isfinite(shapely.length(geometry)) and (np.abs(shapely.bounds(geometry)) < _MAX_COORDINATE_M).all()):
        raise GeometryProblem("is not in Canada")
    if shapely.is_valid(geometry):
        if isinstance(geometry, shapely.Polygon | shapely.MultiPolygon):
            return Prepared(_multi(geometry), f"{collected}; area changed by +0.000000 km2" if collected else None, 0.0)
        raise GeometryProblem(f"{geometry.geom_type} instead of a polygon")
    repaired = _repaired(geometry)
    return replace(repaired, repair=f"{collected}; {repaired.repair}") if collected else repaired


def densified(geometry: shapely.Geometry, longest: float) -> shapely.Geometry:
    """Return the geometry with edges of at most `longest`; the new vertices do not depend on the direction of an edge.

    shapely.segmentize starts at the beginning of an edge, so the vertices of two neighbours differ in the last bit.
    """
    return map_rings(geometry, lambda ring: _cut(ring, longest))


def map_rings(geometry: shapely.Geometry, change: Callable[[_Coords], _Coords]) -> shapely.Geometry:
    """Return polygons with `change` applied to the coordinates of every ring (closed, n by 2); other geometries unchanged."""
    if not isinstance(geometry, shapely.Polygon | shapely.MultiPolygon):
        return geometry
    polygons = []
    for part in shapely.get_parts(geometry):
        rings = [shapely.linearrings(change(shapely.get_coordinates(ring))) for ring in shapely.get_rings(part)]
        polygons.append(shapely.polygons(rings[0], rings[1:] or None) if rings else part)
    return _multi(polygons[0]) if len(polygons) == 1 else shapely.multipolygons(polygons)


def _cut(ring: _Coords, longest: float) -> _Coords:
    start, end = ring[:-1], ring[1:]
    pieces = np.maximum(np.ceil(np.hypot(*(end - start).T) / longest), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(pieces)), pieces)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    # From the smaller end to the larger one.
    backwards = ((start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1])))[edge]
    step = np.where(backwards, pieces[edge] - step, step)
    low = np.where(backwards[:, None], end[edge], start[edge])
    high = np.where(backwards[:, None], start[edge], end[edge])
    inside = (step > 0) & (step < pieces[edge])
    cut = np.where(inside[:, None], low + (high - low) * (step / pieces[edge])[:, None], start[edge])
    return np.vstack((cut, ring[-1:]))


def _collected(geometry: shapely.GeometryCollection) -> tuple[shapely.MultiPolygon, str]:
    """Return the polygons of a collection, and a note on the lines and points that were left out.

    Raises: GeometryProblem where there is no polygon.
    """
    parts: list[shapely.Geometry] = []
    pending = [geometry]
    while pending:
        for part in shapely.get_parts(pending.pop()):
            nested = isinstance(part, shapely.GeometryCollection | shapely.MultiPolygon)
            (pending if nested else parts).append(part)
    polygons = [part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty]
    if not polygons:
        raise GeometryProblem("GeometryCollection without a polygon")
    others = sorted({part.geom_type for part in parts} - {"Polygon"})
    return shapely.multipolygons(polygons), f"GeometryCollection; without area and left out: {', '.join(others) or 'nothing'}"


def _repaired(geometry: shapely.Geometry) -> Prepared:
    reason = shapely.is_valid_reason(geometry)
    before = shapely.area(geometry)
    # From the least to the most invasive repair. The last rebuilds everything and needs ten times the geometry's memory.
    repaired = _repair_parts(geometry)
    if not shapely.is_valid(repaired):
        repaired = _merged_parts(repaired)
    if not shapely.is_valid(repaired):
        repaired = shapely.MultiPolygon(_polygons(_make_valid(geometry)))
    if shapely.is_empty(repaired):
        raise GeometryProblem(f"no area is left after repair ({reason})")
    change = shapely.area(repaired) - before
    share = abs(change) / before if before else 1.0
    return Prepared(repaired, f"{reason}; area changed by {change / 1e6:+.6f} km2", share)


def _repair_parts(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    """Repair the invalid parts only: split self-touching rings if that is enough, so that vertices stay in place."""
    parts: list[shapely.Polygon] = []
    for part in shapely.get_parts(geometry):
        parts += [part] if shapely.is_valid(part) else split_self_touching(part) or _polygons(_make_valid(part))
    return shapely.MultiPolygon(parts)


def _merged_parts(geometry: shapely.MultiPolygon) -> shapely.MultiPolygon:
    """Merge parts that overlap or share an edge; the others are unchanged."""
    parts = shapely.get_parts(geometry)
    left, right = shapely.STRtree(parts).query(parts, predicate="intersects")
    pairs = left < right
    left, right = left[pairs], right[pairs]
    meets = shapely.relate_pattern(parts[left], parts[right], "2********")
    meets |= shapely.relate_pattern(parts[left], parts[right], "****1****")
    group = np.arange(len(parts))
    for first, second in zip(left[meets], right[meets], strict=True):
        group[group == group[second]] = group[first]
    merged: list[shapely.Polygon] = []
    for number in np.unique(group):
        together = parts[group == number]
        merged += [together[0]] if len(together) == 1 else _polygons(shapely.union_all(together))
    return shapely.MultiPolygon(merged)


def _make_valid(geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.make_valid(geometry, method="structure", keep_collapsed=False)


def _polygons(geometry: shapely.Geometry) -> list[shapely.Polygon]:
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return [part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty]


def _multi(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    return geometry if isinstance(geometry, shapely.MultiPolygon) else shapely.multipolygons([geometry])

"""From a row's geometry to a valid multipolygon of EPSG:3347, changed only where it has to be."""

from dataclasses import dataclass

import numpy as np
import shapely

from geography.conf import SRID_STATCAN_LAMBERT
from loader.crs import SourceCrs

# Straight edges in degrees are curves in the projection: every 0.02 degrees (2 km) the chord is within 0.2 m of the curve.
MAX_DEGREES = 0.02


@dataclass(frozen=True, slots=True)
class Prepared:
    """A geometry that can be stored.

    Attributes:
        geometry: valid MultiPolygon, EPSG:3347; bit for bit the published one where that was valid and in EPSG:3347.
        repair: what was wrong and by how much the area changed, None where nothing was.
        changed_share: part of the area that the repair added or removed.
    """

    geometry: shapely.MultiPolygon
    repair: str | None
    changed_share: float


class GeometryProblem(Exception):
    """A geometry that cannot be stored, with the reason."""


def prepare(wkb: bytes | None, crs: SourceCrs) -> Prepared:
    """Read, project and where needed repair one geometry.

    Raises: GeometryProblem for a missing, empty or infinite one, for lines and points, and where no area is left of it.
    """
    if wkb is None:
        raise GeometryProblem("no geometry")
    try:
        geometry = shapely.force_2d(shapely.from_wkb(wkb))
    except shapely.errors.GEOSException as error:
        raise GeometryProblem(f"unreadable geometry: {error}") from error
    if crs.geographic:
        geometry = shapely.segmentize(geometry, MAX_DEGREES)
    if crs.transform is not None:
        geometry = shapely.from_wkb(crs.to_lambert(shapely.to_wkb(geometry)))
    if shapely.is_empty(geometry):
        raise GeometryProblem("empty geometry")
    if not np.isfinite(shapely.bounds(geometry)).all():
        raise GeometryProblem("coordinates that are not finite")
    if shapely.is_valid(geometry):
        if isinstance(geometry, shapely.Polygon | shapely.MultiPolygon):
            return Prepared(_multi(geometry), None, 0.0)
        raise GeometryProblem(f"{geometry.geom_type} instead of a polygon")
    return _repaired(geometry)


def _repaired(geometry: shapely.Geometry) -> Prepared:
    reason = shapely.is_valid_reason(geometry)
    before = shapely.area(geometry)
    mended = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    polygons = [part for part in shapely.get_parts(mended) if isinstance(part, shapely.Polygon) and not part.is_empty]
    if not polygons:
        raise GeometryProblem(f"no area is left after repair ({reason})")
    repaired = shapely.multipolygons(polygons)
    if not shapely.is_valid(repaired):
        repaired = _multi(shapely.union_all(polygons))
    change = shapely.area(repaired) - before
    share = abs(change) / before if before else 1.0
    return Prepared(repaired, f"{reason}; area changed by {change / 1e6:+.6f} km2", share)


def _multi(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    return geometry if isinstance(geometry, shapely.MultiPolygon) else shapely.multipolygons([geometry])


def ewkb_hex(geometry: shapely.MultiPolygon) -> str:
    """Return what PostGIS takes for a geometry(MultiPolygon, 3347) in a COPY."""
    return str(shapely.to_wkb(shapely.set_srid(geometry, SRID_STATCAN_LAMBERT), hex=True, include_srid=True))

"""Projection to EPSG:3347, for point in polygon, and distances on the ellipsoid.

Uses PROJ and GeographicLib through pyproj. PostGIS uses the same libraries and returns the same doubles (a test compares them).
WGS 84 is treated as NAD83: see `constants.DATUM_UNCERTAINTY_M`. The functions accept numbers and arrays: for one position,
pyproj needs a fifth of the time that an array of length 1 takes.
"""

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.enums import TransformDirection

from geography.constants import SRID_STATCAN_LAMBERT
from geography.coordinates import LonLat

_SRID_NAD83 = 4269
_GEOD = pyproj.Geod(ellps="WGS84")
# A transformer is not thread-safe.
_of_thread = threading.local()


class ProjectedPoint:
    """A position around Canada as a point of EPSG:3347, shared by the lookups in all vintages.

    Attributes:
        position: degrees, WGS 84.
        x, y: metres, EPSG:3347.
    """

    __slots__ = ("_point", "_scale", "position", "x", "y")

    def __init__(self, position: LonLat) -> None:
        self.position = position
        self.x, self.y = _lambert().transform(*position)
        self._point: shapely.Point | None = None
        self._scale = 0.0

    @property
    def point(self) -> shapely.Point:
        """Return the position as a geometry."""
        if self._point is None:
            # Passing a pair takes a quarter of the time of passing two numbers.
            self._point = shapely.points([self.x, self.y])
        return self._point

    @property
    def scale(self) -> float:
        """Return the units of EPSG:3347 for a metre on the ground: see `scale`."""
        if not self._scale:
            self._scale = _scale(self.position, self.x, self.y)
        return self._scale


class ProjectedPoints:
    """Positions around Canada as points of EPSG:3347; the projection is not defined in the whole world.

    Attributes:
        positions: degrees, WGS 84.
        lon, lat: the positions as arrays, degrees.
        xy: the positions in EPSG:3347, metres, one row each.
        points: the positions as Shapely points, EPSG:3347.
    """

    __slots__ = ("lat", "lon", "points", "positions", "xy")

    def __init__(self, positions: Sequence[LonLat]) -> None:
        self.positions = positions
        self.lon, self.lat = np.array(positions).T
        self.xy: npt.NDArray[np.float64] = np.column_stack(_lambert().transform(self.lon, self.lat))
        self.points: npt.NDArray[np.object_] = shapely.points(self.xy)


def to_degrees(x: Any, y: Any) -> tuple[Any, Any]:
    """Return longitude and latitude in degrees for x and y in EPSG:3347 (numbers or arrays)."""
    return _lambert().transform(x, y, direction=TransformDirection.INVERSE)


def to_lambert(lon: Any, lat: Any) -> tuple[Any, Any]:
    """Return x and y in EPSG:3347 for longitude and latitude in degrees (numbers or arrays)."""
    return _lambert().transform(lon, lat)


def distance_m(lon: Any, lat: Any, other_lon: Any, other_lat: Any) -> Any:
    """Return the distance on the ellipsoid (WGS 84) in metres between positions in degrees (numbers or arrays of pairs)."""
    return _GEOD.inv(lon, lat, other_lon, other_lat)[2]


def scale(position: LonLat) -> float:
    """Return the units of EPSG:3347 for a metre on the ground at a position, the same in every direction.

    0.96 to 1.07 up to 84 degrees north, 1.3 at 89, 2.6 at 89.9995.
    """
    return _scale(position, *_lambert().transform(*position))


def _scale(position: LonLat, x: float, y: float) -> float:
    # Measured southwards: 100 m to the north can be beyond the pole.
    lon, lat, _ = _GEOD.fwd(*position, 180, 100)
    south_x, south_y = _lambert().transform(lon, lat)
    return math.hypot(south_x - x, south_y - y) / 100


def _lambert() -> pyproj.Transformer:
    lambert: pyproj.Transformer | None = getattr(_of_thread, "lambert", None)
    if lambert is None:
        lambert = pyproj.Transformer.from_crs(_SRID_NAD83, SRID_STATCAN_LAMBERT, always_xy=True)
        _of_thread.lambert = lambert
    return lambert

"""Projection to EPSG:3347, and distances on the ellipsoid.

Uses PROJ and GeographicLib through pyproj. PostGIS uses the same libraries and returns the same doubles (a test compares them).
WGS 84 is treated as NAD83: see `constants.DATUM_UNCERTAINTY_M`. The functions accept numbers and arrays: for one position,
pyproj needs a fifth of the time that an array of length 1 takes.
"""

import threading
from typing import Any

import numpy as np
import pyproj
from pyproj.enums import TransformDirection

from covidtrends_geo.constants import (
    ALL_LONGITUDES,
    CANADA_EAST,
    CANADA_NORTH,
    CANADA_SOUTH,
    CANADA_WEST,
    REACH_DEGREES,
)

SRID = 3347
_SRID_NAD83 = 4269
_GEOD = pyproj.Geod(ellps="WGS84")
# A transformer is not thread-safe.
_of_thread = threading.local()


def to_lambert(lon: Any, lat: Any) -> tuple[Any, Any]:
    """Return x and y in EPSG:3347 for longitude and latitude in degrees (numbers or arrays)."""
    return _transformer().transform(lon, lat)


def to_degrees(x: Any, y: Any) -> tuple[Any, Any]:
    """Return longitude and latitude in degrees for x and y in EPSG:3347 (numbers or arrays)."""
    return _transformer().transform(x, y, direction=TransformDirection.INVERSE)


def distance_m(lon: Any, lat: Any, other_lon: Any, other_lat: Any) -> Any:
    """Return the distance on the ellipsoid (WGS 84) in metres between positions in degrees (numbers or arrays of pairs)."""
    return _GEOD.inv(lon, lat, other_lon, other_lat)[2]


def scale(lon: Any, lat: Any, x: Any, y: Any) -> Any:
    """Return the units of EPSG:3347 for a metre on the ground at positions, the same in every direction.

    0.96 to 1.07 up to 84 degrees north, 1.3 at 89, 2.6 at 89.9995. Measured southwards: 100 m to the north can be beyond the
    pole.

    Args:
        lon, lat: degrees.
        x, y: the same positions in EPSG:3347.
    """
    azimuth, metres = (180.0, 100.0) if np.ndim(lon) == 0 else (np.full(len(lon), 180.0), np.full(len(lon), 100.0))
    south_lon, south_lat, _ = _GEOD.fwd(lon, lat, azimuth, metres)
    south_x, south_y = _transformer().transform(south_lon, south_lat)
    return ((south_x - x) ** 2 + (south_y - y) ** 2) ** 0.5 / 100


def around_canada(lon: Any, lat: Any) -> Any:
    """Return whether positions are in the box of Canada, or so near that a distance can reach into it (arrays).

    The projection is defined there. Meridians converge: a distance spans more degrees of longitude near the pole, and longitude
    is undefined at the pole. False for NaN and infinite numbers.
    """
    # The parallel on the far side of the reach is the shortest.
    span = REACH_DEGREES / np.cos(np.radians(np.minimum(lat + REACH_DEGREES, ALL_LONGITUDES)))
    with np.errstate(invalid="ignore"):
        near = (lon - (CANADA_WEST - span)) % 360 <= CANADA_EAST - CANADA_WEST + 2 * span
    return (lat >= CANADA_SOUTH - REACH_DEGREES) & (lat <= CANADA_NORTH) & (near | (lat >= ALL_LONGITUDES)) & np.isfinite(lon)


def _transformer() -> pyproj.Transformer:
    transformer: pyproj.Transformer | None = getattr(_of_thread, "transformer", None)
    if transformer is None:
        transformer = _of_thread.transformer = pyproj.Transformer.from_crs(_SRID_NAD83, SRID, always_xy=True)
    return transformer

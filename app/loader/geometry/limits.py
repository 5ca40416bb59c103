"""Limits of Canada in EPSG:3347: containment tests for geometries and extents.

In this projection meridians are rays from the pole and parallels are circles around it. Canada's sector is convex, so a polygon
is in it if its vertices are.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import shapely

from covidtrends_geo.constants import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST
from covidtrends_geo.projection import to_degrees, to_lambert
from geography.translation import Message
from loader.geometry.curves import AT_POLE_M

# Near the pole half a metre is many degrees of longitude: see loader.geometry.curves.
_TOLERANCE_M = AT_POLE_M
# Extents in degrees may be rounded to this.
_TOLERANCE_DEGREES = 0.01

_Coords = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


def describe_limits() -> Message:
    """Return the limits as text for a reader."""
    return Message(
        "all between %(west)s and %(east)s east, %(south)s and %(north)s north",
        west=CANADA_WEST,
        east=CANADA_EAST,
        south=CANADA_SOUTH,
        north=CANADA_NORTH,
    )


def is_in_canada(geometry: shapely.Geometry) -> bool:
    """Return whether a geometry (EPSG:3347) lies completely in Canada's sector. True for an empty geometry."""
    offsets = shapely.get_coordinates(geometry) - _pole()
    west, east = _meridian(CANADA_WEST), _meridian(CANADA_EAST)
    inside = _distance_left(west, offsets) >= -_TOLERANCE_M
    inside &= _distance_left(east, offsets) <= _TOLERANCE_M
    inside &= np.hypot(*offsets.T) <= _radius(CANADA_SOUTH) + _TOLERANCE_M
    return bool(inside.all())


def box_is_in_canada(box: Sequence[float], *, geographic: bool) -> bool:
    """Return whether a box (west, south, east, north) is within the limits of Canada.

    Args:
        box: degrees where `geographic`, longitudes to either side of 0 or from 0 to 360; metres of EPSG:3347
            otherwise. True for a box with a side that is not finite.
    """
    if not np.isfinite(box).all():
        return True
    west, south, east, north = box
    if geographic:
        turn = 360 if west > 180 else 0
        limits: Sequence[float] = (CANADA_WEST, CANADA_SOUTH, CANADA_EAST, CANADA_NORTH)
        box, tolerance = (west - turn, south, east - turn, north), _TOLERANCE_DEGREES
    else:
        limits, tolerance = _box(), _TOLERANCE_M
    return bool(
        box[0] >= limits[0] - tolerance
        and box[1] >= limits[1] - tolerance
        and box[2] <= limits[2] + tolerance
        and box[3] <= limits[3] + tolerance
    )


def degrees_box(geometry: shapely.Geometry) -> Box:
    """Return west, south, east, north of a geometry (EPSG:3347) in degrees; infinite outside the domain of the projection."""
    lon, lat = to_degrees(*shapely.get_coordinates(geometry).T)
    return float(np.min(lon)), float(np.min(lat)), float(np.max(lon)), float(np.max(lat))


@cache
def _pole() -> _Coords:
    return np.array(to_lambert(0.0, 90.0))


@cache
def _meridian(lon: float) -> _Coords:
    """Return the unit vector from the pole along a meridian."""
    along = np.array(to_lambert(lon, CANADA_SOUTH)) - _pole()
    return np.asarray(along / np.hypot(*along))


@cache
def _radius(lat: float) -> float:
    """Return the distance of a parallel from the pole in EPSG:3347, metres."""
    return float(np.hypot(*(np.array(to_lambert(CANADA_WEST, lat)) - _pole())))


@cache
def _box() -> Box:
    """Return west, south, east, north of Canada's sector in EPSG:3347."""
    lon = np.linspace(CANADA_WEST, CANADA_EAST, 1_000)
    x, y = to_lambert(np.append(lon, lon[0]), np.append(np.full(len(lon), CANADA_SOUTH), 90.0))
    return float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))


def _distance_left(ray: _Coords, offsets: _Coords) -> _Coords:
    """Return the distance of points to the left (positive) of a ray from the pole."""
    return np.asarray(ray[0] * offsets[:, 1] - ray[1] * offsets[:, 0])

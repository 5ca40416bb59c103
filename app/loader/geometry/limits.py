"""Limits of Canada in EPSG:3347, so that a file from elsewhere is refused before anything is derived from it.

Meridians are straight lines of the projection that meet at the pole, and parallels are circles around it: Canada's sector is a
fan, which is convex. A polygon lies in it if its vertices do.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import shapely

from geography.coordinates import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST
from geography.projection import to_degrees, to_lambert
from geography.translation import Message
from loader.geometry.curves import AT_POLE_M

# At the pole itself half a metre to the side is another meridian: see loader.geometry.curves.
_TOLERANCE_M = AT_POLE_M
# A file's header gives a box of its coordinates, in degrees rounded to that at worst.
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
    """Return whether all of a geometry (EPSG:3347) lies in Canada's sector. True for an empty one."""
    offsets = shapely.get_coordinates(geometry) - _pole()
    west, east = _side(CANADA_WEST), _side(CANADA_EAST)
    inside = _cross(west, offsets) >= -_TOLERANCE_M
    inside &= _cross(east, offsets) <= _TOLERANCE_M
    inside &= np.hypot(*offsets.T) <= _radius(CANADA_SOUTH) + _TOLERANCE_M
    return bool(inside.all())


def box_is_in_canada(box: Sequence[float], *, geographic: bool) -> bool:
    """Return whether a box of coordinates (west, south, east, north) could be that of a file of Canada.

    Args:
        box: degrees where `geographic`, longitudes to either side of 0 or from 0 to 360; metres of EPSG:3347
            otherwise. A box with a side that is no finite number is not judged.
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
    """Return west, south, east, north of the vertices of a geometry (EPSG:3347) in degrees; infinite beyond the projection."""
    lon, lat = to_degrees(*shapely.get_coordinates(geometry).T)
    return float(np.min(lon)), float(np.min(lat)), float(np.max(lon)), float(np.max(lat))


@cache
def _pole() -> _Coords:
    return np.array(to_lambert(0.0, 90.0))


@cache
def _side(lon: float) -> _Coords:
    """Return the unit vector from the pole along a meridian."""
    along = np.array(to_lambert(lon, CANADA_SOUTH)) - _pole()
    return np.asarray(along / np.hypot(*along))


@cache
def _radius(lat: float) -> float:
    return float(np.hypot(*(np.array(to_lambert(CANADA_WEST, lat)) - _pole())))


@cache
def _box() -> Box:
    lon = np.linspace(CANADA_WEST, CANADA_EAST, 1_000)
    x, y = to_lambert(np.append(lon, lon[0]), np.append(np.full(len(lon), CANADA_SOUTH), 90.0))
    return float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))


def _cross(side: _Coords, offsets: _Coords) -> _Coords:
    """Return the distance of points to the left (positive) of a ray from the pole."""
    return np.asarray(side[0] * offsets[:, 1] - side[1] * offsets[:, 0])

"""Cuts the edges of EPSG:3347 before they are turned into degrees, so that a chord in degrees stays near the straight edge.

In that projection meridians are rays from the pole and an edge is straight; in degrees it is a curve, the more so the nearer to
the pole. An edge that passes a hundred metres from the pole turns through sixty degrees of longitude within those metres.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import shapely

from geography.projection import to_lambert
from loader.geometry.repair import densified, map_rings

# An edge of length L at distance r from the pole deviates from its chord by L² / 8r where it runs across the meridians, by up
# to L² / 5r aslant. From here on (62 degrees north and below) an edge cut to a level's length is near enough; farther north
# it is cut again until it deviates no more than that.
STRAIGHT_FROM_M = 3_300_000.0
# What is nearer to the pole than this is at the pole: its longitude is an accident of rounding, and may be any.
AT_POLE_M = 0.5
# A halving leaves a quarter of the deviation or, at the pole itself, half of it: from 20,000 km to a nanometre.
_MOST_HALVINGS = 60

_Coords = npt.NDArray[np.float64]


def curved(geometry: shapely.Geometry, longest_m: float) -> shapely.Geometry:
    """Return polygons of EPSG:3347 with edges cut to `longest_m`, and as much shorter near the pole as degrees need.

    Cuts an edge at the same places whichever way it is traced. Returns anything but polygons as it is.
    """
    cut = densified(geometry, longest_m)
    if shapely.bounds(cut)[3] <= straight_up_to_y():
        return cut
    most = longest_m**2 / (5 * STRAIGHT_FROM_M)
    return map_rings(cut, lambda ring: _halved(ring, most))


def straight_up_to_y() -> float:
    """Return the northing (EPSG:3347, metres) up to which every edge is far enough from the pole."""
    return float(_pole()[1] - STRAIGHT_FROM_M)


def _halved(ring: _Coords, most: float) -> _Coords:
    """Return a ring with edges halved until each deviates from its chord in degrees by `most` metres or less."""
    ring = np.where((np.hypot(*(ring - _pole()).T) < AT_POLE_M)[:, None], _pole(), ring)
    for _ in range(_MOST_HALVINGS):
        x, y = (_pole() - ring).T
        # At the pole itself the angle is 0, and PROJ's longitude the central meridian's.
        turn = np.abs(np.diff(np.arctan2(x, y)))
        radius = np.hypot(x, y)
        across, along = np.maximum(radius[1:], radius[:-1]) * turn, np.abs(np.diff(radius))
        long = turn * (across / 8 + along / 4) > most
        if not long.any():
            break
        middles = (ring[:-1][long] + ring[1:][long]) / 2
        ring = np.insert(ring, np.flatnonzero(long) + 1, middles, axis=0)
    return ring


@cache
def _pole() -> _Coords:
    return np.array(to_lambert(0.0, 90.0))

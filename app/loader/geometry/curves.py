"""Densification of edges in EPSG:3347 before the transformation to degrees, finer near the pole.

In EPSG:3347 meridians are rays from the pole and an edge is straight. In degrees the edge is a curve, more so near the pole: an
edge that passes a hundred metres from the pole turns through sixty degrees of longitude within those metres.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import shapely

from covidtrends_geo.projection import to_lambert
from loader.geometry.repair import densified, map_rings

# An edge of length L at distance r from the pole deviates from its chord by L² / 8r where it runs across the meridians, by up
# to L² / 5r at an angle. Beyond this distance (62 degrees north and south of it) an edge of a level's segment length is
# accurate enough; nearer to the pole it is halved until it deviates no more than that.
STRAIGHT_FROM_M = 3_300_000.0
# A vertex nearer to the pole than this is moved to the pole: its longitude depends on rounding only.
AT_POLE_M = 0.5
# A halving leaves a quarter of the deviation, at the pole half of it: 60 lead from 20,000 km to a nanometre.
_MAX_HALVINGS = 60

_Coords = npt.NDArray[np.float64]


def curved(geometry: shapely.Geometry, longest_m: float) -> shapely.Geometry:
    """Return polygons of EPSG:3347 with edges of at most `longest_m`, shorter near the pole.

    The new vertices of an edge do not depend on its direction. Other geometries than polygons are returned unchanged.
    """
    cut = densified(geometry, longest_m)
    if shapely.bounds(cut)[3] <= straight_up_to_y():
        return cut
    most = longest_m**2 / (5 * STRAIGHT_FROM_M)
    return map_rings(cut, lambda ring: _halved(ring, most))


def straight_up_to_y() -> float:
    """Return the northing (EPSG:3347, metres) up to which no edge has to be halved."""
    return float(_pole()[1] - STRAIGHT_FROM_M)


def _halved(ring: _Coords, most: float) -> _Coords:
    """Return a ring with edges halved until each deviates from its chord in degrees by at most `most` metres."""
    ring = np.where((np.hypot(*(ring - _pole()).T) < AT_POLE_M)[:, None], _pole(), ring)
    for _ in range(_MAX_HALVINGS):
        x, y = (_pole() - ring).T
        # At the pole the angle is 0, and PROJ returns the longitude of the central meridian.
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

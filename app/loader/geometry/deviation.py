"""Deviation of simplified levels from the published boundaries: directed Hausdorff distances of the lines, both ways."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from covidtrends_geo.projection import to_lambert

# Share of a level's tolerance by which published lines are simplified before the measurement.
_THINNED_SHARE = 0.25

_Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Deviation:
    """Largest distances between drawn and published lines of a vintage, in metres of EPSG:3347.

    Attributes:
        drawn_to_published_m: from a drawn line to the nearest published line of the same region. drawn_region: its code.
        published_to_drawn_m: from a published line to the nearest drawn line. Islands, lakes and channels that a level leaves
            out count, so it can be a hundred times the tolerance. published_region: its code.
        within_m: precision of both.
    """

    drawn_to_published_m: float
    drawn_region: str
    published_to_drawn_m: float
    published_region: str
    within_m: float


def measure_deviation(
    published: _Geometries, degrees: _Geometries, codes: Sequence[str], *, tolerance_m: float, thinned_m: float = 0.0
) -> Deviation:
    """Measure the deviation of a stored level from the boundaries.

    Args:
        published: regions in EPSG:3347, in the order of their codes, simplified by `thinned_m`.
        degrees: the same regions as drawn, EPSG:4326.
        tolerance_m: of the level.
    """
    thinning = tolerance_m * _THINNED_SHARE
    to_published, to_drawn = np.zeros(len(codes)), np.zeros(len(codes))
    for index, (region, drawing) in enumerate(zip(published, degrees, strict=True)):
        line = shapely.boundary(region)
        drawn = shapely.transform(_with_middles(drawing), lambda xy: np.column_stack(to_lambert(*xy.T)))
        to_published[index] = _farthest(drawn, line)
        to_drawn[index] = _farthest(shapely.simplify(line, thinning, preserve_topology=False), drawn)
    first, second = int(np.argmax(to_published)), int(np.argmax(to_drawn))
    return Deviation(
        round(float(to_published[first]), 1),
        codes[first],
        round(float(to_drawn[second]), 1),
        codes[second],
        round(thinning + thinned_m, 2),
    )


def _with_middles(drawing: shapely.Geometry) -> shapely.Geometry:
    """Return the lines of a drawing with the middle of each edge as a vertex, where a chord is farthest from the curve."""
    lines = []
    for ring in shapely.get_rings(shapely.get_parts(drawing)):
        xy = shapely.get_coordinates(ring)
        doubled = np.empty((2 * len(xy) - 1, 2))
        doubled[::2], doubled[1::2] = xy, (xy[:-1] + xy[1:]) / 2
        lines.append(shapely.linestrings(doubled))
    return shapely.multilinestrings(lines)


def _farthest(lines: shapely.Geometry, others: shapely.Geometry) -> float:
    """Return the largest distance from a vertex of `lines` to `others`."""
    xy = shapely.get_coordinates(others)
    ends = np.cumsum(shapely.get_num_coordinates(shapely.get_parts(others)))
    edges = np.stack((xy[:-1], xy[1:]), axis=1)
    tree = shapely.STRtree(shapely.linestrings(np.delete(edges, ends[:-1] - 1, axis=0)))
    points = shapely.points(shapely.get_coordinates(lines))
    return float(np.max(tree.query_nearest(points, all_matches=False, return_distance=True)[1]))

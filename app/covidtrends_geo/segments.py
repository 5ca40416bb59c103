"""Line segments in the plane: distance, crossing, box.

Functions take arrays, one element for each pair.
"""

import math

import numpy as np
import numpy.typing as npt

from covidtrends_geo.constants import CIRCLE_QUARTER_SEGMENTS

# Segments that are clipped at once: some megabytes for each array.
_BLOCK = 4_096
_TINY = np.finfo(np.float64).tiny

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


def squared_distance(x: Floats | float, y: Floats | float, start: Floats, end: Floats) -> Floats:
    """Return the squared distance from positions to segments.

    Args:
        x, y: one for each segment, one for all, or a column of positions: a row of distances for each.
        start, end: vertices as rows of x and y. A segment may have no length.
    """
    ax, ay = start[:, 0] - x, start[:, 1] - y
    dx, dy = end[:, 0] - start[:, 0], end[:, 1] - start[:, 1]
    length = dx * dx + dy * dy
    along = -(ax * dx + ay * dy)
    # A position beside the segment: the foot of the perpendicular; beyond an end: that end. Without length, `along` is 0.
    part = np.clip(along / np.maximum(length, _TINY), 0.0, 1.0)
    ax += part * dx
    ay += part * dy
    squared: Floats = ax * ax + ay * ay
    return squared


def foot(x: Floats, y: Floats, start: Floats, end: Floats) -> Floats:
    """Return the points of segments that are nearest to positions, as rows of x and y."""
    d = end - start
    length = (d * d).sum(axis=1)
    along = (x - start[:, 0]) * d[:, 0] + (y - start[:, 1]) * d[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.clip(along / length, 0.0, 1.0)
    part[length == 0] = 0.0
    # From the nearer end, so that both ends are exact.
    from_end = part > 0.5
    base = np.where(from_end[:, None], end, start)
    points: Floats = base + (part - from_end)[:, None] * d
    return points


def crosses(x: Floats, y: Floats, to_x: Floats, to_y: Floats, start: Floats, end: Floats) -> Booleans:
    """Return whether the straight path from each position to another crosses a segment.

    Exact as a parity where both ends of the path lie off the segments: a vertex on the path belongs to its left side for every
    segment that it ends, and the crossing point is interpolated on the segment, so rounding cannot move it off.
    """
    dx, dy = to_x - x, to_y - y
    ax, ay = start[:, 0] - x, start[:, 1] - y
    bx, by = end[:, 0] - x, end[:, 1] - y
    side_a, side_b = dx * ay - dy * ax, dx * by - dy * bx
    straddles = (side_a >= 0) != (side_b >= 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = side_a / (side_a - side_b)
        along = dx * (ax + part * (bx - ax)) + dy * (ay + part * (by - ay))
        crossing: Booleans = straddles & (along > 0) & (along < dx * dx + dy * dy)
    return crossing


def meets_box(start: Floats, end: Floats, west: Floats, south: Floats, east: Floats, north: Floats) -> Booleans:
    """Return whether segments meet boxes (separating axis: the two of the box, and the normal of the segment)."""
    overlap = (np.minimum(start[:, 0], end[:, 0]) <= east) & (np.maximum(start[:, 0], end[:, 0]) >= west)
    overlap &= (np.minimum(start[:, 1], end[:, 1]) <= north) & (np.maximum(start[:, 1], end[:, 1]) >= south)
    normal_x, normal_y = start[:, 1] - end[:, 1], end[:, 0] - start[:, 0]
    centre = normal_x * ((west + east) / 2 - start[:, 0]) + normal_y * ((south + north) / 2 - start[:, 1])
    reach = np.abs(normal_x) * (east - west) / 2 + np.abs(normal_y) * (north - south) / 2
    # A micrometre more than the exact reach: a segment too many costs nothing, one too few would be a wrong answer.
    meets: Booleans = overlap & (np.abs(centre) <= reach + (np.abs(normal_x) + np.abs(normal_y)) * 1e-6)
    return meets


def circle(x: float, y: float, radius: float) -> Floats:
    """Return the corners of a polygon that approximates a circle, counter-clockwise, the first repeated at the end."""
    angles = np.linspace(0.0, 2 * np.pi, 4 * CIRCLE_QUARTER_SEGMENTS + 1)
    corners: Floats = np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles)])
    corners[-1] = corners[0]
    return corners


def clipped(start: Floats, end: Floats, corners: Floats) -> tuple[Floats, Floats]:
    """Return where segments enter and leave a convex polygon, as parts of their length (Cyrus and Beck).

    The first is greater than the second for a segment outside.

    Args:
        corners: counter-clockwise, the first repeated at the end.
    """
    first, last = np.empty(len(start)), np.empty(len(start))
    # Inward normals of the edges.
    edges = np.diff(corners, axis=0)
    normals = np.column_stack([-edges[:, 1], edges[:, 0]])
    for block in range(0, len(start), _BLOCK):
        chosen = slice(block, block + _BLOCK)
        inside = start[chosen] @ normals.T - (corners[:-1] * normals).sum(axis=1)
        speed = (end[chosen] - start[chosen]) @ normals.T
        with np.errstate(invalid="ignore", divide="ignore"):
            part = -inside / speed
        first[chosen] = np.where(speed > 0, part, 0.0).max(axis=1, initial=0.0)
        last[chosen] = np.where(speed < 0, part, 1.0).min(axis=1, initial=1.0)
        last[chosen][((speed == 0) & (inside < 0)).any(axis=1)] = -1.0
    return first, last


def near_box(start: Floats, end: Floats, box: tuple[float, float, float, float], reach: float, *, nearest: bool) -> Booleans:
    """Return whether segments can be within the reach of a box, and for `nearest` the nearest one to a point in it.

    Args:
        box: west, south, east, north.
    """
    west, south, east, north = box
    # Quarters of the box. A point of one is at most half a diagonal from its centre, and so is every distance from it.
    diagonal = math.hypot(east - west, north - south) / 2
    x = west + (east - west) * np.array([[0.25], [0.75], [0.25], [0.75]])
    y = south + (north - south) * np.array([[0.25], [0.25], [0.75], [0.75]])
    away = np.sqrt(squared_distance(x, y, start, end))
    most = away.min(axis=1, initial=np.inf, keepdims=True) + diagonal if nearest else math.inf
    near: Booleans = (away <= np.minimum(most, reach + diagonal / 2)).any(axis=0)
    return near

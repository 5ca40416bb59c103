"""Line segments in the plane: distance, crossing, box, and the borders around a square for searches at single positions.

Functions take arrays, one element for each pair.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.constants import CIRCLE_QUARTER_SEGMENTS, NO_REGION

# Segments that are clipped at once: some megabytes for each array.
_BLOCK = 4_096
# More segments around a square are reduced to those that can be nearest in one of 4 by 4 parts of it.
_FEW_SEGMENTS = 64
_PARTS = (1, 4)

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
    # A position beside the segment: the foot of the perpendicular; beyond an end: that end.
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.clip(along / length, 0.0, 1.0)
    part[..., length == 0] = 0.0
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


def possibly_nearest(start: Floats, end: Floats, box: Floats) -> Booleans:
    """Return whether segments can be nearest to a point in a box: of the box as a whole and, of many, in one of its parts."""
    possible = np.ones(len(start), dtype=bool)
    for parts in _PARTS if len(start) else ():
        side = (box[2:] - box[:2]) / parts
        row, column = np.divmod(np.arange(parts * parts)[:, None], parts)
        x, y = box[0] + (column + 0.5) * side[0], box[1] + (row + 0.5) * side[1]
        away = np.sqrt(squared_distance(x, y, start[possible], end[possible]))
        # A point of a part is at most half a diagonal from its centre, and so is every distance from it.
        near = away <= away.min(axis=1, keepdims=True) + math.hypot(*side)
        possible[possible] = near.any(axis=0)
        if np.count_nonzero(possible) <= _FEW_SEGMENTS:
            break
    return possible


class Borders(NamedTuple):
    """Segments of borders by region, consecutive ones with their common vertex once: about 16 bytes a segment.

    A square of 1,024 m has some ten segments, and some hundred of detailed borders.

    Attributes:
        vertices: of the segments, region by region, rows of x and y in EPSG:3347. A segment leads from
            each vertex to the next, except at `gaps`.
        gaps: indexes of the vertices, without the last of all, at which a chain of segments ends.
        regions: numbers of the regions, in their order.
        first: index of the first segment of each region.
    """

    vertices: Floats
    gaps: Integers
    regions: list[int]
    first: Integers

    @classmethod
    def of_segments(cls, vertices: Floats, chains: "Chains", chosen: Any = slice(None)) -> "Borders":
        """Return the borders of segments, or of chosen ones.

        Args:
            vertices: those of `chains.vertices`.
            chosen: which of the segments.
        """
        regions, segments, indexes = chains.regions[chosen], chains.segments[chosen], chains.indexes[chosen]
        fewer = Chains.of(regions, segments)
        rows = np.empty(len(fewer.vertices), dtype=np.int64)
        rows[fewer.indexes], rows[fewer.indexes + 1] = indexes, indexes + 1
        of_region = np.flatnonzero(np.diff(regions, prepend=NO_REGION - 1))
        gaps = fewer.indexes[np.flatnonzero(np.diff(fewer.indexes) > 1)] + 1
        return cls(vertices[rows], gaps, regions[of_region].tolist(), fewer.indexes[of_region])

    def distances(self, x: float, y: float) -> Floats:
        """Return the distance from a position to the border of each region."""
        if not self.regions:
            return np.empty(0)
        least: Floats = np.sqrt(np.minimum.reduceat(self._squared(x, y), self.first))
        return least

    def nearest(self, x: float, y: float) -> tuple[float, int, tuple[float, float]] | None:
        """Return distance, region and nearest point of the nearest border, of several the lowest region; None for none."""
        if not self.regions:
            return None
        squared = self._squared(x, y)
        # The first of several.
        number = int(squared.argmin())
        region = self.regions[int(self.first.searchsorted(number, side="right")) - 1]
        (ax, ay), (bx, by) = self.vertices[number : number + 2].tolist()
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        part = min(max(((x - ax) * dx + (y - ay) * dy) / length, 0.0), 1.0) if length else 0.0
        # From the nearer end, so that both ends are exact.
        point = (ax + part * dx, ay + part * dy) if part <= 0.5 else (bx + (part - 1) * dx, by + (part - 1) * dy)
        return math.sqrt(squared[number]), region, point

    def size(self) -> int:
        """Return the bytes of the arrays."""
        return self.vertices.nbytes + self.gaps.nbytes

    def _squared(self, x: float, y: float) -> Floats:
        squared = squared_distance(x, y, self.vertices[:-1], self.vertices[1:])
        squared[self.gaps] = np.inf
        return squared


class Chains(NamedTuple):
    """Segments of regions, with the vertices of consecutive segments once.

    Attributes:
        regions, segments: region and number of each segment, sorted by both. A segment begins at the vertex of its number.
        vertices: numbers of the vertices.
        indexes: index among these of the vertex at which each segment begins; it ends at the next.
    """

    regions: Integers
    segments: Integers
    vertices: Integers
    indexes: Integers

    @classmethod
    def of(cls, regions: Integers, segments: Integers) -> "Chains":
        """Return the chains of segments, sorted by region and number."""
        begins = np.ones(len(segments), dtype=bool)
        begins[1:] = (np.diff(segments) != 1) | (np.diff(regions) != 0)
        indexes = np.arange(len(segments)) + np.cumsum(begins) - 1
        vertices = np.empty(len(segments) + int(begins.sum()), dtype=np.int64)
        vertices[indexes], vertices[indexes + 1] = segments, segments + 1
        return cls(regions, segments, vertices, indexes)

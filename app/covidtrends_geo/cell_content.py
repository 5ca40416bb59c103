"""Content of a cell, for a search at one position."""

import math
from typing import Any, NamedTuple


class CellContent(NamedTuple):
    """Content of a cell, for one position at a time.

    Attributes:
        reference_x, reference_y: the reference point.
        covers: the regions that cover it.
        runs: x and y of the vertices of each run, and the regions that it is a border of.
    """

    reference_x: float
    reference_y: float
    covers: frozenset[int]
    runs: list[tuple[Any, Any, list[int]]]

    def distances(self, x: float, y: float) -> dict[int, float]:
        """Return the distance of each region that covers a position, or has a border in the cell: 0 where it covers."""
        dx, dy = self.reference_x - x, self.reference_y - y
        whole = dx * dx + dy * dy
        covers = self.covers
        squared: dict[int, float] = {}
        for xs, ys, regions in self.runs:
            ax, ay = xs[0] - x, ys[0] - y
            least, crossings, side = math.inf, 0, dx * ay - dy * ax
            for vertex_x, vertex_y in zip(xs[1:], ys[1:], strict=True):
                bx, by = vertex_x - x, vertex_y - y
                ux, uy = bx - ax, by - ay
                length = ux * ux + uy * uy
                along = -(ax * ux + ay * uy)
                if along <= 0:
                    distance = ax * ax + ay * ay
                elif along >= length:
                    distance = bx * bx + by * by
                else:
                    part = along / length
                    px, py = ax + part * ux, ay + part * uy
                    distance = px * px + py * py
                least = min(least, distance)
                next_side = dx * by - dy * bx
                if (side >= 0) != (next_side >= 0):
                    part = side / (side - next_side)
                    if 0 < dx * (ax + part * ux) + dy * (ay + part * uy) < whole:
                        crossings += 1
                ax, ay, side = bx, by, next_side
            for region in regions:
                squared[region] = min(least, squared.get(region, math.inf))
                if crossings & 1:
                    covers = covers ^ {region}
        return {region: math.sqrt(distance) for region, distance in squared.items()} | dict.fromkeys(covers, 0.0)

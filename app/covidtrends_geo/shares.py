"""Shares of a polygon covered by regions."""

import numpy as np

from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.quadtree import Floats, key_of
from covidtrends_geo.ranges import expanded, members
from covidtrends_geo.search import TreeSearch
from covidtrends_geo.segments import clipped

# Rounding leaves this part of a polygon where there is none.
_NO_SHARE = 1e-9


def polygon_shares(search: TreeSearch, corners: Floats) -> dict[int, float]:
    """Return the part (0 to 1) of a convex polygon that each region covers, by number; regions without a part are left out.

    Green's theorem: the area of a region within the polygon is the integral along its borders within the polygon, and along
    the edges of the polygon within the region.

    Args:
        corners: counter-clockwise, the first repeated at the end.
    """
    tree, origin = search.tree, corners[0]
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    _, cells, _ = search.boxes.cells_near(box[None, :], np.array([NO_REGION]), np.zeros(1), nearest=False)
    _, runs = members(tree.first_run, cells)
    pairs, segments = expanded(tree.run_starts[runs], tree.run_sizes[runs])
    # A segment is listed in every cell that it meets, and stored in every tile.
    whole = np.column_stack([search.vertices.at(segments), search.vertices.at(segments + 1)])
    whole, once = np.unique(whole, axis=0, return_index=True)
    borders = tree.borders[tree.run_borders[runs[pairs[once]]]]
    start, end = whole[:, :2] - origin, whole[:, 2:] - origin
    polygon = corners - origin
    first, last = clipped(start, end, polygon)
    within = first < last
    start, end, first, last, borders = start[within], end[within], first[within], last[within], borders[within]
    enters, leaves = start + first[:, None] * (end - start), start + last[:, None] * (end - start)
    doubled = np.zeros(search.regions + 1)  # the last is for no region
    along = enters[:, 0] * leaves[:, 1] - leaves[:, 0] * enters[:, 1]
    np.add.at(doubled, borders[:, 0], along)
    np.subtract.at(doubled, borders[:, 1], along)
    # The edges of the polygon, cut where a border enters or leaves.
    cuts = np.concatenate([polygon[:-1], enters[first > 0], leaves[last < 1]])
    centre = polygon[:-1].mean(axis=0)
    cuts = cuts[np.argsort(np.arctan2(*(cuts - centre).T[::-1]), kind="stable")]
    following = np.roll(cuts, -1, axis=0)
    along = cuts[:, 0] * following[:, 1] - following[:, 0] * cuts[:, 1]
    x, y = ((cuts + following) / 2 + origin).T.copy()
    covering = search.near(x, y, search.cells(key_of(x, y))[0], 0.0)
    covering = covering.where(covering.distances == 0)
    np.add.at(doubled, covering.regions, along[covering.positions])
    shares = doubled / (polygon[:-1, 0] * polygon[1:, 1] - polygon[1:, 0] * polygon[:-1, 1]).sum()
    return {number: float(shares[number]) for number in np.flatnonzero(shares[:-1] > _NO_SHARE).tolist()}

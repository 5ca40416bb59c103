"""Leaves out of a drawing what nobody can see: islands and lakes smaller than a square of the tolerance."""

import numpy as np
import numpy.typing as npt
import shapely

_Geometries = npt.NDArray[np.object_]
_Flags = npt.NDArray[np.bool_]


def drop_small_parts(geometries: _Geometries, area: float) -> _Geometries:
    """Return the coverage without specks under this area, in the square of the coordinates' unit.

    What goes is an island that touches no other region, and a hole with nothing in it. A region's largest part stays, however
    small; so does what another region touches, or there would be a gap.

    Args:
        geometries: multipolygons of a coverage.
    """
    parts, owner = shapely.get_parts(geometries, return_index=True)
    gone = _lone(parts, owner, (shapely.area(parts) < area) & ~_largest(parts, owner))
    parts, owner = parts[~gone], owner[~gone]
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts))
    if len(holed):
        parts[holed] = _filled(parts, holed, area)
    ends = np.searchsorted(owner, np.arange(len(geometries) + 1))
    return np.array([shapely.multipolygons(parts[ends[k] : ends[k + 1]]) for k in range(len(geometries))], dtype=object)


def _largest(parts: _Geometries, owner: npt.NDArray[np.intp]) -> _Flags:
    order = np.lexsort((shapely.area(parts), owner))
    last = np.append(owner[order][1:] != owner[order][:-1], True)
    largest = np.zeros(len(parts), dtype=bool)
    largest[order[last]] = True
    return largest


def _lone(parts: _Geometries, owner: npt.NDArray[np.intp], small: _Flags) -> _Flags:
    """Return which of the small parts no part of another region touches."""
    candidates = np.flatnonzero(small)
    lone = small.copy()
    if len(candidates):
        query, other = shapely.STRtree(parts).query(parts[candidates], predicate="intersects")
        lone[candidates[query[owner[other] != owner[candidates[query]]]]] = False
    return lone


def _filled(parts: _Geometries, holed: npt.NDArray[np.intp], area: float) -> _Geometries:
    """Return the parts with holes, without those that are small and empty."""
    rings, part = shapely.get_rings(parts[holed], return_index=True)
    inside = np.append(False, part[1:] == part[:-1])
    holes = shapely.polygons(rings)
    fill = inside & (shapely.area(holes) < area)
    candidates = np.flatnonzero(fill)
    if len(candidates):
        query, other = shapely.STRtree(parts).query(holes[candidates], predicate="intersects")
        fill[candidates[query[holed[part[candidates[query]]] != other]]] = False
    retained: list[shapely.Polygon] = []
    for index in range(len(holed)):
        shell, *others = rings[(part == index) & ~fill]
        retained.append(shapely.polygons(shell, others or None))
    return np.array(retained, dtype=object)

"""Minimum-area filter: removes islands and lakes below an area from a coverage."""

import numpy as np
import numpy.typing as npt
import shapely

_Geometries = npt.NDArray[np.object_]
_Flags = npt.NDArray[np.bool_]


def drop_small_parts(geometries: _Geometries, area: float) -> _Geometries:
    """Return the coverage without islands and empty holes below an area.

    The largest part of a region stays whatever its area. Parts that touch another region stay: their removal would leave a gap.

    Args:
        geometries: multipolygons of a coverage.
        area: limit, in the square of the unit of the coordinates.
    """
    parts, owner = shapely.get_parts(geometries, return_index=True)
    removed = _lone(parts, owner, (shapely.area(parts) < area) & ~_largest(parts, owner))
    parts, owner = parts[~removed], owner[~removed]
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
    """Return the flags of the small parts that touch no part of another region."""
    candidates = np.flatnonzero(small)
    lone = small.copy()
    if len(candidates):
        at, hits = shapely.STRtree(parts).query(parts[candidates], predicate="intersects")
        touching = candidates[at[owner[hits] != owner[candidates[at]]]]
        lone[touching] = False
    return lone


def _filled(parts: _Geometries, holed: npt.NDArray[np.intp], area: float) -> _Geometries:
    """Return the parts at the indices `holed`, without their small empty holes."""
    rings, part = shapely.get_rings(parts[holed], return_index=True)
    inside = np.append(False, part[1:] == part[:-1])
    holes = shapely.polygons(rings)
    fill = inside & (shapely.area(holes) < area)
    candidates = np.flatnonzero(fill)
    if len(candidates):
        at, hits = shapely.STRtree(parts).query(holes[candidates], predicate="intersects")
        occupied = candidates[at[holed[part[candidates[at]]] != hits]]
        fill[occupied] = False
    polygons: list[shapely.Polygon] = []
    for index in range(len(holed)):
        shell, *others = rings[(part == index) & ~fill]
        polygons.append(shapely.polygons(shell, others or None))
    return np.array(polygons, dtype=object)

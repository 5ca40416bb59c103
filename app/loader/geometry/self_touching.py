"""Repair of self-touching rings, the defect of nearly all invalid boundaries in practice.

A ring that visits a vertex twice is two rings that meet there. Splitting it moves no vertex, changes no area, and needs little
more memory than the ring. A general repair rebuilds the whole polygon from its edges.
"""

import numpy as np
import numpy.typing as npt
import shapely

from loader.geometry.arc_simplify import vertex_hashes

# Twice a square centimetre: signed area of an edge that is traced back and forth, after rounding.
_NO_AREA_M2 = 2e-4

_Coords = npt.NDArray[np.float64]


def split_self_touching(polygon: shapely.Polygon) -> list[shapely.Polygon] | None:
    """Return valid polygons with the same edges, or None for a polygon with other defects than self-touching rings."""
    shells: list[_Coords] = []
    holes: list[_Coords] = []
    for number, ring in enumerate(shapely.get_rings(polygon)):
        coordinates = shapely.get_coordinates(ring)
        is_ccw = _signed_area(coordinates) > 0
        for loop in _loops(coordinates[:-1]):
            # A loop inside the area of its ring has the opposite orientation: it is a hole of a shell, or land in a hole.
            same = (_signed_area(loop) > 0) == is_ccw
            (shells if same == (number == 0) else holes).append(loop)
    if not shells:
        return None
    polygons = _assembled([shapely.linearrings(shell) for shell in shells], [shapely.linearrings(hole) for hole in holes])
    return polygons if polygons and shapely.is_valid(shapely.multipolygons(polygons)) else None


def _signed_area(closed: _Coords) -> float:
    """Return twice the area, positive for counter-clockwise, computed relative to the first vertex for precision."""
    x, y = (closed - closed[0]).T
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))


def _is_flat(loop: _Coords) -> bool:
    """Return whether a loop has no area. A figure of eight with equal lobes has no signed area, and is not flat."""
    if abs(_signed_area(loop)) > _NO_AREA_M2:
        return False
    if len(loop) < 4:
        return True
    whole = shapely.make_valid(shapely.polygons(loop), method="structure", keep_collapsed=False)
    return bool(shapely.area(whole) <= _NO_AREA_M2)


def _loops(ring: _Coords) -> list[_Coords]:
    """Split a ring (without its closing vertex) at repeated vertices; return the closed loops that have an area."""
    keys = vertex_hashes(ring)
    order = np.argsort(keys, kind="stable")
    repeated = keys[order][1:] == keys[order][:-1]
    meeting = np.unique(np.concatenate((order[1:][repeated], order[:-1][repeated])))
    if not len(meeting):
        return [np.vstack((ring, ring[:1]))]
    # A stretch runs between two visits to repeated vertices. Stretches are joined until one returns to its first vertex.
    ring, keys = np.roll(ring, -meeting[0], axis=0), np.roll(keys, -meeting[0])
    starts = [int(vertex - meeting[0]) for vertex in meeting]
    loops: list[_Coords] = []
    path: list[tuple[int, _Coords]] = []
    for start, end in zip(starts, [*starts[1:], len(ring)], strict=True):
        path.append((int(keys[start]), ring[start:end]))
        end_key = int(keys[end % len(ring)])
        first = next((index for index in range(len(path) - 1, -1, -1) if path[index][0] == end_key), None)
        if first is not None:
            stretches = [stretch for _, stretch in path[first:]]
            del path[first:]
            loop = np.vstack((*stretches, stretches[0][:1]))
            if not _is_flat(loop):
                loops.append(loop)
    return loops


def _assembled(shells: list[shapely.LinearRing], holes: list[shapely.LinearRing]) -> list[shapely.Polygon] | None:
    """Return polygons with every hole assigned to the smallest shell around it; None for a hole without a shell."""
    if len(shells) == 1:
        return [shapely.polygons(shells[0], holes or None)]
    areas = shapely.polygons(shells)
    by_size = np.argsort(shapely.area(areas))
    shapely.prepare(areas)
    holes_of: dict[int, list[shapely.LinearRing]] = {index: [] for index in range(len(shells))}
    for hole in holes:
        inside = shapely.point_on_surface(shapely.polygons(hole))
        owner = next((int(index) for index in by_size if shapely.contains(areas[index], inside)), None)
        if owner is None:
            return None
        holes_of[owner].append(hole)
    return [shapely.polygons(shells[index], holes_of[index] or None) for index in holes_of]

"""Mends rings that touch themselves, which is what is wrong with nearly every invalid boundary in practice.

A ring that comes by the same vertex twice is two rings that meet there. Taking them apart moves no vertex and changes no area,
and needs little more memory than the ring itself; a general repair rebuilds the whole polygon from its edges.
"""

import numpy as np
import numpy.typing as npt
import shapely

from loader.geometry.arc_simplify import vertex_hashes

# Twice a square centimetre: what is left of an edge that is traced to and fro, after rounding.
_NO_AREA_M2 = 2e-4

_Coords = npt.NDArray[np.float64]


def split_self_touching(polygon: shapely.Polygon) -> list[shapely.Polygon] | None:
    """Return valid polygons with the same edges, or None where more is wrong than rings that touch themselves."""
    shells: list[_Coords] = []
    holes: list[_Coords] = []
    for number, ring in enumerate(shapely.get_rings(polygon)):
        coordinates = shapely.get_coordinates(ring)
        way = _signed_area(coordinates) > 0
        for loop in _loops(coordinates[:-1]):
            # A loop inside a ring's own area runs the other way round: it is a hole of a shell, or land in a hole.
            same = (_signed_area(loop) > 0) == way
            (shells if same == (number == 0) else holes).append(loop)
    if not shells:
        return None
    polygons = _assembled([shapely.linearrings(shell) for shell in shells], [shapely.linearrings(hole) for hole in holes])
    return polygons if polygons and shapely.is_valid(shapely.multipolygons(polygons)) else None


def _signed_area(closed: _Coords) -> float:
    """Return twice the area, positive for counter-clockwise; relative to the first vertex, so that digits are not lost."""
    x, y = (closed - closed[0]).T
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))


def _is_flat(loop: _Coords) -> bool:
    """Say whether a loop only runs there and back again; two equal lobes across each other have no signed area either."""
    if abs(_signed_area(loop)) > _NO_AREA_M2:
        return False
    if len(loop) < 4:
        return True
    whole = shapely.make_valid(shapely.polygons(loop), method="structure", keep_collapsed=False)
    return bool(shapely.area(whole) <= _NO_AREA_M2)


def _loops(ring: _Coords) -> list[_Coords]:
    """Take a ring (its closing vertex left out) apart wherever it comes by a vertex again; return closed loops with an area."""
    keys = vertex_hashes(ring)
    order = np.argsort(keys, kind="stable")
    again = keys[order][1:] == keys[order][:-1]
    meeting = np.unique(np.concatenate((order[1:][again], order[:-1][again])))
    if not len(meeting):
        return [np.vstack((ring, ring[:1]))]
    # Between two visits to meeting places nothing can happen: stretches are joined until one comes back to where it began.
    ring, keys = np.roll(ring, -meeting[0], axis=0), np.roll(keys, -meeting[0])
    starts = [int(item - meeting[0]) for item in meeting]
    loops: list[_Coords] = []
    path: list[tuple[int, _Coords]] = []
    for start, end in zip(starts, [*starts[1:], len(ring)], strict=True):
        path.append((int(keys[start]), ring[start:end]))
        arrived = int(keys[end % len(ring)])
        begun = next((index for index in range(len(path) - 1, -1, -1) if path[index][0] == arrived), None)
        if begun is not None:
            stretches = [stretch for _, stretch in path[begun:]]
            del path[begun:]
            loop = np.vstack((*stretches, stretches[0][:1]))
            if not _is_flat(loop):
                loops.append(loop)
    return loops


def _assembled(shells: list[shapely.LinearRing], holes: list[shapely.LinearRing]) -> list[shapely.Polygon] | None:
    """Give every hole to the smallest shell around it; None where one has none."""
    if len(shells) == 1:
        return [shapely.polygons(shells[0], holes or None)]
    areas = shapely.polygons(shells)
    by_size = np.argsort(shapely.area(areas))
    shapely.prepare(areas)
    mine: dict[int, list[shapely.LinearRing]] = {index: [] for index in range(len(shells))}
    for hole in holes:
        inside = shapely.point_on_surface(shapely.polygons(hole))
        owner = next((int(index) for index in by_size if shapely.contains(areas[index], inside)), None)
        if owner is None:
            return None
        mine[owner].append(hole)
    return [shapely.polygons(shells[index], mine[index] or None) for index in mine]

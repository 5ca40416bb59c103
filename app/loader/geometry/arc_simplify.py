"""Thins a coverage too large for memory, line by line, so that neighbours stay exactly on one line.

Where the boundaries of a coverage are edge-matched, they are a network of arcs between nodes, and each arc inside it is
traced by two regions. Thinning every arc on its own, in one direction and from one starting point whichever region it is met
in, gives both regions the same result. Nodes are found without holding the layer: every vertex goes, as a hash of itself and
of its two neighbours, into one of many small files; a vertex whose occurrences disagree about its neighbours is a node.
"""

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from loader.tempdir import temporary_directory

_BUCKETS = 64
_COARSEST_M = 50_000.0
_Hashes = npt.NDArray[np.uint64]
_Coords = npt.NDArray[np.float64]


class TooManyVertices(Exception):
    """The thinned coverage is still larger than what was allowed."""


def find_nodes(geometries: Iterable[shapely.MultiPolygon]) -> _Hashes:
    """Return the sorted hashes of all vertices at which arcs begin or end.

    Args:
        geometries: of a coverage, one at a time; only one is held.
    """
    with temporary_directory() as folder:
        paths = [folder / str(bucket) for bucket in range(_BUCKETS)]
        files = [path.open("wb") for path in paths]
        for geometry in geometries:
            for ring in _rings(geometry):
                _scatter(ring, files)
        for file in files:
            file.close()
        return np.sort(np.concatenate([_disagreeing(path) for path in paths]))


def simplify(
    geometries: Iterable[shapely.MultiPolygon], nodes: _Hashes, *, tolerance_m: float, most_vertices: int
) -> list[shapely.MultiPolygon]:
    """Return the coverage with every arc simplified (Douglas-Peucker); rings never shrink to fewer than a triangle.

    Args:
        geometries: the same, in the same coordinates, as `find_nodes` was given.
        tolerance_m: in the unit of the coordinates.
        most_vertices: give up beyond.

    Raises: TooManyVertices.
    """
    thinned, total = [], 0
    for geometry in geometries:
        result = _simplify_geometry(geometry, nodes, tolerance_m)
        total += int(shapely.get_num_coordinates(result))
        if total > most_vertices:
            raise TooManyVertices
        thinned.append(result)
    return thinned


def _rings(geometry: shapely.MultiPolygon) -> Iterator[_Coords]:
    """Yield every ring as (n, 2) coordinates, the closing vertex left out."""
    for ring in shapely.get_rings(shapely.get_parts(geometry)):
        yield shapely.get_coordinates(ring)[:-1]


def vertex_hashes(coords: _Coords) -> _Hashes:
    """Return a hash per vertex; -0.0 and 0.0 are one."""
    bits = np.ascontiguousarray(coords + 0.0).view(np.uint64)
    return _mix(bits[:, 0] ^ np.uint64(0x9E3779B97F4A7C15)) + _mix(bits[:, 1] ^ np.uint64(0xC2B2AE3D27D4EB4F))


def _mix(values: _Hashes) -> _Hashes:
    """Spread the bits (the finaliser of splitmix64); overflow is meant."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _scatter(ring: _Coords, files: list) -> None:  # type: ignore[type-arg]
    own = vertex_hashes(ring)
    # A sum does not know left from right, so both regions along an arc agree.
    around = _mix(np.roll(own, 1)) + _mix(np.roll(own, -1))
    bucket = own % np.uint64(_BUCKETS)
    order = np.argsort(bucket, kind="stable")
    pairs = np.column_stack((own, around))[order]
    ends = np.searchsorted(bucket[order], np.arange(_BUCKETS + 1, dtype=np.uint64))
    for index, file in enumerate(files):
        if ends[index] < ends[index + 1]:
            pairs[ends[index] : ends[index + 1]].tofile(file)


def _disagreeing(path: Path) -> _Hashes:
    pairs = np.fromfile(path, dtype=np.uint64).reshape(-1, 2)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    same_vertex = pairs[1:, 0] == pairs[:-1, 0]
    other_neighbours = pairs[1:, 1] != pairs[:-1, 1]
    return np.unique(pairs[1:, 0][same_vertex & other_neighbours])


def _simplify_geometry(geometry: shapely.MultiPolygon, nodes: _Hashes, tolerance: float) -> shapely.MultiPolygon:
    polygons = []
    for part in shapely.get_parts(geometry):
        rings = [shapely.linearrings(_simplify_ring(ring, nodes, tolerance)) for ring in _rings(part)]
        polygons.append(shapely.polygons(rings[0], rings[1:] or None))
    return shapely.multipolygons(polygons)


def _simplify_ring(ring: _Coords, nodes: _Hashes, tolerance: float) -> _Coords:
    """Return the thinned ring, closed."""
    own = vertex_hashes(ring)
    at = np.flatnonzero(np.isin(own, nodes))
    # A ring without nodes is an island or a lake: it begins where every region would begin it.
    start = int(at[0]) if len(at) else int(np.argmin(own))
    ring, own = np.roll(ring, -start, axis=0), np.roll(own, -start)
    closed = np.vstack((ring, ring[:1]))
    if len(at) <= 1:
        return _simplify_loop(closed, own, tolerance)
    bounds = [*(np.sort((at - start) % len(ring))), len(ring)]
    arcs = [_simplify_arc(closed[begin : end + 1], tolerance) for begin, end in itertools.pairwise(bounds)]
    joined = np.vstack([arc[:-1] for arc in arcs] + [closed[:1]])
    return joined if len(joined) >= 4 else _triangle(closed)


def _simplify_arc(arc: _Coords, tolerance: float) -> _Coords:
    """Simplify an open arc from its lower end to its upper one, whichever way it is traced."""
    if len(arc) <= 2:
        return arc
    backwards = tuple(arc[0]) > tuple(arc[-1]) or (tuple(arc[0]) == tuple(arc[-1]) and tuple(arc[1]) > tuple(arc[-2]))
    line = shapely.linestrings(arc[::-1] if backwards else arc)
    result: _Coords = shapely.get_coordinates(shapely.simplify(line, tolerance, preserve_topology=False))
    return result[::-1] if backwards else result


def _simplify_loop(closed: _Coords, own: _Hashes, tolerance: float) -> _Coords:
    backwards = len(own) > 2 and own[1] > own[-1]
    line = closed[::-1] if backwards else closed
    result: _Coords = shapely.get_coordinates(shapely.simplify(shapely.linestrings(line), tolerance, preserve_topology=False))
    if len(result) < 4:
        result = _triangle(line)
    return result[::-1] if backwards else result


def _triangle(closed: _Coords) -> _Coords:
    """Return the start, the vertex farthest from it, the one farthest from the line between them, and the start."""
    start = closed[0]
    far = closed[np.argmax(((closed - start) ** 2).sum(axis=1))]
    along = far - start
    off = closed[np.argmax(np.abs((closed - start) @ np.array([-along[1], along[0]])))]
    return np.vstack((start, far, off, start))


def simplify_to_fit(
    read: Callable[[], Iterable[shapely.MultiPolygon]], *, first_tolerance_m: float, most_vertices: int
) -> tuple[list[shapely.MultiPolygon], float]:
    """Thin a coverage with the smallest tolerance, doubling from the first, that makes it fit.

    Args:
        read: yields the geometries anew each time it is called.

    Returns: the geometries in the order read, and the tolerance used.
    """
    nodes = find_nodes(read())
    tolerance = first_tolerance_m
    while tolerance < _COARSEST_M:
        try:
            return simplify(read(), nodes, tolerance_m=tolerance, most_vertices=most_vertices), tolerance
        except TooManyVertices:
            tolerance *= 2
    # Nothing but triangles is left by now: however many islands there are, they have to be drawn.
    return simplify(read(), nodes, tolerance_m=tolerance, most_vertices=sys.maxsize), tolerance

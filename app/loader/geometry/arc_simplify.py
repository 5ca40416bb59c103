"""Topology-preserving simplification, arc by arc, of a coverage that is too large for memory.

The boundaries of an edge-matched coverage are a network of arcs between nodes; two regions share each inner arc. An arc is
simplified on its own, in a direction and from a start that do not depend on the region, so both regions get the same line.
Nodes are found without the layer in memory: for each vertex, hashes of itself and of its two neighbours go into one of many
bucket files. A vertex whose occurrences have different neighbours is a node.
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
_MAX_TOLERANCE_M = 50_000.0
_Hashes = npt.NDArray[np.uint64]
_Coords = npt.NDArray[np.float64]


class TooManyVertices(Exception):
    """The simplified coverage has more vertices than the limit."""


def find_nodes(geometries: Iterable[shapely.MultiPolygon]) -> _Hashes:
    """Return the sorted hashes of the nodes: all vertices at which arcs begin or end.

    Args:
        geometries: of a coverage; one at a time is in memory.
    """
    with temporary_directory() as folder:
        paths = [folder / str(bucket) for bucket in range(_BUCKETS)]
        files = [path.open("wb") for path in paths]
        for geometry in geometries:
            for ring in _rings(geometry):
                _scatter(ring, files)
        for file in files:
            file.close()
        return np.sort(np.concatenate([_nodes_in(path) for path in paths]))


def simplify(
    geometries: Iterable[shapely.MultiPolygon], nodes: _Hashes, *, tolerance_m: float, most_vertices: int
) -> list[shapely.MultiPolygon]:
    """Return the coverage with every arc simplified (Douglas-Peucker); a ring keeps at least three vertices.

    Args:
        geometries: the geometries that `find_nodes` read, in the same CRS.
        tolerance_m: in units of the CRS.
        most_vertices: limit of vertices in the result.

    Raises: TooManyVertices.
    """
    simplified, total = [], 0
    for geometry in geometries:
        result = _simplify_geometry(geometry, nodes, tolerance_m)
        total += int(shapely.get_num_coordinates(result))
        if total > most_vertices:
            raise TooManyVertices
        simplified.append(result)
    return simplified


def _rings(geometry: shapely.MultiPolygon) -> Iterator[_Coords]:
    """Yield every ring as (n, 2) coordinates without the closing vertex."""
    for ring in shapely.get_rings(shapely.get_parts(geometry)):
        yield shapely.get_coordinates(ring)[:-1]


def vertex_hashes(coords: _Coords) -> _Hashes:
    """Return a hash per vertex; -0.0 equals 0.0."""
    bits = np.ascontiguousarray(coords + 0.0).view(np.uint64)
    return _mix(bits[:, 0] ^ np.uint64(0x9E3779B97F4A7C15)) + _mix(bits[:, 1] ^ np.uint64(0xC2B2AE3D27D4EB4F))


def _mix(values: _Hashes) -> _Hashes:
    """Mix the bits (finaliser of splitmix64, with integer overflow)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _scatter(ring: _Coords, files: list) -> None:  # type: ignore[type-arg]
    own = vertex_hashes(ring)
    # A sum does not depend on the direction of the ring, so both regions along an arc agree.
    around = _mix(np.roll(own, 1)) + _mix(np.roll(own, -1))
    bucket = own % np.uint64(_BUCKETS)
    order = np.argsort(bucket, kind="stable")
    pairs = np.column_stack((own, around))[order]
    ends = np.searchsorted(bucket[order], np.arange(_BUCKETS + 1, dtype=np.uint64))
    for index, file in enumerate(files):
        if ends[index] < ends[index + 1]:
            pairs[ends[index] : ends[index + 1]].tofile(file)


def _nodes_in(path: Path) -> _Hashes:
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
    """Return the simplified ring, closed."""
    own = vertex_hashes(ring)
    at = np.flatnonzero(np.isin(own, nodes))
    # A ring without nodes (island, lake) starts at its smallest hash, the same vertex in every region.
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
    """Simplify an open arc in the direction from its smaller to its larger end, independent of the ring's direction."""
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
    """Return a closed triangle: the start, the vertex farthest from it, and the vertex farthest from the line between them."""
    start = closed[0]
    far = closed[np.argmax(((closed - start) ** 2).sum(axis=1))]
    along = far - start
    off = closed[np.argmax(np.abs((closed - start) @ np.array([-along[1], along[0]])))]
    return np.vstack((start, far, off, start))


def simplify_to_fit(
    read: Callable[[], Iterable[shapely.MultiPolygon]], *, first_tolerance_m: float, most_vertices: int
) -> tuple[list[shapely.MultiPolygon], float]:
    """Simplify a coverage to at most `most_vertices`, doubling the tolerance until it fits.

    Args:
        read: yields the geometries from the start at each call.

    Returns: the geometries in the order of `read`, and the tolerance used.
    """
    nodes = find_nodes(read())
    tolerance = first_tolerance_m
    while tolerance < _MAX_TOLERANCE_M:
        try:
            return simplify(read(), nodes, tolerance_m=tolerance, most_vertices=most_vertices), tolerance
        except TooManyVertices:
            tolerance *= 2
    # At this tolerance nearly all rings are triangles: the vertices left are those of the islands, and there is no limit.
    return simplify(read(), nodes, tolerance_m=tolerance, most_vertices=sys.maxsize), tolerance

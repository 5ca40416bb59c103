"""Border index: for each region, a tree of the lines of other regions that can be nearest to a point inside it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

Geometries = npt.NDArray[np.object_]
Integers = npt.NDArray[np.intp]

# Lines of so many edges: shorter ones make the trees large, longer ones make a look at each slow.
LINE_EDGES = 16
# Metres. A position is in a region up to a millimetre outside of its pieces.
_MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class SpatialIndex:
    """Shapes of regions, found through a tree, each with the rank of its region: pieces, or lines of borders."""

    tree: shapely.STRtree
    shapes: Geometries
    owners: Integers


def tree_of(geometries: Geometries) -> shapely.STRtree:
    """Return a tree that is built: by itself it is built at the first look, which two threads must not take at once."""
    tree = shapely.STRtree(geometries)
    tree.query(shapely.Point(0, 0))
    return tree


def build_border_indexes(pieces: Geometries, owners: Integers, regions: int) -> tuple[SpatialIndex | None, ...]:
    """Return for each region what other regions' lines can be nearest to it; None where there is no other region.

    A line is left out where it is farther from each of the region's pieces than another line is from every place of that piece.
    The sides along which a region was cut into pieces are lines too: they are never nearer than its border.

    Args:
        pieces: polygons in EPSG:3347.
        owners: for each piece the rank of its region, 0 to `regions` - 1.
    """
    west, south, east, north = shapely.bounds(pieces).T
    centres = shapely.points((west + east) / 2, (south + north) / 2)
    radii = np.hypot(east - west, north - south) / 2 + _MARGIN
    result: list[SpatialIndex | None] = []
    for rank in range(regions):
        own = owners == rank
        others = np.flatnonzero(~own)
        if not own.any() or not len(others):
            result.append(None)
            continue
        others = others[_reachable(pieces[others], centres[own], radii[own])]
        lines, numbers = _lines(pieces[others])
        reachable = _reachable(lines, centres[own], radii[own])
        result.append(SpatialIndex(tree_of(lines[reachable]), lines[reachable], owners[others[numbers[reachable]]]))
    return tuple(result)


def _reachable(shapes: Geometries, centres: Geometries, radii: npt.NDArray[np.float64]) -> Integers:
    """Return the numbers of the shapes that can be the nearest one to a place in one of the circles."""
    tree = shapely.STRtree(shapes)
    # A place in a circle is at most so much farther than its centre from what is nearest to the centre.
    _, distances = tree.query_nearest(centres, return_distance=True, all_matches=False)
    pairs = tree.query(centres, predicate="dwithin", distance=distances + 2 * radii)
    return np.unique(pairs[1])


def _lines(polygons: Geometries) -> tuple[Geometries, Integers]:
    """Return the rings of polygons as lines of at most `LINE_EDGES` edges, each with the number of its polygon."""
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    coordinates, ring_of = shapely.get_coordinates(rings, return_index=True)
    sizes = np.bincount(ring_of)
    place = np.arange(len(coordinates)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    lines_of_ring = -(-(sizes - 1) // LINE_EDGES)
    first_line = np.cumsum(lines_of_ring) - lines_of_ring
    line = first_line[ring_of] + np.minimum(place // LINE_EDGES, lines_of_ring[ring_of] - 1)
    # The vertex at which one line ends is the one at which the next begins.
    ends = np.flatnonzero((place % LINE_EDGES == 0) & (place > 0) & (place < sizes[ring_of] - 1))
    which = np.concatenate([line, line[ends] - 1])
    order = np.lexsort((np.concatenate([place, place[ends]]), which))
    drawn = shapely.linestrings(np.concatenate([coordinates, coordinates[ends]])[order], indices=which[order])
    return drawn, polygon_of[np.repeat(np.arange(len(rings)), lines_of_ring)]

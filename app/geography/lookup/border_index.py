"""Border index: for each region, a tree of the lines of other regions that can be nearest to a point inside it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

GeometryArray = npt.NDArray[np.object_]
IndexArray = npt.NDArray[np.intp]

# Edges of a line. Shorter lines make the trees large, longer lines make each distance slow.
LINE_EDGES = 16
# Metres. A position up to a millimetre outside of the pieces is in the region.
_MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class SpatialIndex:
    """Pieces or border lines in a tree, each with the number of the region that it belongs to."""

    tree: shapely.STRtree
    shapes: GeometryArray
    owners: IndexArray


def tree_of(geometries: GeometryArray) -> shapely.STRtree:
    """Return a tree that is already built. STRtree builds itself at the first query, which two threads must not run at once."""
    tree = shapely.STRtree(geometries)
    tree.query(shapely.Point(0, 0))
    return tree


def build_border_indexes(pieces: GeometryArray, owners: IndexArray, regions: int) -> tuple[SpatialIndex | None, ...]:
    """Return for each region the border lines of other regions that can be nearest to a point in it; None if there is none.

    A line is left out if for each piece of the region another line is nearer to every point of that piece.
    The sides along which a region was cut into pieces are lines too: they are never nearer than its border.

    Args:
        pieces: polygons in EPSG:3347.
        owners: for each piece the number of its region, 0 to `regions` - 1.
    """
    west, south, east, north = shapely.bounds(pieces).T
    centres = shapely.points((west + east) / 2, (south + north) / 2)
    radii = np.hypot(east - west, north - south) / 2 + _MARGIN
    indexes: list[SpatialIndex | None] = []
    for region in range(regions):
        own = owners == region
        foreign = np.flatnonzero(~own)
        if not own.any() or not len(foreign):
            indexes.append(None)
            continue
        foreign = foreign[_reachable(pieces[foreign], centres[own], radii[own])]
        lines, numbers = _lines(pieces[foreign])
        reachable = _reachable(lines, centres[own], radii[own])
        indexes.append(SpatialIndex(tree_of(lines[reachable]), lines[reachable], owners[foreign[numbers[reachable]]]))
    return tuple(indexes)


def _reachable(shapes: GeometryArray, centres: GeometryArray, radii: npt.NDArray[np.float64]) -> IndexArray:
    """Return the numbers of the shapes that can be nearest to a point in one of the circles."""
    tree = shapely.STRtree(shapes)
    # A shape nearest to a point in a circle is at most a diameter farther from the centre than the centre's nearest shape.
    _, distances = tree.query_nearest(centres, return_distance=True, all_matches=False)
    pairs = tree.query(centres, predicate="dwithin", distance=distances + 2 * radii)
    return np.unique(pairs[1])


def _lines(polygons: GeometryArray) -> tuple[GeometryArray, IndexArray]:
    """Return the rings of polygons as lines of at most `LINE_EDGES` edges, each with the number of its polygon."""
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    coordinates, ring_of = shapely.get_coordinates(rings, return_index=True)
    sizes = np.bincount(ring_of)
    rank = np.arange(len(coordinates)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    lines_of_ring = -(-(sizes - 1) // LINE_EDGES)
    first_line = np.cumsum(lines_of_ring) - lines_of_ring
    line = first_line[ring_of] + np.minimum(rank // LINE_EDGES, lines_of_ring[ring_of] - 1)
    # A line ends at the vertex at which the next line begins.
    ends = np.flatnonzero((rank % LINE_EDGES == 0) & (rank > 0) & (rank < sizes[ring_of] - 1))
    line_of = np.concatenate([line, line[ends] - 1])
    order = np.lexsort((np.concatenate([rank, rank[ends]]), line_of))
    drawn = shapely.linestrings(np.concatenate([coordinates, coordinates[ends]])[order], indices=line_of[order])
    return drawn, polygon_of[np.repeat(np.arange(len(rings)), lines_of_ring)]

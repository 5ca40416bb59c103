"""Puts a drawn coverage on the grid of the decimals that it is sent with, so that what is valid stays valid.

Rounding each coordinate by itself lets lines that nearly touch cross each other. Where it does, the lines of all regions are
rounded together, as a network in which every crossing is a node on the grid, and the regions are built anew from its faces.
"""

import numpy as np
import numpy.typing as npt
import shapely

_Geometries = npt.NDArray[np.object_]


def snap_to_grid(geometries: _Geometries, decimals: int) -> _Geometries:
    """Return the regions with every coordinate rounded, as valid multipolygons of a valid coverage.

    Args:
        geometries: regions of one layer in degrees, each valid; where they overlap, the smallest keeps the place.
        decimals: of the degrees.

    Returns: in the same order, exterior rings counter-clockwise (RFC 7946); a region too small for the grid keeps its own
    coordinates, unrounded, rather than vanish.
    """
    rounded = _snap_separately(geometries, decimals)
    if rounded is None:
        rounded = _snap_by_faces(geometries, decimals)
    return np.array([_multi(orient_polygon) for orient_polygon in shapely.orient_polygons(rounded)], dtype=object)


def _snap_separately(geometries: _Geometries, decimals: int) -> _Geometries | None:
    """Return the rounded regions, None where that breaks one of them or parts neighbours."""
    try:
        rounded: _Geometries = shapely.remove_repeated_points(
            shapely.transform(geometries, lambda coords: np.round(coords, decimals))
        )
    except shapely.errors.GEOSException:  # a ring with nothing left between its ends
        return None
    if shapely.is_empty(rounded).any() or not shapely.is_valid(rounded).all():
        return None
    return rounded if shapely.coverage_is_valid(rounded) else None


def _snap_by_faces(geometries: _Geometries, decimals: int) -> _Geometries:
    network = shapely.union_all(shapely.boundary(geometries), grid_size=10.0**-decimals)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(network)))
    # The grid's own arithmetic leaves the last bits of a coordinate open.
    faces = shapely.transform(faces, lambda coords: np.round(coords, decimals))
    region, face = shapely.STRtree(shapely.point_on_surface(faces)).query(geometries, predicate="contains")
    # Where regions overlap the smallest keeps the place: a large one can do without, a small one might vanish.
    order = np.argsort(shapely.area(geometries)[region], kind="stable")
    face, first = np.unique(face[order], return_index=True)
    owner = region[order][first]
    built = geometries.copy()
    for index in range(len(geometries)):
        mine = faces[face[owner == index]]
        if len(mine):
            built[index] = shapely.coverage_union_all(mine)
    return built


def _multi(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    return geometry if isinstance(geometry, shapely.MultiPolygon) else shapely.multipolygons([geometry])

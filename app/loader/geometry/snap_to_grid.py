"""Snapping of a simplified coverage to the grid of its decimals, without loss of validity.

If each coordinate is rounded on its own, lines that nearly touch may cross. In that case the lines of all regions are rounded
as one network, with every crossing as a node on the grid, and the regions are rebuilt from its faces.
"""

import numpy as np
import numpy.typing as npt
import shapely

_Geometries = npt.NDArray[np.object_]


def snap_to_grid(geometries: _Geometries, decimals: int) -> _Geometries:
    """Return the regions with every coordinate rounded, as valid multipolygons of a valid coverage.

    Args:
        geometries: regions of a layer in degrees, each valid; an overlap goes to the smallest region.
        decimals: decimals of the degrees.

    Returns: in the same order, exterior rings counter-clockwise (RFC 7946); a region too small for the grid keeps
    its unrounded coordinates.
    """
    rounded = _snap_separately(geometries, decimals)
    if rounded is None:
        rounded = _snap_by_faces(geometries, decimals)
    return np.array([_multi(region) for region in shapely.orient_polygons(rounded)], dtype=object)


def _snap_separately(geometries: _Geometries, decimals: int) -> _Geometries | None:
    """Return the rounded regions, None where rounding makes a region or the coverage invalid."""
    try:
        rounded: _Geometries = shapely.remove_repeated_points(
            shapely.transform(geometries, lambda coords: np.round(coords, decimals))
        )
    except shapely.errors.GEOSException:  # a ring collapsed
        return None
    if shapely.is_empty(rounded).any() or not shapely.is_valid(rounded).all():
        return None
    return rounded if shapely.coverage_is_valid(rounded) else None


def _snap_by_faces(geometries: _Geometries, decimals: int) -> _Geometries:
    """Return the regions rebuilt from the faces of the rounded network of their lines."""
    network = shapely.union_all(shapely.boundary(geometries), grid_size=10.0**-decimals)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(network)))
    # union_all leaves the last bits of a coordinate undefined.
    faces = shapely.transform(faces, lambda coords: np.round(coords, decimals))
    region, face = shapely.STRtree(shapely.point_on_surface(faces)).query(geometries, predicate="contains")
    # An overlap goes to the smallest region, which could vanish otherwise.
    order = np.argsort(shapely.area(geometries)[region], kind="stable")
    face, first = np.unique(face[order], return_index=True)
    owner = region[order][first]
    rebuilt = geometries.copy()
    for index in range(len(geometries)):
        region_faces = faces[face[owner == index]]
        if len(region_faces):
            rebuilt[index] = shapely.coverage_union_all(region_faces)
    return rebuilt


def _multi(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    return geometry if isinstance(geometry, shapely.MultiPolygon) else shapely.multipolygons([geometry])

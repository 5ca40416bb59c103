"""Makes a valid coverage of regions that overlap or leave gaps, for drawing only.

GEOS gives a gap between neighbours as a whole to one region. A gap may run along a province's whole border, hundreds of
kilometres long and some metres wide, and would be a tongue of that region between all the others. So a gap is cut into pieces
of a kilometre, and each goes to the region on whose border it lies.
"""

import numpy as np
import numpy.typing as npt
import shapely

from loader.geometry.coverage_fit import GAP_WIDTH_M, narrow_gaps

# How far what a region is given may reach beyond its own border, along a gap.
_PIECE_M = 1_000.0
# Where a gap was cut, a corner of a piece is this near to the border that it lies on.
_NEAR_M = 0.001

_Geometries = npt.NDArray[np.object_]
_Indices = npt.NDArray[np.intp]


def clean(geometries: _Geometries) -> _Geometries:
    """Return a coverage from regions (valid polygons, EPSG:3347) that overlap or leave gaps narrower than `GAP_WIDTH_M`.

    What two regions claim goes to the one with the longer border to it. A region that lies wholly under others comes back as it
    was.
    """
    cleaned: _Geometries = shapely.coverage_clean(geometries)
    gaps = narrow_gaps(shapely.coverage_union_all(cleaned), GAP_WIDTH_M)
    if len(gaps):
        cleaned = shapely.coverage_clean(_filled(cleaned, gaps))
    lost = shapely.is_empty(cleaned)
    cleaned[lost] = geometries[lost]
    return cleaned


def _filled(coverage: _Geometries, gaps: _Geometries) -> _Geometries:
    """Return the regions with gaps shared out among those around each; edges are not matched where a gap was cut."""
    pieces = np.array([piece for gap in gaps for piece in _cut(gap)], dtype=object)
    owner = _owners(pieces, gaps, coverage)
    filled = coverage.copy()
    for region in np.unique(owner):
        filled[region] = shapely.union_all([coverage[region], *pieces[owner == region]])
    return filled


def _cut(gap: shapely.Polygon) -> list[shapely.Polygon]:
    """Return a polygon in pieces that lie in squares of a kilometre at most."""
    pieces, todo = [], [gap]
    while todo:
        piece = todo.pop()
        west, south, east, north = shapely.bounds(piece)
        if max(east - west, north - south) <= _PIECE_M:
            pieces.append(piece)
            continue
        if east - west >= north - south:
            middle = (west + east) / 2
            halves = shapely.box([west - 1, middle], south - 1, [middle, east + 1], north + 1)
        else:
            middle = (south + north) / 2
            halves = shapely.box(west - 1, [south - 1, middle], east + 1, [middle, north + 1])
        parts = shapely.get_parts(shapely.get_parts(shapely.intersection(piece, halves)))
        todo += [part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty]
    return pieces


def _owners(pieces: _Geometries, gaps: _Geometries, coverage: _Geometries) -> _Indices:
    """Return for each piece the region that has the longest border with it; the nearest to one inside a gap."""
    sides, _ = _edges(gaps)
    borders, region = _edges(coverage)
    _, edge = np.unique(np.vstack((sides, borders)), axis=0, return_inverse=True)
    edge = edge.reshape(-1)
    by_edge = np.empty(edge.max() + 1, dtype=np.intp)
    by_edge[edge[len(sides) :]] = region
    owner = by_edge[edge[: len(sides)]]
    lines = shapely.linestrings(sides.reshape(-1, 2, 2))
    tree = shapely.STRtree(lines)
    piece, line = tree.query(pieces, predicate="dwithin", distance=_NEAR_M)
    boxes = shapely.bounds(pieces[piece]) + np.array([-_NEAR_M, -_NEAR_M, _NEAR_M, _NEAR_M])
    length = np.array(
        [shapely.length(shapely.clip_by_rect(value, *box)) for value, box in zip(lines[line], boxes, strict=True)]
    )
    pairs, place = np.unique(np.column_stack((piece, owner[line])), axis=0, return_inverse=True)
    # The longest of each piece comes last, and is what stays.
    order = np.argsort(np.bincount(place.reshape(-1), length), kind="stable")
    result = owner[tree.nearest(pieces)]
    result[pairs[order, 0]] = pairs[order, 1]
    return np.asarray(result)


def _edges(geometries: _Geometries) -> tuple[npt.NDArray[np.float64], _Indices]:
    """Return every edge as (x, y, x, y), alike in whichever direction it is traced, and whose it is."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = coordinates[:-1][same], coordinates[1:][same]
    backwards = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    low, high = np.where(backwards[:, None], end, start), np.where(backwards[:, None], start, end)
    return np.hstack((low, high)), owner[part[ring[:-1][same]]]

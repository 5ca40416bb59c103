"""Coverage cleaning: a valid coverage from regions with overlaps and gaps, for drawing only.

GEOS assigns a whole gap between neighbours to one region. A gap can run along a province's whole border, hundreds of kilometres
long and some metres wide, and would become a tongue of that region between all others. So gaps are cut into pieces of at most a
kilometre, and each piece is assigned to the region with the longest border along it.
"""

import numpy as np
import numpy.typing as npt
import shapely

from loader.geometry.coverage_fit import GAP_WIDTH_M, narrow_gaps

# Largest extent of a gap piece, which is how far a region can extend along a gap.
_PIECE_M = 1_000.0
# Distance of a piece from the border beside it: cut points are rounded.
_NEAR_M = 0.001

_Geometries = npt.NDArray[np.object_]
_Indices = npt.NDArray[np.intp]


def clean(geometries: _Geometries) -> _Geometries:
    """Return a coverage from regions (valid polygons, EPSG:3347) that overlap or leave gaps narrower than `GAP_WIDTH_M`.

    An overlap goes to the region with the longer border along it. A region that is covered by others is returned unchanged.
    """
    cleaned: _Geometries = shapely.coverage_clean(geometries)
    gaps = narrow_gaps(shapely.coverage_union_all(cleaned), GAP_WIDTH_M)
    if len(gaps):
        cleaned = shapely.coverage_clean(_filled(cleaned, gaps))
    lost = shapely.is_empty(cleaned)
    cleaned[lost] = geometries[lost]
    return cleaned


def _filled(coverage: _Geometries, gaps: _Geometries) -> _Geometries:
    """Return the regions with the gaps assigned to their neighbours; edges are not matched where a gap was cut."""
    pieces = np.array([piece for gap in gaps for piece in _cut(gap)], dtype=object)
    owner = _owners(pieces, gaps, coverage)
    filled = coverage.copy()
    for region in np.unique(owner):
        filled[region] = shapely.union_all([coverage[region], *pieces[owner == region]])
    return filled


def _cut(gap: shapely.Polygon) -> list[shapely.Polygon]:
    """Return the pieces of a polygon, halved until their extent is at most `_PIECE_M`."""
    pieces, pending = [], [gap]
    while pending:
        piece = pending.pop()
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
        pending += [part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty]
    return pieces


def _owners(pieces: _Geometries, gaps: _Geometries, coverage: _Geometries) -> _Indices:
    """Return for each piece the region with the longest border along it; for a piece without a border, the nearest region."""
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
        [shapely.length(shapely.clip_by_rect(segment, *box)) for segment, box in zip(lines[line], boxes, strict=True)]
    )
    pairs, pair = np.unique(np.column_stack((piece, owner[line])), axis=0, return_inverse=True)
    # In ascending order of length: the longest of each piece is assigned last.
    order = np.argsort(np.bincount(pair.reshape(-1), length), kind="stable")
    result = owner[tree.nearest(pieces)]
    result[pairs[order, 0]] = pairs[order, 1]
    return np.asarray(result)


def _edges(geometries: _Geometries) -> tuple[npt.NDArray[np.float64], _Indices]:
    """Return every edge as (x, y, x, y), independent of its direction, and the index of its geometry."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = coordinates[:-1][same], coordinates[1:][same]
    backwards = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    low, high = np.where(backwards[:, None], end, start), np.where(backwards[:, None], start, end)
    return np.hstack((low, high)), owner[part[ring[:-1][same]]]

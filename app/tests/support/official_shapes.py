"""Shapes like those of official boundary files, made from the demonstration: codes, extent to the pole, vertices."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import shapely

from covidtrends_geo.projection import to_lambert

# From the headers of lfsa000a21a_e and lpr_000a21a_e; the x of the northernmost vertex from the provinces of 2011.
WEST, SOUTH, EAST, NORTH = 3_658_201.494285751, 658_872.9742857479, 9_019_156.61428576, 6_083_004.851428613
_APEX_X = 6_199_899.0
# The northern sea belongs to the Northwest Territories west of 110° W, to Nunavut east of it.
_SECTOR = (-141.0, -110.0, -60.0)
_SEA_FROM = 60.0
# Longer edges are meridians and parallels, which are straight in the official files.
_STRAIGHT_M = 30_000.0
# Amplitude of the displacement to either side, as a share of the length of an edge.
_ROUGHNESS = 0.004
_HARMONICS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610)
# 1/16 m: official coordinates have fewer digits than a double, which matters for the compressed size.
_GRID_M = 2.0**-4

_Geometries = npt.NDArray[np.object_]
_Floats = npt.NDArray[np.float64]


def recoded(shapes: Mapping[str, shapely.Geometry], codes: Sequence[str]) -> dict[str, shapely.Geometry]:
    """Return regions with these codes: existing regions keep theirs, the others come from halving the largest nearby region."""
    result = {code: shapes[code] for code in codes if code in shapes}
    for code, shape in shapes.items():
        if code not in result:
            _join(result, code, shape)
    for code in codes:
        if code not in result:
            peers = [item for item in result if item[0] == code[0] and result[item].geom_type == "Polygon"] or list(result)
            largest = max(peers, key=lambda entry: float(shapely.get_num_coordinates(result[entry])))
            west, south, east, north = shapely.bounds(result[largest])
            half = shapely.box(west - 1, south - 1, (west + east) / 2, north + 1)
            # The neighbours need a vertex where the cut meets their border.
            result[code] = shapely.intersection(result[largest], half)
            result[largest] = shapely.difference(result[largest], half)
            result = _noded(result)
    return {code: result[code] for code in codes}


def _join(shapes: dict[str, shapely.Geometry], code: str, shape: shapely.Geometry) -> None:
    """Merge a region without a code into the neighbour with the longest common border."""
    names = [shape for shape in shapes if shape[0] == code[0]]
    lengths = shapely.length(shapely.intersection(np.array([shapes[name] for name in names]), shapely.boundary(shape)))
    neighbour = names[int(np.argmax(lengths))]
    shapes[neighbour] = shapely.union(shapes[neighbour], shape)


def _noded(shapes: Mapping[str, shapely.Geometry]) -> dict[str, shapely.Geometry]:
    cleaned = shapely.coverage_clean(np.array(list(shapes.values())))
    return dict(zip(shapes, cleaned, strict=True))


def to_the_pole(shapes: Mapping[str, shapely.Geometry], north: tuple[str, str]) -> dict[str, shapely.Geometry]:
    """Return the coverage with the northern sea added to two regions."""
    result = dict(shapes)
    land = shapely.coverage_union_all(np.array(list(shapes.values())))
    for code, west, east in zip(north, _SECTOR, _SECTOR[1:], strict=False):
        along = np.linspace(west, east, 60)
        arc = np.column_stack(to_lambert(along, np.full(60, _SEA_FROM)))
        fan = shapely.Polygon(np.vstack(([[_APEX_X, NORTH]], arc)))
        sea = shapely.difference(fan, land)
        result[code] = shapely.union_all([result[code], sea])
    return _noded(result)


def stretched(geometries: _Geometries) -> _Geometries:
    """Return the coverage with its outermost vertices at the extent in the official header."""
    bounds = shapely.total_bounds(geometries)
    official = ((0, bounds[0], WEST), (1, bounds[1], SOUTH), (0, bounds[2], EAST))

    def stretch(xy: _Floats) -> _Floats:
        moved = xy.copy()
        for axis, outermost, side in official:
            moved[xy[:, axis] == outermost, axis] = side
        return moved

    return np.asarray(shapely.transform(geometries, stretch))


def roughened(shapes: Mapping[str, shapely.Geometry], sizes: Mapping[str, int], vertices: int) -> _Geometries:
    """Return the regions with every edge subdivided and displaced, shared edges identically on both sides.

    Args:
        sizes: vertices by code; empty to spread `vertices` by length.
    """
    geometries = np.array(list(shapes.values()), dtype=object)
    parts, region = shapely.get_parts(geometries, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coords = [shapely.get_coordinates(ring) for ring in rings]
    owner = np.repeat(region[part], [len(value) - 1 for value in coords])
    start, end = np.vstack([value[:-1] for value in coords]), np.vstack([value[1:] for value in coords])
    backwards = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    low, high = np.where(backwards[:, None], end, start), np.where(backwards[:, None], start, end)
    edges, edge = np.unique(np.hstack((low, high)), axis=0, return_inverse=True)
    edge = edge.reshape(-1)
    pieces = _pieces(edges, edge, owner, np.array([sizes.get(code, 0) for code in shapes]), vertices)
    lines, first = _lines(edges, pieces)
    offset = 0
    polygons: dict[int, list[_Floats]] = {}
    for number, value in enumerate(coords):
        mine = slice(offset, offset + len(value) - 1)
        offset += len(value) - 1
        count, begin, reverse = pieces[edge[mine]], first[edge[mine]], backwards[mine]
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        # A reversed line starts at its end.
        place = np.repeat(begin, count) + np.where(np.repeat(reverse, count), np.repeat(count, count) - step, step)
        line = lines[place]
        polygons.setdefault(int(part[number]), []).append(np.vstack((line, line[:1])))
    built = [
        shapely.polygons(shapely.linearrings(shell), [shapely.linearrings(hole) for hole in holes] or None)
        for shell, *holes in (polygons[index] for index in range(len(parts)))
    ]
    ends = np.searchsorted(region, np.arange(len(geometries) + 1))
    return np.array([shapely.multipolygons(built[ends[k] : ends[k + 1]]) for k in range(len(geometries))], dtype=object)


def _pieces(
    edges: _Floats, edge: npt.NDArray[np.intp], owner: npt.NDArray[np.intp], sizes: npt.NDArray[np.int64], vertices: int
) -> npt.NDArray[np.int64]:
    """Return the number of pieces of each edge, so that every region has about its number of vertices."""
    length = np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1])
    straight = length > _STRAIGHT_M
    if not sizes.any():
        return np.where(straight, 1, np.maximum(np.rint(length * vertices / length[edge].sum()), 1)).astype(np.int64)
    regions = len(sizes)
    density = np.full(regions, sizes.sum() / length[edge].sum())
    sides = np.bincount(edge, minlength=len(edges))
    count = np.ones(len(edges))
    for _ in range(25):
        mean = np.exp(np.bincount(edge, np.log(density[owner]), len(edges)) / sides)
        count = np.where(straight, 1, np.maximum(np.rint(length * mean), 1))
        now = np.bincount(owner, count[edge], regions)
        density *= np.clip(sizes / now, 0.2, 5) ** 0.8
    return count.astype(np.int64)


def _lines(edges: _Floats, pieces: npt.NDArray[np.int64]) -> tuple[_Floats, npt.NDArray[np.int64]]:
    """Return the vertices of all subdivided edges, ends included, and the index of the first vertex of each edge."""
    chance = np.random.default_rng(2021)
    counts = pieces + 1
    first = np.cumsum(counts) - counts
    step = np.arange(counts.sum()) - np.repeat(first, counts)
    t = step / np.repeat(pieces, counts)
    low, along = edges[:, :2], edges[:, 2:] - edges[:, :2]
    aside = np.zeros(len(t))
    for harmonic in _HARMONICS:
        strength = np.where(pieces > harmonic, chance.normal(0, _ROUGHNESS / harmonic, len(edges)), 0)
        aside += np.repeat(strength, counts) * np.sin(np.pi * harmonic * t)
    normal = np.column_stack((-along[:, 1], along[:, 0]))
    lines = np.repeat(low, counts, axis=0) + np.repeat(along, counts, axis=0) * t[:, None]
    lines += np.repeat(normal, counts, axis=0) * aside[:, None]
    between = (step > 0) & (step < np.repeat(pieces, counts))
    lines[between] = np.round(lines[between] / _GRID_M) * _GRID_M
    # The end vertex is bit-identical with that of the neighbours.
    lines[first + pieces] = edges[:, 2:]
    return lines, first

"""From postal points to a coverage: Voronoi cells of FSAs, split among health regions, cut at the coast.

All geometry is in EPSG:3347 metres. Borders are drawn as lines, noded together with the coast and the province
borders on one grid, and made into faces: so neighbours share their vertices exactly, whatever they belong to.
"""

from collections import defaultdict

import numpy as np
import shapely
from scipy.spatial import Voronoi, cKDTree

GRID_M = 1.0
THIN_M = 150.0
STRAY_M, LONELY_M = 15_000.0, 15_000.0
OVERSHOOT_M = 20.0
PAD_M, CLOSE_M, CROWD_M, CROWD = 500.0, 400.0, 2_000.0, 5
NEIGHBOURS = 12
SAMPLES_PER_FSA = 1_500


def clean_points(fsa, xy, provinces, pruid_of):
    """Return (fsa, xy) thinned to one point per FSA and 150 m square, without points placed wrongly.

    A point is wrong when it lies far from its own province, or when it stands among other points of which hardly any
    share its FSA; a lonely point of a rural FSA (its digit is 0) is believed, it may be the only village around.
    An FSA with few points, or one that would lose most of them, keeps all that lie near its province.
    No two points of the result coincide: a Voronoi diagram could not tell them apart.
    """
    known = np.isin(fsa, list(pruid_of))
    fsa, xy = _first_of_each(fsa[known], xy[known], THIN_M)
    pruid, points = np.array([pruid_of[code] for code in fsa]), shapely.points(xy)
    near = np.zeros(len(fsa), bool)
    for code, province in provinces.items():
        shapely.prepare(province)
        near[pruid == code] = shapely.dwithin(province, points[pruid == code], STRAY_M)
    distance, neighbour = cKDTree(xy).query(xy, NEIGHBOURS + 1)
    alike = (fsa[neighbour] == fsa[:, None]).sum(axis=1) - 1
    rural = np.array([code[1] == "0" for code in fsa])
    good = near & ((alike >= NEIGHBOURS // 4) | (rural & (distance[:, -1] > LONELY_M)))
    for code in np.unique(fsa):
        mine = fsa == code
        if mine.sum() < 2 * NEIGHBOURS or good[mine].mean() < 0.5:
            good[mine] = near[mine]
    fsa, xy = fsa[good], xy[good]
    # Of points in one place the FSA with the fewest keeps its own: it may be one building and have no other.
    _, number, count = np.unique(fsa, return_inverse=True, return_counts=True)
    order = np.argsort(count[number], kind="stable")
    _, first = np.unique(xy[order].round(), axis=0, return_index=True)
    kept = np.sort(order[first])
    return fsa[kept], xy[kept]


def _first_of_each(fsa, xy, step):
    """Return (fsa, xy) with only the first point of each FSA in each square of a grid."""
    square = np.floor(xy / step).astype(int)
    number = np.unique(fsa, return_inverse=True)[1]
    _, first = np.unique(np.column_stack([number, square]), axis=0, return_index=True)
    first.sort()
    return fsa[first], xy[first]


def add_shores(provinces, pruid, xy):
    """Return the provinces widened to the postal points just outside them: the source's coast is coarse in cities.

    Only where at least CROWD points stand together; a village on an island too small for the source gets an
    island of its own. A province never grows over another one.
    """
    points = shapely.points(xy)
    land = shapely.union_all(list(provinces.values()))
    shapely.prepare(land)
    crowd = cKDTree(xy).query_ball_point(xy, CROWD_M, return_length=True)
    wet = ~shapely.intersects(land, points) & (crowd >= CROWD)
    widened = {}
    for code, province in provinces.items():
        pads = shapely.union_all(shapely.buffer(points[wet & (pruid == code)], PAD_M, quad_segs=2))
        # Growing and shrinking the outline turns a string of discs along the land into a shore.
        shore = (
            shapely.union_all([pads, province.intersection(pads.buffer(4 * PAD_M))]).buffer(CLOSE_M).buffer(-CLOSE_M)
        )
        others = [other for key, other in provinces.items() if key != code] + list(widened.values())
        widened[code] = shapely.union_all([province, shore.difference(shapely.union_all(others))])
    return widened


def settle(provinces, pruid, fsa, xy):
    """Return (lands, sites): every connected piece of every province, and (fsa, xy) of the points on each.

    So no FSA reaches over a strait where others live. Land without any point gets the nearest one of its province.
    """
    lands, sites = [], []
    for code, province in provinces.items():
        parts, mine, at = shapely.get_parts(province), fsa[pruid == code], xy[pruid == code]
        home = shapely.STRtree(parts).nearest(shapely.points(at))
        tree = shapely.STRtree(shapely.points(at))
        for i, part in enumerate(parts):
            here = home == i if (home == i).any() else [tree.nearest(part)]
            lands.append(part)
            sites.append((mine[here], at[here]))
    return lands, sites


def borders(xy, label, within, smooth_m=0.0):
    """Return the edges between Voronoi cells of different labels, clipped to a polygon and a little beyond it.

    The overshoot makes sure that every edge crosses the outline; what sticks out bounds nothing and disappears.
    smooth_m straightens the zigzag of points that stand on a grid.
    """
    if len(np.unique(label)) < 2:
        return shapely.MultiLineString()
    low, high = xy.min(axis=0), xy.max(axis=0)
    # Four points far outside, so that every edge inside has two ends.
    frame = (low + high) / 2 + (10 * (high - low).max() + 1e6) * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])
    diagram = Voronoi(np.vstack([xy, frame]))
    number = np.append(np.unique(label, return_inverse=True)[1], [-1] * 4)
    pair, ends = number[diagram.ridge_points], np.array(diagram.ridge_vertices)
    keep = (pair[:, 0] != pair[:, 1]) & (pair >= 0).all(axis=1) & (ends >= 0).all(axis=1)
    lines = shapely.multilinestrings(shapely.linestrings(diagram.vertices[ends[keep]]))
    if smooth_m:
        lines = shapely.simplify(shapely.line_merge(lines), smooth_m)
    return shapely.intersection(lines, shapely.buffer(within, OVERSHOOT_M, quad_segs=2))


def faces(lines, areas):
    """Return (polygons, index): every face that lines and outlines of areas bound, and which area it lies in."""
    net = shapely.union_all([*lines, *shapely.boundary(areas)], grid_size=GRID_M)
    polygons = shapely.get_parts(shapely.polygonize(shapely.get_parts(net)))
    inside, index = shapely.STRtree(areas).query(shapely.point_on_surface(polygons), predicate="within")
    inside, first = np.unique(inside, return_index=True)
    return polygons[inside], index[first]


def label_faces(polygons, area, sites):
    """Return each face's label: that of the nearest site of its area, where sites[area] is (labels, xy)."""
    label = np.empty(len(polygons), dtype="U8")
    spot = shapely.get_coordinates(shapely.point_on_surface(polygons))
    for i in np.unique(area):
        labels, xy = sites[i]
        label[area == i] = labels[cKDTree(xy).query(spot[area == i])[1]]
    return label


def dissolve(polygons, label):
    """Return {label: union of its faces}, labels sorted."""
    order = np.argsort(label, kind="stable")
    names, start = np.unique(label[order], return_index=True)
    groups = np.split(polygons[order], start[1:])
    return {name: shapely.coverage_union_all(group) for name, group in zip(names.tolist(), groups, strict=True)}


def split_fsas(fsa_polygons, shares, seed_region, seed_xy):
    """Return {fsa: (region, xy)} samples for every FSA in several regions, whose counts follow the area shares.

    A sample goes to the region whose seeds are nearest, after a bonus per region that makes the counts fit.
    Seeds are the points of FSAs in one region; later rounds add the other FSAs' samples, so that borders meet.
    """
    split = [fsa for fsa in fsa_polygons if len(shares[fsa]) > 1]
    grids = {fsa: _grid(fsa_polygons[fsa]) for fsa in split}
    samples = {}
    for _ in range(3):
        region = np.concatenate([seed_region, *(samples[fsa][0] for fsa in samples)])
        xy = np.concatenate([seed_xy, *(samples[fsa][1] for fsa in samples)])
        owner = np.concatenate([np.full(len(seed_xy), ""), *(np.full(len(samples[fsa][0]), fsa) for fsa in samples)])
        by_region = {code: np.flatnonzero(region == code) for code in np.unique(region)}
        fresh = {}
        for fsa in split:
            codes = list(shares[fsa])
            distance = np.empty((len(grids[fsa]), len(codes)))
            for j, code in enumerate(codes):
                seeds = by_region[code][owner[by_region[code]] != fsa]
                distance[:, j] = cKDTree(xy[seeds]).query(grids[fsa])[0]
            target = np.array([shares[fsa][code] for code in codes])
            fresh[fsa] = np.array(codes)[_fit(distance, target)], grids[fsa]
        samples = fresh
    return samples


def sample_step(polygon):
    """Return the distance in metres between the rows of samples in an FSA."""
    return np.sqrt(polygon.area / SAMPLES_PER_FSA)


def _grid(polygon):
    """Return about SAMPLES_PER_FSA points of a hexagonal grid inside a polygon, as an (n, 2) array."""
    step = sample_step(polygon)
    west, south, east, north = polygon.bounds
    x, y = np.meshgrid(np.arange(west, east, step), np.arange(south, north, step))
    x = x + np.where(np.arange(len(x)) % 2, step / 2, 0)[:, None]
    shapely.prepare(polygon)
    return np.column_stack([x.ravel(), y.ravel()])[shapely.contains_xy(polygon, x.ravel(), y.ravel())]


def _fit(distance, target):
    """Return for each row the column with the least distance minus bonus, where the bonuses make counts fit target."""
    bonus, step = np.zeros(len(target)), distance.max()
    for _ in range(400):
        choice = np.argmin(distance - bonus, axis=1)
        error = target - np.bincount(choice, minlength=len(target)) / len(choice)
        bonus += step * error
        step *= 0.985
    return choice


def tidy(units, area_of, island_min_m2, part_share):
    """Return the units without crumbs: a small part on land joins the neighbour with the longest common border.

    Small means less than part_share of its unit. An island under island_min_m2 is dropped. The largest part of a
    unit always stays, and a part joins only a unit of the same area (province), given by area_of(label).
    """
    for _ in range(3):
        part, label = shapely.get_parts(list(units.values()), return_index=True)
        names = list(units)
        size = shapely.area(part)
        total = np.bincount(label, weights=size)
        largest = np.zeros(len(part), bool)
        largest[[max(np.flatnonzero(label == i), key=lambda k: size[k]) for i in range(len(names))]] = True
        small = np.flatnonzero(~largest & (size < part_share * total[label]))
        touching = defaultdict(list)
        for i, other in shapely.STRtree(part).query(part[small], predicate="touches").T:
            touching[small[i]].append(other)
        keep, moved = np.ones(len(part), bool), label.copy()
        for i in small[np.argsort(size[small], kind="stable")]:
            near = [k for k in touching[i] if area_of(names[label[k]]) == area_of(names[label[i]])]
            border = [shapely.length(shapely.intersection(part[i], part[k])) for k in near]
            if border and max(border) > 0:
                moved[i] = moved[near[int(np.argmax(border))]]
            elif not near and size[i] < island_min_m2:
                keep[i] = False
        units = dissolve(part[keep], np.array(names)[moved[keep]])
    return units

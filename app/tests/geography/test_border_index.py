"""geography.lookup.border_index: lines that can be the nearest border."""

import numpy as np
import shapely

from geography.lookup.border_index import LINE_EDGES, _lines, build_border_indexes


def disc(x, y, radius, vertices):
    return shapely.Point(x, y).buffer(radius, quad_segs=vertices // 4)


def test_lines_hold_every_edge_once():
    polygons = np.array([disc(0, 0, 10, 100), shapely.box(20, 20, 30, 30), disc(50, 0, 10, 64).difference(disc(50, 0, 5, 16))])
    lines, numbers = _lines(polygons)
    assert max(shapely.get_num_coordinates(lines)) == LINE_EDGES + 1
    for number, polygon in enumerate(polygons):
        own = lines[numbers == number]
        assert sum(shapely.get_num_coordinates(own) - 1) == shapely.get_num_coordinates(polygon) - len(
            shapely.get_rings(polygon)
        )
        assert shapely.equals(shapely.line_merge(shapely.union_all(own)), polygon.boundary)


def test_border_index_holds_the_nearest_line():
    random = np.random.default_rng(1)
    pieces = np.array([shapely.box(x, y, x + 1, y + 1) for x in range(12) for y in range(12)])
    owners = np.array([(x // 4) * 3 + y // 4 for x in range(12) for y in range(12)])
    border_indexes = build_border_indexes(pieces, owners, 9)
    for rank, value in enumerate(border_indexes):
        assert value is not None
        others = shapely.union_all(pieces[owners != rank])
        assert len(value.shapes) < (owners != rank).sum()
        for piece in pieces[owners == rank]:
            west, south, _, _ = piece.bounds
            for x, y in random.random((5, 2)):
                point = shapely.Point(west + x, south + y)
                ((line,),) = value.tree.query_nearest([point], all_matches=False)[1:]
                assert abs(value.shapes[line].distance(point) - others.distance(point)) < 1e-12


def test_single_region_has_no_border_index():
    pieces = np.array([shapely.box(0, 0, 1, 1)])
    assert build_border_indexes(pieces, np.array([0]), 2) == (None, None)

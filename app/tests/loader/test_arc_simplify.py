"""Simplification of a layer arc by arc, for layers too large for memory: neighbours keep a shared border."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import pytest
import shapely

from loader.geometry.arc_simplify import TooManyVertices, find_nodes, simplify, simplify_to_fit


def roughened(coverage: np.ndarray, seed: int, amplitude: float = 3.0) -> np.ndarray:
    """Return a valid coverage with every edge segmentized and displaced, identically for both sides."""
    # Snap to a grid, then node: both sides of a shared edge have the same segments.
    lines = shapely.union_all(shapely.boundary(shapely.set_precision(coverage, 1.0)), grid_size=1.0)
    cut = np.array(shapely.get_parts(shapely.polygonize([shapely.segmentize(shapely.node(lines), 20.0)])))

    def shake(xy: np.ndarray) -> np.ndarray:
        wave = np.sin(xy[:, ::-1] * 0.13 + seed) + np.sin(xy * 0.071 + 2 * seed)
        return np.asarray(xy + amplitude * wave)

    return np.asarray(shapely.transform(cut, shake))


def voronoi(seed: int, count: int = 40) -> np.ndarray:
    chance = np.random.default_rng(seed)
    points = shapely.multipoints(chance.uniform(0, 2_000, (count, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points))
    return np.asarray(shapely.intersection(cells, shapely.box(0, 0, 2_000, 2_000)))


def multi(coverage: Iterable[shapely.Geometry]) -> list[shapely.MultiPolygon]:
    return [shapely.multipolygons(shapely.get_parts(item)) for item in coverage]


def simplified(coverage: list[shapely.MultiPolygon], tolerance: float) -> list[shapely.MultiPolygon]:
    return simplify(coverage, find_nodes(coverage), tolerance_m=tolerance, most_vertices=10**9)


def edges(geometry: shapely.Geometry) -> set[frozenset[tuple[float, float]]]:
    result = set()
    for ring in shapely.get_rings(shapely.get_parts(geometry)):
        coords = [tuple(xy) for xy in shapely.get_coordinates(ring)]
        result |= {frozenset(pair) for pair in pairwise(coords)}
    return result


def outline(coverage: Iterable[shapely.Geometry]) -> set[frozenset[tuple[float, float]]]:
    """Return the edges that exactly one region has: the outer border of a coverage."""
    once: set[frozenset[tuple[float, float]]] = set()
    for item in coverage:
        once ^= edges(item)
    return once


@pytest.mark.parametrize("seed", range(12))
def test_simplified_neighbours_share_their_border(seed: int) -> None:
    before = multi(roughened(voronoi(seed), seed))
    assert shapely.coverage_is_valid(np.array(before)), "the test's own coverage"
    after = simplified(before, 4.0)
    assert len(after) == len(before)
    assert 0.02 < sum(map(shapely.get_num_coordinates, after)) / sum(map(shapely.get_num_coordinates, before)) < 0.6
    # Inside the coverage, every edge that remains belongs to exactly two regions.
    inside = shapely.buffer(shapely.union_all(before), -20)
    assert [edge for edge in outline(after) if shapely.intersects(inside, shapely.linestrings(sorted(edge)))] == []


@pytest.mark.parametrize("seed", range(4))
def test_simplified_boundary_stays_within_tolerance(seed: int) -> None:
    before = multi(roughened(voronoi(seed), seed))
    for value, other in zip(before, simplified(before, 4.0), strict=True):
        assert shapely.hausdorff_distance(shapely.boundary(value), shapely.boundary(other)) <= 4.0 + 1e-9


@pytest.mark.parametrize("turn", [1, 2, 7])
def test_ring_start_and_direction_do_not_matter(turn: int) -> None:
    before = multi(roughened(voronoi(3), 3))
    turned = []
    for index, region in enumerate(before):
        parts = []
        for part in shapely.get_parts(region):
            coords = np.roll(shapely.get_coordinates(part.exterior)[:-1], turn * index, axis=0)
            parts.append(shapely.Polygon(coords[::-1] if index % 2 else coords))
        turned.append(shapely.multipolygons(parts))
    assert outline(simplified(before, 4.0)) == outline(simplified(turned, 4.0))


def test_tied_vertices_are_chosen_alike_in_both_directions() -> None:
    """Corners of a border of right angles tie in distance; the choice must not depend on the direction of the ring."""
    steps = [(x * 10.0, 7.0 * (x // 3 % 2) + (2.0 if x % 3 == 1 else 0.0)) for x in range(1, 60)]
    border = [(0.0, 0.0), *steps, (600.0, 0.0)]
    north = shapely.multipolygons([shapely.Polygon([*border, (600, 500), (0, 500)])])
    south = shapely.multipolygons([shapely.Polygon([*border[::-1], (0, -500), (600, -500)])])
    for tolerance in (1.0, 3.0, 5.0, 6.9, 7.1):
        first, second = simplified([north, south], tolerance)
        assert shapely.coverage_is_valid(np.array([first, second])), tolerance


def circle(x: float, y: float, radius: float) -> shapely.Polygon:
    return shapely.Point(x, y).buffer(radius, quad_segs=64)


def test_islands_lakes_and_enclaves_stay_a_valid_coverage() -> None:
    enclave, lake, island = circle(300, 300, 100), circle(700, 700, 80), circle(2_000, 0, 60)
    mainland = shapely.Polygon(
        shapely.segmentize(shapely.box(0, 0, 1_000, 1_000), 10).exterior, [enclave.exterior, lake.exterior]
    )
    # The ring of the enclave starts at another vertex than the hole that it fills, and runs in the other direction.
    coords = np.roll(shapely.get_coordinates(enclave.exterior)[:-1][::-1], 17, axis=0)
    before = [shapely.multipolygons([mainland, island]), shapely.multipolygons([shapely.Polygon(coords)])]
    first, second = simplified(before, 3.0)
    assert shapely.coverage_is_valid(np.array([first, second]))
    assert edges(second) <= edges(first)
    assert len(shapely.get_parts(first)) == 2
    assert shapely.get_num_interior_rings(shapely.get_geometry(first, 0)) == 2
    assert 4 <= shapely.get_num_coordinates(second) < 60


def test_island_smaller_than_tolerance_becomes_triangle() -> None:
    (island,) = simplified([shapely.multipolygons([circle(0, 0, 5)])], 1_000.0)
    assert shapely.get_num_coordinates(island) == 4
    assert shapely.area(island) > 0


def test_point_of_contact_of_two_rings_is_kept() -> None:
    """An island in a lake touches the shore: the point of contact is a vertex of both rings."""
    lake = circle(0, 0, 100)
    touch = tuple(shapely.get_coordinates(lake)[0])
    island = circle(60, 0, 40)
    assert touch == tuple(shapely.get_coordinates(island)[0])
    land = shapely.Polygon(shapely.segmentize(shapely.box(-500, -500, 500, 500), 25).exterior, [lake.exterior])
    before = [shapely.multipolygons([land]), shapely.multipolygons([island])]
    first, second = simplified(before, 2.0)
    for item in (first, second):
        assert touch in {tuple(xy) for xy in shapely.get_coordinates(item)}
        assert shapely.is_valid(item)


def test_signed_zeros_are_the_same_vertex() -> None:
    left = shapely.multipolygons([shapely.Polygon([(-5, 0.0), (0.0, 0.0), (0.0, 5), (-5, 5)])])
    right = shapely.multipolygons([shapely.Polygon([(-0.0, -0.0), (5, 0.0), (5, 5), (-0.0, 5)])])
    assert len(find_nodes([left, right])) == 2


def test_more_vertices_than_allowed_raise_too_many_vertices() -> None:
    before = multi(roughened(voronoi(1), 1))
    with pytest.raises(TooManyVertices):
        simplify(before, find_nodes(before), tolerance_m=1.0, most_vertices=100)


def reader(coverage: list[shapely.MultiPolygon]) -> tuple[Callable[[], Iterable[shapely.MultiPolygon]], list[int]]:
    passes: list[int] = []

    def read() -> Iterable[shapely.MultiPolygon]:
        passes.append(1)
        return iter(coverage)

    return read, passes


def test_simplify_to_fit_uses_smallest_tolerance() -> None:
    before = multi(roughened(voronoi(2), 2))
    total = int(sum(map(shapely.get_num_coordinates, before)))
    read, _ = reader(before)
    result, tolerance = simplify_to_fit(read, first_tolerance_m=0.5, most_vertices=total // 4)
    assert sum(map(shapely.get_num_coordinates, result)) <= total // 4
    finer = sum(map(shapely.get_num_coordinates, simplified(before, tolerance / 2)))
    # Both the first tolerance and half of the resulting one are too fine.
    assert tolerance > 0.5
    assert finer > total // 4


def test_simplify_to_fit_ends_when_no_tolerance_fits() -> None:
    islands = shapely.buffer(shapely.points(np.random.default_rng(1).uniform(0, 1e6, (300, 2))), 30, quad_segs=2)
    before = [shapely.multipolygons(islands)]
    read, passes = reader(before)
    (result,), tolerance = simplify_to_fit(read, first_tolerance_m=6.25, most_vertices=100)
    assert len(passes) < 20
    assert (len(shapely.get_parts(result)), shapely.get_num_coordinates(result)) == (300, 1_200)
    assert tolerance >= 50_000

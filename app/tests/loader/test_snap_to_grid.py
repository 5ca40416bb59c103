"""Rounding of a coverage to its decimals: valid, without overlaps, no region lost."""

import numpy as np
import pytest
import shapely

from loader.geometry.snap_to_grid import snap_to_grid


def layer(*polygons: shapely.Polygon) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    return np.array([shapely.multipolygons([polygon]) for polygon in polygons], dtype=object)


def decimals_of(geometries: "np.ndarray[tuple[int], np.dtype[np.object_]]") -> bool:
    coordinates = shapely.get_coordinates(geometries)
    return bool((coordinates == np.round(coordinates, 2)).all())


def test_coordinates_are_rounded_and_exterior_rings_counter_clockwise() -> None:
    (drawn,) = snap_to_grid(layer(shapely.Polygon([(0.001, 0), (0, 1.002), (1.004, 1), (1, 0.003)])), 2)
    assert drawn.equals(shapely.box(0, 0, 1, 1))
    assert shapely.is_ccw(drawn.geoms[0].exterior)


def test_lines_do_not_cross_after_rounding() -> None:
    # The tip of the dent is a third of a grid unit from the opposite side.
    dented = shapely.Polygon([(0, 0), (1, 0), (1, 0.0349), (0.5, 0.0034), (0, 0.0349)])
    below = shapely.Polygon([(0, 0), (1, 0), (1, -1), (0, -1)])
    assert not shapely.is_valid(shapely.transform(dented, lambda coords: np.round(coords, 2)))
    drawn = snap_to_grid(layer(dented, below), 2)
    assert shapely.is_valid(drawn).all()
    assert shapely.coverage_is_valid(drawn)
    assert decimals_of(drawn)
    assert not shapely.is_empty(drawn).any()


def test_smallest_of_overlapping_regions_keeps_its_area() -> None:
    large, small = shapely.box(0, 0, 10, 10), shapely.box(4, 4, 5, 5)
    drawn = snap_to_grid(layer(large, small), 2)
    assert shapely.coverage_is_valid(drawn)
    assert list(shapely.area(drawn)) == [99, 1]


def test_region_smaller_than_grid_is_kept() -> None:
    drawn = snap_to_grid(layer(shapely.box(0, 0, 1, 1), shapely.box(2, 2, 2.001, 2.001)), 2)
    assert not shapely.is_empty(drawn).any()
    assert shapely.is_valid(drawn).all()


@pytest.mark.parametrize("seed", range(5))
def test_random_coverage_stays_a_coverage(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = shapely.multipoints(random.uniform(0, 1, (300, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=shapely.box(0, 0, 1, 1)))
    cells = shapely.intersection(cells, shapely.box(0, 0, 1, 1))
    drawn = snap_to_grid(layer(*cells), 2)
    assert shapely.is_valid(drawn).all()
    assert shapely.coverage_is_valid(drawn[shapely.area(drawn) > 1e-4])
    assert np.isclose(shapely.area(drawn).sum(), 1, atol=0.01)

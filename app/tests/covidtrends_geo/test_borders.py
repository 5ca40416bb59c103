"""Borders around a square, as a search at one position uses them, against shapely's distances to whole regions."""

import numpy as np
import pytest
import shapely

from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.engine import Engine
from tests.covidtrends_geo.conftest import X, Y, engine_of, squares

Coverage = tuple[list[shapely.Geometry], Engine]
SIDE, EXTENT = 1_024.0, 30_000.0


def corners(count: int) -> np.ndarray:
    random = np.random.default_rng(15)
    return np.array(random.uniform((X - 5_000, Y - 5_000), (X + EXTENT, Y + EXTENT), (count, 2)))


@pytest.mark.parametrize("own", [NO_REGION, 0])
def test_nearest_border_and_its_point_equal_shapely(coverage: Coverage, own: int) -> None:
    regions, engine = coverage
    outlines = shapely.boundary(regions)
    for west, south in corners(12):
        borders = engine.search.borders_near((west, south, west + SIDE, south + SIDE), own, np.inf, nearest=True)
        for x, y in np.random.default_rng(5).uniform((west, south), (west + SIDE, south + SIDE), (4, 2)).tolist():
            distances = shapely.distance(outlines, shapely.Point(x, y))
            if own != NO_REGION:
                distances[own] = np.inf
            nearest = borders.nearest(x, y)
            if nearest is None:
                assert np.isinf(distances).all()
                continue
            assert nearest[0] == pytest.approx(distances.min(), abs=1e-7)
            assert distances[nearest[1]] == pytest.approx(distances.min(), abs=1e-7)
            assert np.hypot(nearest[2][0] - x, nearest[2][1] - y) == pytest.approx(nearest[0], abs=1e-7)
            assert shapely.distance(outlines[nearest[1]], shapely.Point(nearest[2])) < 1e-7


def test_distances_to_all_regions_within_reach_equal_shapely(coverage: Coverage) -> None:
    regions, engine = coverage
    outlines = shapely.boundary(regions)
    for west, south in corners(12):
        box = (west, south, west + SIDE, south + SIDE)
        borders = engine.search.borders_near(box, NO_REGION, 512.0, nearest=False)
        expected = shapely.distance(outlines, shapely.Point(west, south))
        assert set(np.flatnonzero(expected <= 512).tolist()) <= set(borders.regions)
        for region, distance in zip(borders.regions, borders.distances(west, south), strict=True):
            assert distance >= expected[region] - 1e-7
            assert distance == pytest.approx(expected[region], abs=1e-7) or expected[region] > 512


def test_of_equally_near_regions_the_lowest_is_the_nearest() -> None:
    engine = engine_of(squares(1_000.0, 2))
    box = (X, Y, X + SIDE, Y + SIDE)
    borders = engine.search.borders_near(box, 3, np.inf, nearest=True)
    assert borders.nearest(X + 1_000, Y + 500) == (0.0, 0, (X + 1_000, Y + 500))


def test_search_without_regions_has_no_border() -> None:
    borders = engine_of([]).search.borders_near((X, Y, X + SIDE, Y + SIDE), NO_REGION, np.inf, nearest=True)
    assert borders.nearest(X, Y) is None
    assert borders.distances(X, Y) == []

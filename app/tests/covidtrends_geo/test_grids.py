"""Grids and zones of a lookup file: same answers as without them, most of them without a search."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covidtrends_geo import boxes, lookup_file
from covidtrends_geo.columns import Placed, locate_placed
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.engine import Engine
from covidtrends_geo.projection import to_degrees
from covidtrends_geo.quadtree import key_of
from covidtrends_geo.search import MIXED, TreeSearch
from covidtrends_geo.zones import in_zones
from tests.covidtrends_geo.conftest import SIDE, SOUTH, WEST, X, Y, engine_of, squares
from tests.covidtrends_geo.test_search import Coverage, distances_to, positions_about

MISFIT_M = 60.0


def without_grids(engine: Engine) -> Engine:
    search = engine.search
    return Engine(TreeSearch(search.tree, search.boxes._nodes, search.vertices), engine.misfits.tolist())


@pytest.mark.parametrize(
    "options", [{}, {"max_distance_m": 5_000.0}, {"accuracy_m": 1.5}, {"accuracy_m": 40.0}, {"border": True}]
)
@pytest.mark.parametrize("misfit", [0.0, MISFIT_M])
def test_answers_are_the_same_with_and_without_grids_and_zones(
    coverage: Coverage, misfit: float, options: dict[str, Any]
) -> None:
    regions, engine = coverage
    if misfit:
        engine = engine_of(regions, [misfit * (number % 2) for number in range(len(regions))])
    placed = Placed.of(*to_degrees(*positions_about(regions, 1_000).T))
    answers = locate_placed(engine, placed, **options)
    expected = locate_placed(without_grids(engine), placed, **options)
    for name, column, other in zip(answers._fields, answers, expected, strict=True):
        np.testing.assert_array_equal(column, other, err_msg=name)


def test_a_square_with_a_region_is_covered_by_it_alone_and_far_from_borders(coverage: Coverage) -> None:
    regions, engine = coverage
    xy = positions_about(regions, 1_000)
    _, single = engine.search.cells(key_of(*xy.T))
    distances = distances_to(regions, xy)
    for number in range(len(regions)):
        inside = single == number
        assert (distances[inside, number] == 0).all()
        assert (np.delete(distances[inside], number, axis=1) > boxes.CELL_MARGIN).all()
    assert (distances[single == NO_REGION] > boxes.CELL_MARGIN).all()


def test_most_positions_in_cells_with_borders_are_settled() -> None:
    engine = engine_of(squares(3_000.0, 4))
    at = Placed.of(*to_degrees(*(np.random.default_rng(1).uniform(0, 12_000, (2_000, 2)) + np.array([X, Y])).T)).at
    _, single = without_grids(engine).search.cells(at.keys)
    _, _, settled = engine.settled(at, 2.0)
    assert (single == MIXED).all()
    assert settled.mean() > 0.7


def test_a_zone_is_where_a_border_of_another_region_is_within_the_misfit() -> None:
    regions = squares(10_000.0, 2)
    engine = engine_of(regions, [MISFIT_M, 0.0, 0.0, 0.0])
    x, y = np.array([[X + 5_000, Y + 5_000], [X + 9_950, Y + 5_000], [X + 50, Y + 5_000]]).T.copy()
    # The last is near a border of its own region only.
    assert in_zones(engine._zones, key_of(x, y)).tolist() == [False, True, False]


def test_cells_with_more_regions_than_codes_are_searched() -> None:
    engine = engine_of(squares(40.0, 30))
    placed = Placed.of(*to_degrees(*(np.random.default_rng(2).uniform(0, 1_200, (2_000, 2)) + np.array([X, Y])).T))
    assert locate_placed(engine, placed).region.tolist() == locate_placed(without_grids(engine), placed).region.tolist()


def test_a_file_brings_its_grids(lookup_paths: list[Path]) -> None:
    file = lookup_file.open_file(lookup_paths[0])
    x = np.linspace(WEST, WEST + SIDE, 40)
    regions, _, settled = file.engine.settled(Placed.of(*to_degrees(x, np.full(40, SOUTH + SIDE / 2))).at, 2.0)
    assert {file.regions[region].code for region in regions[settled].tolist()} == {"3501"}

"""Search in a compiled index against brute force: the distance to every whole region."""

import numpy as np
import pytest
import shapely

from covidtrends_geo.answers import COVERS, MATCHES, answers
from covidtrends_geo.columns import locate_columns
from covidtrends_geo.constants import BORDER_EPSILON_M, NO_REGION
from covidtrends_geo.engine import Engine
from covidtrends_geo.lookup_file import Region
from covidtrends_geo.pairs import Pairs
from covidtrends_geo.point import PointEngine, answer
from covidtrends_geo.projection import scale, to_degrees, to_lambert
from covidtrends_geo.quadtree import key_of
from covidtrends_geo.segments import circle
from covidtrends_geo.shares import polygon_shares
from tests.covidtrends_geo.conftest import X, Y, engine_of, squares

Coverage = tuple[list[shapely.Geometry], Engine]
COUNT = 400


def positions_about(regions: list[shapely.Geometry], count: int = COUNT) -> np.ndarray:
    """Return positions: vertices, 0.1 mm to 300 m from vertices and edges, and anywhere, as rows of x and y."""
    random = np.random.default_rng(3347)
    vertices = shapely.get_coordinates(regions)
    chosen = random.integers(0, len(vertices) - 1, count)
    away, turn = 10 ** random.uniform(-4, 2.5, count), random.uniform(0, 2 * np.pi, count)
    away[: count // 10] = 0
    part = random.choice([0.0, 0.5, 0.3], count)[:, None]
    on_edges = vertices[chosen] * (1 - part) + vertices[chosen + 1] * part
    west, south, east, north = shapely.total_bounds(regions)
    margin = (east - west) / 10
    anywhere = random.uniform((west - margin, south - margin), (east + margin, north + margin), (count, 2))
    return np.concatenate([on_edges + away[:, None] * np.column_stack([np.cos(turn), np.sin(turn)]), anywhere])


def distances_to(regions: list[shapely.Geometry], xy: np.ndarray) -> np.ndarray:
    """Return the distance from every position to every region."""
    return np.array([shapely.distance(region, shapely.points(xy)) for region in regions]).T


def as_dictionary(pairs: Pairs) -> dict[tuple[int, int], float]:
    rows = zip(pairs.positions.tolist(), pairs.regions.tolist(), pairs.distances.tolist(), strict=True)
    return {(position, region): distance for position, region, distance in rows}


@pytest.mark.parametrize("reach", [0.0, 0.001, 2.2, 4.0])
def test_near_regions_equal_brute_force(coverage: Coverage, reach: float) -> None:
    regions, engine = coverage
    xy = positions_about(regions)
    x, y = xy.T.copy()
    pairs = as_dictionary(engine.search.near(x, y, engine.search.cells(key_of(x, y))[0], reach))
    expected = distances_to(regions, xy)
    for position, region in zip(*np.nonzero(expected <= reach), strict=True):
        if (position, region) not in pairs:
            # Within the rounding of the two computations.
            assert expected[position, region] == pytest.approx(reach, abs=1e-8)
        else:
            assert pairs.pop((position, region)) == pytest.approx(expected[position, region], abs=1e-8)
    assert all(expected[key] == pytest.approx(reach, abs=1e-8) for key in pairs)


@pytest.mark.parametrize("reach", [30.0, 2_000.0, 90_000.0])
def test_regions_within_a_distance_equal_brute_force(coverage: Coverage, reach: float) -> None:
    regions, engine = coverage
    xy = positions_about(regions, 60)
    x, y = xy.T.copy()
    pairs = as_dictionary(engine.search.within(x, y, engine.search.cells(key_of(x, y))[0], np.full(len(x), reach)))
    expected = distances_to(regions, xy)
    assert set(pairs) == {(int(p), int(r)) for p, r in zip(*np.nonzero(expected <= reach), strict=True)}
    assert [pairs[key] for key in pairs] == pytest.approx([expected[key] for key in pairs], abs=1e-7)


@pytest.mark.parametrize("outside", [False, True])
def test_nearest_border_equals_brute_force(coverage: Coverage, outside: bool) -> None:
    regions, engine = coverage
    xy = positions_about(regions, 150)
    x, y = xy.T.copy()
    covering = distances_to(regions, xy) == 0
    own = np.where(covering.any(axis=1) & ~np.array(outside), covering.argmax(axis=1), NO_REGION)
    borders = np.array([shapely.distance(shapely.boundary(region), shapely.points(xy)) for region in regions]).T
    borders[np.arange(len(xy))[own >= 0], own[own >= 0]] = np.inf
    result = engine.search.nearest_borders.find(x, y, own)
    distances = np.full(len(xy), np.inf)
    distances[result.positions] = result.distances
    assert distances.tolist() == pytest.approx(borders.min(axis=1).tolist(), abs=1e-6)
    # Of regions that are equally near, the lowest is the answer.
    equal = borders[result.positions, result.regions] - borders[result.positions].min(axis=1)
    assert np.abs(equal).max(initial=0) < 1e-6


@pytest.mark.parametrize("radius", [2.0, 52.5, 700.0])
@pytest.mark.parametrize("misfit", [0.0, 60.0])
def test_single_search_equals_search_of_arrays(coverage: Coverage, radius: float, misfit: float) -> None:
    regions, plain = coverage
    engine = Engine(plain.search, [misfit * (number % 2) for number in range(len(regions))])
    points = PointEngine(engine)
    named = [Region(str(number), None, "", "", "", metres) for number, metres in enumerate(engine.misfits.tolist())]
    lon, lat = to_degrees(*positions_about(regions, 30).T)
    for border, nearest_m in ((True, 5_000.0), (False, 0.0)):
        hits = engine.hits(lon, lat, radius, nearest_m=nearest_m, border=border)
        columns = answers(hits, radius, nearest_m, engine.misfits)
        starts = np.searchsorted(hits.positions, np.arange(len(lon) + 1))
        for number, (one_lon, one_lat) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)):
            hit = points.hit(one_lon, one_lat, radius, nearest_m=nearest_m, border=border)
            assert [region for _, region in hit.near] == hits.regions[starts[number] : starts[number + 1]].tolist()
            single = answer(hit, radius, nearest_m, named)
            assert single.match == MATCHES[columns.match[number]]
            assert (NO_REGION if single.region is None else int(single.region.code)) == columns.region[number]
            assert (NO_REGION if single.neighbour is None else int(single.neighbour.code)) == columns.neighbour[number]
            assert single.certain == columns.certain[number]
            assert single.uncertainty_m == columns.uncertainty_m[number]
            for mine, theirs in (
                (single.distance_m, columns.distance_m[number]),
                (single.distance_to_border_m, columns.distance_to_border_m[number]),
            ):
                assert np.isnan(theirs) if mine is None else mine == pytest.approx(theirs, abs=1e-4), (mine, theirs)


@pytest.mark.parametrize("radius", [1.0, 40.0, 3_000.0, 60_000.0])
def test_shares_of_a_circle_equal_intersections(coverage: Coverage, radius: float) -> None:
    regions, engine = coverage
    for x, y in positions_about(regions, 15).tolist():
        corners = circle(x, y, radius)
        polygon = shapely.Polygon(corners)
        areas = shapely.area(shapely.intersection(regions, polygon)) / polygon.area
        shares = polygon_shares(engine.search, corners)
        assert [shares.get(number, 0.0) for number in range(len(regions))] == pytest.approx(areas.tolist(), abs=1e-6)


def test_shares_without_a_border_in_the_circle_are_whole(coverage: Coverage) -> None:
    regions, engine = coverage
    points = PointEngine(engine)
    for x, y in positions_about(regions, 40).tolist():
        lon, lat = to_degrees(x, y)
        exact = engine.circle_shares(lon, lat, 35.0)
        assert points.circle_shares(lon, lat, 35.0) == pytest.approx(exact, abs=1e-6)


def test_answers_do_not_depend_on_chunks_or_company(coverage: Coverage) -> None:
    regions, engine = coverage
    lon, lat = to_degrees(*positions_about(regions, 100).T)
    together = locate_columns(engine, lon, lat, max_distance_m=5_000, border=True).answers
    turned = locate_columns(engine, lon[::-1].copy(), lat[::-1].copy(), max_distance_m=5_000, border=True).answers
    for column, other in zip(together, turned, strict=True):
        np.testing.assert_array_equal(column, other[::-1])


def test_shared_border_belongs_to_the_lowest_region_and_is_uncertain() -> None:
    engine = engine_of(squares(1_000.0, 2))
    lon, lat = (
        np.array(column) for column in zip(*(to_degrees(X + 1_000, Y + 500), to_degrees(X + 990, Y + 500)), strict=True)
    )
    result = locate_columns(engine, lon, lat, border=True).answers
    assert result.match.tolist() == [COVERS, COVERS]
    assert result.region.tolist() == [0, 0]
    assert result.certain.tolist() == [False, True]
    assert result.neighbour.tolist() == [1, 1]
    assert result.distance_to_border_m[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("metres", [0.0005, 0.0009, 0.0011, 1.9, 2.1])
def test_border_is_a_millimetre_wide_and_uncertain_up_to_two_metres(metres: float) -> None:
    engine = engine_of(squares(1_000.0, 2))
    lon, lat = to_degrees(X + 500, Y + 500)
    units = float(scale(lon, lat, *to_lambert(lon, lat)))
    position = to_degrees(X - metres * units, Y + 500)
    result = locate_columns(engine, *(np.array([degrees]) for degrees in position)).answers
    covers = metres <= BORDER_EPSILON_M
    assert MATCHES[result.match[0]] == ("covers" if covers else "none")
    assert result.certain[0] == (covers or metres > 2)


def test_invalid_and_far_positions_get_an_answer() -> None:
    engine = engine_of(squares(1_000.0, 2))
    lon = np.array([np.nan, -79.0, np.inf, -181.0, 0.0, 139.0, -80.0, -100.0])
    lat = np.array([43.0, np.nan, 43.0, 43.0, -90.0, 35.0, 90.5, 90.0])
    columns = locate_columns(engine, lon, lat, max_distance_m=50_000, border=True)
    assert columns.valid.tolist() == [False, False, False, False, True, True, False, True]
    assert columns.answers.region.tolist() == [NO_REGION] * 8
    assert columns.answers.certain.tolist() == columns.valid.tolist()
    assert locate_columns(engine, lon[:0], lat[:0]).valid.tolist() == []


def test_index_without_regions_answers_none() -> None:
    engine = engine_of([])
    columns = locate_columns(engine, np.array([-79.0]), np.array([43.0]), max_distance_m=50_000, border=True)
    assert columns.answers.region.tolist() == [NO_REGION]
    assert PointEngine(engine).hit(-79.0, 43.0, 2.0, nearest_m=50_000).near == ()

"""Splitting of rings that touch themselves, without moving a vertex."""

import numpy as np
import pytest
import shapely

from loader.geometry.self_touching import split_self_touching


def polygon(*rings: list[tuple[float, float]]) -> shapely.Polygon:
    return shapely.Polygon(rings[0], rings[1:])


# A square whose outline enters at (5, 0), runs around a triangle and leaves again: a hole that touches the shell.
PINCHED = polygon([(0, 0), (5, 0), (3, 3), (7, 3), (5, 0), (10, 0), (10, 10), (0, 10), (0, 0)])
# Two squares that touch at (5, 5), drawn as a single outline.
LOBES = polygon([(0, 0), (5, 0), (5, 5), (10, 5), (10, 10), (5, 10), (5, 5), (0, 5), (0, 0)])
# An outline with a spike: an edge traced forth and back.
SPIKE = polygon([(0, 0), (10, 0), (10, 10), (10, 20), (10, 10), (0, 10), (0, 0)])
BOW_TIE = polygon([(0, 0), (10, 10), (10, 0), (0, 10), (0, 0)])


@pytest.mark.parametrize(
    ("tangled", "holes"), [(PINCHED, [1]), (LOBES, [0, 0]), (SPIKE, [0])], ids=["pinched", "lobes", "spike"]
)
def test_self_touching_ring_is_split(tangled: shapely.Polygon, holes: list[int]) -> None:
    assert not tangled.is_valid
    parts = split_self_touching(tangled)
    assert parts is not None
    assert sorted(len(part.interiors) for part in parts) == holes
    whole = shapely.multipolygons(parts)
    assert whole.is_valid
    assert whole.area == tangled.area
    assert whole.equals(shapely.make_valid(tangled, method="structure", keep_collapsed=False))


@pytest.mark.parametrize("tangled", [PINCHED, LOBES, SPIKE])
def test_split_moves_no_vertex(tangled: shapely.Polygon) -> None:
    before = {tuple(xy) for xy in shapely.get_coordinates(tangled)}
    after = {tuple(xy) for xy in shapely.get_coordinates(shapely.multipolygons(split_self_touching(tangled)))}
    assert after <= before


@pytest.mark.parametrize("tangled", [PINCHED, LOBES])
def test_ring_direction_does_not_matter(tangled: shapely.Polygon) -> None:
    reversed_ring = shapely.reverse(tangled)
    assert shapely.multipolygons(split_self_touching(reversed_ring)).equals(shapely.multipolygons(split_self_touching(tangled)))


def test_self_touching_hole_is_split_into_hole_and_island() -> None:
    hole = [(2, 2), (4, 2), (3, 4), (5, 4), (4, 2), (8, 2), (8, 8), (2, 8), (2, 2)]
    tangled = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)], [hole])
    parts = split_self_touching(tangled)
    assert parts is not None
    assert sorted(part.area for part in parts) == [2, 100 - 36]


def test_hole_is_assigned_to_surrounding_lobe() -> None:
    holes = [[(1, 1), (1, 2), (2, 2), (2, 1), (1, 1)], [(6, 6), (6, 7), (7, 7), (7, 6), (6, 6)]]
    tangled = shapely.Polygon(LOBES.exterior.coords, holes)
    parts = split_self_touching(tangled)
    assert parts is not None
    assert [len(part.interiors) for part in parts] == [1, 1]


def test_self_crossing_ring_is_not_split() -> None:
    assert split_self_touching(BOW_TIE) is None


def test_many_touching_points_become_holes() -> None:
    outline: list[tuple[float, float]] = []
    for step in range(500):
        x = 10.0 * step
        outline += [(x, 0), (x + 5, 0), (x + 3, 3), (x + 7, 3), (x + 5, 0)]
    outline += [(5_000, 0), (5_000, 50), (0, 50), (0, 0)]
    parts = split_self_touching(polygon(outline))
    assert parts is not None
    (whole,) = parts
    assert len(whole.interiors) == 500
    assert np.isclose(whole.area, 5_000 * 50 - 500 * 6)

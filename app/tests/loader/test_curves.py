"""Edges near the pole, cut so that what is drawn in degrees lies where the published line lies."""

import numpy as np
import pytest
import shapely

from geography.projection import to_degrees, to_lambert
from loader.geometry.curves import STRAIGHT_FROM_M, curved

POLE = np.array(to_lambert(0.0, 90.0))
LONGEST = 4_000.0
MOST = LONGEST**2 / (5 * STRAIGHT_FROM_M)


def fan(west: float, east: float, south: float, apex: tuple[float, float]) -> shapely.Polygon:
    """Return a sector between two meridians with its apex at an offset in metres from the pole."""
    corners = [to_lambert(lon, south) for lon in (east, west)]
    return shapely.Polygon([tuple(POLE + apex), *corners])


def in_degrees(geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(geometry, lambda xy: np.column_stack(to_degrees(*xy.T)))


def back_on_the_ground(degrees: shapely.Geometry) -> shapely.Geometry:
    """Return the chords in degrees as they run in EPSG:3347."""
    fine = shapely.segmentize(degrees, 0.01)
    return shapely.transform(fine, lambda xy: np.column_stack(to_lambert(*xy.T)))


def deviation_m(line: shapely.Geometry, other: shapely.Geometry) -> float:
    """Return the largest distance from a point of a line, every 500 m, to another line."""
    points = shapely.points(shapely.get_coordinates(shapely.segmentize(line, 500.0)))
    ends = shapely.get_coordinates(other)
    tree = shapely.STRtree(shapely.linestrings(np.stack((ends[:-1], ends[1:]), axis=1)))
    _, distances = tree.query_nearest(points, return_distance=True, all_matches=False)
    return float(distances.max())


# As Statistics Canada's files have it (62 m from the pole on the ground), elsewhere near it, and at the pole itself.
@pytest.mark.parametrize("apex", [(-101.0, -158.44), (60.0, -60.0), (0.0, -2.0), (0.2, 0.2), (0.0, 0.0)])
@pytest.mark.parametrize("sector", [(-141.0, -110.0), (-110.0, -60.0), (-141.0, -60.0)])
def test_a_polygon_that_ends_at_the_pole_is_the_same_place_in_degrees(
    sector: tuple[float, float], apex: tuple[float, float]
) -> None:
    published = fan(*sector, 80.0, apex)
    degrees = in_degrees(curved(published, LONGEST))
    assert shapely.is_valid(degrees)
    assert shapely.bounds(degrees)[3] <= 90
    drawn, border = shapely.boundary(back_on_the_ground(degrees)), shapely.boundary(published)
    assert max(deviation_m(drawn, border), deviation_m(border, drawn)) < 1.2 * MOST
    # Cut to 4 km and no further, it is kilometres off.
    coarse = shapely.boundary(back_on_the_ground(in_degrees(shapely.segmentize(published, LONGEST))))
    assert deviation_m(coarse, border) > 100 * MOST


def test_neighbours_stay_on_one_line() -> None:
    west, east = fan(-141, -110, 75, (0, -158)), fan(-110, -60, 75, (0, -158))
    cut = curved(west, LONGEST), curved(east, LONGEST)
    assert shapely.coverage_is_valid(np.array(cut, dtype=object))
    assert shapely.coverage_is_valid(np.array([in_degrees(item) for item in cut], dtype=object))


def test_far_from_the_pole_nothing_is_cut_shorter_than_before() -> None:
    box = shapely.box(7_400_000, 1_100_000, 7_420_000, 1_120_000)
    assert shapely.get_num_coordinates(curved(box, LONGEST)) == 21

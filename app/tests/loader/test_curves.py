"""Segmentation of edges near the pole: lines drawn in degrees stay close to the published lines."""

import numpy as np
import pytest
import shapely

from covidtrends_geo.projection import to_degrees, to_lambert
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


def projected_chords(degrees: shapely.Geometry) -> shapely.Geometry:
    """Return a line of degrees projected to EPSG:3347, with its straight segments densified."""
    fine = shapely.segmentize(degrees, 0.01)
    return shapely.transform(fine, lambda xy: np.column_stack(to_lambert(*xy.T)))


def deviation_m(line: shapely.Geometry, other: shapely.Geometry) -> float:
    """Return the largest distance from a point of a line, every 500 m, to another line."""
    points = shapely.points(shapely.get_coordinates(shapely.segmentize(line, 500.0)))
    ends = shapely.get_coordinates(other)
    tree = shapely.STRtree(shapely.linestrings(np.stack((ends[:-1], ends[1:]), axis=1)))
    _, distances = tree.query_nearest(points, return_distance=True, all_matches=False)
    return float(distances.max())


# The apex of Statistics Canada's files (62 m from the pole on the ground), others near the pole, and the pole itself.
@pytest.mark.parametrize("apex", [(-101.0, -158.44), (60.0, -60.0), (0.0, -2.0), (0.2, 0.2), (0.0, 0.0)])
@pytest.mark.parametrize("sector", [(-141.0, -110.0), (-110.0, -60.0), (-141.0, -60.0)])
def test_polygon_with_apex_at_pole_keeps_its_position(sector: tuple[float, float], apex: tuple[float, float]) -> None:
    published = fan(*sector, 80.0, apex)
    degrees = in_degrees(curved(published, LONGEST))
    assert shapely.is_valid(degrees)
    assert shapely.bounds(degrees)[3] <= 90
    drawn, border = shapely.boundary(projected_chords(degrees)), shapely.boundary(published)
    assert max(deviation_m(drawn, border), deviation_m(border, drawn)) < 1.2 * MOST
    # Plain segmentation at 4 km deviates by kilometres.
    coarse = shapely.boundary(projected_chords(in_degrees(shapely.segmentize(published, LONGEST))))
    assert deviation_m(coarse, border) > 100 * MOST


def test_neighbours_at_pole_stay_a_valid_coverage() -> None:
    west, east = fan(-141, -110, 75, (0, -158)), fan(-110, -60, 75, (0, -158))
    cut = curved(west, LONGEST), curved(east, LONGEST)
    assert shapely.coverage_is_valid(np.array(cut, dtype=object))
    assert shapely.coverage_is_valid(np.array([in_degrees(item) for item in cut], dtype=object))


def test_edges_far_from_pole_are_not_cut_further() -> None:
    box = shapely.box(7_400_000, 1_100_000, 7_420_000, 1_120_000)
    assert shapely.get_num_coordinates(curved(box, LONGEST)) == 21

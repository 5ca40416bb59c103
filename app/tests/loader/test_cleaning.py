"""Cleaning: gaps and overlaps between regions are removed for drawing; deviation of the drawn lines."""

from itertools import pairwise

import numpy as np
import shapely

from covidtrends_geo.projection import to_degrees
from loader.geometry.cleaning import clean
from loader.geometry.coverage_fit import narrow_gaps
from loader.geometry.deviation import measure_deviation

LENGTH, WIDTH = 300_000.0, 60.0


def ladder(gap: float) -> np.ndarray:
    """Return three regions west and three east of a line, with a gap along the line that is closed at both ends."""
    steps = np.linspace(0, LENGTH, 4)
    west = [shapely.box(-50_000, low, 0, high) for low, high in pairwise(steps)]
    east = [shapely.box(gap, low + 7_000, 50_000, high + 7_000) for low, high in pairwise(steps)]
    ends = shapely.box(-50_000, -5_000, 50_000, 0), shapely.box(-50_000, LENGTH, 50_000, LENGTH + 20_000)
    south = shapely.union(ends[0], shapely.box(gap, 0, 50_000, 7_000))
    north = shapely.difference(ends[1], east[-1])
    return np.array([*west, *east, south, north], dtype=object)


def test_gap_along_border_is_divided_among_regions() -> None:
    regions = ladder(WIDTH)
    cleaned = clean(regions)
    assert shapely.coverage_is_valid(cleaned)
    assert len(narrow_gaps(shapely.coverage_union_all(cleaned), 250)) == 0
    for before, after in zip(regions, cleaned, strict=True):
        # Within the width of the gap of the region's own line; at a corner, within the length of a piece.
        assert shapely.hausdorff_distance(after, before) < 1_100
        assert shapely.area(shapely.difference(after, shapely.buffer(before, WIDTH + 1))) < 1_000 * WIDTH
    # GEOS's coverage_clean assigns the gap as a whole, which makes a region reach more than 50 km along it.
    whole = shapely.coverage_clean(regions, gap_width=250)
    assert max(shapely.hausdorff_distance(after, before) for before, after in zip(regions, whole, strict=True)) > 50_000


def test_overlap_is_resolved_without_change_of_total_area() -> None:
    regions = np.array([shapely.box(0, 0, 10_000, 10_000), shapely.box(9_900, 0, 20_000, 10_000)], dtype=object)
    cleaned = clean(regions)
    assert shapely.coverage_is_valid(cleaned)
    assert shapely.area(cleaned).sum() == 20_000 * 10_000


def test_deviation_names_region_and_direction() -> None:
    lambert = np.array([shapely.box(6_200_000, 3_000_000, 6_210_000, 3_010_000)], dtype=object)
    island = shapely.box(6_230_000, 3_000_000, 6_230_100, 3_000_100)
    published = np.array([shapely.multipolygons([lambert[0], island])], dtype=object)
    drawn = shapely.transform(lambert, lambda xy: np.column_stack(to_degrees(*(xy + np.array([0, 40])).T)))
    measured = measure_deviation(published, drawn, ["4601"], tolerance_m=100)
    assert (measured.drawn_region, measured.published_region, measured.within_m) == ("4601", "4601", 25)
    assert abs(measured.drawn_to_published_m - 40) < 0.2
    # The island is missing from the drawn geometry.
    assert abs(measured.published_to_drawn_m - 20_100) < 50

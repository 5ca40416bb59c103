"""Brute force of benchmarks/lookup_truth.py: agrees with the lookup file of the same regions, and differs for another file."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from benchmarks import lookup_truth
from covidtrends_geo import lookup_file
from covidtrends_geo.lookup_file import Region
from tests.covidtrends_geo.conftest import X, Y, with_holes_and_islands

MISFIT_M = 30.0


def write_lookup(path: Path, regions: list[shapely.Geometry], misfit_m: float) -> Path:
    described = [Region(f"35{number:02d}", None, "", "", "35", misfit_m) for number in range(len(regions))]
    lookup_file.write(path, regions=zip(described, regions, strict=True), metadata={})
    return path


@pytest.fixture
def boundaries(tmp_path: Path) -> Path:
    regions = with_holes_and_islands()
    # In another order than that of the codes.
    frame = geopandas.GeoDataFrame({"HRUID": [f"35{number:02d}" for number in range(len(regions))]}, geometry=regions)
    path = tmp_path / "regions.gpkg"
    frame.iloc[::-1].set_crs(3347).to_file(path)
    return path


@pytest.mark.parametrize("misfit_m", [0.0, MISFIT_M])
def test_answers_of_the_same_regions_do_not_differ(boundaries: Path, tmp_path: Path, misfit_m: float) -> None:
    file = lookup_file.open_file(write_lookup(tmp_path / "lookup", with_holes_and_islands(), misfit_m))
    regions = lookup_truth.read_boundaries(boundaries, [region.code for region in file.regions])
    kinds = dict(lookup_truth.hard_positions(regions, 300))
    assert {"vertices", "where three regions meet", "small islands", "holes", "seams", "to the pole"} < set(kinds)
    assert [lookup_truth.differences(file, regions, positions) for positions in kinds.values()] == [0] * len(kinds)


def test_a_region_that_is_moved_by_five_millimetres_is_noticed(boundaries: Path, tmp_path: Path) -> None:
    moved = with_holes_and_islands()
    moved[4] = shapely.transform(moved[4], lambda xy: xy + 0.005)
    file = lookup_file.open_file(write_lookup(tmp_path / "lookup", moved, 0.0))
    regions = lookup_truth.read_boundaries(boundaries, [region.code for region in file.regions])
    kinds = dict(lookup_truth.hard_positions(regions, 300))
    assert lookup_truth.differences(file, regions, kinds["about vertices"]) > 0
    assert lookup_truth.differences(file, regions, kinds["anywhere"]) == 0


def test_misfit_makes_positions_uncertain() -> None:
    regions = np.array([shapely.box(X, Y, X + 1_000, Y + 1_000), shapely.box(X + 1_000, Y, X + 2_000, Y + 1_000)])
    positions = np.column_stack(lookup_truth.to_lambert.transform([X + 990.0, X - 20.0], [Y + 500.0] * 2, direction="INVERSE"))
    assert [column.tolist() for column in lookup_truth.brute_force(regions, [0.0, 0.0], positions)] == [[0, -1], [True, True]]
    assert lookup_truth.brute_force(regions, [MISFIT_M, 0.0], positions)[1].tolist() == [False, False]


def test_a_file_of_other_regions_is_refused(boundaries: Path) -> None:
    with pytest.raises(ValueError, match="no column with the codes"):
        lookup_truth.read_boundaries(boundaries, ["3500", "3501"])

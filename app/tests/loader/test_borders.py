"""Borders between neighbours: length on the ellipsoid, measured on the published boundaries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.db import connection

from geography.models import Border, Vintage
from loader import pipeline
from tests.support import boundary_files as files
from tests.support.loading import accept

Load = Callable[..., Any]


def ellipsoid_km(*positions: tuple[float, float]) -> float:
    """Return the length on GRS 80 of a line of EPSG:3347, segmentized more finely than the loader does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_Length(ST_Transform(ST_Segmentize(ST_GeomFromText(%s, 3347), 100), 4269)::geography) / 1000",
            [shapely.LineString(positions).wkt],
        )
        return float(cursor.fetchone()[0])


def at(x: float, y: float) -> tuple[float, float]:
    return files.EAST + x, files.NORTH + y


def borders_by_pair() -> dict[tuple[str, str], float]:
    return {
        (value, other): km for value, other, km in Border.objects.values_list("region__code", "neighbour__code", "length_km")
    }


def test_border_has_ellipsoid_length_in_both_directions(load: Load, tmp_path: Path) -> None:
    load(files.shape(tmp_path, files.grid(2)))
    length = ellipsoid_km(at(10_000, 0), at(10_000, 10_000))
    assert borders_by_pair() == {
        ("4601", "4602"): pytest.approx(length, abs=1e-6),
        ("4602", "4601"): pytest.approx(length, abs=1e-6),
    }


def test_corner_contact_is_a_border_of_length_zero(load: Load, tmp_path: Path) -> None:
    load(files.shape(tmp_path, files.grid(4)))
    assert borders_by_pair()["4601", "4604"] == borders_by_pair()["4603", "4602"] == 0
    assert len(borders_by_pair()) == 12


def test_island_has_no_neighbours(load: Load, tmp_path: Path) -> None:
    island = files.region("4603", files.box(40_000, 0, 45_000, 5_000))
    load(files.shape(tmp_path, [*files.grid(2), island]))
    assert set(borders_by_pair()) == {("4601", "4602"), ("4602", "4601")}


def test_enclave_border_is_its_whole_outline(load: Load, tmp_path: Path) -> None:
    inner = files.box(10_000, 10_000, 20_000, 20_000)
    rows = [files.region("4601", files.box(0, 0, 30_000, 30_000), inner[::-1]), files.region("4602", inner)]
    load(files.shape(tmp_path, rows))
    assert borders_by_pair()["4602", "4601"] == pytest.approx(ellipsoid_km(*inner), abs=1e-5)


def test_border_length_sums_several_stretches(load: Load, tmp_path: Path) -> None:
    """Region 4602 has two parts that border 4601, north and south of 4603."""
    west = [at(*xy) for xy in ((0, 0), (0, 30_000), *((10_000, y) for y in (30_000, 20_000, 10_000, 0)), (0, 0))]
    rows = [
        files.region("4601", west),
        files.region("4602", files.box(10_000, 0, 20_000, 10_000), files.box(10_000, 20_000, 20_000, 30_000)),
        files.region("4603", files.box(10_000, 10_000, 20_000, 20_000)),
    ]
    load(files.shape(tmp_path, rows))
    expected = ellipsoid_km(at(10_000, 0), at(10_000, 10_000)) + ellipsoid_km(at(10_000, 20_000), at(10_000, 30_000))
    assert borders_by_pair()["4601", "4602"] == pytest.approx(expected, abs=1e-5)


def test_border_cut_by_subdivision_keeps_its_length(load: Load, tmp_path: Path) -> None:
    border = [(files.EAST + 30_000 + y, files.NORTH + x * 4) for x, y in files.wobbly(1_000, amplitude=900)]
    west = [*border[::-1], *files.box(0, 0, 0, 40_000)[:2], border[-1]]
    east = [*files.box(60_000, 0, 60_000, 40_000)[2:4], *border, files.box(60_000, 40_000, 60_000, 40_000)[0]]
    load(files.shape(tmp_path, [files.region("4601", west), files.region("4602", east)]))
    assert borders_by_pair()["4601", "4602"] == pytest.approx(ellipsoid_km(*border), rel=1e-6)


def test_border_with_overlaps_and_gaps_is_measured_once(load: Load, tmp_path: Path) -> None:
    """The two sides of a border of 40 km are drawn differently: alternating overlaps and gaps of 80 m."""
    ragged = [at(30_000 + (80 if step % 2 else -80), step * 2_000) for step in range(21)]
    straight = [at(30_000, 0), at(30_000, 40_000)]
    west = [at(0, 0), at(0, 40_000), *ragged[::-1], at(0, 0)]
    east = [*straight, at(60_000, 40_000), at(60_000, 0), straight[0]]
    far = files.box(61_000, 0, 70_000, 40_000)
    rows = [files.region("4601", west), files.region("4602", east), files.region("4603", far)]
    load(files.shape(tmp_path, rows), acceptance=accept("overlaps"))
    result = borders_by_pair()
    assert set(result) == {("4601", "4602"), ("4602", "4601")}
    assert result["4601", "4602"] == pytest.approx(ellipsoid_km(*straight), rel=0.01)
    assert set(Border.objects.values_list("tolerance_m", flat=True)) == {250.0}


def test_edge_matched_file_has_tolerance_of_a_millimetre(load: Load, tmp_path: Path) -> None:
    """A gap of 1 m between two regions of an edge-matched file makes them no neighbours."""
    apart = files.region("4603", files.box(20_001, 0, 30_000, 10_000))
    load(files.shape(tmp_path, [*files.grid(2), apart]))
    assert set(borders_by_pair()) == {("4601", "4602"), ("4602", "4601")}
    assert set(Border.objects.values_list("tolerance_m", flat=True)) == {0.001}


@pytest.mark.parametrize("seed", range(2))
def test_borders_equal_shared_edges_of_random_coverage(load: Load, tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    points = shapely.multipoints(chance.uniform(0, 60_000, (9, 2)))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(points)), shapely.box(0, 0, 60_000, 60_000))
    cells = shapely.coverage_clean(shapely.set_precision(cells, 1.0))
    cells = shapely.transform(cells, lambda xy: xy + np.array((files.EAST, files.NORTH)))
    rings = [list(map(tuple, shapely.get_coordinates(shapely.orient_polygons(cell, exterior_cw=True)))) for cell in cells]
    load(files.shape(tmp_path, [files.region(f"46{number:02d}", ring) for number, ring in enumerate(rings, 1)]))
    expected = {}
    for item in range(len(cells)):
        for other in range(len(cells)):
            if item != other and shapely.intersects(cells[item], cells[other]):
                shared = shapely.line_merge(shapely.intersection(cells[item].boundary, cells[other].boundary))
                lines = [part for part in shapely.get_parts(shared) if part.geom_type == "LineString"]
                expected[f"46{item + 1:02d}", f"46{other + 1:02d}"] = sum(ellipsoid_km(*line.coords) for line in lines)
    assert borders_by_pair() == pytest.approx(expected, abs=2e-5)


def test_complete_adds_missing_borders(load: Load, tmp_path: Path) -> None:
    load(files.shape(tmp_path, files.grid(4)))
    before = borders_by_pair()
    Border.objects.all().delete()
    pipeline.complete(files.quiet())
    assert borders_by_pair() == before
    assert Vintage.objects.count() == 1

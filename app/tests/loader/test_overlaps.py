"""Overlaps of FSAs and health regions (areas, shares), in any order of loading."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.db import connection

from geography.models import Overlap, Region
from loader import pipeline
from loader.geometry.rounding import area_sql
from loader.progress import Steps
from tests.support import boundary_files as files
from tests.support.loading import accept

Load = Callable[..., Any]

# Two adjacent health regions of 30 km by 40 km.
WEST, EAST_ = files.box(0, 0, 30_000, 40_000), files.box(30_000, 0, 60_000, 40_000)


def ellipsoid_km2(*rings: files.Ring) -> float:
    """Return the area on GRS 80 of a polygon of EPSG:3347, segmentized more finely than the loader does."""
    shape = shapely.Polygon(rings[0], rings[1:])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_Area(ST_Transform(ST_Segmentize(ST_GeomFromText(%s, 3347), 250), 4269)::geography) / 1e6", [shape.wkt]
        )
        return float(cursor.fetchone()[0])


def regions(tmp_path: Path) -> Path:
    return files.shape(tmp_path / "hr", [files.region("4601", WEST), files.region("4602", EAST_)])


def fsas(tmp_path: Path, *rows: files.Row) -> Path:
    return files.shape(tmp_path / "fsa", rows)


def overlaps_by_pair() -> dict[tuple[str, str], tuple[float, float, float]]:
    rows = Overlap.objects.values_list("fsa__code", "health_region__code", "area_km2", "share_of_fsa", "share_of_region")
    return {(fsa, region): (area, of_fsa, of_region) for fsa, region, area, of_fsa, of_region in rows}


SPLIT = files.fsa("R3A", files.box(15_000, 5_000, 65_000, 35_000))


@pytest.mark.parametrize("first", ["fsa", "health-regions"])
def test_overlap_areas_are_on_ellipsoid_in_any_load_order(load: Load, tmp_path: Path, first: str) -> None:
    # 15 km of 50 km lie in the western region.
    fsa = files.fsa("R3A", files.box(15_000, 5_000, 65_000, 35_000))
    paths = {"fsa": fsas(tmp_path, fsa), "health-regions": regions(tmp_path)}
    for coverage in sorted(paths, key=lambda item: item != first):
        load(paths[coverage], coverage)
    west, east = (
        ellipsoid_km2(files.box(15_000, 5_000, 30_000, 35_000)),
        ellipsoid_km2(files.box(30_000, 5_000, 60_000, 35_000)),
    )
    whole, region = ellipsoid_km2(files.box(15_000, 5_000, 65_000, 35_000)), ellipsoid_km2(WEST)
    result = overlaps_by_pair()
    assert set(result) == {("R3A", "4601"), ("R3A", "4602")}
    assert result["R3A", "4601"] == pytest.approx((west, west / whole, west / region), rel=1e-6)
    assert result["R3A", "4602"][:2] == pytest.approx((east, east / whole), rel=1e-6)
    assert Region.objects.get(code="4601").area_km2 == pytest.approx(region, rel=1e-6)


def test_shares_of_thirty_and_seventy_percent(load: Load, tmp_path: Path) -> None:
    """The shares are exact in the projection, whose scale differs by a few hundredths of a percent across the FSA."""
    load(regions(tmp_path))
    load(fsas(tmp_path, files.fsa("R3A", files.box(21_000, 0, 51_000, 40_000))), "fsa")
    result = overlaps_by_pair()
    assert result["R3A", "4601"][1] == pytest.approx(0.3, abs=2e-4)
    assert result["R3A", "4602"][1] == pytest.approx(0.7, abs=2e-4)
    assert result["R3A", "4601"][1] + result["R3A", "4602"][1] == pytest.approx(1, abs=1e-7)


def wavy(offset: float) -> list[tuple[float, float]]:
    """Return a border of a thousand vertices, south to north, which subdivision cuts into pieces."""
    return [(files.EAST + offset + y, files.NORTH + x * 4) for x, y in files.wobbly(1_000, amplitude=900)]


def test_touching_regions_do_not_overlap(load: Load, tmp_path: Path) -> None:
    border = wavy(30_000)
    west = [*border[::-1], *files.box(0, 0, 0, 40_000)[:2], border[-1]]
    east = [*files.box(60_000, 0, 60_000, 40_000)[2:4], *border, files.box(60_000, 40_000, 60_000, 40_000)[0]]
    load(files.shape(tmp_path / "hr", [files.region("4601", west), files.region("4602", east)]))
    load(fsas(tmp_path, files.fsa("R3A", west), files.fsa("R3B", east)), "fsa")
    result = overlaps_by_pair()
    assert set(result) == {("R3A", "4601"), ("R3B", "4602")}
    assert [shares for _, *shares in result.values()] == [pytest.approx([1, 1], abs=1e-8)] * 2


@pytest.mark.parametrize("seed", range(3))
def test_shares_of_random_fsas_sum_to_one(load: Load, tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)

    def cells(count: int) -> list[files.Ring]:
        points = shapely.multipoints(chance.uniform(0, 60_000, (count, 2)))
        parts = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(points)), shapely.box(0, 0, 60_000, 60_000))
        parts = shapely.transform(
            shapely.coverage_clean(shapely.set_precision(parts, 1.0)), lambda xy: xy + np.array((files.EAST, files.NORTH))
        )
        return [list(map(tuple, shapely.get_coordinates(shapely.orient_polygons(part, exterior_cw=True)))) for part in parts]

    health, postal = cells(6), cells(12)
    load(files.shape(tmp_path / "hr", [files.region(f"46{value:02d}", ring) for value, ring in enumerate(health, 1)]))
    letters = "ABCEGHJKLMNP"
    load(fsas(tmp_path, *(files.fsa(f"R3{letters[item]}", ring) for item, ring in enumerate(postal))), "fsa")
    sums = dict.fromkeys((f"R3{letter}" for letter in letters), 0.0)
    for (fsa, region), (area, share, _) in overlaps_by_pair().items():
        sums[fsa] += share
        exact = shapely.intersection(
            shapely.Polygon(postal[letters.index(fsa[2])]), shapely.Polygon(health[int(region[2:]) - 1])
        )
        rings = [list(map(tuple, shapely.get_coordinates(ring))) for ring in shapely.get_rings(shapely.get_parts(exact))]
        assert area == pytest.approx(sum(ellipsoid_km2(ring) for ring in rings), rel=1e-6, abs=5e-5)
    assert sums == pytest.approx(dict.fromkeys(sums, 1.0), abs=1e-6)


def test_fsa_in_water_has_no_overlap(load: Load, tmp_path: Path) -> None:
    load(regions(tmp_path))
    far = files.fsa("R3B", files.box(90_000, 0, 95_000, 5_000))
    load(fsas(tmp_path, files.fsa("R3A", files.cell(0)), far), "fsa")
    assert set(overlaps_by_pair()) == {("R3A", "4601")}


def test_holes_are_no_part_of_overlaps(load: Load, tmp_path: Path) -> None:
    inner = files.box(10_000, 10_000, 20_000, 20_000)
    rows = [files.region("4601", files.box(0, 0, 30_000, 30_000), inner[::-1]), files.region("4602", inner)]
    load(files.shape(tmp_path / "hr", rows))
    inside = files.fsa("R3B", files.box(11_000, 11_000, 12_000, 12_000))
    load(fsas(tmp_path, files.fsa("R3A", files.box(0, 0, 30_000, 30_000)), inside), "fsa", acceptance=accept("overlaps"))
    result = overlaps_by_pair()
    assert result["R3A", "4602"][0] == pytest.approx(ellipsoid_km2(inner), rel=1e-6)
    assert result["R3A", "4601"][0] == pytest.approx(ellipsoid_km2(files.box(0, 0, 30_000, 30_000), inner[::-1]), rel=1e-6)
    assert ("R3B", "4601") not in result


def test_overlaps_exist_for_every_published_pair(load: Load, tmp_path: Path) -> None:
    load(regions(tmp_path), vintage="2018")
    load(fsas(tmp_path, SPLIT), "fsa", vintage="2016")
    load(regions(tmp_path), vintage="2022")
    load(fsas(tmp_path, SPLIT), "fsa", vintage="2021")
    pairs = set(Overlap.objects.values_list("fsa_vintage__label", "health_region_vintage__label"))
    assert pairs == {("2016", "2018"), ("2016", "2022"), ("2021", "2018"), ("2021", "2022")}
    assert Overlap.objects.count() == 8


def test_overlaps_are_computed_when_staged_vintage_is_published(load: Load, tmp_path: Path) -> None:
    """FSAs are published while the health regions are staged because of a failed gate."""
    from loader.errors import GatesFailed

    with pytest.raises(GatesFailed):
        load(regions(tmp_path), expected_count=3)
    load(fsas(tmp_path, SPLIT), "fsa")
    assert overlaps_by_pair() == {}
    load(regions(tmp_path), expected_count=3, acceptance=accept("count"))
    assert set(overlaps_by_pair()) == {("R3A", "4601"), ("R3A", "4602")}


def test_rollback_computes_missing_overlaps(load: Load, tmp_path: Path) -> None:
    """FSAs loaded while the earlier health regions were retired have no shares with them; the rollback computes them."""
    load(regions(tmp_path))
    changed = files.shape(tmp_path / "new", [files.region("4601", WEST, name="New"), files.region("4602", EAST_)])
    load(changed)
    load(fsas(tmp_path, SPLIT), "fsa")
    before = overlaps_by_pair()
    assert {label for (label,) in Overlap.objects.values_list("health_region_vintage__status")} == {"published"}
    pipeline.roll_back("health-regions", Steps(quiet=True))
    rows = Overlap.objects.filter(health_region_vintage__status="published")
    assert {row.health_region.code: row.area_km2 for row in rows} == pytest.approx(
        {"4601": before["R3A", "4601"][0], "4602": before["R3A", "4602"][0]}
    )


@pytest.mark.parametrize(
    ("km2", "stored"),
    [
        ("2093190.1234567891", 2093190.12),
        ("96.1234565", 96.123457),
        ("0.00758312345", 0.007583),
        ("0.3 + 0.1 + 0.2", 0.6),
        ("0", 0.0),
    ],
)
def test_areas_are_rounded_to_nine_digits_or_one_square_metre(db: None, km2: str, stored: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {area_sql(km2)}")
        assert cursor.fetchone() == (stored,)


def test_two_loads_of_a_file_store_equal_areas(load: Load, tmp_path: Path) -> None:
    path = regions(tmp_path)
    load(path, vintage="2018")
    load(path, vintage="2022")
    areas = Region.objects.order_by("code").values_list("code", "area_km2", "vintage__label")
    item, other = ([row[:2] for row in areas if row[2] == label] for label in ("2018", "2022"))
    assert item == other
    assert all(round(area, 6) == area for _, area in item)

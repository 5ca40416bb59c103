"""Levels of simplification: a valid coverage at every level, no region lost; pieces, extents, stored geometry."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.db import connection

from geography.constants import LEVELS, PART_MAX_VERTICES
from geography.models import Region, RegionLevel, RegionPart
from loader.geometry import levels
from tests.support import boundary_files as files

Load = Callable[..., Any]
SIMPLIFIED = [level for level in LEVELS if level.tolerance_m]


def rough(
    seed: int, *, count: int = 12, extent: float = 400_000, step: float = 1_500, amplitude: float = 300
) -> list[files.Row]:
    """Return Voronoi cells with wavy borders that neighbours share vertex by vertex; exterior rings run clockwise."""
    chance = np.random.default_rng(seed)
    points = shapely.multipoints(chance.uniform(0, extent, (count, 2)))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(points)), shapely.box(0, 0, extent, extent))
    lines = shapely.node(shapely.union_all(shapely.boundary(shapely.set_precision(cells, 1.0)), grid_size=1.0))
    parts = shapely.get_parts(shapely.polygonize([shapely.segmentize(lines, step)]))

    def place(xy: np.ndarray) -> np.ndarray:
        wave = np.sin(xy[:, ::-1] / 2_900 + seed) + np.sin(xy / 7_100 + 2 * seed)
        return xy + amplitude * wave + (files.EAST, files.NORTH - 1_000_000)

    placed = shapely.orient_polygons(shapely.transform(parts, place), exterior_cw=True)
    return [files.region(f"46{index:02d}", *rings(value)) for index, value in enumerate(placed, 1)]


def rings(polygon: shapely.Polygon) -> list[files.Ring]:
    return [[(x, y) for x, y in shapely.get_coordinates(ring).tolist()] for ring in shapely.get_rings(polygon)]


def drawn(level: str) -> np.ndarray:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsBinary(l.geom) FROM region_level l JOIN region r ON r.id = l.region_id"
            " WHERE l.level = %s ORDER BY r.code",
            [level],
        )
        return np.array([shapely.from_wkb(bytes(value)) for (value,) in cursor])


def without_last_bits(geometries: np.ndarray, unit: float) -> np.ndarray:
    """Round every coordinate: after cutting and projection, the borders of neighbours may differ in their last bits."""
    return np.asarray(shapely.transform(geometries, lambda xy: np.round(xy / unit) * unit))


@pytest.fixture(params=range(3))
def coverage(request: pytest.FixtureRequest, load: Load, tmp_path: Path) -> Any:
    return load(files.shape(tmp_path, rough(request.param)))


def test_neighbours_share_borders_at_every_level(coverage: Any) -> None:
    assert coverage.report["fit"]["valid"]
    for level in LEVELS:
        degrees = drawn(level.name)
        assert len(degrees) == 12
        # 1e-9 degrees: a tenth of a millimetre.
        assert shapely.coverage_is_valid(without_last_bits(degrees, 1e-9)), level


def test_coarser_level_has_fewer_vertices_and_all_regions(coverage: Any) -> None:
    counts = [sum(RegionLevel.objects.filter(level=level.name).values_list("vertices", flat=True)) for level in LEVELS]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] / 5
    for level in LEVELS:
        areas = shapely.area(drawn(level.name))
        assert (areas > 0).all()
        assert areas == pytest.approx(shapely.area(drawn("full")), rel=0.05)


def test_simplified_area_changes_within_tolerance(coverage: Any) -> None:
    published = {region.code: shapely.from_wkb(bytes(region.geom.wkb)) for region in Region.objects.all()}
    for level in SIMPLIFIED:
        for row in RegionLevel.objects.filter(level=level.name).select_related("region"):
            back = shapely.from_wkb(bytes(row.geom.transform(3347, clone=True).wkb))
            moved = shapely.symmetric_difference(back, published[row.region.code]).area
            assert moved < level.tolerance_m * 2 * shapely.length(published[row.region.code])


def edges(text: str) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return [
        (tuple(start), tuple(end))
        for polygon in json.loads(text)["coordinates"]
        for ring in polygon
        for start, end in pairwise(ring)
        if start != end
    ]


def signed_area(ring: list[list[float]]) -> float:
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring)) / 2


def test_geojson_follows_rfc_7946_and_decimals(coverage: Any) -> None:
    for level in LEVELS:
        for text in RegionLevel.objects.filter(level=level.name).values_list("geojson", flat=True):
            document = json.loads(text)
            assert (set(document), document["type"]) == ({"type", "coordinates"}, "MultiPolygon")
            for exterior, *holes in document["coordinates"]:
                assert signed_area(exterior) > 0
                assert all(signed_area(hole) < 0 for hole in holes)
                for ring in (exterior, *holes):
                    assert ring[0] == ring[-1]
                    assert len(ring) >= 4
            assert max(len(item) for item in re.findall(r"\.(\d+)", text)) <= level.decimals
            assert "e" not in text.replace("type", "").replace("coordinates", "").replace("MultiPolygon", "")


def test_geojson_borders_are_shared(coverage: Any) -> None:
    """Each edge belongs to two regions, in opposite directions, or to the outer border."""
    for level in LEVELS:
        once: set[frozenset[tuple[float, float]]] = set()
        for text in RegionLevel.objects.filter(level=level.name).values_list("geojson", flat=True):
            for edge in edges(text):
                once ^= {frozenset(edge)}
        # The interior, farther from the outer border than any simplification moves it.
        inside = shapely.buffer(shapely.union_all(drawn("full")), -0.1)
        assert [item for item in once if shapely.intersects(inside, shapely.linestrings(sorted(item)))] == []


def test_enclaves_stay_at_every_level_small_islands_do_not(load: Load, tmp_path: Path) -> None:
    def circle(x: float, y: float, radius: float) -> shapely.Polygon:
        return shapely.Point(files.EAST + x, files.NORTH + y).buffer(radius, quad_segs=32)

    lake, enclave, tiny, rock = (
        circle(20_000, 20_000, 5_000),
        circle(60_000, 60_000, 8_000),
        circle(20_000, 70_000, 40),
        circle(150_000, 0, 60),
    )
    land = shapely.box(files.EAST, files.NORTH, files.EAST + 100_000, files.NORTH + 100_000)
    mainland = shapely.Polygon(land.exterior, [lake.exterior, enclave.exterior, tiny.exterior])
    whole = [
        *rings(shapely.orient_polygons(mainland, exterior_cw=True)),
        *rings(shapely.orient_polygons(rock, exterior_cw=True)),
    ]
    rows = [
        files.region("4601", *whole),
        files.region("4602", *rings(shapely.orient_polygons(enclave, exterior_cw=True))),
        files.region("4603", *rings(shapely.orient_polygons(tiny, exterior_cw=True))),
    ]
    load(files.shape(tmp_path, rows))
    for level in LEVELS:
        geometries = drawn(level.name)
        assert shapely.coverage_is_valid(without_last_bits(geometries, 1e-9))
        assert (shapely.area(geometries) > 0).all(), level
        # The rock (radius 60 m) is smaller than the square of 200 m and touches no other region: dropped at coarse levels.
        assert len(shapely.get_parts(geometries[0])) == (2 if level.name in {"high", "full"} else 1)
        # Three holes remain: the lake (10 km wide) and the two enclaved regions.
        assert shapely.get_num_interior_rings(max(shapely.get_parts(geometries[0]), key=shapely.area)) == 3


def test_source_in_degrees_stays_a_valid_coverage(load: Load, tmp_path: Path) -> None:
    """Edges that are straight in degrees are segmented before projection, identically for both sides."""
    report = load(files.geojson(tmp_path / "a.geojson", rough(5, step=90_000), degrees=True)).report
    assert report["fit"]["valid"]
    assert report["drawn"]["cleaned_km2"] == 0
    assert shapely.coverage_is_valid(without_last_bits(drawn("low"), 1e-9))


def test_overlapping_regions_are_drawn_without_overlaps(load: Load, tmp_path: Path) -> None:
    rows = rough(2)
    moved = [(values, [[(x + 5, y + 5) for x, y in ring] for ring in rings_ or []]) for values, rings_ in rows[:1]]
    report = load(files.shape(tmp_path, [*moved, *rows[1:]])).report
    assert not report["fit"]["valid"]
    assert report["drawn"]["cleaned_km2"] > 0
    for level in SIMPLIFIED:
        assert shapely.coverage_is_valid(without_last_bits(drawn(level.name), 1e-9))
    # Lookups use the published geometry, overlap included.
    assert Region.objects.get(code=str(moved[0][0]["HRUID"])).geom.coords[0][0][0] == moved[0][1][0][0]


def test_region_covered_by_another_is_still_drawn(load: Load, tmp_path: Path) -> None:
    from tests.support.loading import accept

    rows = [files.region("4601", files.cell(0)), files.region("4602", files.box(2_000, 2_000, 4_000, 4_000))]
    load(files.shape(tmp_path, rows), acceptance=accept("overlaps"))
    for level in LEVELS:
        assert (shapely.area(drawn(level.name)) > 0).all()


@pytest.mark.parametrize("most", [400, 1_500])
def test_large_layer_is_simplified_first_and_stays_valid(
    load: Load, tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "MOST_VERTICES", most)
    report = load(files.shape(tmp_path, rough(4))).report
    assert report["vertices"] > most
    assert report["drawn"]["thinned_m"] >= 25 / 4
    assert report["drawn"]["vertices"]["high"] < report["vertices"]
    assert report["drawn"]["tolerances"]["high"] == max(25, report["drawn"]["thinned_m"])
    for level in LEVELS:
        geometries = drawn(level.name)
        assert shapely.coverage_is_valid(without_last_bits(geometries, 1e-9)), level
        assert len(geometries) == 12
        assert (shapely.area(geometries) > 0).all()
    # Only drawing is simplified: pieces, areas and level `full` come from the published geometry.
    assert sum(RegionLevel.objects.filter(level="full").values_list("vertices", flat=True)) >= report["vertices"]


def test_many_islands_are_simplified(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "MOST_VERTICES", 500)
    circles = shapely.buffer(
        shapely.points([[files.EAST + x * 900, files.NORTH + y * 900] for x in range(30) for y in range(20)]), 60, quad_segs=2
    )
    outer = [ring for orient_polygon in shapely.orient_polygons(circles, exterior_cw=True) for ring in rings(orient_polygon)]
    load(files.shape(tmp_path, [files.region("4601", *outer)]))
    # At this tolerance only the last of the islands, each 120 m wide, remains at the two coarse levels.
    assert [len(shapely.get_parts(drawn(level.name)[0])) for level in LEVELS] == [1, 1, 600, 600]


# ---------------------------------------------------------------- geometry for lookups


def test_stored_geometry_equals_source_bit_for_bit(load: Load, tmp_path: Path) -> None:
    rows = rough(1)
    load(files.shape(tmp_path, rows))
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, ST_AsBinary(geom) FROM region ORDER BY code")
        stored = {code: bytes(wkb) for code, wkb in cursor}
    for values, rings_ in rows:
        polygon = shapely.Polygon((rings_ or [])[0], (rings_ or [])[1:])
        sent, stored_coordinates = (
            shapely.get_coordinates(polygon),
            shapely.get_coordinates(shapely.from_wkb(stored[str(values["HRUID"])])),
        )
        # The format may reverse a ring; nothing else changes.
        assert sent.tobytes() in (stored_coordinates.tobytes(), stored_coordinates[::-1].copy().tobytes())
    assert not Region.objects.filter(repaired=True).exists()


def test_pieces_are_small_and_cover_their_region(coverage: Any) -> None:
    for region in Region.objects.prefetch_related("parts"):
        pieces = [shapely.from_wkb(bytes(row.geom.wkb)) for row in region.parts.all()]
        assert max(map(shapely.get_num_coordinates, pieces)) <= PART_MAX_VERTICES
        whole = shapely.from_wkb(bytes(region.geom.wkb))
        assert sum(map(shapely.area, pieces)) == pytest.approx(whole.area, rel=1e-12)
        assert shapely.symmetric_difference(shapely.union_all(pieces), whole).area < 1e-3
    assert RegionPart.objects.exclude(vintage=coverage.vintage).count() == 0


def test_representative_point_and_extent_fit_region(coverage: Any) -> None:
    for region in Region.objects.all():
        assert region.geom.covers(region.rep_point.transform(3347, clone=True))
        full = RegionLevel.objects.get(region=region, level="full").geom.extent
        # The level is rounded to 1e-6 degrees; the extent is measured before rounding.
        assert region.extent == pytest.approx(list(full), abs=1e-6)


@pytest.mark.parametrize("parallel", [49, 60])
def test_lookup_beside_long_parallel_border(load: Load, tmp_path: Path, parallel: int) -> None:
    """A border along a parallel, 20 degrees long with two vertices: points 10 m north and south are told apart."""
    path = tmp_path / "a.geojson"
    boxes = {"4601": shapely.box(-110, parallel - 3, -90, parallel), "4602": shapely.box(-110, parallel, -90, parallel + 3)}
    features = [
        {"type": "Feature", "properties": {"HRUID": code, "ENGNAME": code}, "geometry": json.loads(shapely.to_geojson(shape))}
        for code, shape in boxes.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert load(path).report["fit"]["valid"]
    ten_metres = 10 / 111_200
    with connection.cursor() as cursor:
        for lon in np.linspace(-109.95, -90.05, 40).tolist():
            for lat, code in ((parallel - ten_metres, "4601"), (parallel + ten_metres, "4602")):
                cursor.execute(
                    "SELECT array_agg(DISTINCT r.code) FROM region r JOIN region_part p ON p.region_id = r.id"
                    " WHERE ST_Covers(p.geom, ST_Transform(ST_SetSRID(ST_MakePoint(%s, %s), 4326), 3347))",
                    [lon, lat],
                )
                assert cursor.fetchone() == ([code],)

"""Geometry preparation: valid geometry unchanged, invalid geometry repaired, edges in degrees segmented; coverage fit."""

import math
import struct

import numpy as np
import pytest
import shapely
from django.contrib.gis.gdal import SpatialReference

from loader.geometry.coverage_fit import measure_fit
from loader.geometry.repair import MAX_DEGREES, GeometryProblem, densified, prepare_geometry
from loader.source.crs import SourceCrs, are_degrees, source_crs
from tests.support import boundary_files as files

LAMBERT = SourceCrs("EPSG:3347", geographic=False, transform=None)
DEGREES = source_crs(declared=SpatialReference(4269), assumed_srid=None, extent=(-100, 48, -90, 61))
E, N = 6_000_000.0, 1_500_000.0


def wkb(text: str) -> bytes:
    return bytes(shapely.to_wkb(shapely.transform(shapely.from_wkt(text), lambda xy: xy + np.array((E, N)))))


def problem(content: bytes | None, crs: SourceCrs = LAMBERT) -> str:
    with pytest.raises(GeometryProblem) as caught:
        prepare_geometry(content, crs)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0))",
        "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2))",
        "MULTIPOLYGON (((0 0, 0 10, 10 10, 10 0, 0 0)), ((20 0, 20 1, 21 1, 20 0)))",
        "POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0), (0 5, 3 4, 3 6, 0 5))",
        "POLYGON ((0.1 0, 0 10.123456789, 10 10, 10 0, 0.1 0), (2 2, 5 2, 5 5, 2 2), (5 5, 8 5, 8 8, 5 5))",
    ],
    ids=["box", "hole", "island", "hole touching the shell", "holes touching each other"],
)
def test_valid_geometry_is_unchanged(text: str) -> None:
    result = prepare_geometry(wkb(text), LAMBERT)
    assert (result.repair, result.changed_share) == (None, 0.0)
    sent = shapely.from_wkb(wkb(text))
    sent = sent if sent.geom_type == "MultiPolygon" else shapely.multipolygons([sent])
    assert shapely.to_wkb(result.geometry) == shapely.to_wkb(sent)


def test_bow_tie_is_repaired_and_recorded() -> None:
    result = prepare_geometry(wkb("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))"), LAMBERT)
    assert shapely.is_valid(result.geometry)
    assert shapely.area(result.geometry) == pytest.approx(50)
    assert result.repair is not None
    assert "Self-intersection" in result.repair


def test_spike_is_repaired_without_change_of_area() -> None:
    result = prepare_geometry(wkb("POLYGON ((0 0, 0 10, 10 10, 20 10, 10 10, 10 0, 0 0))"), LAMBERT)
    assert shapely.area(result.geometry) == pytest.approx(100)
    assert result.changed_share < 1e-9
    assert result.repair is not None


def test_repair_reports_share_of_changed_area() -> None:
    result = prepare_geometry(wkb("MULTIPOLYGON (((0 0, 0 10, 10 10, 10 0, 0 0)), ((9 0, 9 10, 19 10, 19 0, 9 0)))"), LAMBERT)
    assert result.changed_share == pytest.approx(0.05)


def invalid_polygons(seed: int, count: int = 300) -> list[shapely.Polygon]:
    """Return invalid polygons: rings that cross, touch or retrace themselves, with and without holes."""
    chance = np.random.default_rng(seed)
    result: list[shapely.Polygon] = []
    while len(result) < count:
        rings = [chance.integers(0, 6, (chance.integers(4, 14), 2)) * 1_000.0 + (E, N) for _ in range(chance.integers(1, 3))]
        shape = shapely.Polygon(rings[0], rings[1:])
        if not shapely.is_valid(shape):
            result.append(shape)
    return result


@pytest.mark.parametrize("seed", range(4))
def test_repaired_geometry_agrees_with_make_valid(seed: int) -> None:
    repaired = 0
    for shape in invalid_polygons(seed):
        general = shapely.make_valid(shape, method="structure", keep_collapsed=False)
        try:
            result = prepare_geometry(bytes(shapely.to_wkb(shape)), LAMBERT)
        except GeometryProblem:
            assert shapely.area(general) == 0
            continue
        repaired += 1
        assert shapely.is_valid(result.geometry)
        assert result.repair
        assert shapely.symmetric_difference(result.geometry, general).area < 1, shape.wkt
    assert repaired > 200


def test_self_touching_ring_is_split_without_moving_vertices() -> None:
    """A bay closed at a single vertex becomes a hole; an isthmus of zero width separates two polygons."""
    bay = "POLYGON ((0 0, 10 0, 10 10, 5 10, 8 5, 2 5, 5 10, 0 10, 0 0))"
    isthmus = "POLYGON ((0 0, 5 5, 10 0, 10 10, 5 5, 0 10, 0 0))"
    for text, polygons, holes in ((bay, 1, 1), (isthmus, 2, 0)):
        result = prepare_geometry(wkb(text), LAMBERT)
        sent = shapely.from_wkb(wkb(text))
        assert (
            len(shapely.get_parts(result.geometry)),
            shapely.get_num_interior_rings(shapely.get_geometry(result.geometry, 0)),
        ) == (
            polygons,
            holes,
        )
        assert {tuple(xy) for xy in shapely.get_coordinates(result.geometry)} == {
            tuple(xy) for xy in shapely.get_coordinates(sent)
        }
        assert result.changed_share < 1e-12


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no geometry"),
        (b"\x01\x03", "unreadable geometry"),
        (wkb("POLYGON EMPTY"), "empty geometry"),
        (wkb("POINT (1 1)"), "Point instead of a polygon"),
        (wkb("LINESTRING (0 0, 1 1)"), "LineString instead of a polygon"),
        (wkb("LINESTRING (1 1, 1 1)"), "no area is left after repair"),
        (wkb("GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 0 1))"), "GeometryCollection without a polygon"),
        (wkb("POLYGON ((0 0, 5 5, 10 10, 0 0))"), "no area is left after repair"),
        (wkb("POLYGON ((0 0, 0 0, 0 0, 0 0))"), "no area is left after repair"),
        (wkb("POLYGON ((0 0, 0 1e9, 1 1, 0 0))"), "not in Canada"),
        (wkb("POLYGON ((0 0, 0 1e100, 1 1, 0 0))"), "not in Canada"),
    ],
)
def test_unusable_geometry_is_refused_with_reason(content: bytes | None, reason: str) -> None:
    assert reason in problem(content)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 4])
@pytest.mark.parametrize("crs", [LAMBERT, DEGREES], ids=["metres", "degrees"])
def test_non_finite_coordinate_is_refused(value: float, place: int, crs: SourceCrs) -> None:
    numbers = [-95.0, 50.0, -95.0, 51.0, -94.0, 51.0, -95.0, 50.0]
    numbers[place] = value
    numbers[6:] = numbers[:2]
    content = struct.pack("<BIII8d", 1, 3, 1, 4, *numbers)
    # A ring that starts with NaN is never closed, because NaN equals nothing: reported as unreadable.
    assert problem(content, crs).startswith(("coordinates that are not finite", "unreadable geometry"))


def test_metres_in_file_of_degrees_are_refused_before_segmentation() -> None:
    assert "out of range for degrees" in problem(wkb("POLYGON ((0 0, 0 9e6, 9e6 9e6, 0 0))"), DEGREES)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((-141, 41, -52, 84), True),
        ((200, 40, 300, 84), True),
        ((0, 0, 0, 91), False),
        ((math.nan, 0, 1, 1), False),
        ((3e6, 1e6, 9e6, 5e6), False),
    ],
)
def test_degrees_are_recognised_by_bounds(bounds: tuple[float, ...], expected: bool) -> None:
    assert are_degrees(bounds) is expected


def lambert(lon: float, lat: float) -> shapely.Point:
    return shapely.Point(files.project(lon, lat, 4269, 3347))


@pytest.mark.parametrize("parallel", [49, 60])
def test_parallel_is_segmented_before_projection(parallel: int) -> None:
    """A parallel is a curve in EPSG:3347: points 10 m north and south of the border lie on the right side."""
    south = prepare_geometry(shapely.to_wkb(shapely.box(-110, parallel - 2, -90, parallel)), DEGREES).geometry
    ten_metres = 10 / 111_200
    for lon in np.linspace(-109.9, -90.1, 61).tolist():
        assert shapely.covers(south, lambert(lon, parallel - ten_metres))
        assert not shapely.covers(south, lambert(lon, parallel + ten_metres))


def test_neighbours_in_degrees_stay_a_valid_coverage() -> None:
    """An edge is segmented at bit-identical positions in both directions."""
    corners = [(-100.1, 50.03), (-99.7, 53.3), (-96.123, 52.9), (-97.7, 50.4)]
    inner = (-98.3, 51.7)
    parts = [shapely.Polygon([corners[index - 1], corners[index], inner]) for index in range(4)]
    prepared = np.array([prepare_geometry(shapely.to_wkb(part), DEGREES).geometry for part in parts])
    assert shapely.coverage_is_valid(prepared)


def test_shapely_segmentize_depends_on_direction() -> None:
    """Reason for our own segmentation, which can be removed once shapely's is symmetric and this test fails."""
    edge = np.array([[-100.1, 50.03], [-98.3, 51.7]])
    item, other = (shapely.get_coordinates(shapely.segmentize(shapely.linestrings(way), 0.02)) for way in (edge, edge[::-1]))
    assert item.shape == other.shape
    assert (item != other[::-1]).any()


@pytest.mark.parametrize("seed", range(5))
def test_densified_geometry_has_same_shape_and_short_edges(seed: int) -> None:
    chance = np.random.default_rng(seed)
    ring = shapely.convex_hull(shapely.multipoints(chance.uniform(-3, 3, (9, 2))))
    shape = shapely.difference(ring, shapely.box(-0.1, -0.1, 0.1, 0.1))
    result = densified(shape, MAX_DEGREES)
    coords = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(result))]
    assert max(np.hypot(*np.diff(coord, axis=0).T).max() for coord in coords) <= MAX_DEGREES * (1 + 1e-9)
    assert shapely.symmetric_difference(result, shape).area < 1e-12
    assert {tuple(xy) for xy in shapely.get_coordinates(shape)} <= {tuple(item) for item in np.vstack(coords)}


def test_polygon_with_short_edges_is_unchanged() -> None:
    shape = shapely.box(0, 0, 0.01, 0.01)
    assert shapely.get_coordinates(densified(shape, MAX_DEGREES)).tolist() == shapely.get_coordinates(shape).tolist()


# ---------------------------------------------------------------- coverage fit


def boxes(*bounds: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([shapely.multipolygons([shapely.box(*bound)]) for bound in bounds])


def test_valid_coverage_has_no_overlaps_or_gaps() -> None:
    fit = measure_fit(boxes((0, 0, 1000, 1000), (1000, 0, 2000, 1000)), ["1", "2"])
    assert (fit.valid, fit.area_km2, fit.overlap_km2, fit.gap_km2, fit.pairs, fit.gaps) == (True, 2.0, 0.0, 0.0, (), ())


def test_overlaps_are_measured_and_named() -> None:
    fit = measure_fit(boxes((0, 0, 1000, 1000), (900, 0, 2000, 1000), (5000, 0, 6000, 1000)), ["1", "2", "3"])
    assert not fit.valid
    assert fit.overlap_km2 == pytest.approx(0.1)
    assert fit.pairs == ("1 and 2 overlap by 0.1 km2",)


def test_thin_gap_is_measured_and_lake_is_not() -> None:
    frame = shapely.difference(shapely.box(0, 0, 20_000, 20_000), shapely.box(9_000, 4_000, 9_100, 16_000))
    west, east = (
        shapely.intersection(frame, shapely.box(0, 0, 9_050, 20_000)),
        shapely.intersection(frame, shapely.box(9_050, 0, 20_000, 20_000)),
    )
    west = shapely.difference(west, shapely.box(1_000, 1_000, 4_000, 4_000))
    fit = measure_fit(np.array([west, east]), ["W", "E"])
    assert fit.gap_km2 == pytest.approx(1.2)
    assert fit.gaps == ("a gap of 1.2 km2 between E and W",)


def test_unmatched_vertices_are_no_overlap() -> None:
    item, two = shapely.box(0, 0, 1000, 1000), shapely.segmentize(shapely.box(1000, 0, 2000, 1000), 100)
    fit = measure_fit(np.array([item, two]), ["1", "2"])
    assert not fit.valid
    assert fit.overlap_km2 < 1e-9
    assert fit.pairs == ()

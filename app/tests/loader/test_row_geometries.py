"""Geometries of rows: arcs, collections, and points among polygons."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest
import shapely

from tests.support import boundary_files as files
from tests.support.format_files import (
    BOXES,
    CODES,
    prepared,
    refusal,
    write,
)


def curve_polygon(kind: int, radius: float) -> bytes:
    """Return ISO WKB of a circle of two arcs around the first cell, as CurvePolygon (10) or MultiSurface (12)."""
    x, y = files.EAST + 50_000, files.NORTH + 50_000
    points = [(x - radius, y), (x, y + radius), (x + radius, y), (x, y - radius), (x - radius, y)]
    arc = struct.pack("<BII", 1, 8, len(points)) + b"".join(struct.pack("<dd", *point) for point in points)
    polygon = struct.pack("<BII", 1, 10, 1) + arc
    return polygon if kind == 10 else struct.pack("<BII", 1, 12, 1) + polygon


@pytest.mark.parametrize("kind", [10, 12])
@pytest.mark.parametrize("declared", ["Unknown", "MultiPolygon"])
def test_arcs_are_linearised_within_tolerance(tmp_path: Path, kind: int, declared: str) -> None:
    radius = 20_000.0
    path = write(tmp_path / "a.gpkg", [curve_polygon(kind, radius)], codes=["4601"], geometry_type=declared)
    (values,) = prepared(path).values()
    ring = shapely.get_coordinates(values.geometry) - (files.EAST + 50_000, files.NORTH + 50_000)
    middles = (ring[1:] + ring[:-1]) / 2
    assert np.hypot(*ring.T) == pytest.approx(radius, abs=1e-6)
    assert (radius - np.hypot(*middles.T)).max() < radius / 400_000
    assert values.geometry.area == pytest.approx(math.pi * radius**2, rel=1e-5)


def test_arcs_too_large_to_linearise_are_refused_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.gpkg", [curve_polygon(10, 9_000)], codes=["4601"], geometry_type="Unknown")
    monkeypatch.setattr("loader.source.ogr._LINEAR_MAX_BYTES", 1_000)
    assert "Row 1 holds arcs that are too large to linearise" in refusal(path)
    assert "-nlt CONVERT_TO_LINEAR" in refusal(path)


def test_lines_of_geometry_collection_are_dropped_and_reported(tmp_path: Path) -> None:
    mixed = shapely.GeometryCollection([BOXES[0], shapely.LineString(files.cell(0)[:2]), shapely.MultiPolygon(BOXES[1:2])])
    path = write(tmp_path / "a.gpkg", [mixed, BOXES[2]], codes=CODES[:2], geometry_type="Unknown")
    item = prepared(path)["4601"]
    assert item.geometry.area == 2 * files.CELL**2
    assert item.repair is not None
    assert item.repair.startswith("GeometryCollection; without area and left out: LineString;")


def test_points_among_polygons_are_refused_by_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [BOXES[0], shapely.Point(files.EAST, files.NORTH), BOXES[2]], geometry_type="Unknown")
    assert "1 of 3 rows are no polygons: Point (first in row 2)" in refusal(path)

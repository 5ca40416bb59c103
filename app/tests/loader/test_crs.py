"""Coordinate reference system of a file: detection, contradictions, and refusal of rows outside Canada."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from tests.support import boundary_files as files
from tests.support.format_files import (
    BOXES,
    DEGREES,
    features,
    prepared,
    read,
    refusal,
    write,
)


def test_geojson_in_metres_needs_srid(tmp_path: Path) -> None:
    path = files.geojson(tmp_path / "a.geojson", files.grid(2))
    message = refusal(path)
    assert "metres of a projection" in message
    assert "--srid 3347" in message
    assert read(path, srid=3347)[0].crs.transform is None


@pytest.mark.real
def test_real_geojson_in_metres_needs_srid() -> None:
    path = files.real("traps/health_regions_metres_no_crs.geojson")
    columns = {"code": ("hruid",), "name_en": ("name_canonical",), "name_fr": ("name_canonical_fr",)}
    assert "--srid 3347" in refusal(path, columns=columns)
    header, rows = read(path, columns=columns, srid=3347)
    assert (header.crs.transform, len(rows)) == (None, 99)


@pytest.mark.parametrize("prj", [None, "", "this is no coordinate system", '{"type": "VectorTile"}'])
def test_missing_or_unreadable_prj_needs_srid(tmp_path: Path, prj: str | None) -> None:
    path = files.shape(tmp_path, files.grid(2), prj=prj)
    message = refusal(path)
    assert "declares no coordinate system" in message
    assert "Give --srid, 3347" in message
    assert read(path, srid=3347)[0].crs.transform is None


def test_prj_in_degrees_over_metres_is_refused(tmp_path: Path) -> None:
    path = files.shape(tmp_path, files.grid(2), prj=files.NAD83_PRJ)
    assert "metres of a projection. Give its code; Statistics Canada's Lambert is --srid 3347" in refusal(path)
    assert read(path, srid=3347)[0].crs.transform is None


def test_prj_in_metres_over_degrees_is_refused(tmp_path: Path) -> None:
    rows = [files.region("4601", *[list(ring) for ring in files.in_degrees([files.cell(0)])])]
    message = refusal(files.shape(tmp_path, rows))
    assert "The file declares metres" in message
    assert "they are degrees" in message


@pytest.mark.parametrize(
    ("prj", "message"),
    [
        ('LOCAL_CS["Nowhere",UNIT["metre",1.0]]', "neither geographic nor projected"),
        # The GDAL in use does not read the WKT of an engineering CRS from a .prj.
        (
            'ENGCRS["x",EDATUM["y"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],UNIT["m",1]]',
            "declares no coordinate system",
        ),
    ],
)
def test_local_crs_is_refused(tmp_path: Path, prj: str, message: str) -> None:
    assert message in refusal(files.shape(tmp_path, files.grid(2), prj=prj))


@pytest.mark.parametrize("srid", [0, -1, 999_999, 2**31, 2**70])
def test_unknown_epsg_code_is_refused(tmp_path: Path, srid: int) -> None:
    assert f"no coordinate system EPSG:{srid}" in refusal(files.shape(tmp_path, files.grid(2), prj=None), srid=srid)


def test_srid_contradicting_prj_is_refused(tmp_path: Path) -> None:
    path = files.shape(tmp_path, files.grid(2))
    assert "EPSG:4326: one of them is wrong" in refusal(path, srid=4326)
    assert read(path, srid=3347)[0].crs.transform is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (y, x), "latitude comes first. Write the file again with longitude first"),
        (lambda x, y: (-x, y), "Its longitudes lack the minus sign"),
        (lambda x, y: (x + 360, y), "Its longitudes run from 0 to 360"),
        (lambda x, y: (x + 100, y), "or it is a file of another country"),
    ],
)
@pytest.mark.parametrize("east", [0, 1])
def test_coordinates_outside_canada_are_refused_with_likely_cause(tmp_path: Path, change: Any, message: str, east: int) -> None:
    """West of 90° W a longitude is no valid latitude, so that swapped axes are out of range; east of it they are not."""
    shift = np.array([east * 12, -east * 15])
    shapes = [shapely.transform(box, lambda c: c + shift) for box in DEGREES]
    moved = [shapely.transform(box, lambda c: np.array([change(*point) for point in c])) for box in shapes]
    path = tmp_path / "a.geojson"
    rows = [{**value, "geometry": shapely.geometry.mapping(box)} for value, box in zip(features(), moved, strict=True)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    assert message in refusal(path)


@pytest.mark.parametrize(("true", "claimed"), [(3347, 3978), (3978, 3347), (3857, 3347), (3979, 3347)])
def test_wrong_prj_is_refused_with_fitting_srid(tmp_path: Path, true: int, claimed: int) -> None:
    shapes = [shapely.Polygon([files.project(x, y, 4269, true) for x, y in box.exterior.coords]) for box in DEGREES]
    path = write(tmp_path / "a.shp", shapes, crs=f"EPSG:{claimed}")
    message = refusal(path)
    assert f"give --srid {3978 if true == 3979 else true}" in message
    path.with_suffix(".prj").unlink()
    assert read(path, srid=true)[0].count == 3


@pytest.mark.parametrize("srid", [3978, 3979, 3857, 4269, 32615])
def test_common_crs_is_projected(tmp_path: Path, srid: int) -> None:
    shapes = [shapely.Polygon([files.project(x, y, 4269, srid) for x, y in box.exterior.coords]) for box in DEGREES]
    for value, box in zip(prepared(write(tmp_path / "a.gpkg", shapes, crs=f"EPSG:{srid}")).values(), BOXES, strict=True):
        assert shapely.hausdorff_distance(value.geometry, box) < 5

"""Reading of every file format, and refusal of unsafe content and of content of another format."""

import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely

from loader.source import formats, parquet
from tests.support import boundary_files as files
from tests.support.format_files import (
    BOXES,
    CODES,
    DEGREES,
    NAMES,
    gml,
    named,
    packed,
    prepared,
    read,
    refusal,
    write,
)

METRES = [
    ("a.gpkg", "GPKG"),
    ("a.fgb", "FlatGeobuf"),
    ("a.gml", "GML"),
    ("a.tab", None),
    ("a.mif", None),
    ("a.gdb", "OpenFileGDB"),
]
WITH_DEGREES = [("a.kml", "LIBKML"), ("a.kmz", "LIBKML"), ("a.geojsonl", "GeoJSONSeq"), ("a.geojson", "GeoJSON")]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("name", "driver"), [*METRES, *WITH_DEGREES])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, driver: str | None, zipped: bool) -> None:
    (tmp_path / "in").mkdir()
    degrees = (name, driver) in WITH_DEGREES
    path = write(
        tmp_path / "in" / name, DEGREES if degrees else BOXES, driver=driver, crs="EPSG:4326" if degrees else "EPSG:3347"
    )
    if zipped and path.suffix != ".kmz":
        path = packed(path, tmp_path / "a.zip")
    assert named(path) == dict(zip(CODES, NAMES, strict=True))
    for value, box in zip(prepared(path).values(), sorted(BOXES, key=lambda box: box.wkt), strict=True):
        assert value.repair is None
        assert value.geometry.area == pytest.approx(box.area, rel=1e-3)


@pytest.mark.parametrize("suffix", [".parquet", ".geoparquet"])
@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd", "brotli", "none"])
def test_geoparquet_is_read_bit_for_bit(tmp_path: Path, suffix: str, compression: str) -> None:
    frame = geopandas.GeoDataFrame({"HRUID": CODES, "ENGNAME": NAMES, "POP": [1, 2, None]}, geometry=BOXES, crs=3347)
    path = tmp_path / f"a{suffix}"
    frame.to_parquet(path, compression=None if compression == "none" else compression, write_covering_bbox=True)
    assert named(path) == dict(zip(CODES, NAMES, strict=True))
    assert read(path)[0].columns["population"] == "POP"
    for value, box in zip(prepared(path).values(), BOXES, strict=True):
        assert shapely.to_wkb(value.geometry) == shapely.to_wkb(shapely.MultiPolygon([box]))


def test_geoparquet_with_null_crs_needs_srid(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"HRUID": CODES, "ENGNAME": NAMES}, geometry=DEGREES, crs=4326)
    frame.to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0].crs.geographic
    geopandas.GeoDataFrame(frame.drop(columns="geometry"), geometry=BOXES).to_parquet(tmp_path / "b.parquet")
    assert "declares no coordinate system" in refusal(tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet", srid=3347)[0].crs.transform is None


def test_invalid_geoparquet_is_refused_with_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = geopandas.GeoDataFrame({"HRUID": CODES, "ENGNAME": NAMES}, geometry=BOXES, crs=3347)
    path = tmp_path / "a.parquet"
    frame.drop(columns="geometry").to_parquet(path)
    assert "Parquet without geometry" in refusal(path)
    frame.to_parquet(path, geometry_encoding="geoarrow")
    assert "holds its geometry as 'polygon'; only WKB is read" in refusal(path)
    frame.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "cannot be read as GeoParquet" in refusal(path)
    frame.to_parquet(path)
    monkeypatch.setattr(parquet, "_MAX_ROWS", 2)
    assert "exceeds the limits of rows or unpacked size" in refusal(path)


def test_gml_codes_keep_leading_zeros(tmp_path: Path) -> None:
    assert named(gml(tmp_path / "a.gml")) == {"0460": "Île"}


def esri(path: Path, **more: Any) -> Path:
    document = {
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": 3347},
        "fields": [{"name": name, "type": "esriFieldTypeString"} for name in ("HRUID", "ENGNAME")],
        "features": [
            {"attributes": {"HRUID": code, "ENGNAME": name}, "geometry": {"rings": [list(map(list, box.exterior.coords))]}}
            for code, name, box in zip(CODES, NAMES, BOXES, strict=True)
        ],
    }
    path.write_text(json.dumps(document | more))
    return path


def test_esri_json_is_read(tmp_path: Path) -> None:
    path = esri(tmp_path / "a.json")
    assert named(path) == dict(zip(CODES, NAMES, strict=True))
    assert [item.geometry.area for item in prepared(path).values()] == [files.CELL**2] * 3


def topology(path: Path) -> Path:
    rings = [[list(map(list, box.exterior.coords))] for box in DEGREES]
    geometries = [
        {"type": "Polygon", "arcs": [[index]], "properties": {"HRUID": CODES[index], "ENGNAME": NAMES[index]}}
        for index in range(3)
    ]
    objects = {"regions": {"type": "GeometryCollection", "geometries": geometries}}
    path.write_text(json.dumps({"arcs": [ring for (ring,) in rings], "objects": objects, "type": "Topology"}))
    return path


@pytest.mark.parametrize("name", ["a.json", "a.topojson"])
def test_topojson_is_read_in_degrees(tmp_path: Path, name: str) -> None:
    path = topology(tmp_path / name)
    assert named(path) == dict(zip(CODES, NAMES, strict=True))
    assert read(path)[0].crs.description == "WGS 84"


def test_formats_read_into_memory_have_a_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        topology(tmp_path / "a.json"),
        esri(tmp_path / "b.json"),
        write(tmp_path / "a.kml", DEGREES, driver="LIBKML", crs="EPSG:4326"),
    ]
    monkeypatch.setattr(formats, "WHOLE_IN_MEMORY_MAX_BYTES", 100)
    for path in paths:
        assert "is read into memory as a whole: at most 100 bytes. Convert it: ogr2ogr" in refusal(path)
    assert len(named(write(tmp_path / "a.gpkg"))) == 3


KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.kml", KML.format("<NetworkLink><Link><href>http://127.0.0.1:1/</href></Link></NetworkLink>"), "NetworkLink"),
        ("a.kml", '<!DOCTYPE kml [<!ENTITY a "b">]>' + KML.format(""), "holds a DTD"),
        ("a.kml", "<gpx></gpx>", "its root element is 'gpx'"),
        ("a.kml", KML.format("<Placemark>")[:-20], "damaged or truncated"),
        ("a.gml", '<?xml version="1.0"?><!-- x --><!DOCTYPE a SYSTEM "http://127.0.0.1:1/"><a/>', "holds a DTD"),
        ("a.gml", '<ows:ExceptionReport xmlns:ows="x"/>', "error response of a server instead of the layer"),
        ("a.vrt", "<OGRVRTDataSource></OGRVRTDataSource>", "a VRT, which refers to other files and addresses"),
        ("a.kml", "<OGRVRTDataSource></OGRVRTDataSource>", "its root element is 'OGRVRTDataSource'"),
        ("a.7z", "7z", "an archive other than .zip: unpack it"),
        ("a.gml", "", "it is empty"),
        ("a.fgb", "", "it is empty"),
    ],
)
def test_file_with_references_or_without_layer_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    assert message in refusal(tmp_path / name)


@pytest.mark.parametrize("kind", ["LINKED", "DBF", "NATIVE_X"])
def test_mapinfo_table_with_references_is_refused(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.tab")
    path.write_bytes(path.read_bytes().replace(b"Type NATIVE", f"Type {kind}".encode()))
    assert "a MapInfo table that refers to other files" in refusal(path)


def test_kmz_with_networklink_to_own_files_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.kmz", DEGREES, driver="LIBKML", crs="EPSG:4326")
    with zipfile.ZipFile(path) as archive:
        assert b"NetworkLink" in archive.read("doc.kml")
    assert list(named(path)) == CODES


def test_gdb_folder_without_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gdb").mkdir()
    (tmp_path / "a.gdb" / "readme.txt").write_text("x")
    assert "is not a boundary file" in refusal(tmp_path / "a.gdb")

"""Every format is read alike, by content and not by header; what is dangerous or no layer is refused with the reason."""

import json
import math
import re
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely

from loader.errors import FileRefused
from loader.geometry.repair import Prepared, prepare_geometry
from loader.source import formats, parquet
from loader.source.archive import open_layer
from loader.source.reader import Header, RawFeature, open_reader
from tests.support import boundary_files as files

BOXES = [shapely.Polygon(files.cell(index)) for index in range(3)]
CODES, NAMES = ["4601", "4602", "4603"], ["Région 1", "Île-à-la-Crosse", "Third"]
DEGREES = [shapely.Polygon(files.in_degrees([files.cell(index)])[0]) for index in range(3)]


def write(
    path: Path,
    geometries: Sequence[Any] = BOXES,
    *,
    driver: str | None = None,
    crs: str = "EPSG:3347",
    codes: Sequence[str] = CODES,
    geometry_type: str = "Polygon",
    **options: Any,
) -> Path:
    """Write rows with GDAL; a geometry is a shape, bytes of WKB or None."""
    wkb = [geometry if geometry is None or isinstance(geometry, bytes) else shapely.to_wkb(geometry) for geometry in geometries]
    names = (NAMES * len(wkb))[: len(wkb)]
    pyogrio.raw.write(
        path,
        np.array(wkb, dtype=object),
        [np.array(codes, dtype=object), np.array(names, dtype=object)],
        ["HRUID", "ENGNAME"],
        driver=driver,
        crs=crs,
        geometry_type=geometry_type,
        **options,
    )
    return path


def read(path: Path, **options: Any) -> tuple[Header, list[RawFeature]]:
    layer = files.layer(path, **options)
    with open_layer(path, layer.layer_name) as laid_out, open_reader(laid_out, layer) as reader:
        return reader.header, list(reader.features())


def prepared(path: Path, **options: Any) -> dict[str, Prepared]:
    header, rows = read(path, **options)
    return {row.values[header.columns["code"]]: prepare_geometry(row.wkb, header.crs) for row in rows}


def named(path: Path, **options: Any) -> dict[str, str]:
    header, rows = read(path, **options)
    assert header.count == len(rows)
    return {row.values[header.columns["code"]]: row.values[header.columns["name_en"]] for row in rows}


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(FileRefused) as caught:
        read(path, **options)
    return str(caught.value)


def packed(path: Path, target: Path) -> Path:
    """Zip a file with those that belong to it, or a folder."""
    with zipfile.ZipFile(target, "w") as archive:
        for item in sorted(path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.stem}.*")):
            if item != target:
                archive.write(item, f"data/{item.relative_to(path.parent)}")
    return target


def gml(path: Path, *, schema: str = "", member: str = "") -> Path:
    """Write GML by hand, of one region and whatever else is to stand beside it."""
    ring = " ".join(f"{lon},{lat}" for lon, lat in DEGREES[0].exterior.coords)
    path.write_text(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<c:Set xmlns:c="http://example.org/" xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {schema}>
<gml:featureMember><c:Region fid="1"><c:HRUID>0460</c:HRUID><c:ENGNAME>Île</c:ENGNAME><c:shape>
<gml:Polygon srsName="EPSG:4269"><gml:outerBoundaryIs><gml:LinearRing><gml:coordinates>{ring}</gml:coordinates>
</gml:LinearRing></gml:outerBoundaryIs></gml:Polygon></c:shape></c:Region></gml:featureMember>{member}</c:Set>""",
        encoding="utf-8",
    )
    return path


# ---------------------------------------------------------------- every format

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


def test_geoparquet_without_a_crs_is_in_degrees_and_with_none_is_asked_for_it(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"HRUID": CODES, "ENGNAME": NAMES}, geometry=DEGREES, crs=4326)
    frame.to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0].crs.geographic
    geopandas.GeoDataFrame(frame.drop(columns="geometry"), geometry=BOXES).to_parquet(tmp_path / "b.parquet")
    assert "declares no coordinate system" in refusal(tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet", srid=3347)[0].crs.transform is None


def test_parquet_that_is_no_geoparquet_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_numbers_and_codes_with_a_leading_zero_stay_text_in_gml(tmp_path: Path) -> None:
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


def test_a_format_that_is_held_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        topology(tmp_path / "a.json"),
        esri(tmp_path / "b.json"),
        write(tmp_path / "a.kml", DEGREES, driver="LIBKML", crs="EPSG:4326"),
    ]
    monkeypatch.setattr(formats, "WHOLE_IN_MEMORY_MAX_BYTES", 100)
    for path in paths:
        assert "is read into memory as a whole: at most 100 bytes. Convert it: ogr2ogr" in refusal(path)
    assert len(named(write(tmp_path / "a.gpkg"))) == 3


# ---------------------------------------------------------------- rows are counted


def features() -> list[dict[str, Any]]:
    return [
        {"type": "Feature", "properties": {"HRUID": code, "ENGNAME": name}, "geometry": shapely.geometry.mapping(box)}
        for code, name, box in zip(CODES, NAMES, DEGREES, strict=True)
    ]


def collections() -> list[dict[str, Any]]:
    return [{"type": "FeatureCollection", "features": [feature]} for feature in features()]


SEQUENCES = {
    "lines": "\n".join(map(json.dumps, features())),
    "carriage returns": "\r\n".join(map(json.dumps, features())) + "\r\n",
    "no separator": "".join(map(json.dumps, features())),
    "many lines each": "\n".join(json.dumps(feature, indent=2) for feature in features()),
    "record separators": "".join(f"\x1e{json.dumps(feature, indent=1)}\n" for feature in features()),
    "a byte order mark": "\ufeff" + "\n".join(map(json.dumps, features())),
    "collections": "\n".join(map(json.dumps, collections())),
    "a collection and features": json.dumps(collections()[0]) + json.dumps(features()[1]) + json.dumps(features()[2]),
    "braces in text": "\n".join(json.dumps(feature | {"id": '}{"\\'}) for feature in features()),
}


@pytest.mark.parametrize("chunk", [1 << 20, 1, 7, 64])
@pytest.mark.parametrize("kind", SEQUENCES)
def test_no_feature_of_a_sequence_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, chunk: int) -> None:
    monkeypatch.setattr("loader.source.json_content._CHUNK", chunk)
    for suffix in ("geojson", "geojsonl"):
        path = tmp_path / f"a.{suffix}"
        path.write_text(SEQUENCES[kind], encoding="utf-8")
        assert named(path) == dict(zip(CODES, NAMES, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SEQUENCES["lines"] + "\n{'a': 1}", "the text after feature 3 is not valid JSON"),
        (SEQUENCES["lines"] + '\n{"type": "Polygon", "coordinates": []}', "after feature 3 there is 'Polygon'"),
        (SEQUENCES["lines"][:-9], "is truncated"),
        (json.dumps(collections()[0]) + " and more", "there is text outside of its objects ('andmore')"),
        (
            json.dumps({"type": "FeatureCollection", "features": [*features(), {"properties": {}}]}),
            "holds 4 rows, of which 3 can be read",
        ),
        (json.dumps(features()), "a JSON array"),
        (json.dumps(features()[0]["geometry"]), "holds a Polygon without code and name"),
        (json.dumps(collections()[0] | {"numberMatched": 104}), "one page of a server's response: 1 of 104 features"),
        (json.dumps(collections()[0] | {"properties": {"exceededTransferLimit": True}}), "stopped at its limit"),
        ('{"error": {"code": 400, "message": "no"}}', "an error response of a server instead of the layer"),
        ('{"type": "VectorTile"}', "is JSON but not a layer"),
    ],
)
def test_json_that_is_not_all_of_a_layer_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8")
    assert message in refusal(tmp_path / "a.geojson")


def test_json_in_utf_16_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(json.dumps(collections()[0]), encoding="utf-16")
    assert "is in UTF-16, and JSON is UTF-8" in refusal(tmp_path / "a.geojson")


@pytest.mark.parametrize("stale", [0, 1, 99])
def test_the_count_that_a_geopackage_stores_is_not_believed(tmp_path: Path, stale: int) -> None:
    path = write(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE gpkg_ogr_contents SET feature_count = ?", [stale])
        database.execute("UPDATE gpkg_contents SET min_x = 0, min_y = 0, max_x = 1, max_y = 1")
    database.close()
    assert list(named(path)) == CODES


def test_a_geopackage_that_another_program_has_not_finished_writing_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg")
    path.with_name("a.gpkg-wal").write_bytes(b"x")
    assert "is open in another program" in refusal(path)
    path.with_name("a.gpkg-wal").write_bytes(b"")
    assert list(named(path)) == CODES


def test_a_geopackage_that_is_damaged_inside_is_refused_and_not_read_in_part(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", BOXES * 2_000, codes=CODES * 2_000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 40_960] = b"\xff" * 40_960
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("suffix", [".shx", ".dbf", ".shp"])
def test_parts_of_two_shapefiles_are_refused(tmp_path: Path, suffix: str) -> None:
    path, other = files.shape(tmp_path / "a", files.grid(3)), files.shape(tmp_path / "b", files.grid(2))
    shutil.copy(other.with_suffix(suffix), path.with_suffix(suffix))
    message = refusal(path)
    assert "do not belong together" in message or "does not belong to the .shp" in message


def test_a_row_that_was_deleted_and_not_packed_is_no_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.shp")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    start, width = struct.unpack("<HH", table[8:12])
    table[start + width] = ord("*")
    path.with_suffix(".dbf").write_bytes(table)
    assert list(named(path)) == ["4601", "4603"]


def test_rows_that_the_header_of_a_table_does_not_count_are_no_silent_loss(tmp_path: Path) -> None:
    path = write(tmp_path / "a.shp")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[4:8] = struct.pack("<I", 2)
    path.with_suffix(".dbf").write_bytes(table)
    assert "holds 3 rows, of which 2 can be read" in refusal(path)


def test_a_shape_that_was_rewritten_at_the_end_leaves_a_hole_and_no_second_shape(tmp_path: Path) -> None:
    path = files.shape(tmp_path, files.grid(3))
    shapes, index = bytearray(path.read_bytes()), bytearray(path.with_suffix(".shx").read_bytes())
    offset, length = (2 * number for number in struct.unpack(">II", index[100:108]))
    index[100:104] = struct.pack(">I", len(shapes) // 2)
    shapes += shapes[offset : offset + 8 + length]
    shapes[24:28] = struct.pack(">I", len(shapes) // 2)
    path.write_bytes(shapes)
    path.with_suffix(".shx").write_bytes(index)
    assert list(named(path)) == CODES


@pytest.mark.parametrize("index", ["YES", "NO"])
def test_a_flatgeobuf_is_counted(tmp_path: Path, index: str) -> None:
    path = write(tmp_path / "a.fgb", BOXES * 20, codes=CODES * 20, layer_options={"SPATIAL_INDEX": index})
    whole = path.read_bytes()
    assert read(path)[0].count == 60
    for cut in (0.3, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * cut)])
        assert "truncated" in refusal(path)
    path.write_bytes(whole + whole[-4:])
    assert "FlatGeobuf" in refusal(path)


def test_a_mif_that_is_cut_short_has_fewer_objects_than_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mif", BOXES * 10, codes=CODES * 10)
    whole = path.read_bytes()
    for end in [match.start() for match in re.finditer(rb"Region", whole)][1:]:
        path.write_bytes(whole[:end])
        assert "holds 30 rows, of which" in refusal(path)


# ---------------------------------------------------------------- which layer


def test_tables_and_points_beside_the_layer_are_not_meant(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", layer="regions")
    write(path, [shapely.Point(files.EAST, files.NORTH)], codes=["1"], geometry_type="Point", layer="capitals", append=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE layer_styles (id INTEGER PRIMARY KEY, styleQML TEXT)")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('layer_styles', 'attributes', 'x')"
        )
    database.close()
    assert list(named(path)) == CODES


def test_the_layer_is_named_where_there_are_several(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", layer="2022")
    write(path, codes=["4604", "4605", "4606"], layer="2018", append=True)
    assert "holds 2 layers of polygons (2022, 2018): name the one to load with --layer-name" in refusal(path)
    assert list(named(path, layer_name="2018")) == ["4604", "4605", "4606"]
    assert list(named(path, layer_name="2022")) == CODES
    assert "has no layer 'x'. It has 2022, 2018" in refusal(path, layer_name="x")


def test_a_file_of_a_zip_is_named_where_there_are_several(tmp_path: Path) -> None:
    path = packed(files.shape(tmp_path / "a", files.grid(2)), tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("data/other.geojson", SEQUENCES["lines"])
    assert "holds several layers (data/other.geojson, data/regions.shp): name the one to load with --layer-name" in refusal(
        path
    )
    for name in ("regions", "REGIONS.shp", "data/regions.shp"):
        assert list(named(path, layer_name=name)) == ["4601", "4602"]
    assert list(named(path, layer_name="other")) == CODES
    assert "a.zip has no layer 'x'. It has data/other.geojson, data/regions.shp" in refusal(path, layer_name="x")


@pytest.mark.parametrize("text", ["{}", '{"title": "Health regions", "bbox": [1, 2, 3, 4]}', "[]", '{"features": 12}'])
def test_metadata_beside_a_layer_are_no_layer(tmp_path: Path, text: str) -> None:
    shp = files.shape(tmp_path / "a", files.grid(2))
    (shp.parent / "regions-metadata.json").write_text(text)
    (shp.parent / "regions.json").write_text(text)
    assert list(named(shp.parent)) == list(named(packed(shp, tmp_path / "a.zip"))) == ["4601", "4602"]
    assert "JSON" in refusal(shp.with_suffix(".json")) or text == "[]"


def test_stems_may_differ_in_letter_case(tmp_path: Path) -> None:
    shp = files.shape(tmp_path / "a", files.grid(2))
    for suffix, name in ((".dbf", "REGIONS.dbf"), (".shx", "Regions.SHX"), (".prj", "regions.PRJ")):
        shp.with_suffix(suffix).rename(shp.with_name(name))
    zipped = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for path in shp.parent.iterdir():
            archive.write(path, path.name)
    assert list(named(zipped)) == list(named(shp)) == list(named(shp.parent)) == ["4601", "4602"]


def test_two_shapefiles_whose_names_differ_in_letter_case_are_two(tmp_path: Path) -> None:
    shp = files.shape(tmp_path, files.grid(2), name="HR")
    other = files.shape(tmp_path, files.grid(3), name="hr")
    assert "holds several layers (HR.shp, hr.shp)" in refusal(tmp_path)
    assert (list(named(shp)), list(named(other))) == (["4601", "4602"], CODES)


# ---------------------------------------------------------------- geometries


def curve_polygon(kind: int, radius: float) -> bytes:
    """Return ISO WKB of a circle of two arcs around the first cell, as CurvePolygon (10) or MultiSurface (12)."""
    x, y = files.EAST + 50_000, files.NORTH + 50_000
    points = [(x - radius, y), (x, y + radius), (x + radius, y), (x, y - radius), (x - radius, y)]
    arc = struct.pack("<BII", 1, 8, len(points)) + b"".join(struct.pack("<dd", *point) for point in points)
    polygon = struct.pack("<BII", 1, 10, 1) + arc
    return polygon if kind == 10 else struct.pack("<BII", 1, 12, 1) + polygon


@pytest.mark.parametrize("kind", [10, 12])
@pytest.mark.parametrize("declared", ["Unknown", "MultiPolygon"])
def test_arcs_are_made_straight_to_a_four_hundred_thousandth_of_their_radius(tmp_path: Path, kind: int, declared: str) -> None:
    radius = 20_000.0
    path = write(tmp_path / "a.gpkg", [curve_polygon(kind, radius)], codes=["4601"], geometry_type=declared)
    (values,) = prepared(path).values()
    ring = shapely.get_coordinates(values.geometry) - (files.EAST + 50_000, files.NORTH + 50_000)
    middles = (ring[1:] + ring[:-1]) / 2
    assert np.hypot(*ring.T) == pytest.approx(radius, abs=1e-6)
    assert (radius - np.hypot(*middles.T)).max() < radius / 400_000
    assert values.geometry.area == pytest.approx(math.pi * radius**2, rel=1e-5)


def test_arcs_that_would_fill_memory_are_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.gpkg", [curve_polygon(10, 9_000)], codes=["4601"], geometry_type="Unknown")
    monkeypatch.setattr("loader.source.ogr._LINEAR_MAX_BYTES", 1_000)
    assert "Row 1 holds arcs that are too large to linearise" in refusal(path)
    assert "-nlt CONVERT_TO_LINEAR" in refusal(path)


def test_lines_and_points_of_a_collection_are_left_out_and_told(tmp_path: Path) -> None:
    mixed = shapely.GeometryCollection([BOXES[0], shapely.LineString(files.cell(0)[:2]), shapely.MultiPolygon(BOXES[1:2])])
    path = write(tmp_path / "a.gpkg", [mixed, BOXES[2]], codes=CODES[:2], geometry_type="Unknown")
    item = prepared(path)["4601"]
    assert item.geometry.area == 2 * files.CELL**2
    assert item.repair is not None
    assert item.repair.startswith("GeometryCollection; without area and left out: LineString;")


def test_points_among_polygons_are_refused_by_row_before_anything_is_stored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [BOXES[0], shapely.Point(files.EAST, files.NORTH), BOXES[2]], geometry_type="Unknown")
    assert "1 of 3 rows are no polygons: Point (first in row 2)" in refusal(path)


# ---------------------------------------------------------------- where it lies


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
def test_degrees_outside_canada_are_refused_with_what_is_likely_wrong(
    tmp_path: Path, change: Any, message: str, east: int
) -> None:
    """West of 90° west latitude and longitude cannot be exchanged unnoticed, east of it they can."""
    shift = np.array([east * 12, -east * 15])
    shapes = [shapely.transform(box, lambda c: c + shift) for box in DEGREES]
    moved = [shapely.transform(box, lambda c: np.array([change(*point) for point in c])) for box in shapes]
    path = tmp_path / "a.geojson"
    rows = [{**value, "geometry": shapely.geometry.mapping(box)} for value, box in zip(features(), moved, strict=True)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    assert message in refusal(path)


@pytest.mark.parametrize(("true", "claimed"), [(3347, 3978), (3978, 3347), (3857, 3347), (3979, 3347)])
def test_a_prj_of_another_system_is_refused_with_the_one_that_fits(tmp_path: Path, true: int, claimed: int) -> None:
    shapes = [shapely.Polygon([files.project(x, y, 4269, true) for x, y in box.exterior.coords]) for box in DEGREES]
    path = write(tmp_path / "a.shp", shapes, crs=f"EPSG:{claimed}")
    message = refusal(path)
    assert f"give --srid {3978 if true == 3979 else true}" in message
    path.with_suffix(".prj").unlink()
    assert read(path, srid=true)[0].count == 3


@pytest.mark.parametrize("srid", [3978, 3979, 3857, 4269, 32615])
def test_any_usual_system_is_projected(tmp_path: Path, srid: int) -> None:
    shapes = [shapely.Polygon([files.project(x, y, 4269, srid) for x, y in box.exterior.coords]) for box in DEGREES]
    for value, box in zip(prepared(write(tmp_path / "a.gpkg", shapes, crs=f"EPSG:{srid}")).values(), BOXES, strict=True):
        assert shapely.hausdorff_distance(value.geometry, box) < 5


# ---------------------------------------------------------------- what is not safe, or elsewhere

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
def test_what_leads_elsewhere_or_is_no_layer_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    assert message in refusal(tmp_path / name)


@pytest.mark.parametrize("kind", ["LINKED", "DBF", "NATIVE_X"])
def test_a_mapinfo_table_that_leads_elsewhere_is_refused(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.tab")
    path.write_bytes(path.read_bytes().replace(b"Type NATIVE", f"Type {kind}".encode()))
    assert "a MapInfo table that refers to other files" in refusal(path)


def test_the_main_file_of_a_kmz_may_only_name_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.kmz", DEGREES, driver="LIBKML", crs="EPSG:4326")
    with zipfile.ZipFile(path) as archive:
        assert b"NetworkLink" in archive.read("doc.kml")
    assert list(named(path)) == CODES


def test_a_folder_called_gdb_without_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gdb").mkdir()
    (tmp_path / "a.gdb" / "readme.txt").write_text("x")
    assert "is not a boundary file" in refusal(tmp_path / "a.gdb")

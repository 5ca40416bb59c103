"""Reader of boundary files: fields and geometry types are checked first, rows keep file order, GDAL makes no request."""

import http.server
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import shapefile
import shapely
from django.contrib.gis.gdal import Driver

from loader.errors import FileRefused
from loader.geometry.repair import Prepared, prepare_geometry
from loader.source import formats
from tests.support import boundary_files as files
from tests.support.format_files import gml, read, refusal


def prepared(path: Path, **options: Any) -> list[Prepared]:
    header, rows = read(path, **options)
    return [prepare_geometry(row.wkb, header.crs) for row in rows]


# ---------------------------------------------------------------- accepted files


def test_rows_keep_file_order_and_values(tmp_path: Path) -> None:
    header, rows = read(files.shape(tmp_path, files.grid(3)))
    assert (header.count, header.encoding, header.crs.description) == (3, "utf-8", "EPSG:3347")
    assert header.columns == {"code": "HRUID", "name_en": "ENGNAME", "name_fr": "FRENAME"}
    assert [(row.row, row.values["HRUID"]) for row in rows] == [(1, "4601"), (2, "4602"), (3, "4603")]


def test_statistics_canada_prj_is_epsg_3347_bit_for_bit(tmp_path: Path) -> None:
    ring = [(6_200_000.1, 2_900_000.2), (6_200_000.3, 2_910_000.7), (6_210_000.9, 2_910_000.4), (6_200_000.1, 2_900_000.2)]
    (item,) = prepared(files.shape(tmp_path, [files.region("4601", ring)]))
    assert shapely.get_coordinates(item.geometry).tolist() == [list(point) for point in ring]


@pytest.mark.parametrize("kind", [shapefile.POLYGONZ, shapefile.POLYGONM])
def test_z_and_m_values_are_dropped(tmp_path: Path, kind: int) -> None:
    for value, flat in zip(
        prepared(files.shape(tmp_path / "z", files.grid(2), kind=kind)),
        prepared(files.shape(tmp_path, files.grid(2))),
        strict=True,
    ):
        assert not shapely.has_z(value.geometry)
        assert not shapely.has_m(value.geometry)
        assert shapely.to_wkb(value.geometry) == shapely.to_wkb(flat.geometry)


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".GeoJSON"])
def test_geojson_in_degrees_is_read(tmp_path: Path, suffix: str) -> None:
    path = files.geojson(tmp_path / f"a{suffix}", files.grid(2), degrees=True)
    for value, metres in zip(prepared(path), prepared(files.shape(tmp_path, files.grid(2))), strict=True):
        assert shapely.hausdorff_distance(value.geometry, metres.geometry) < 5


def test_geojson_with_projected_crs_is_read(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3347"}}
    header, _ = read(files.geojson(tmp_path / "a.geojson", files.grid(2), crs=crs))
    assert header.crs.transform is None


# Runs in a subprocess: pyogrio loads a second GDAL, which must not share a process with Django's.
WRITE_GEOPACKAGE = """
import sys, numpy, shapely, pyogrio.raw
path, layers, *boxes = sys.argv[1:]
for index in range(int(layers)):
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapely.from_wkt(boxes)),
        [numpy.array(["4601", "4602"], dtype=object), numpy.array(["Région 1", "Région 2"], dtype=object)],
        ["HRUID", "ENGNAME"],
        layer=f"layer{index}", driver="GPKG", geometry_type="Polygon", crs="EPSG:3347", append=index > 0,
    )
"""


def geopackage(tmp_path: Path, layers: int = 1) -> Path:
    """Write a GeoPackage of two regions."""
    path = tmp_path / "a.gpkg"
    boxes = [shapely.Polygon(files.cell(index)).wkt for index in range(2)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GDAL_", "PROJ_"))}
    command = [sys.executable, "-c", WRITE_GEOPACKAGE, str(path), str(layers), *boxes]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return path


def test_geopackage_is_read(tmp_path: Path) -> None:
    path = geopackage(tmp_path)
    header, rows = read(path)
    assert (header.crs.description, [row.values["ENGNAME"] for row in rows]) == ("EPSG:3347", ["Région 1", "Région 2"])
    assert [shapely.area(item.geometry) for item in prepared(path)] == [files.CELL**2] * 2
    assert [item.name for item in tmp_path.iterdir()] == ["a.gpkg"]


def test_geopackage_with_several_layers_is_refused(tmp_path: Path) -> None:
    assert "holds 2 layers of polygons (layer0, layer1): name the one to load with --layer-name" in refusal(
        geopackage(tmp_path, 2)
    )


# ---------------------------------------------------------------- fields


def test_unknown_field_names_error_lists_fields(tmp_path: Path) -> None:
    path = files.shape(tmp_path, [({"REGION": "4601", "LABEL": "One"}, [files.cell(0)])])
    message = refusal(path)
    assert "It has REGION, LABEL" in message
    assert "code: HRUID, HR_UID" in message
    assert "name_en: ENGNAME, ENG_LABEL" in message
    assert "--field code=REGION" in message
    header, _ = read(path, columns={"code": ("REGION",), "name_en": ("label",)})
    assert header.columns == {"code": "REGION", "name_en": "LABEL"}


def test_field_option_overrides_declaration(tmp_path: Path) -> None:
    path = files.shape(tmp_path, [files.region("4601", files.cell(0), OTHER="x")])
    header, _ = read(path, columns={"name_en": ("OTHER",)})
    assert header.columns["name_en"] == "OTHER"


def test_fsa_file_is_refused_as_health_regions(tmp_path: Path) -> None:
    path = files.shape(tmp_path, files.fsa_grid(["R3A"]))
    assert "lacks required fields of health-regions" in refusal(path)
    assert read(path, "fsa")[0].columns == {"code": "CFSAUID"}


def test_missing_field_of_option_is_refused(tmp_path: Path) -> None:
    assert "has no field 'NOPE' for code" in refusal(files.shape(tmp_path, files.grid(2)), columns={"code": ("NOPE",)})


# ---------------------------------------------------------------- refused files


@pytest.mark.parametrize(("kind", "name"), [(shapefile.POINT, "Point"), (shapefile.POLYLINE, "LineString")])
def test_points_and_lines_are_refused(tmp_path: Path, kind: int, name: str) -> None:
    assert f"holds {name} geometries; boundaries are polygons" in refusal(files.shape(tmp_path, files.grid(2), kind=kind))


def test_empty_layer_is_refused(tmp_path: Path) -> None:
    with shapefile.Writer(str(tmp_path / "a"), shapeType=shapefile.POLYGON) as writer:
        writer.field("HRUID", "C", 4)
    assert "holds no rows" in refusal(tmp_path / "a.shp")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"type": "FeatureCollection", "features": []}', "holds no rows"),
        ('{"type": "FeatureCollection"}', "cannot be opened as GeoJSON"),
        ("{}", "is JSON but not a layer"),
        ('{"a": 1}', "is JSON but not a layer"),
    ],
)
def test_geojson_without_features_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.geojson").write_text(content)
    assert message in refusal(tmp_path / "a.geojson")


def test_rows_without_any_geometry_are_refused(tmp_path: Path) -> None:
    rows = [({"HRUID": "4601", "ENGNAME": "One"}, None)]
    assert "without geometry only" in refusal(files.geojson(tmp_path / "a.geojson", rows))


def test_sqlite_without_geopackage_tables_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.gpkg")
    connection.execute("CREATE TABLE regions (hruid text)")
    connection.commit()
    connection.close()
    assert "cannot be opened as GeoPackage" in refusal(tmp_path / "a.gpkg")


@pytest.mark.parametrize("suffix", [".shp", ".shx", ".dbf"])
@pytest.mark.parametrize("cut", [10, 0.3, 0.95])
def test_truncated_shapefile_part_is_refused(tmp_path: Path, suffix: str, cut: float) -> None:
    shp = files.shape(tmp_path, files.grid(40))
    part = shp.with_suffix(suffix)
    part.write_bytes(part.read_bytes()[: int(part.stat().st_size * cut if cut < 1 else cut)])
    # Ten bytes are shorter than the header of a .shp.
    expected = "its content is not shp" if (suffix, cut) == (".shp", 10) else f"The {suffix} is truncated"
    assert expected in refusal(shp)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_truncated_geojson_is_refused(tmp_path: Path, cut: float) -> None:
    path = files.geojson(tmp_path / "a.geojson", files.grid(40), degrees=True)
    path.write_text(path.read_text()[: int(path.stat().st_size * cut)])
    assert "its JSON ends inside a document" in refusal(path)


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text('{"a":' * 1_000 + "1" + "}" * 1_000)
    assert "is JSON but not a layer" in refusal(tmp_path / "a.geojson")


@pytest.fixture
def requests_seen() -> Iterator[tuple[str, list[str]]]:
    """Run a server on loopback; yield its address and the paths of the requests that it received."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", seen
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "link", "properties": {"href": "URL", "type": "proj4"}},
        {"type": "url", "properties": {"url": "URL"}},
        {"type": "name", "properties": {"name": "URL"}},
        {"type": "name", "properties": {"name": "/vsicurl/URL"}},
    ],
)
def test_geojson_crs_sends_no_network_request(
    tmp_path: Path, requests_seen: tuple[str, list[str]], crs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, seen = requests_seen
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = files.geojson(tmp_path / "a.geojson", files.grid(2), degrees=True, crs=crs)
    path.write_text(path.read_text().replace("URL", address))
    read(path)
    assert seen == []


XLINK = (
    '<gml:featureMember><c:Region fid="2"><c:HRUID>4602</c:HRUID><c:ENGNAME>x</c:ENGNAME><c:shape>'
    '<gml:Polygon xlink:href="URLa.gml#b"/></c:shape></c:Region></gml:featureMember>'
)


@pytest.mark.parametrize(
    ("schema", "member"),
    [
        ('xsi:schemaLocation="http://example.org/ URLa.xsd"', ""),
        ('xsi:schemaLocation="http://example.org/ /vsicurl/URLa.xsd"', ""),
        ('xsi:schemaLocation="http://example.org/ URLwfs?SERVICE=WFS&amp;REQUEST=DescribeFeatureType"', ""),
        ("", XLINK),
        ("", '<gml:featureMember xlink:href="URLa.gml"/>'),
    ],
)
def test_gml_schema_and_xlink_send_no_network_request(
    tmp_path: Path, requests_seen: tuple[str, list[str]], schema: str, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, seen = requests_seen
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = gml(tmp_path / "a.gml", schema=schema.replace("URL", address), member=member.replace("URL", address))
    _, rows = read(path, srid=4269)
    assert (rows[0].values["HRUID"], seen) == ("0460", [])


def test_geopackage_view_sends_no_network_request(
    tmp_path: Path, requests_seen: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, seen = requests_seen
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = geopackage(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE layer0 RENAME TO stored")
        database.execute(
            f"CREATE VIEW layer0 AS SELECT *, ogr_layer_FeatureCount('/vsicurl/{address}a.gpkg') AS a,"
            f" ogr_geocode('{address}') AS b FROM stored"
        )
    database.close()
    with suppress(FileRefused):
        read(path)
    assert seen == []


def test_vsicurl_names_are_not_resolved(tmp_path: Path) -> None:
    """GDAL resolves neither the file name nor a layer name like /vsicurl/."""
    document = json.loads(files.geojson(tmp_path / "a.geojson", files.grid(2), degrees=True).read_text())
    document |= {"name": "/vsicurl/http://127.0.0.1:1/x", "description": "/vsizip//etc/passwd"}
    path = tmp_path / "vsicurl,http:,,127.0.0.1:1.geojson"
    path.write_text(json.dumps(document))
    assert len(read(path)[1]) == 2


@pytest.mark.parametrize(
    "name", sorted({var.driver for var in vars(formats).values() if isinstance(var, formats.Format)} - {""})
)
def test_every_used_gdal_driver_exists(name: str) -> None:
    assert Driver(name).name == name


def test_reading_restores_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAPE_ENCODING", "cp1252")
    monkeypatch.delenv("GDAL_HTTP_PROXY", raising=False)
    read(files.shape(tmp_path, files.grid(2)))
    assert (os.environ["SHAPE_ENCODING"], "GDAL_HTTP_PROXY" in os.environ) == ("cp1252", False)

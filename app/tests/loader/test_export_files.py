"""Content of each download format, read with independent libraries and compared with the database."""

import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pyarrow.parquet
import pyogrio
import pytest
import shapefile
import shapely
from django.db import connection

from geography.constants import PART_MAX_VERTICES
from geography.download_formats import FORMATS
from geography.models import Region, RegionLevel, Vintage
from loader.export.metadata import vintage_metadata
from tests.support import boundary_files as files
from tests.support import packs

pytestmark = pytest.mark.django_db


def stored(vintage: Vintage) -> list[tuple[Any, ...]]:
    """Return the rows of a vintage: code, DGUID, names, province, areas and the WKB of the boundary."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, dguid, name_en, name_fr, pruid, land_area_km2, area_km2, ST_AsBinary(geom, 'NDR')"
            " FROM region WHERE vintage_id = %s ORDER BY code",
            [vintage.pk],
        )
        return [(*row[:-1], bytes(row[-1])) for row in cursor.fetchall()]


def read_back(frame: geopandas.GeoDataFrame, code: str) -> list[tuple[Any, ...]]:
    """Return the rows of a file, in the form of `stored`."""
    assert frame.crs.to_epsg() == 3347
    names = [code, "dguid", "name_en", "name_fr", "pruid", "land_area_km2", "area_km2"]
    table = frame.sort_values(code)
    values = table[names].astype(object).where(table[names].notna(), None).itertuples(index=False)
    return [(*row, wkb) for row, wkb in zip(values, shapely.to_wkb(table.geometry.to_numpy(), byte_order=1), strict=True)]


@pytest.mark.parametrize(("coverage", "code"), [("health-regions", "hruid"), ("fsa", "cfsauid")])
@pytest.mark.parametrize("kind", ["gpkg", "fgb", "parquet"])
def test_gis_formats_equal_database_bit_for_bit(
    export: Callable[..., Path], vintages: dict[str, Vintage], coverage: str, code: str, kind: str
) -> None:
    path = export(coverage, kind)
    frame = geopandas.read_parquet(path) if kind == "parquet" else pyogrio.read_dataframe(path)
    if kind == "parquet":
        assert shapely.is_ccw(shapely.get_exterior_ring(frame.geometry.explode().to_numpy())).all()
        # The rings of the sources are clockwise, those of the file are not.
        frame.geometry = shapely.orient_polygons(frame.geometry.to_numpy(), exterior_cw=True)
    assert read_back(frame, code) == stored(vintages[coverage])
    assert set(frame["vintage"]) == {vintages[coverage].label}
    assert frame.geometry.is_valid.all()


@pytest.mark.parametrize(("kind", "crs"), [("fgb", ("EPSG", "4326")), ("parquet", ("OGC", "CRS84"))])
def test_wgs84_formats_have_same_rows_longitude_first(
    export: Callable[..., Path], vintages: dict[str, Vintage], kind: str, crs: tuple[str, str]
) -> None:
    read = geopandas.read_parquet if kind == "parquet" else pyogrio.read_dataframe
    degrees = read(export("fsa", f"{kind}-wgs84")).sort_values("cfsauid", ignore_index=True)
    metres = read(export("fsa", kind)).sort_values("cfsauid", ignore_index=True)
    assert degrees.crs.to_authority() == crs
    west, south, east, north = degrees.total_bounds
    assert -142 < west < east < -52
    assert 41 < south < north < 90
    pairs = zip(degrees.to_crs(3347).geometry, metres.geometry, strict=True)
    assert all(degrees_geometry.hausdorff_distance(metres_geometry) < 0.001 for degrees_geometry, metres_geometry in pairs)
    attributes = [name for name in metres.columns if name not in ("geometry", "bbox")]
    assert degrees[attributes].equals(metres[attributes])


@pytest.mark.parametrize("kind", ["gpkg", "fgb"])
def test_gdal_formats_have_layer_name_and_spatial_index(export: Callable[..., Path], kind: str) -> None:
    path = export("health-regions", kind)
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["health_regions_2022"]
    info = pyogrio.read_info(path)
    assert (info["geometry_type"], info["crs"], info["features"]) == ("MultiPolygon", "EPSG:3347", 3)
    assert info["capabilities"]["fast_spatial_filter"]
    box = (files.EAST + 30_500, files.NORTH + 500, files.EAST + 31_000, files.NORTH + 1_000)
    assert pyogrio.read_dataframe(path, bbox=box)["hruid"].tolist() == ["3501"]


def test_geopackage_has_attribution_and_sha256(export: Callable[..., Path], vintages: dict[str, Vintage]) -> None:
    with sqlite3.connect(export("health-regions", "gpkg")) as database:
        ((identifier, description, changed),) = database.execute(
            "SELECT identifier, description, last_change FROM gpkg_contents"
        )
        ((metadata,),) = database.execute("SELECT metadata FROM gpkg_metadata")
    vintage = vintages["health-regions"]
    assert (identifier, description) == ("Health regions 2022", "Ours & theirs")
    assert changed.startswith(f"{vintage.created_at:%Y-%m-%dT%H:%M:%S}")
    assert vintage.source_sha256 in metadata
    assert "Ours &amp; theirs" in metadata


def test_flatgeobuf_has_attribution(export: Callable[..., Path], vintages: dict[str, Vintage]) -> None:
    head = export("health-regions", "fgb").read_bytes()[:4096].decode("utf-8", errors="replace")
    assert "Health regions 2022" in head
    assert "attribution_en: Ours & theirs" in head


def test_geoparquet_metadata_follow_specification(export: Callable[..., Path], vintages: dict[str, Vintage]) -> None:
    path = export("health-regions", "parquet")
    file = pyarrow.parquet.ParquetFile(path)
    geo = json.loads(file.metadata.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    column = geo["columns"]["geometry"]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["MultiPolygon"])
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 3347}
    assert column["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    assert (column["edges"], column["orientation"]) == ("planar", "counterclockwise")
    frame = geopandas.read_parquet(path)
    assert tuple(column["bbox"]) == tuple(frame.total_bounds)
    for bounds, bbox in zip(frame.geometry.bounds.itertuples(index=False), file.read()["bbox"].to_pylist(), strict=True):
        assert tuple(bounds) == tuple(bbox[side] for side in ("xmin", "ymin", "xmax", "ymax"))
    assert {file.metadata.row_group(0).column(index).compression for index in range(file.metadata.num_columns)} == {"ZSTD"}
    about = json.loads(file.schema_arrow.metadata[b"about"])
    assert about["attribution_en"] == "Ours & theirs"
    assert about["source_sha256"] == vintages["health-regions"].source_sha256


@pytest.mark.parametrize(("coverage", "code"), [("health-regions", "hruid"), ("fsa", "cfsauid")])
def test_pieces_are_those_of_the_database_and_make_up_the_regions(
    export: Callable[..., Path], vintages: dict[str, Vintage], coverage: str, code: str
) -> None:
    path = export(coverage, "pieces")
    assert path.name == f"{coverage}-{vintages[coverage].label}-pieces.parquet"
    frame = geopandas.read_parquet(path)
    assert frame.columns.tolist() == [code, "geometry"]
    assert frame.crs.to_epsg() == 3347
    assert set(frame.geom_type) == {"Polygon"}
    assert shapely.get_num_coordinates(frame.geometry).max() <= PART_MAX_VERTICES
    assert shapely.is_ccw(shapely.get_exterior_ring(frame.geometry.to_numpy())).all()
    whole = frame.dissolve(code).geometry
    for region in Region.objects.filter(vintage=vintages[coverage]):
        assert whole[region.code].symmetric_difference(shapely.from_wkb(bytes(region.geom.wkb))).area < 1e-6
    metadata = pyarrow.parquet.read_metadata(path).metadata
    column = json.loads(metadata[b"geo"])["columns"]["geometry"]
    assert (column["geometry_types"], column["edges"]) == (["Polygon"], "planar")
    about = json.loads(pyarrow.parquet.read_schema(path).metadata[b"about"])
    assert about["source_sha256"] == vintages[coverage].source_sha256


def test_edges_in_degrees_follow_those_in_metres(export: Callable[..., Path]) -> None:
    degrees, metres = (
        geopandas.read_parquet(export("health-regions", kind)).sort_values("hruid").geometry
        for kind in ("parquet-wgs84", "parquet")
    )
    # Every point of an edge, not only its ends: cut far finer than the file. Over the whole edge of 10 km it would be 4 m.
    finer = geopandas.GeoSeries(shapely.segmentize(degrees.to_numpy(), 1e-4), crs=degrees.crs).to_crs(3347)
    assert shapely.get_num_coordinates(degrees.to_numpy()).sum() > shapely.get_num_coordinates(metres.to_numpy()).sum()
    assert max(map(shapely.hausdorff_distance, finer.boundary, metres.boundary)) < 0.05


def test_geoparquet_bbox_is_read_by_covering(export: Callable[..., Path]) -> None:
    path = export("health-regions", "parquet")
    box = (files.EAST + 30_500, files.NORTH + 500, files.EAST + 31_000, files.NORTH + 1_000)
    assert geopandas.read_parquet(path, bbox=box)["hruid"].tolist() == ["3501"]


@pytest.mark.parametrize(
    ("coverage", "fields"),
    [
        ("health-regions", ["HRUID", "DGUID", "ENGNAME", "FRENAME", "PRUID", "PRNAME", "LANDAREA", "POPULATION"]),
        ("fsa", ["CFSAUID", "DGUID", "PRUID", "PRNAME", "LANDAREA", "POPULATION"]),
    ],
)
def test_shapefile_has_statistics_canada_fields(
    export: Callable[..., Path], vintages: dict[str, Vintage], tmp_path: Path, coverage: str, fields: list[str]
) -> None:
    path = export(coverage, "shapefile")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
        assert "Ours" in archive.read("LICENCE.txt").decode() or coverage == "fsa"
    name = f"{coverage.replace('-', '_')}_{vintages[coverage].label}"
    assert (tmp_path / "unpacked" / f"{name}.cpg").read_text() == "UTF-8"
    with shapefile.Reader(str(tmp_path / "unpacked" / name), encoding="utf-8") as reader:
        assert [field[0] for field in reader.fields if field[0] != "DeletionFlag"] == fields
        first = reader.record(0).as_dict()
    assert first["PRNAME"] == "Quebec / Québec"
    assert coverage == "fsa" or (first["ENGNAME"], first["FRENAME"]) == (files.ACCENTED, "Où l'œuvre naît")
    frame = pyogrio.read_dataframe(path)
    assert frame.crs.to_epsg() == 3347
    regions = Region.objects.filter(vintage=vintages[coverage]).order_by("code")
    for shape, region in zip(frame.geometry, regions, strict=True):
        assert shape.equals(shapely.from_wkb(bytes(region.geom.wkb)))


def test_exported_shapefile_can_be_loaded(
    export: Callable[..., Path], load: Callable[..., Any], vintages: dict[str, Vintage]
) -> None:
    again = load(export("health-regions", "shapefile"), vintage="again").vintage
    before, after = (stored(value) for value in (vintages["health-regions"], again))
    for value, other in zip(before, after, strict=True):
        assert value[:5] == other[:5]
        assert shapely.from_wkb(value[-1]).equals(shapely.from_wkb(other[-1]))


def test_pack_has_names_provinces_misfits_and_metadata_of_the_vintage(
    export: Callable[..., Path], vintages: dict[str, Vintage]
) -> None:
    vintage = vintages["health-regions"]
    Region.objects.filter(vintage=vintage, code="3501").update(misfit_m=12.34)
    header, outlines = packs.decode(export("health-regions", "pack"))
    names = [(region["code"], region["name_en"], region["name_fr"], region["pruid"]) for region in header["regions"]]
    assert names == [
        ("2402", files.ACCENTED, "Où l'œuvre naît", "24"),
        ("3501", "Île", "Quelque part", "35"),
        ("3502", "Plain", "Quelque part", "35"),
    ]
    assert [region["misfit_m"] for region in header["regions"]][1:] == [12.4, 0]
    # A hole and an island are rings.
    assert [len(rings) for rings in outlines] == [2, 2, 1]
    assert header["metadata"] == vintage_metadata(vintage)
    assert header["metadata"]["attribution_en"] == "Ours & theirs"
    assert header["metadata"]["source_sha256"] == vintage.source_sha256


@pytest.mark.parametrize("level", ["low", "full"])
def test_geojson_equals_api_response(export: Callable[..., Path], vintages: dict[str, Vintage], get: Any, level: str) -> None:
    path = export("health-regions", "geojson", level=[level])
    document = json.loads(path.read_bytes())
    assert (document["type"], document["detail"], document["attribution_en"]) == ("FeatureCollection", level, "Ours & theirs")
    sent = get("/health-regions", detail=level).json()["features"]
    assert [(feature["id"], feature["bbox"], feature["geometry"]) for feature in document["features"]] == [
        (item["id"], item["bbox"], item["geometry"]) for item in sent
    ]
    assert document["features"][0]["properties"]["name_fr"] == "Où l'œuvre naît"
    assert (
        pyogrio.read_info(path)["features"]
        == RegionLevel.objects.filter(region__vintage=vintages["health-regions"], level=level).count()
    )


@pytest.mark.parametrize("kind", [name for name, value in FORMATS.items() if not value.by_level])
def test_export_of_same_vintage_is_byte_identical(export: Callable[..., Path], vintages: dict[str, Vintage], kind: str) -> None:
    coverage = "fsa" if FORMATS[kind].by_pair else "health-regions"
    path = export(coverage, kind)
    first = path.read_bytes()
    path.unlink()
    assert export(coverage, kind).read_bytes() == first

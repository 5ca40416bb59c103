"""Choice of the layer to load from a file, folder or archive that contains several."""

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest
import shapely

from tests.support import boundary_files as files
from tests.support.format_files import (
    CODES,
    features,
    named,
    packed,
    refusal,
    write,
)


def test_tables_and_point_layers_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", layer="regions")
    write(path, [shapely.Point(files.EAST, files.NORTH)], codes=["1"], geometry_type="Point", layer="capitals", append=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE layer_styles (id INTEGER PRIMARY KEY, styleQML TEXT)")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('layer_styles', 'attributes', 'x')"
        )
    database.close()
    assert list(named(path)) == CODES


def test_layer_name_is_required_for_several_layers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", layer="2022")
    write(path, codes=["4604", "4605", "4606"], layer="2018", append=True)
    assert "holds 2 layers of polygons (2022, 2018): name the one to load with --layer-name" in refusal(path)
    assert list(named(path, layer_name="2018")) == ["4604", "4605", "4606"]
    assert list(named(path, layer_name="2022")) == CODES
    assert "has no layer 'x'. It has 2022, 2018" in refusal(path, layer_name="x")


def test_layer_name_is_required_for_several_files_in_zip(tmp_path: Path) -> None:
    path = packed(files.shape(tmp_path / "a", files.grid(2)), tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("data/other.geojson", "\n".join(map(json.dumps, features())))
    assert "holds several layers (data/other.geojson, data/regions.shp): name the one to load with --layer-name" in refusal(
        path
    )
    for name in ("regions", "REGIONS.shp", "data/regions.shp"):
        assert list(named(path, layer_name=name)) == ["4601", "4602"]
    assert list(named(path, layer_name="other")) == CODES
    assert "a.zip has no layer 'x'. It has data/other.geojson, data/regions.shp" in refusal(path, layer_name="x")


@pytest.mark.parametrize("text", ["{}", '{"title": "Health regions", "bbox": [1, 2, 3, 4]}', "[]", '{"features": 12}'])
def test_json_metadata_file_is_not_a_layer(tmp_path: Path, text: str) -> None:
    shp = files.shape(tmp_path / "a", files.grid(2))
    (shp.parent / "regions-metadata.json").write_text(text)
    (shp.parent / "regions.json").write_text(text)
    assert list(named(shp.parent)) == list(named(packed(shp, tmp_path / "a.zip"))) == ["4601", "4602"]
    assert "JSON" in refusal(shp.with_suffix(".json"))


def test_shapefile_parts_may_differ_in_letter_case(tmp_path: Path) -> None:
    shp = files.shape(tmp_path / "a", files.grid(2))
    for suffix, name in ((".dbf", "REGIONS.dbf"), (".shx", "Regions.SHX"), (".prj", "regions.PRJ")):
        shp.with_suffix(suffix).rename(shp.with_name(name))
    zipped = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for path in shp.parent.iterdir():
            archive.write(path, path.name)
    assert list(named(zipped)) == list(named(shp)) == list(named(shp.parent)) == ["4601", "4602"]


def test_shapefile_names_are_case_sensitive(tmp_path: Path) -> None:
    shp = files.shape(tmp_path, files.grid(2), name="HR")
    other = files.shape(tmp_path, files.grid(3), name="hr")
    assert "holds several layers (HR.shp, hr.shp)" in refusal(tmp_path)
    assert (list(named(shp)), list(named(other))) == (["4601", "4602"], CODES)

"""Row counts from the records of a file: stale headers are ignored; truncated and damaged files are refused."""

import json
import re
import shutil
import sqlite3
import struct
from pathlib import Path

import pytest

from tests.support import boundary_files as files
from tests.support.format_files import (
    BOXES,
    CODES,
    NAMES,
    collections,
    features,
    named,
    read,
    refusal,
    write,
)

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
def test_every_feature_of_a_json_sequence_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, chunk: int
) -> None:
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
def test_incomplete_json_layer_is_refused_with_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8")
    assert message in refusal(tmp_path / "a.geojson")


def test_utf_16_json_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(json.dumps(collections()[0]), encoding="utf-16")
    assert "is in UTF-16, and JSON is UTF-8" in refusal(tmp_path / "a.geojson")


@pytest.mark.parametrize("stale", [0, 1, 99])
def test_stale_geopackage_feature_count_is_ignored(tmp_path: Path, stale: int) -> None:
    path = write(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE gpkg_ogr_contents SET feature_count = ?", [stale])
        database.execute("UPDATE gpkg_contents SET min_x = 0, min_y = 0, max_x = 1, max_y = 1")
    database.close()
    assert list(named(path)) == CODES


def test_geopackage_with_open_wal_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg")
    path.with_name("a.gpkg-wal").write_bytes(b"x")
    assert "is open in another program" in refusal(path)
    path.with_name("a.gpkg-wal").write_bytes(b"")
    assert list(named(path)) == CODES


def test_damaged_geopackage_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", BOXES * 2_000, codes=CODES * 2_000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 40_960] = b"\xff" * 40_960
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        (".shx", "the .shp holds 3 shapes, the .shx lists 2, and the .dbf has 3 rows"),
        (".dbf", "the .shp holds 3 shapes, the .shx lists 3, and the .dbf has 2 rows"),
        (".shp", "The .shx does not belong to the .shp: row 3 is not where it says"),
    ],
)
def test_mixed_parts_of_two_shapefiles_are_refused(tmp_path: Path, suffix: str, message: str) -> None:
    path, other = files.shape(tmp_path / "a", files.grid(3)), files.shape(tmp_path / "b", files.grid(2))
    shutil.copy(other.with_suffix(suffix), path.with_suffix(suffix))
    assert message in refusal(path)


def test_deleted_dbf_row_is_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.shp")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    start, width = struct.unpack("<HH", table[8:12])
    table[start + width] = ord("*")
    path.with_suffix(".dbf").write_bytes(table)
    assert list(named(path)) == ["4601", "4603"]


def test_dbf_header_with_fewer_rows_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.shp")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[4:8] = struct.pack("<I", 2)
    path.with_suffix(".dbf").write_bytes(table)
    assert "holds 3 rows, of which 2 can be read" in refusal(path)


def test_shape_rewritten_at_end_of_shp_is_read_once(tmp_path: Path) -> None:
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
def test_flatgeobuf_rows_are_counted(tmp_path: Path, index: str) -> None:
    path = write(tmp_path / "a.fgb", BOXES * 20, codes=CODES * 20, layer_options={"SPATIAL_INDEX": index})
    whole = path.read_bytes()
    assert read(path)[0].count == 60
    for cut in (0.3, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * cut)])
        assert "truncated" in refusal(path)
    path.write_bytes(whole + whole[-4:])
    assert "FlatGeobuf" in refusal(path)


def test_truncated_mif_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mif", BOXES * 10, codes=CODES * 10)
    whole = path.read_bytes()
    for end in [match.start() for match in re.finditer(rb"Region", whole)][1:]:
        path.write_bytes(whole[:end])
        assert "holds 30 rows, of which" in refusal(path)

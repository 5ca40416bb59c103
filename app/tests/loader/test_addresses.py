"""File names that GDAL resolves to network, file or process access (/vsicurl, VRT, PG:): all refused, no connection made."""

import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.errors import FileRefused
from loader.source.archive import open_layer
from loader.source.reader import open_reader
from tests.support import boundary_files as files

NAMES = (
    "/vsicurl/{address}regions.geojson",
    "/vsicurl_streaming/{address}regions.shp",
    "/vsizip/vsicurl/{address}regions.zip/regions.shp",
    "/vsizip/{{/vsicurl/{address}regions.zip}}/regions.shp",
    "/vsis3/bucket/regions.shp",
    "/vsigzip//etc/passwd",
    "/vsistdin/regions.geojson",
    "{address}regions.geojson",
    "GEOJSON:{address}regions.geojson",
    "WFS:{address}",
    "PG:host=127.0.0.1 port={port} dbname=x",
    "MVT:{address}0/0/0",
    "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/vsicurl/{address}x</SrcDataSource></OGRVRTLayer>",
)
VRT = (
    "<OGRVRTDataSource><OGRVRTLayer name='regions'><SrcDataSource>/vsicurl/{address}x.shp</SrcDataSource></OGRVRTLayer>"
    "</OGRVRTDataSource>"
)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a local HTTP server and the list of its connections."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            seen.append("a connection")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", seen
    server.shutdown()
    server.server_close()


def read(path: Path) -> int:
    with open_layer(path) as opened, open_reader(opened, files.layer(path)) as reader:
        return len(list(reader.features()))


@pytest.mark.parametrize("name", NAMES)
def test_gdal_connection_string_is_refused_as_missing_file(
    name: str, listener: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address, seen = listener
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    path = Path(name.format(address=address, port=address.rpartition(":")[2].strip("/")))
    with pytest.raises(FileRefused):
        read(path)
    assert seen == []


@pytest.mark.parametrize("name", ["a.geojson", "a.json", "a.gpkg", "regions.shp", "a.zip"])
def test_vrt_renamed_to_data_file_is_refused(name: str, listener: tuple[str, list[str]], tmp_path: Path) -> None:
    address, seen = listener
    path = tmp_path / name
    for beside in (".dbf", ".shx"):
        path.with_suffix(beside).write_bytes(b"")
    path.write_text(VRT.format(address=address), encoding="utf-8")
    with pytest.raises(FileRefused):
        read(path)
    assert seen == []


@pytest.mark.parametrize("prefix", ["/vsicurl/{address}", "../../", "/etc/", "C:\\", "a/../../b/"])
def test_archive_member_path_stays_inside_archive(prefix: str, listener: tuple[str, list[str]], tmp_path: Path) -> None:
    address, seen = listener
    good = files.shape(tmp_path / "good", files.grid())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for item in sorted(good.parent.iterdir()):
            archive.writestr(prefix.format(address=address) + item.name, item.read_bytes())
    path = tmp_path / "in" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(packed.getvalue())
    before = _files_under(tmp_path)
    _read_or_refused(path)
    assert seen == []
    assert _files_under(tmp_path) == before


def _read_or_refused(path: Path) -> Any:
    try:
        return read(path)
    except FileRefused as refusal:
        return refusal


def _files_under(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))

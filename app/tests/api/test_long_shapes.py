"""Streaming of large geometries: read, compressed, cached and sent in chunks, with the same bytes."""

import gzip
import re
import sys
import tempfile
from pathlib import Path

import brotli
import pytest
import zstandard
from django.db import connection

from api.http.concurrency import transfers
from geography.models import RegionLevel
from geography.queries.geometry_stream import StreamedGeometry

DECODE = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstandard.ZstdDecompressor().decompressobj,
}
ROUTES = [
    "/health-regions?detail=full",
    "/health-regions/3501?detail=full",
    "/health-regions/3501/neighbours?detail=full",
    "/health-regions/3501/fsa?detail=full",
    "/coverages/fsa/regions?detail=full&limit=2",
    "/coverages/fsa/regions/M1A?detail=full",
    "/coverages/fsa/regions/M1A/neighbours?detail=full",
    "/fsa/M1A?detail=full",
    "/fsa/M1A/boundary?detail=full",
]


@pytest.fixture(autouse=True)
def bodies_folder(world, settings, tmp_path):
    settings.GEODATA_CACHE = str(tmp_path)
    settings.BODY_CACHE_MB = 256
    return tmp_path / "bodies"


@pytest.fixture
def stream_all(monkeypatch):
    """Lower the size limits so that every geometry is streamed."""
    monkeypatch.setattr("geography.queries.region_rows.WHOLE_MAX_BYTES", 40)
    monkeypatch.setattr("geography.queries.geometry_stream.CHUNK_BYTES", 7)
    monkeypatch.setattr("api.http.disk_cache.WHOLE_MAX_BYTES", 100)


def close_response(response):
    """Close a response as a server does; `response.close` would also close the test's database connection."""
    for closer in response._resource_closers:
        closer()


def text_of(response, encoding="identity"):
    assert response.status_code == 200, response.content
    assert response.headers.get("Content-Encoding", "identity") == encoding
    body = b"".join(response)
    close_response(response)
    assert "Content-Length" not in response.headers or int(response.headers["Content-Length"]) == len(body)
    return DECODE[encoding]().decompress(body) if encoding == "zstd" else DECODE[encoding](body)


@pytest.mark.parametrize("encoding", DECODE)
@pytest.mark.parametrize("path", ROUTES)
def test_streamed_body_equals_whole_body(get, related, path, encoding, monkeypatch, settings, stream_all):
    with monkeypatch.context() as whole:
        whole.setattr("geography.queries.region_rows.WHOLE_MAX_BYTES", 1 << 20)
        whole.setattr("api.http.disk_cache.WHOLE_MAX_BYTES", 1 << 20)
        settings.BODY_CACHE_MB = 0
        expected = text_of(get(path))
    settings.BODY_CACHE_MB = 256
    for _ in range(2):  # computed, then cached
        response = get(path, headers={"Accept-Encoding": encoding})
        assert response.streaming
        assert text_of(response, encoding) == expected
    assert transfers.taken == 0


def test_head_takes_no_transfer_slot(client, stream_all):
    get, head = client.get(ROUTES[1]), client.head(ROUTES[1])
    assert {name: head.headers[name] for name in ("ETag", "Content-Length")} == {
        name: get.headers[name] for name in ("ETag", "Content-Length")
    }
    assert (head.status_code, head.content) == (200, b"")
    close_response(get)
    assert transfers.taken == 0


@pytest.mark.parametrize("path", ROUTES)
def test_transfer_limit_gets_503(get, related, assert_problem, settings, stream_all, path):
    settings.TRANSFERS_AT_ONCE = 1
    first = get(path)
    assert transfers.taken == 1
    assert_problem(get(path), 503, "too-many-at-once")
    close_response(first)
    assert transfers.taken == 0
    close_response(get(path))


def test_postal_code_bodies_leave_no_cache_file(get, stream_all, bodies_folder):
    bodies_folder.mkdir()
    response = get("/fsa/M1A/boundary?detail=full")
    assert response.streaming
    assert list(bodies_folder.iterdir()) == []
    close_response(response)


def test_body_is_streamed_without_cache_folder(get, stream_all, settings, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    settings.GEODATA_CACHE = str(tmp_path / "file")
    assert text_of(get(ROUTES[0])).startswith(b'{"type":"FeatureCollection"')


def test_geometry_deleted_during_request_gets_503(get, assert_problem, stream_all, monkeypatch, bodies_folder):
    pieces = StreamedGeometry.pieces

    def delete_before_reading(self):
        RegionLevel.objects.filter(region=self.region_id).delete()
        yield from pieces(self)

    monkeypatch.setattr(StreamedGeometry, "pieces", delete_before_reading)
    assert_problem(get(ROUTES[1]), 503, "database-busy")
    assert [path.name for path in bodies_folder.iterdir() if not path.name.startswith("lock-")] == []


def peak_mb():
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
@pytest.mark.parametrize("encoding", ["identity", "zstd"])
@pytest.mark.parametrize("path", ["/health-regions/3501?detail=full", "/health-regions?detail=full&limit=1"])
def test_memory_does_not_grow_with_the_geometry(get, path, encoding):
    vertices = 4_000_000
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE region_level SET geojson = '{"type":"MultiPolygon","coordinates":[[['
                   || repeat('[-79.387112,43.642566],', %s) || '[-79.387112,43.642566]]]]}'
               FROM region WHERE region.id = region_id AND level = 'full' AND code IN ('2401', '3501')""",
            [vertices],
        )
    get("/health-regions/3502")  # warm up
    Path("/proc/self/clear_refs").write_text("5")
    before, size = peak_mb(), 0
    for _ in range(2):
        response = get(path, headers={"Accept-Encoding": encoding})
        with tempfile.TemporaryFile() as file:
            file.writelines(response)
            file.seek(0)
            reader = zstandard.ZstdDecompressor().stream_reader(file) if encoding == "zstd" else file
            size = sum(map(len, iter(lambda: reader.read(1 << 16), b"")))  # noqa: B023 - read before the next one
        close_response(response)
    assert size > vertices * 23
    assert peak_mb() - before < 48, f"{size / 2**20:.0f} MB of text"

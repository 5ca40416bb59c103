"""Bulk request bodies: chunked, compressed, too large, too deep; responses complete before their first byte."""

import gzip
import importlib
import json
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from api.bulk.body import read_bytes
from api.http.body_errors import BodyInvalid, BodyTooLarge
from api.http.concurrency import bulk
from geography.models import Vintage
from loader.publication import publish
from tests.support.demo_regions import lonlat

HERE = lonlat(2_000, 5_000)
CSV = f"lat,lon\n{HERE[1]},{HERE[0]}\n"
FORMATS = ("application/json", "application/geo+json", "text/csv", "application/x-ndjson")


@pytest.fixture
def post(world, client):
    def send(body: Any, content_type: str = "text/csv", path: str = "/locate", **headers: str) -> Any:
        return client.post(path, body, content_type=content_type, headers=headers)

    return send


def chunked(body: bytes) -> Any:
    """Return a request without Content-Length, as granian passes it on."""
    request = RequestFactory().post("/locate", b"", content_type="text/csv")
    request.META.pop("CONTENT_LENGTH", None)
    request.META |= {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True}
    return request


class TestChunkedBody:
    def test_chunked_body_is_read_to_its_end(self):
        assert read_bytes(chunked(b"a" * 100_000)) == b"a" * 100_000

    def test_chunked_body_over_the_limit_is_too_large(self, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
        assert len(read_bytes(chunked(b"a" * 100))) == 100
        with pytest.raises(BodyTooLarge):
            read_bytes(chunked(b"a" * 101))

    def test_chunked_body_can_be_read_twice(self):
        request = chunked(b"abc")
        assert read_bytes(request) == read_bytes(request) == b"abc"


def test_body_shorter_than_content_length_is_invalid():
    request = RequestFactory().post("/locate", b"abc", content_type="text/csv")
    request.META["CONTENT_LENGTH"] = "10"
    with pytest.raises(BodyInvalid, match="3 of 10"):
        read_bytes(request)


class TestGzipBody:
    @pytest.mark.parametrize("name", ["gzip", "x-gzip", "GZIP"])
    def test_gzip_body_is_decompressed(self, post, name):
        response = post(gzip.compress(CSV.encode()), **{"Content-Encoding": name})
        assert (response.status_code, b"3501" in response.content) == (200, True)

    def test_gzip_with_two_members_is_one_body(self, post):
        half = len(CSV) // 2
        body = gzip.compress(CSV[:half].encode()) + gzip.compress(CSV[half:].encode())
        assert post(body, **{"Content-Encoding": "gzip"}).content == post(CSV).content

    def test_gzip_bomb_gets_413(self, post, assert_problem):
        bomb = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        body = b"".join(bomb.compress(b"\n" * (1 << 20)) for _ in range(200)) + bomb.flush()
        assert_problem(post(body, **{"Content-Encoding": "gzip"}), 413, "body-too-large")

    @pytest.mark.parametrize(
        "damage",
        [lambda body: body[:-4], lambda body: body[:20], lambda body: b"x" + body, lambda body: body[:-8] + b"12345678"],
    )
    def test_damaged_gzip_is_body_invalid(self, post, assert_problem, damage):
        assert_problem(post(damage(gzip.compress(CSV.encode())), **{"Content-Encoding": "gzip"}), 400, "body-invalid")

    @pytest.mark.parametrize("name", ["br", "zstd", "deflate", "gzip, gzip", "x"])
    def test_unknown_content_encoding_gets_415(self, post, assert_problem, name):
        response = post(b"x", **{"Content-Encoding": name})
        assert_problem(response, 415, "encoding-unknown")
        assert response.headers["Accept-Encoding"] == "gzip"


class TestJsonBody:
    def test_json_with_too_many_values_gets_413(self, post, assert_problem):
        body = b"[" + b'{"":0},' * 2_390_000 + b"0]"
        assert_problem(post(body, "application/json"), 413, "body-too-large")
        assert_problem(post(b'{"id":' + body + b"}", "application/x-ndjson"), 413, "body-too-large")

    def test_geojson_with_100000_features_is_accepted(self, post, monkeypatch):
        counted = []

        def counting(items, *_):
            counted.extend(items)
            return iter([])

        monkeypatch.setattr("api.bulk.positions.answer_positions", counting)
        properties = {f"p{number}": number for number in range(5)}
        point = {"type": "Point", "coordinates": [-79.3, 43.6]}
        feature = json.dumps({"type": "Feature", "geometry": point, "properties": properties}, separators=(",", ":"))
        body = '{"type":"FeatureCollection","features":[' + ",".join([feature] * 100_000) + "]}"
        assert 12_000_000 < len(body) < 16 * 2**20
        assert post(body, "application/geo+json").status_code == 200
        assert len(counted) == 100_000

    @pytest.mark.parametrize("depth", [65, 300, 1_000])
    @pytest.mark.parametrize("form", FORMATS[:2] + FORMATS[3:])
    def test_deeply_nested_json_is_body_invalid(self, post, assert_problem, depth, form):
        deep = "[" * depth + "]" * depth
        feature = '{"type":"Feature","id":1,"geometry":null,"properties":{"a":%s}}' % deep  # noqa: UP031 - braces
        items = [f'{{"id":{deep},"lat":1,"lon":2}}'] + ([feature] if "geo" in form else [])
        for item in items:
            body = item + "\n" if form.endswith("ndjson") else f"[{item}]"
            assert_problem(post(body, form), 400, "body-invalid")

    def test_nesting_up_to_the_limit_is_returned(self, post):
        deep = json.loads("[" * 60 + "]" * 60)
        response = post(json.dumps([{"id": deep, "lat": HERE[1], "lon": HERE[0]}]), "application/json")
        assert response.json()["results"][0]["id"] == deep

    def test_latitude_longitude_keys_precede_x_y(self, post):
        point = {"X": 1, "Y": 2, "LATITUDE": HERE[1], "LONGITUDE": HERE[0]}
        (result,) = post(json.dumps([point]), "application/json").json()["results"]
        assert result["health_region"]["hruid"] == "3501"


class TestCompleteResponse:
    """The response is complete before its first byte is sent."""

    @pytest.mark.parametrize("accept", FORMATS)
    def test_response_has_content_length(self, post, accept, monkeypatch, settings, tmp_path):
        settings.GEODATA_CACHE = str(tmp_path)
        in_memory = post(CSV + f"{HERE[1]},{HERE[0]}\n" * 50, Accept=accept)
        monkeypatch.setattr("api.views.bulk.WHOLE_MAX_BYTES", 100)
        monkeypatch.setattr("api.http.disk_cache.WHOLE_MAX_BYTES", 100)
        in_file = post(CSV + f"{HERE[1]},{HERE[0]}\n" * 50, Accept=accept)
        assert in_file.streaming
        assert int(in_file.headers["Content-Length"]) == len(in_memory.content)
        assert b"".join(in_file) == in_memory.content
        for closer in in_file._resource_closers:
            closer()
        assert bulk.taken == 0
        assert list(tmp_path.rglob("*")) == []

    @pytest.mark.parametrize("accept", FORMATS)
    @pytest.mark.parametrize("path", ["/locate", "/fsa"])
    def test_database_error_in_last_chunk_gets_503(self, post, assert_problem, monkeypatch, path, accept):
        if (path, accept) == ("/fsa", "application/geo+json"):
            pytest.skip("codes have no positions")
        module = "positions" if path == "/locate" else "codes"
        monkeypatch.setattr(f"api.bulk.{module}.CHUNK", 10)
        monkeypatch.setattr("api.views.bulk.WHOLE_MAX_BYTES", 100)
        name = "api.responses.locate.locate_with" if path == "/locate" else "api.bulk.codes.fsas_health_regions"
        owner, _, attribute = name.rpartition(".")
        original, calls = getattr(importlib.import_module(owner), attribute), []

        def fail(**options: Any) -> Any:
            calls.append(1)
            if len(calls) == 10:
                raise OperationalError("gone")
            return original(**options)

        monkeypatch.setattr(name, fail)
        text = CSV.splitlines()[0] + "\n" + f"{HERE[1]},{HERE[0]}\n" * 100 if path == "/locate" else "fsa\n" + "M5V\n" * 100
        assert_problem(post(text, path=path, Accept=accept), 503, "database-away")
        assert bulk.taken == 0

    @pytest.mark.parametrize("path", ["/locate", "/fsa"])
    def test_vintage_deleted_during_request_gets_503(self, post, assert_problem, monkeypatch, path):
        module = "positions" if path == "/locate" else "codes"
        monkeypatch.setattr(f"api.bulk.{module}.CHUNK", 10)
        owner = importlib.import_module(f"api.bulk.{module}")
        original, calls = owner._chunk, []

        def prune(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:
                publish.delete(Vintage.objects.get(coverage__slug="fsa", status="published", label="2021"))
            return original(*arguments)

        monkeypatch.setattr(owner, "_chunk", prune)
        text = CSV + f"{HERE[1]},{HERE[0]}\n" * 29 if path == "/locate" else "fsa\n" + "M5V\n" * 30
        assert_problem(post(text, path=path), 503, "database-busy")
        assert len(calls) == 3

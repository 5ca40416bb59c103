"""Fast path: bodies and headers equal those of the full stack, byte for byte."""

import itertools
from typing import Any

import pytest
from django.test import RequestFactory

from api import fast_path
from api.fast_path import FastPath
from api.responses.locate import LocateResponder
from geography.coordinates import LonLat
from geography.download_files import lookup_path
from geography.lookup import registry
from geography.models import Status
from geography.vintages import catalogue
from operations.metrics import REGISTRY
from tests.api.test_tiles import store_tiles
from tests.support.demo_regions import position
from tests.support.lookup_index import build_indexes
from tests.support.wsgi import send, send_environ

CACHED = [
    "/health-regions",
    "/health-regions/?province=ON&detail=none",
    "/health-regions/3501?lang=fr",
    "/fsa?detail=none",
    "/tiles/health-regions/0/0/0.mvt",
]
HEADERS: list[dict[str, str]] = [
    {},
    {"Accept-Language": "fr-CA,fr;q=0.9"},
    {"Accept-Encoding": "gzip"},
    {"Accept-Encoding": "br, zstd", "Accept-Language": "de"},
    {"Origin": "https://example.org"},
    {"X-Forwarded-Proto": "https", "Host": "localhost:8000"},
    {"Accept": "application/geo+json"},
]


@pytest.fixture(autouse=True)
def memory(world, settings, tmp_path, monkeypatch):
    """Compile the indexes of the test vintages, with a response cache and a catalogue that stays fresh during a test."""
    settings.GEODATA_CACHE, settings.BODY_CACHE_MB = str(tmp_path), 16
    store_tiles(world.vintages["health-regions", "2022"])
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    catalogue.published()
    build_indexes(world.vintages.values())


def locate_query(x: float = 2_000, y: float = 5_000, **more: str) -> dict[str, str]:
    return position(x, y) | more


@pytest.mark.parametrize("path", CACHED)
def test_cached_body_equals_full_stack(django, path, django_assert_num_queries):
    fast = FastPath(django)
    for method, headers in itertools.product(("GET", "HEAD"), HEADERS):
        if path.startswith("/tiles") and "Accept" in headers:
            continue
        expected = send(django, path, None, headers, method)
        assert expected[0] == "200 OK", expected
        assert send(fast, path, None, headers, method) == expected
        before = django.requests
        with django_assert_num_queries(0):
            assert send(fast, path, None, headers, method) == expected
        assert django.requests == before


def test_conditional_requests_get_304(django):
    fast = FastPath(django)
    etag = send(fast, "/health-regions")[1]["etag"]
    for if_none_match in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        headers = {"If-None-Match": if_none_match}
        expected = send(django, "/health-regions", None, headers)
        assert expected[0] == "304 Not Modified"
        assert send(fast, "/health-regions", None, headers) == expected
    before = django.requests
    assert send(fast, "/health-regions", None, {"If-None-Match": etag})[0] == "304 Not Modified"
    assert send(fast, "/health-regions", None, {"If-None-Match": '"other"'})[0] == "200 OK"
    assert django.requests == before


@pytest.mark.parametrize(
    "query",
    [
        locate_query(),
        locate_query(10_001),
        locate_query(10_000, 10_000, lang="fr"),
        locate_query(13_500, accuracy="800", max_distance="0"),
        locate_query(-2_000, 3_000),
        locate_query(2_000, 5_000, vintage="2022"),
        {"lat": "0", "lon": "0"},
    ],
)
def test_lookup_equals_full_stack(django, query, django_assert_num_queries):
    fast = FastPath(django)
    for method, headers in itertools.product(("GET", "HEAD"), HEADERS):
        expected = send(django, "/locate", query, headers, method)
        assert expected[0] == "200 OK", expected
        # The template of another position applies if its body is on the same side of COMPRESS_MIN_BYTES.
        send(fast, "/locate", query | {"lat": "43.7"}, headers, method)
        assert send(fast, "/locate", query, headers, method) == expected
        before = django.requests
        with django_assert_num_queries(0):
            assert send(fast, "/locate", query, headers, method) == expected
        assert django.requests == before


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/locate", {"lat": "43.7"}),
        ("/locate", {"lat": "43.7", "lon": "79.4"}),
        ("/locate", locate_query(latt="1")),
        ("/locate", locate_query(vintage="1492")),
        ("/locate", {"lat": "NaN", "lon": "-79"}),
        ("/fsa/M5V", {}),
        ("/health-regions", {"bbox": "-80,43,-79,44"}),
        ("/nothing", {}),
        ("/livez", {}),
        ("/vintages", {}),
    ],
)
def test_invalid_and_uncacheable_requests_reach_full_stack(django, path, query):
    fast = FastPath(django)
    expected = send(django, path, query)
    before = django.requests
    for _ in range(3):
        assert send(fast, path, query)[::2] == expected[::2]
    assert django.requests == before + 3


@pytest.mark.parametrize("query", ["lat=43.7&lon=-79.4&q=%E9", "lat=43.7&lon=-79.4&q=é", "&".join(["lat=1"] * 500)])
def test_unreadable_query_strings_get_400(django, query):
    fast = FastPath(django)
    environ = RequestFactory().get("/locate").environ | {"QUERY_STRING": query.encode().decode("latin-1")}
    for application in (django, fast, fast):
        assert send_environ(application, dict(environ))[0] == "400 Bad Request"


def test_content_negotiation_and_stale_catalogue_need_full_stack(django, monkeypatch):
    fast = FastPath(django)
    for _ in range(2):
        assert send(fast, "/locate", locate_query(), {"Accept": "text/html;q=0.5, application/json"})[0] == "200 OK"
    assert send(fast, "/locate", method="OPTIONS")[0] == "204 No Content"
    assert django.requests == 3
    # Without a fresh catalogue the vintages in force are unknown.
    send(fast, "/health-regions")
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 0.0)
    for path, query in (("/health-regions", {}), ("/locate", locate_query())):
        before = django.requests
        assert send(fast, path, query)[0] == "200 OK"
        assert django.requests == before + 1


def test_vintages_without_index_need_full_stack(django, world):
    fast = FastPath(django)
    for _ in range(2):
        first = send(fast, "/locate", locate_query())
    before = django.requests
    for vintage in world.vintages.values():
        lookup_path(vintage).unlink(missing_ok=True)
    registry.clear()
    assert send(fast, "/locate", locate_query()) == first
    assert django.requests == before + 1


def test_publication_discards_templates(django, world):
    fast = FastPath(django)
    for _ in range(2):
        assert b'"3501"' in send(fast, "/locate", locate_query())[2]
        assert send(fast, "/health-regions")[0] == "200 OK"
    for vintage in world.vintages.values():
        vintage.status = Status.RETIRED
        vintage.save()
    catalogue.clear()
    catalogue.published()
    for path, query in (("/locate", locate_query()), ("/health-regions", {})):
        response = send(fast, path, query)
        assert (response[0][:3], response) == (send(django, path, query)[0][:3], response)
        assert response[0] != "200 OK"


def test_evicted_body_is_computed_again(django, tmp_path):
    fast = FastPath(django)
    first = send(fast, "/health-regions")
    assert send(fast, "/health-regions") == first
    for path in (tmp_path / "bodies").iterdir():
        path.unlink()
    before = django.requests
    assert send(fast, "/health-regions") == first
    assert django.requests == before + 1


def test_stale_responses_are_not_templates(django):
    fast = FastPath(django)
    catalogue._cache["default"].failed_at = 0.0
    try:
        for _ in range(2):
            assert "cache-status" in send(fast, "/health-regions")[1]
    finally:
        catalogue._cache["default"].failed_at = None
    assert django.requests == 2
    assert "cache-status" not in send(fast, "/health-regions")[1]


def test_templates_and_responders_are_bounded(django, monkeypatch):
    monkeypatch.setattr(fast_path, "_ENTRIES_MAX", 3)
    fast = FastPath(django)
    for number in range(10):
        assert send(fast, "/health-regions", None, {"Origin": f"https://{number}.example.org"})[0] == "200 OK"
        assert send(fast, "/locate", locate_query(max_distance=str(number)))[0] == "200 OK"
    assert fast._generation is not None
    assert len(fast._generation.templates) <= 3
    assert len(fast._generation.responders) <= 3


def test_requests_are_counted_and_logged(django, settings, caplog):
    settings.LOG_REQUESTS = True
    caplog.set_level("INFO", "requests")
    fast = FastPath(django)

    def counted(route: str) -> float:
        labels = {"route": route, "method": "GET", "status": "200"}
        return REGISTRY.get_sample_value("geo_http_requests_total", labels) or 0.0

    for path, query in (("/locate", locate_query()), ("/tiles/health-regions/0/0/0.mvt", {})):
        route = path.replace("health-regions/0/0/0", "{coverage}/{z}/{x}/{y}")
        before = counted(route)
        for _ in range(3):
            send(fast, path, query)
        assert counted(route) == before + 3
        assert [record.getMessage().split(" ")[:3] for record in caplog.records].count(["200", "GET", route]) == 3
    assert django.requests == 2


def test_client_request_id_is_returned(django):
    fast = FastPath(django)
    value = "0123456789abcdef" * 2
    for _ in range(2):
        details: list[Any] = []
        environ = RequestFactory().get("/health-regions", headers={"X-Request-ID": value}).environ
        fast(environ, lambda *start, details=details: details.extend(start))
        assert ("X-Request-ID", value) in details[1]
    assert django.requests == 1


def test_first_lookup_is_computed_once(django, monkeypatch):
    computed = []
    feature = LocateResponder.feature

    def spy(self: LocateResponder, point: LonLat) -> bytes:
        computed.append(point)
        return feature(self, point)

    monkeypatch.setattr(LocateResponder, "feature", spy)
    fast = FastPath(django)
    kinds: list[dict[str, str]] = [
        {},
        {"Accept-Language": "fr"},
        {"Accept-Encoding": "gzip"},
        {"Origin": "https://example.org"},
    ]
    for number, headers in enumerate(kinds, start=1):
        first = send(fast, "/locate", locate_query(2_000, 2_000), headers)
        assert (first[0], django.requests, len(computed)) == ("200 OK", number, 2 * number - 1)
        assert send(fast, "/locate", locate_query(2_000, 2_000), headers) == first
        assert (django.requests, len(computed)) == (number, 2 * number)


@pytest.mark.parametrize("path", [*CACHED, "/locate"])
def test_test_client_compares_fast_path_with_full_stack(client, path):
    assert client.get(path, locate_query() if path == "/locate" else None).status_code == 200
    assert client.handler.compared == 1

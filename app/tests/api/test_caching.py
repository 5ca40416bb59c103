"""HTTP caching of responses: ETag, Cache-Control, Vary, content encodings."""

import gzip
from datetime import date

import brotli
import pytest
import zstandard

from api.http.compression import COMPRESS_MIN_BYTES, chosen_encoding
from geography.models import Status
from geography.vintages import catalogue
from tests.support import demo_regions as worlds

ROUTES = [
    "/health-regions",
    "/health-regions?province=ON&detail=none",
    "/health-regions/3501",
    "/fsa",
    "/fsa/M5V/boundary",
    "/coverages/fsa/regions",
    "/coverages/fsa/regions/M5V",
    "/tiles/health-regions.json",
]
DECODE = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstandard.decompress}


pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.mark.parametrize("path", ROUTES)
def test_conditional_request_gets_304_without_a_query(get, world, path, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    first = get(path)
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    for if_none_match in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        with django_assert_num_queries(0):
            again = get(path, headers={"If-None-Match": if_none_match})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == first.headers[name]
    assert get(path, headers={"If-None-Match": '"other"'}).content == first.content


@pytest.mark.parametrize("path", ["/health-regions", "/coverages/health-regions/regions/3501"])
def test_cached_response_takes_no_query(get, world, path, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    first = get(path)
    with django_assert_num_queries(0):
        assert get(path).content == first.content


@pytest.mark.parametrize(
    "path",
    [
        "/fsa/M5V/boundary",
        "/fsa/M5V",
        "/coverages/fsa/regions/M5V",
        "/locate?lat=43.6&lon=-79.4",
        "/health-regions?lat=43.6&lon=-79.4",
        "/health-regions?bbox=-80,43,-79,44",
        "/fsa?q=M5V",
    ],
)
def test_positions_and_postal_codes_are_not_cached(get, world, path, cache_folder):
    assert get(path).status_code == 200
    assert not cache_folder.exists()


def test_cache_file_names_are_hashes(get, world, cache_folder):
    get("/health-regions/3501")
    assert all("3501" not in path.name for path in cache_folder.iterdir())
    assert any(item.stat().st_size for item in cache_folder.iterdir())


def test_publication_changes_body_and_etag(get, world):
    before = get("/health-regions", detail="none")
    newer = worlds.make_vintage("health-regions", "2023", date(2023, 1, 1))
    worlds.add_places(newer, worlds.HEALTH_REGIONS_DEMO)
    after = get("/health-regions", headers={"If-None-Match": before.headers["ETag"]}, detail="none")
    assert (after.status_code, after.json()["number_matched"]) == (200, 1)
    newer.status = Status.RETIRED
    newer.save()
    assert get("/health-regions", headers={"If-None-Match": before.headers["ETag"]}, detail="none").status_code == 304


def test_named_vintage_is_immutable_in_cache_control(get, world):
    assert get("/fsa").headers["Cache-Control"] == "public, max-age=60, stale-if-error=86400"
    assert get("/fsa", at="2022-01-01").headers["Cache-Control"] == "public, max-age=60, stale-if-error=86400"
    assert get("/fsa", vintage="2021").headers["Cache-Control"] == "public, max-age=86400, immutable, stale-if-error=86400"
    assert get("/fsa", vintage="1999").headers["Cache-Control"] == "private, no-store"


HERE = worlds.position(2_000, 5_000)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/locate", HERE),
        ("/locate/", HERE | {"accuracy": 500}),
        ("/locate", HERE | {"lon": "79.4"}),  # a problem
        ("/health-regions", HERE),
        ("/health-regions", {"bbox": "-80,43,-79,44"}),
        ("/health-regions", {"q": "toronto"}),
        ("/health-regions", {"q": "toronto", "vintage": "2022"}),
        ("/fsa", HERE),
        ("/fsa", {"bbox": "-80,43,-79,44"}),
        ("/fsa/{fsa}", {}),
        ("/fsa/{fsa} 1B0", {}),
        ("/fsa/{fsa}", {"detail": "full"}),
        ("/fsa/K9Z", {}),  # a problem
        ("/fsa/{fsa}/boundary", {}),
        ("/fsa/{fsa}/boundary", {"vintage": "2021"}),
        ("/coverages/fsa/regions", HERE),
        ("/coverages/fsa/regions/{fsa}", {}),
        ("/coverages/fsa/regions/{fsa}/neighbours", {}),
        ("/coverages/health-regions/regions", {"q": "toronto"}),
    ],
)
def test_positions_searches_and_postal_codes_are_private(get, related, path, params):
    path = path.replace("{fsa}", get("/fsa", detail="none").json()["features"][0]["id"])
    directives = get(path, **params).headers["Cache-Control"].split(", ")
    assert "private" in directives
    assert not {"public", "stale-if-error=86400"} & set(directives)


def test_region_etag_ignores_how_vintage_was_chosen(get, world):
    tags = {get("/health-regions/3501", **choice).headers["ETag"] for choice in ({}, {"vintage": "2022"}, {"at": "2022-05-01"})}
    assert len(tags) == 1


def test_different_bodies_have_different_etags(get, world):
    requests = [
        {},
        {"detail": "none"},
        {"lang": "fr"},
        {"limit": "2"},
        {"offset": "1"},
        {"province": "35"},
        {"vintage": "2018"},
    ]
    tags = {get("/health-regions", **request).headers["ETag"] for request in requests}
    tags |= {get("/health-regions", headers={"Accept-Encoding": item}).headers["ETag"] for item in DECODE}
    tags |= {get("/health-regions", headers={"Accept": "application/json"}).headers["ETag"]}
    assert len(tags) == len(requests) + len(DECODE) + 1


def test_parameter_order_does_not_change_the_etag(client, world):
    item, other = client.get("/health-regions?detail=none&limit=2"), client.get("/health-regions?limit=2&detail=none")
    assert item.headers["ETag"] == other.headers["ETag"]
    assert item.content == other.content


@pytest.mark.parametrize("path", [*ROUTES, "/fsa/M5V", "/schema"])
@pytest.mark.parametrize("encoding", DECODE)
def test_content_encodings_decode_to_the_same_body(get, world, path, encoding):
    plain, encoded = get(path), get(path, headers={"Accept-Encoding": encoding})
    assert "Content-Encoding" not in plain.headers
    # A body of the response cache is stored compressed, however short it is.
    compressed = "ETag" in plain.headers or len(plain.content) >= COMPRESS_MIN_BYTES
    assert encoded.headers.get("Content-Encoding") == (encoding if compressed else None)
    assert (DECODE[encoding](encoded.content) if compressed else encoded.content) == plain.content
    assert "Accept-Encoding" in encoded.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("*", "zstd"),
        ("*;q=0", None),
        ("identity", None),
        ("gzip;q=0.4, identity;q=0.8", None),
        ("GZIP", "gzip"),
        ("gzip;q=nonsense", None),
        ("deflate", None),
    ],
)
def test_accept_encoding_selects_the_content_encoding(header, expected):
    assert chosen_encoding(header) == expected


def test_vary_lists_only_relevant_headers(get, world):
    def vary(path, **params):
        return {part.strip().lower() for part in get(path, **params).headers["Vary"].split(",")}

    # WSGI reads a name with underscores as the same header, so a cache must too.
    encoding, language = {"accept-encoding", "accept_encoding"}, {"accept-language", "accept_language"}
    assert vary("/health-regions") == {"accept", "origin"} | encoding | language
    assert vary("/health-regions", lang="fr") == {"accept", "origin"} | encoding


def test_head_has_headers_without_body(client, world):
    get, head = client.get("/fsa"), client.head("/fsa")
    assert head.content == b""
    assert {name: head.headers[name] for name in ("ETag", "Cache-Control")} == {
        name: get.headers[name] for name in ("ETag", "Cache-Control")
    }


@pytest.mark.parametrize(
    "query", ["limit=3", "offset=1", "at=2023-01-05", "fields=name", "limit=3&offset=1", "detail=low&limit=7"]
)
def test_free_form_parameters_are_not_cached(get, world, query, cache_folder):
    assert get(f"/health-regions?{query}").status_code == 200
    assert not cache_folder.exists()

"""ETags, Cache-Control, Vary, encodings, and bodies that are made once."""

import errno
import gzip
import os
import threading
import time
from datetime import date
from pathlib import Path

import brotli
import pytest
import zstandard

from api.http.compression import chosen_encoding
from api.http.disk_cache import WHOLE_MAX_BYTES, DiskCache
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


@pytest.fixture(autouse=True)
def shelf_folder(settings, tmp_path):
    settings.GEODATA_CACHE = str(tmp_path)
    settings.BODY_CACHE_MB = 16
    return tmp_path / "bodies"


@pytest.mark.parametrize("path", ROUTES)
def test_who_has_the_answer_is_told_so_without_a_query(get, world, path, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    first = get(path)
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    for known_values in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        with django_assert_num_queries(0):
            again = get(path, headers={"If-None-Match": known_values})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == first.headers[name]
    assert get(path, headers={"If-None-Match": '"other"'}).content == first.content


@pytest.mark.parametrize("path", ["/health-regions", "/coverages/health-regions/regions/3501"])
def test_a_second_answer_is_not_made_again(get, world, path, django_assert_num_queries, monkeypatch):
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
def test_of_positions_and_postal_codes_nothing_is_kept(get, world, path, shelf_folder):
    assert get(path).status_code == 200
    assert not shelf_folder.exists()


def test_what_is_kept_has_a_hash_for_a_name(get, world, shelf_folder):
    get("/health-regions/3501")
    assert all("3501" not in path.name for path in shelf_folder.iterdir())
    assert any(item.stat().st_size for item in shelf_folder.iterdir())


def test_a_publication_changes_what_is_answered_and_its_etag(get, world):
    before = get("/health-regions", detail="none")
    newer = worlds.make_vintage("health-regions", "2023", date(2023, 1, 1))
    worlds.add_places(newer, worlds.HEALTH_REGIONS_DEMO)
    after = get("/health-regions", headers={"If-None-Match": before.headers["ETag"]}, detail="none")
    assert (after.status_code, after.json()["number_matched"]) == (200, 1)
    newer.status = Status.RETIRED
    newer.save()
    assert get("/health-regions", headers={"If-None-Match": before.headers["ETag"]}, detail="none").status_code == 304


def test_a_named_edition_is_immutable_and_todays_is_not(get, world):
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
def test_no_shared_cache_stores_an_answer_about_a_position_a_search_or_a_postal_code(get, related, path, params):
    path = path.replace("{fsa}", get("/fsa", detail="none").json()["features"][0]["id"])
    directives = get(path, **params).headers["Cache-Control"].split(", ")
    assert "private" in directives
    assert not {"public", "stale-if-error=86400"} & set(directives)


def test_how_the_edition_was_chosen_is_not_in_the_etag_of_one_region(get, world):
    tags = {get("/health-regions/3501", **choice).headers["ETag"] for choice in ({}, {"vintage": "2022"}, {"at": "2022-05-01"})}
    assert len(tags) == 1


def test_whatever_makes_another_body_makes_another_etag(get, world):
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


def test_the_order_of_parameters_makes_no_difference(client, world):
    item, other = client.get("/health-regions?detail=none&limit=2"), client.get("/health-regions?limit=2&detail=none")
    assert item.headers["ETag"] == other.headers["ETag"]
    assert item.content == other.content


@pytest.mark.parametrize("path", [*ROUTES, "/fsa/M5V", "/schema"])
@pytest.mark.parametrize("encoding", DECODE)
def test_every_encoding_holds_the_same_body(get, world, path, encoding):
    plain, encoded = get(path), get(path, headers={"Accept-Encoding": encoding})
    if len(plain.content) < 1_000:
        return
    assert "Content-Encoding" not in plain.headers
    assert encoded.headers["Content-Encoding"] == encoding
    assert DECODE[encoding](encoded.content) == plain.content
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
def test_the_encoding_that_the_client_likes_best(header, expected):
    assert chosen_encoding(header) == expected


def test_vary_names_nothing_that_does_not_matter(get, world):
    def vary(path, **params):
        return {part.strip().lower() for part in get(path, **params).headers["Vary"].split(",")}

    # WSGI reads a name with underscores as the same header, so a cache must too.
    encoding, language = {"accept-encoding", "accept_encoding"}, {"accept-language", "accept_language"}
    assert vary("/health-regions") == {"accept", "origin"} | encoding | language
    assert vary("/health-regions", lang="fr") == {"accept", "origin"} | encoding


def test_head_has_the_headers_and_no_body(client, world):
    get, head = client.get("/fsa"), client.head("/fsa")
    assert head.content == b""
    assert {name: head.headers[name] for name in ("ETag", "Cache-Control")} == {
        name: get.headers[name] for name in ("ETag", "Cache-Control")
    }


# ---------------------------------------------------------------- the shelf


def test_of_many_that_want_the_same_body_one_makes_it(tmp_path):
    made = []
    begin = threading.Barrier(8)

    def make():
        made.append(threading.get_ident())
        return b"body"

    def ask():
        begin.wait()
        # A shelf of its own for each, as processes have.
        assert DiskCache(tmp_path, 10_000).get_or_create("key", make) == b"body"

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def swept(shelf):
    """Wait until the cache's thread has nothing to do."""
    for _ in range(1_000):
        if not shelf.evictor._running:
            return
        threading.Event().wait(0.01)
    pytest.fail("eviction does not end")


def on_disk(folder):
    files = [path.stat() for path in folder.iterdir() if not path.name.startswith("lock-")]
    return len(files), sum(max(stat.st_blocks * 512, 4_096) for stat in files)


def test_the_cache_is_bounded_in_blocks_and_in_files(tmp_path):
    limit = 2_000_000
    shelf = DiskCache(tmp_path, limit)
    for number in range(2_000):
        shelf.get_or_create(str(number), lambda: b"x" * 120)  # tiles: 240 kB in all, but 8 MB of blocks
        if number % 10 == 0:
            swept(shelf)
    swept(shelf)
    count, size = on_disk(tmp_path)
    assert limit // 16_384 // 2 < count <= limit // 16_384 * 9 / 8 + 1
    assert size <= limit * 9 / 8


def test_without_eviction_nothing_more_is_stored(tmp_path, monkeypatch):
    shelf = DiskCache(tmp_path, 2_000_000)
    monkeypatch.setattr(shelf.evictor, "evict", lambda: False)
    for number in range(1_000):
        assert shelf.get_or_create(str(number), lambda: b"x" * 120) == b"x" * 120
    swept(shelf)
    count, _ = on_disk(tmp_path)
    assert count <= 2_000_000 // 16_384 // 8 + 1


def test_eviction_runs_in_no_request(tmp_path, monkeypatch):
    shelf = DiskCache(tmp_path, 2_000_000)
    threads = []
    files = shelf.evictor._files
    monkeypatch.setattr(shelf.evictor, "_files", lambda: threads.append(threading.current_thread()) or files())  # type: ignore[func-returns-value]
    for number in range(200):
        shelf.get_or_create(str(number), lambda: b"x" * 120)
    swept(shelf)
    assert threads
    assert threading.current_thread() not in threads


def test_what_was_used_last_stays(tmp_path):
    shelf = DiskCache(tmp_path, 2_000_000)
    shelf.get_or_create("used", lambda: b"used")
    (path,) = (path for path in tmp_path.iterdir() if "-" not in path.name)
    for number in range(300):
        shelf.get_or_create(str(number), lambda: b"x" * 120)
        swept(shelf)
        os.utime(path, (time.time() - 301, time.time() - 301))
        assert shelf.get("used") == b"used"
    assert shelf.get("used") == b"used"
    assert shelf.get("0") is None


@pytest.mark.parametrize("size", [100, WHOLE_MAX_BYTES + 1])
@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda text: text[: len(text) // 2],
        lambda text: text[:-1],
        lambda text: text[:50] + bytes([text[50] ^ 1]) + text[51:],
        lambda text: text + text,
        lambda text: bytes(len(text)),
    ],
)
def test_a_damaged_file_is_a_miss_and_removed(tmp_path, size, damage):
    shelf, body = DiskCache(tmp_path, 100_000_000), bytes(range(250)) * (size // 250 + 1)

    def fetched():
        stored = shelf.get_or_create("key", lambda: body)
        if isinstance(stored, bytes):
            return stored
        with stored.file:
            return stored.file.read(stored.size)

    assert fetched() == body
    (path,) = (path for path in tmp_path.iterdir() if "-" not in path.name)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert shelf.get("key") is None
    assert not path.exists()
    path.write_bytes(damage(whole))
    assert fetched() == body
    assert path.read_bytes() == whole


def test_a_body_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace

    def synced(number):
        order.append("fsync")
        return fsync(number)

    monkeypatch.setattr(os, "fsync", synced)

    def recorded(path, target):
        order.append("replace")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", recorded)
    DiskCache(tmp_path, 1_000_000).get_or_create("key", lambda: b"body")
    assert order == ["fsync", "replace"]


def test_on_a_full_disk_bodies_are_answered_and_no_part_is_left(tmp_path, monkeypatch, caplog):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    shelf = DiskCache(tmp_path, 1_000_000)
    assert [shelf.get_or_create("key", lambda: b"body") for _ in range(2)] == [b"body", b"body"]
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("lock-")] == []
    assert "response cache: body not stored: OSError" in caplog.text


@pytest.mark.parametrize(
    "query", ["limit=3", "offset=1", "at=2023-01-05", "fields=name", "limit=3&offset=1", "detail=low&limit=7"]
)
def test_parameters_with_any_value_do_not_fill_the_cache(get, world, query, shelf_folder):
    assert get(f"/health-regions?{query}").status_code == 200
    assert not shelf_folder.exists()


def test_a_body_that_fails_is_not_kept(tmp_path):
    shelf = DiskCache(tmp_path, 100_000)
    with pytest.raises(ZeroDivisionError):
        shelf.get_or_create("key", lambda: b"x" * (1 // 0))
    assert shelf.get_or_create("key", lambda: b"right") == b"right"


def test_without_a_folder_every_body_is_made_anew(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    shelf = DiskCache(tmp_path / "file" / "bodies", 100_000)
    made = iter([b"one", b"two"])
    assert [shelf.get_or_create("key", lambda: next(made)) for _ in range(2)] == [b"one", b"two"]
    assert "response cache disabled: cannot write to" in caplog.text


def test_with_a_limit_of_nought_what_another_process_keeps_is_not_used_either(tmp_path):
    DiskCache(tmp_path, 1_000_000).get_or_create("key", lambda: b"kept")
    assert DiskCache(tmp_path, 0).get_or_create("key", lambda: b"made anew") == b"made anew"


def test_with_a_limit_of_nought_nothing_is_kept(tmp_path):
    made = iter([b"one", b"two"])
    shelf = DiskCache(tmp_path, 0)
    assert [shelf.get_or_create("key", lambda: next(made)) for _ in range(2)] == [b"one", b"two"]

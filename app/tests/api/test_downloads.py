"""GET /downloads and the files themselves."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.http.concurrency import transfers
from geography.models import Vintage
from geography.queries.downloads import downloads_of
from loader.export import make, store
from loader.progress import Steps

NAME = "health-regions-2022.csv"
PATH = f"/downloads/health-regions/2022/{NAME}"


@pytest.fixture
def content(exported_code_tables: None) -> bytes:
    """Return the bytes of the file NAME."""
    vintage = Vintage.objects.get(coverage__slug="health-regions", label="2022")
    return next(item for item in downloads_of(vintage) if item.name == NAME).path.read_bytes()


@pytest.fixture
def get(client: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that requests a path; close its responses at the end, as a server does."""
    responses = []

    def send(path: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
        responses.append(client.get(path, params, headers=headers))
        return responses[-1]

    yield send
    for response in responses:
        close_response(response)


def close_response(response: Any) -> None:
    """Close a response as a server does; `response.close` would also close the test's database connection."""
    for closer in response._resource_closers:
        closer()


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_downloads_lists_files_of_published_vintages(get: Any, exported_code_tables: None, assert_schema: Any) -> None:
    response = get("/downloads")
    assert_schema("DownloadList", response.json())
    listed = {
        (download["vintage"]["coverage"], download["vintage"]["label"]): download for download in response.json()["downloads"]
    }
    assert sorted(listed) == [
        ("fsa", "2021"), ("fsa", "demo"), ("fsa", "extract"),
        ("health-regions", "2018"), ("health-regions", "2022"), ("health-regions", "demo"),
    ]  # fmt: skip
    states = {file["name"]: file["state"] for file in listed["fsa", "2021"]["files"]}
    assert states["fsa-2021.csv"] == "ready"
    assert states["fsa-2021.gpkg"] == "missing"
    assert states["fsa-2021-health-regions-2022.csv"] == "missing"


def test_ready_files_are_served_under_both_urls(get: Any, exported_code_tables: None) -> None:
    ready = [
        file for download in get("/downloads").json()["downloads"] for file in download["files"] if file["state"] == "ready"
    ]
    assert len(ready) == 12
    for file in ready:
        for href in (file["href"], file["pinned_href"]):
            response = get(href)
            assert response.status_code == 200
            assert len(body(response)) == file["bytes"]
            assert response.headers["ETag"] == f'"{file["sha256"]}"'


def test_file_response_headers(get: Any, content: bytes) -> None:
    response = get(PATH)
    assert body(response) == content
    headers = response.headers
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Content-Disposition"] == f'attachment; filename="{NAME}"'
    assert (headers["Content-Length"], headers["Accept-Ranges"]) == (str(len(content)), "bytes")
    assert headers["Cache-Control"] == "public, max-age=300, must-revalidate"
    assert f'<{PATH}-metadata.json>; rel="describedby"' in headers["Link"]
    assert get(f"{PATH}-metadata.json").status_code == 200


def test_fsa_share_files_have_checksums_and_licences(get: Any, exported_code_tables: None, assert_schema: Any) -> None:
    Vintage.objects.filter(label="2021").update(licence_url="https://example.org/fsa")
    Vintage.objects.filter(label="2022").update(licence_url="https://example.org/hr")
    make.export(
        [published_download for published_download in make.published_downloads() if published_download.format.by_pair],
        Steps(quiet=True),
    )
    listing = get("/downloads").json()
    assert_schema("DownloadList", listing)
    (fsas,) = (
        download
        for download in listing["downloads"]
        if (download["vintage"]["coverage"], download["vintage"]["label"]) == ("fsa", "2021")
    )
    pair = [file for file in fsas["files"] if file["health_region_vintage"] == "2022"]
    assert [(item["name"], item["format"], item["state"]) for item in pair] == [
        ("fsa-2021-health-regions-2022.csv", "shares", "ready"),
        ("fsa-2021-health-regions-2022.csv-metadata.json", "shares-csvw", "ready"),
    ]
    checksums = get("/downloads/fsa/2021/SHA256SUMS").content.decode()
    assert all(f"{item['sha256']}  {item['name']}\n" in checksums for item in pair)
    links = get(pair[0]["href"]).headers["Link"]
    for licence in ("https://example.org/fsa", "https://example.org/hr"):
        assert f'<{licence}>; rel="license"' in links
    assert f'<{pair[1]["href"]}>; rel="describedby"; type="application/csvm+json"' in links
    described = json.loads(body(get(pair[1]["href"])))
    assert described["url"] == pair[0]["name"]
    assert described["dc:license"] == [{"@id": "https://example.org/fsa"}, {"@id": "https://example.org/hr"}]


def test_url_with_checksum_is_immutable(get: Any, content: bytes) -> None:
    sha256 = get(PATH).headers["ETag"].strip('"')
    for pin in (sha256, sha256[:16]):
        response = get(f"/downloads/health-regions/2022/{pin}/{NAME}")
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert body(response) == content


def test_url_with_other_checksum_gets_404(get: Any, exported_code_tables: None, assert_problem: Any) -> None:
    problem = assert_problem(
        get(f"/downloads/health-regions/2022/{'0' * 16}/{NAME}"), 404, "download-unknown", parameter="sha256"
    )
    assert "another checksum" in problem["detail"]


def test_head_has_the_headers_of_get(get: Any, client: Any, content: bytes) -> None:
    full, head = get(PATH), client.head(PATH)
    assert head.status_code == 200
    assert head.content == b""
    without_id = ({name: text for name, text in item.headers.items() if name != "X-Request-ID"} for item in (full, head))
    assert next(without_id) == next(without_id)


def test_range_request_gets_206(get: Any, content: bytes) -> None:
    response = get(PATH, headers={"Range": "bytes=5-24"})
    assert response.status_code == 206
    assert body(response) == content[5:25]
    assert response.headers["Content-Range"] == f"bytes 5-24/{len(content)}"
    assert response.headers["Content-Length"] == "20"


def test_ranges_join_to_the_whole_file(get: Any, content: bytes) -> None:
    whole = b"".join(body(get(PATH, headers={"Range": f"bytes={at}-{at + 99}"})) for at in range(0, len(content), 100))
    assert whole == content


def test_if_range_mismatch_gets_the_whole_file(get: Any, content: bytes) -> None:
    etag = get(PATH).headers["ETag"]
    assert get(PATH, headers={"Range": "bytes=0-4", "If-Range": etag}).status_code == 206
    response = get(PATH, headers={"Range": "bytes=0-4", "If-Range": '"other"'})
    assert (response.status_code, body(response)) == (200, content)


def test_range_beyond_the_end_gets_416(get: Any, content: bytes, assert_problem: Any) -> None:
    response = get(PATH, headers={"Range": "bytes=1000000-"})
    assert_problem(response, 416, "range-unsatisfiable")
    assert response.headers["Content-Range"] == f"bytes */{len(content)}"


def test_conditional_request_gets_304_or_412(get: Any, client: Any, exported_code_tables: None) -> None:
    etag = get(PATH).headers["ETag"]
    for response in (get(PATH, headers={"If-None-Match": etag}), client.head(PATH, headers={"If-None-Match": etag})):
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["ETag"] == etag
        assert response.headers["Cache-Control"] == "public, max-age=300, must-revalidate"
    assert get(PATH, headers={"If-None-Match": '"other"'}).status_code == 200
    assert get(PATH, headers={"If-Match": '"other"'}).status_code == 412


def test_accept_does_not_change_the_content_type(get: Any, exported_code_tables: None) -> None:
    for accept in ("*/*", "text/html", "application/geopackage+sqlite3", "image/png", "nonsense"):
        response = get(PATH, headers={"Accept": accept})
        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    "name", ["nothing.gpkg", "fsa-2021.csv", "manifest.json", ".lock", "..%2F..%2Fmanifest.json", "a" * 200, "%00", "é.csv"]
)
def test_unknown_file_name_gets_404(get: Any, exported_code_tables: None, assert_problem: Any, name: str) -> None:
    kind = "route-unknown" if "%2F" in name else "download-unknown"
    assert_problem(get(f"/downloads/health-regions/2022/{name}"), 404, kind)


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/downloads/parishes/2022/x.csv", "coverage-unknown"),
        ("/downloads/fsa/2099/fsa-2099.csv", "vintage-unknown"),
        ("/downloads/fsa/draft/fsa-draft.csv", "vintage-unknown"),
        ("/downloads/fsa/2021/SHA256/fsa-2021.csv", "download-unknown"),
    ],
)
def test_unpublished_vintage_has_no_files(
    get: Any, exported_code_tables: None, assert_problem: Any, path: str, slug: str
) -> None:
    assert_problem(get(path), 404, slug)


def test_file_not_made_gets_404(get: Any, exported_code_tables: None, assert_problem: Any) -> None:
    response = get("/downloads/health-regions/2022/health-regions-2022.gpkg")
    problem = assert_problem(response, 404, "download-not-made", parameter="file")
    assert "bin/manage export" in problem["hint"]
    assert "Retry-After" not in response.headers


def test_file_being_made_gets_503_with_retry_after(get: Any, exported_code_tables: None, assert_problem: Any) -> None:
    with store.exclusive():
        response = get("/downloads/health-regions/2022/health-regions-2022.gpkg")
    assert_problem(response, 503, "download-missing")
    assert response.headers["Retry-After"] == "60"


def test_sha256sums_equal_the_etags(get: Any, content: bytes) -> None:
    sha256 = get(PATH).headers["ETag"].strip('"')
    assert f"{sha256}  {NAME}\n" in get("/downloads/health-regions/2022/SHA256SUMS").content.decode()


def test_large_transfers_take_and_release_slots(
    get: Any, content: bytes, monkeypatch: pytest.MonkeyPatch, settings: Any, assert_problem: Any
) -> None:
    settings.TRANSFERS_AT_ONCE = 1
    monkeypatch.setattr("api.views.downloads._LARGE_BYTES", 100)
    first = get(PATH)
    assert transfers.taken == 1
    assert_problem(get(PATH), 503, "too-many-at-once")
    assert get(PATH, headers={"Range": "bytes=0-50"}).status_code == 206
    close_response(first)  # the client disconnects half-way
    assert transfers.taken == 0
    assert get(PATH).status_code == 200


def test_x_accel_redirect_names_the_file(get: Any, content: bytes, settings: Any) -> None:
    settings.DOWNLOADS_HEADER, settings.DOWNLOADS_PREFIX = "X-Accel-Redirect", "/_downloads/"
    response = get(PATH)
    assert (response.status_code, response.content) == (200, b"")
    path = response.headers["X-Accel-Redirect"].removeprefix("/_downloads/")
    assert (Path(settings.DOWNLOADS_DIR) / path).read_bytes() == content
    assert response.headers["Content-Disposition"] == f'attachment; filename="{NAME}"'

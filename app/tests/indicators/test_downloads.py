"""Downloads of indicators: list, page, files by HTTP, and their export."""

import hashlib
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from indicators.queries.catalogue import published_indicators
from loader.errors import Superseded
from loader.export import make
from loader.export.figure_table import read_table
from loader.progress import Steps
from tests.support.bodies import body

pytestmark = pytest.mark.usefixtures("files", "db")

Get = Callable[..., Any]


def test_downloads_list_every_published_indicator(client: Any, get: Get, assert_schema: Callable[[str, Any], None]) -> None:
    listed = get("/downloads").json()
    assert_schema("DownloadList", listed)
    assert [group["indicator"] for group in listed["indicators"]] == ["cases", "deaths"]
    names = [file["name"] for file in listed["indicators"][0]["files"]]
    wide = [f"cases-{measure}-wide.csv" for measure in ("rate_7d", "new_7d", "new_1d", "cumulative")]
    assert names == [
        *(
            "cases.csv",
            "cases.csv-metadata.json",
            "cases.parquet",
            "cases.arrow",
            "cases-archive.parquet",
            "cases-archive.csv.gz",
        ),
        *wide,
        *(f"{name}-metadata.json" for name in wide),
    ]
    for group in listed["indicators"]:
        assert group["licence_url"].startswith("https://creativecommons.org/")
        checksums = get(group["checksums"]).content.decode()
        for file in group["files"]:
            assert file["state"] == "ready"
            for href, caching in ((file["href"], "max-age=300"), (file["pinned_href"], "immutable")):
                response = client.get(href)
                assert response.status_code == 200
                assert caching in response.headers["Cache-Control"]
                assert response.headers["ETag"] == f'"{file["sha256"]}"'
                assert response.headers["Content-Type"] == file["media_type"]
                assert f'<{group["licence_url"]}>; rel="license"' in response.headers["Link"]
                content = body(response)
                assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
            assert f"{file['sha256']}  {file['name']}\n" in checksums


@pytest.mark.parametrize(("lang", "name"), [("en", "Cases"), ("fr", "Cas")])
def test_downloads_page_links_the_files(get: Get, lang: str, name: str) -> None:
    html = get("/downloads", headers={"Accept": "text/html"}, lang=lang).content.decode()
    assert f">{name}</h2>" in html
    assert 'href="/downloads/indicators/cases/cases.parquet"' in html


def test_download_head_and_not_modified(client: Any) -> None:
    path = "/downloads/indicators/deaths/deaths.arrow"
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Accept-Ranges"] == "bytes"
    again = client.get(path, headers={"If-None-Match": head.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "slug", "parameter"),
    [
        ("/downloads/indicators/cases/cases.gpkg", "download-unknown", "file"),
        ("/downloads/indicators/cases/deaths.csv", "download-unknown", "file"),
        ("/downloads/indicators/cases/manifest.json", "download-unknown", "file"),
        ("/downloads/indicators/casses/cases.csv", "indicator-unknown", "id"),
        (f"/downloads/indicators/cases/{'0' * 16}/cases.csv", "download-unknown", "sha256"),
        (f"/downloads/indicators/cases/{'x' * 16}/cases.csv", "download-unknown", "sha256"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_unknown_file_is_a_404_problem(
    get: Get, assert_problem: Callable[..., Any], path: str, slug: str, parameter: str, lang: str
) -> None:
    assert_problem(get(path, lang=lang), 404, slug, parameter=parameter)


def test_export_of_same_issue_is_byte_identical(files: Path) -> None:
    before = {download.name: download.sha256 for download in make.indicator_downloads()}
    made = make.export(make.indicator_downloads(), Steps(quiet=True), again=True)
    assert (len(made.ready), made.failed) == (len(before), {})
    assert {download.name: download.sha256 for download in make.indicator_downloads()} == before


def test_export_creates_missing_files_or_writes_to_out(files: Path, tmp_path: Path) -> None:
    download = next(download for download in make.indicator_downloads() if download.name == "deaths.parquet")
    download.path.unlink()
    out = StringIO()
    call_command("export", indicator=["deaths"], stdout=out, verbosity=0)
    assert out.getvalue() == "made deaths.parquet\n"
    call_command("export", indicator=["cases"], format=["csv", "csvw"], out=tmp_path, stdout=StringIO())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "cases.csv-metadata.json"]
    out = StringIO()
    call_command("export", list=True, indicator=["cases"], format=["arrow"], stdout=out)
    assert out.getvalue().split()[::2] == ["ready", "indicators/cases/cases.arrow"]
    with pytest.raises(CommandError, match=r"No indicator casses is published. Published: cases, deaths"):
        call_command("export", indicator=["casses"])


def test_superseded_publication_is_not_read(files: Path) -> None:
    from dataclasses import replace

    current = published_indicators().indicators["cases"]
    with pytest.raises(Superseded):
        read_table(replace(current, revision="other"))

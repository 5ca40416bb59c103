"""Downloads that fail or are refused: error responses, other content than declared, unsafe URLs."""

import fcntl
import hashlib
from pathlib import Path

import pytest

from loader.errors import DownloadError, SourceError
from loader.source.download import download
from tests.support import boundary_files as files
from tests.support.download_site import RecordingSteps, Site, archive, cache, get, layer, server, site

__all__ = ["server", "site"]


def test_http_404_is_not_retried(site: Site) -> None:
    site.statuses = [404] * 10
    with pytest.raises(DownloadError, match=r"/a\.zip cannot be downloaded \(HTTP Error 404.*give it with --file"):
        get(site)
    assert len(site.seen) == 1


def test_connection_refused_is_named(site: Site) -> None:
    site.address = "http://127.0.0.1:1"
    with pytest.raises(DownloadError, match="Connection refused"):
        get(site)


def test_wrong_size_is_not_cached(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"bytes instead of 12: .*correct bytes in sources\.toml"):
        get(site, size=12)
    assert "a.zip" not in cache(tmp_path / "cache")


def test_wrong_sha256_is_not_cached(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"has the SHA-256 [0-9a-f]{64} instead of 00.*--file"):
        get(site, sha256="0" * 64)
    assert "a.zip" not in cache(tmp_path / "cache")
    assert get(site, sha256=hashlib.sha256(site.content).hexdigest())[0].is_file()


def test_html_page_is_not_cached(site: Site, tmp_path: Path) -> None:
    site.content = b"<!DOCTYPE html><html>Sorry, we are closed</html>"
    with pytest.raises(DownloadError, match=r"an HTML page instead of the file.*it begins with b'<!DOCTYPE html"):
        get(site)
    assert len(site.seen) == 1
    assert "a.zip" not in cache(tmp_path / "cache")
    site.content = archive(7)
    assert get(site)[0].read_bytes() == site.content


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html>Closed for maintenance</html>",
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\n<html></html>',
        b"<!-- 7.2 -->\r\n<HTML><BODY>Down</BODY></HTML>",
    ],
)
def test_maintenance_page_keeps_partial_download(site: Site, tmp_path: Path, page: bytes) -> None:
    whole = site.content
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(whole[:400_000])
    (tmp_path / "cache" / "a.zip.part.version").write_text('"1"')
    site.content, site.ranges = page, False
    with pytest.raises(
        DownloadError, match=r"HTML page instead of the file.*the partial download stays in .*a\.zip\.part, and the next"
    ):
        get(site)
    assert (tmp_path / "cache" / "a.zip.part").read_bytes() == whole[:400_000]
    site.content, site.ranges = whole, True
    assert get(site)[0].read_bytes() == whole
    assert [first for _, first in site.seen] == [400_000, 400_000]


def test_html_page_is_refused_for_any_suffix(site: Site) -> None:
    site.content = b"<html>Sorry</html>"
    with pytest.raises(DownloadError, match="HTML page instead of the file"):
        download(layer(site, "/a.geojson"), RecordingSteps(), pause_s=0)


@pytest.mark.parametrize("statuses", [[404], [503] * 6])
def test_failure_without_content_names_no_partial_download(site: Site, tmp_path: Path, statuses: list[int]) -> None:
    site.statuses = statuses
    with pytest.raises(DownloadError) as caught:
        get(site)
    assert ".part" not in str(caught.value)
    assert cache(tmp_path / "cache") == {"a.zip.part.lock"}


def test_truncated_zip_without_content_length_is_refused(site: Site, tmp_path: Path) -> None:
    site.length, site.cuts = False, [300_000]
    with pytest.raises(DownloadError, match="is not a zip"):
        get(site)
    assert get(site)[0].read_bytes() == site.content


def test_wrong_content_length_is_refused_before_download(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"it has 900,\d+ bytes instead of 12: .*correct bytes in sources\.toml"):
        get(site, size=12)
    assert "a.zip.part" not in cache(tmp_path / "cache")


def test_unrequested_content_encoding_is_refused(site: Site) -> None:
    site.encoding = "gzip"
    with pytest.raises(DownloadError, match="with Content-Encoding gzip, which was not requested"):
        get(site)


def test_unwritable_cache_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DownloadError, match=r"cannot be stored in .*cache: .*--file"):
        get(site)


def test_redirect_to_local_file_is_refused(site: Site) -> None:
    site.redirect = "file:///etc/passwd"
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        get(site)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a.zip", "data:text/plain,x", "/etc/passwd"])
def test_only_http_urls_are_downloaded(site: Site, url: str) -> None:
    with pytest.raises(SourceError, match="url must begin with https:// or http://"):
        download(files.layer(url=url), RecordingSteps())


@pytest.mark.parametrize("path", ["", "/", "/a/..", "/%2E%2E"])
def test_url_without_file_name_is_refused(site: Site, path: str) -> None:
    with pytest.raises(SourceError, match="does not end in the name of a file"):
        download(layer(site, path), RecordingSteps())


def test_url_with_path_traversal_stays_in_cache(site: Site, tmp_path: Path) -> None:
    assert download(layer(site, "/x/%2e%2e%2f%2e%2e%2fa.zip"), RecordingSteps(), pause_s=0) == tmp_path / "cache" / "a.zip"


def test_layer_without_url_needs_a_file(site: Site) -> None:
    with pytest.raises(SourceError, match="give the file with --file"):
        download(files.layer(), RecordingSteps())


def test_concurrent_download_of_same_file_is_refused(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    with (tmp_path / "cache" / "a.zip.part.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"Another process is downloading a\.zip"):
            get(site)
    assert get(site)[0].read_bytes() == site.content

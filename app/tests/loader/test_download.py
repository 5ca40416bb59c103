"""Downloads: cache, resumption after a lost connection, retries, redirects."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from loader.errors import DownloadError
from loader.source.download import download
from tests.support.download_site import RecordingSteps, Site, archive, cache, get, layer, server, site

__all__ = ["server", "site"]


def test_download_reports_progress(site: Site) -> None:
    path, steps = get(site)
    assert path.read_bytes() == site.content
    assert (steps.totals, steps.done[0], steps.done[-1]) == ([len(site.content)], 0, len(site.content))
    assert steps.done == sorted(steps.done)
    assert steps.added == []
    assert cache(path.parent) == {"a.zip", "a.zip.origin", "a.zip.part.lock"}


def test_cached_file_sends_no_request(site: Site) -> None:
    first, _ = get(site)
    second, _ = get(site)
    assert (first, len(site.seen)) == (second, 1)


def test_lost_connection_is_resumed(site: Site) -> None:
    site.cuts = [300_000, 250_000]
    path, steps = get(site)
    assert path.read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 300_000, 550_000]
    assert steps.done == sorted(steps.done)
    assert steps.done[-1] == len(site.content)


def test_partial_download_of_killed_process_is_resumed(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "a.zip.part").write_bytes(site.content[:1000])
    (folder / "a.zip.part.version").write_text('"1"')
    path, _ = get(site)
    assert path.read_bytes() == site.content
    assert site.seen == [("/a.zip", 1000)]


def test_partial_download_without_validator_is_not_resumed(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(b"x" * 1000)
    assert get(site)[0].read_bytes() == site.content
    assert site.seen == [("/a.zip", 0)]


def test_server_without_ranges_sends_whole_file_again(site: Site) -> None:
    site.ranges, site.cuts = False, [300_000]
    path, steps = get(site)
    assert path.read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 300_000]
    assert steps.done[-1] == len(site.content)


def test_download_without_etag_is_not_resumed(site: Site) -> None:
    site.etag, site.cuts = None, [300_000]
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 0]


def test_download_with_weak_etag_is_not_resumed(site: Site) -> None:
    site.etag, site.cuts = 'W/"1"', [300_000]
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 0]


def test_file_changed_on_server_is_downloaded_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(archive(3)[:400_000])
    (tmp_path / "cache" / "a.zip.part.version").write_text('"0"')
    assert get(site)[0].read_bytes() == site.content


def test_partial_download_longer_than_file_is_discarded(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(site.content + b"more")
    (tmp_path / "cache" / "a.zip.part.version").write_text('"1"')
    assert get(site)[0].read_bytes() == site.content


def test_wrong_content_range_is_not_appended(site: Site) -> None:
    site.cuts, site.wrong_range = [300_000], True
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 300_000, 0]


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_server_error_is_retried(site: Site, status: int) -> None:
    site.statuses = [status, status]
    assert get(site)[0].read_bytes() == site.content
    assert len(site.seen) == 3


def test_partial_download_remains_after_last_attempt(site: Site, tmp_path: Path) -> None:
    site.cuts = [1000] * 20
    with pytest.raises(
        DownloadError, match=r"the connection ended after 6,000 of .* the partial download stays in .*a\.zip\.part"
    ):
        get(site)
    assert (tmp_path / "cache" / "a.zip.part").read_bytes() == site.content[:6000]


def test_non_ascii_etag_is_not_resumed(site: Site, tmp_path: Path) -> None:
    site.etag, site.cuts = '"caf\xe9"', [300_000]
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 0]


def test_damaged_validator_file_is_not_sent(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(site.content[:1000])
    (tmp_path / "cache" / "a.zip.part.version").write_bytes(b"\xff\n\r\nX-Evil: 1")
    assert get(site)[0].read_bytes() == site.content
    assert site.seen == [("/a.zip", 0)]


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-1], lambda whole: b"x" + whole[1:], lambda whole: whole[:0], lambda whole: whole + b" "]
)
@pytest.mark.parametrize("declared", ["size", "sha256"])
def test_damaged_cached_file_is_downloaded_again(site: Site, damage: Any, declared: str) -> None:
    options = {"size": len(site.content), "sha256": hashlib.sha256(site.content).hexdigest()}
    if declared == "size":
        del options["sha256"]
    path, _ = get(site, **options)
    path.write_bytes(damage(site.content))
    get(site, **options)
    assert path.stat().st_size == len(site.content)
    assert get(site, sha256=hashlib.sha256(site.content).hexdigest())[0].read_bytes() == site.content


def test_truncated_cached_zip_is_downloaded_again(site: Site) -> None:
    path, _ = get(site)
    path.write_bytes(site.content[:500_000])
    assert get(site)[0].read_bytes() == site.content


def test_two_urls_with_same_file_name_are_both_downloaded(site: Site) -> None:
    assert download(layer(site, "/2023/a.zip"), RecordingSteps(), pause_s=0).read_bytes() == site.content
    site.content = archive(3)
    assert download(layer(site, "/2024/a.zip"), RecordingSteps(), pause_s=0).read_bytes() == site.content
    assert [path for path, _ in site.seen] == ["/2023/a.zip", "/2024/a.zip"]


def test_manually_downloaded_file_is_used(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip").write_bytes(archive(3))
    assert get(site)[0].read_bytes() == archive(3)
    assert site.seen == []


def test_redirect_is_followed(site: Site) -> None:
    site.redirect = "/moved/a.zip"
    assert get(site)[0].read_bytes() == site.content
    assert [path for path, _ in site.seen] == ["/a.zip", "/moved/a.zip"]

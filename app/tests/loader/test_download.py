"""A download is resumed, checked and kept; the server is a real one, on loopback."""

import fcntl
import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loader.errors import DownloadError, SourceError
from loader.progress import Step, Steps
from loader.source.declarations import Layer
from loader.source.download import download
from tests.support import boundary_files as files


def archive(seed: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zip_:
        zip_.writestr("a.bin", bytes((index * seed) % 251 for index in range(900_000)))
    return content.getvalue()


@dataclass
class Site:
    """What the server does; every request is noted with the first byte that it asked for."""

    content: bytes = b""
    etag: str | None = '"1"'
    ranges: bool = True
    # After how many bytes the connection ends, one entry for each request; None: never.
    cuts: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    wrong_range: bool = False
    encoding: str = ""
    length: bool = True
    redirect: str = ""
    seen: list[tuple[str, int]] = field(default_factory=list)
    address: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        site = self.site
        wanted = self.headers.get("Range")
        first = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        site.seen.append((self.path, first))
        status = site.statuses.pop(0) if site.statuses else 200
        if status != 200:
            self.send_error(status)
            return
        if site.redirect and self.path != "/moved/a.zip":
            self.send_response(302)
            self.send_header("Location", site.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        fresh = self.headers.get("If-Range") == site.etag
        part = bool(wanted and site.ranges and fresh and site.etag)
        if part and first >= len(site.content):
            self.send_error(416)
            return
        body = site.content[first:] if part else site.content
        self.send_response(206 if part else 200)
        if part:
            start = 0 if site.wrong_range else first
            self.send_header("Content-Range", f"bytes {start}-{len(site.content) - 1}/{len(site.content)}")
        if site.etag:
            self.send_header("ETag", site.etag)
        if site.encoding:
            self.send_header("Content-Encoding", site.encoding)
        if site.length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        cut = site.cuts.pop(0) if site.cuts else None
        self.wfile.write(body if cut is None else body[:cut])
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def site(server: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> Site:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    settings.GEODATA_CACHE = tmp_path / "cache"
    Handler.site = Site(content=archive(7), address=f"http://127.0.0.1:{server.server_port}")
    return Handler.site


class Watched(Steps):
    """Keeps what a bar would show."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.added: list[int] = []
        self.done: list[int] = []
        self.totals: list[int] = []

    def step(self, name: str, total: int | None = None) -> Any:
        assert name == "download"
        return nullcontext(Step(self.added.append, self.totals.append, self.done.append))


def layer(site: Site, path: str = "/a.zip", **options: Any) -> Layer:
    return files.layer(url=site.address + path, **options)


def get(site: Site, **options: Any) -> tuple[Path, Watched]:
    steps = Watched()
    return download(layer(site, **options), steps, pause_s=0.001), steps


def cache(path: Path) -> set[str]:
    return {item.name for item in path.iterdir()}


def test_a_file_arrives_whole_and_says_how_far_it_is(site: Site) -> None:
    path, steps = get(site)
    assert path.read_bytes() == site.content
    assert (steps.totals, steps.done[0], steps.done[-1]) == ([len(site.content)], 0, len(site.content))
    assert steps.done == sorted(steps.done)
    assert steps.added == []
    assert cache(path.parent) == {"a.zip", "a.zip.origin", "a.zip.part.lock"}


def test_a_second_load_asks_nobody(site: Site) -> None:
    first, _ = get(site)
    second, _ = get(site)
    assert (first, len(site.seen)) == (second, 1)


def test_a_connection_that_is_cut_is_taken_up_where_it_ended(site: Site) -> None:
    site.cuts = [300_000, 250_000]
    path, steps = get(site)
    assert path.read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 300_000, 550_000]
    assert steps.done == sorted(steps.done)
    assert steps.done[-1] == len(site.content)


def test_what_a_killed_process_left_is_taken_up(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "a.zip.part").write_bytes(site.content[:1000])
    (folder / "a.zip.part.version").write_text('"1"')
    path, _ = get(site)
    assert path.read_bytes() == site.content
    assert site.seen == [("/a.zip", 1000)]


def test_a_part_of_unknown_origin_is_not_trusted(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(b"x" * 1000)
    assert get(site)[0].read_bytes() == site.content
    assert site.seen == [("/a.zip", 0)]


def test_a_server_that_cannot_continue_begins_anew(site: Site) -> None:
    site.ranges, site.cuts = False, [300_000]
    path, steps = get(site)
    assert path.read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 300_000]
    assert steps.done[-1] == len(site.content)


def test_a_server_without_versions_is_never_continued(site: Site) -> None:
    site.etag, site.cuts = None, [300_000]
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 0]


def test_a_weak_version_is_never_continued(site: Site) -> None:
    site.etag, site.cuts = 'W/"1"', [300_000]
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 0]


def test_a_file_that_changed_in_between_is_begun_anew(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(archive(3)[:400_000])
    (tmp_path / "cache" / "a.zip.part.version").write_text('"0"')
    assert get(site)[0].read_bytes() == site.content


def test_a_part_longer_than_the_file_is_begun_anew(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(site.content + b"more")
    (tmp_path / "cache" / "a.zip.part.version").write_text('"1"')
    assert get(site)[0].read_bytes() == site.content


def test_another_part_than_the_one_asked_for_is_not_appended(site: Site) -> None:
    site.cuts, site.wrong_range = [300_000], True
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 300_000, 0]


def test_what_is_not_there_is_asked_for_once(site: Site) -> None:
    site.statuses = [404] * 10
    with pytest.raises(DownloadError, match=r"/a\.zip cannot be downloaded \(HTTP Error 404.*give it with --file"):
        get(site)
    assert len(site.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_in_trouble_is_asked_again(site: Site, status: int) -> None:
    site.statuses = [status, status]
    assert get(site)[0].read_bytes() == site.content
    assert len(site.seen) == 3


def test_it_gives_up_in_the_end_and_keeps_what_has_arrived(site: Site, tmp_path: Path) -> None:
    site.cuts = [1000] * 20
    with pytest.raises(
        DownloadError, match=r"the connection ended after 6,000 of .* the partial download stays in .*a\.zip\.part"
    ):
        get(site)
    assert (tmp_path / "cache" / "a.zip.part").read_bytes() == site.content[:6000]


def test_a_server_that_is_not_there_is_an_error_that_says_so(site: Site) -> None:
    site.address = "http://127.0.0.1:1"
    with pytest.raises(DownloadError, match="Connection refused"):
        get(site)


def test_another_size_than_declared_is_refused_and_not_kept(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"bytes instead of 12: .*correct bytes in sources\.toml"):
        get(site, size=12)
    assert "a.zip" not in cache(tmp_path / "cache")


def test_another_sha256_than_declared_is_refused_and_not_kept(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"has the SHA-256 [0-9a-f]{64} instead of 00.*--file"):
        get(site, sha256="0" * 64)
    assert "a.zip" not in cache(tmp_path / "cache")
    assert get(site, sha256=hashlib.sha256(site.content).hexdigest())[0].is_file()


def test_a_page_instead_of_the_file_is_refused_and_not_kept(site: Site, tmp_path: Path) -> None:
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
def test_a_page_of_a_server_under_maintenance_costs_nothing_of_what_has_arrived(
    site: Site, tmp_path: Path, page: bytes
) -> None:
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


def test_a_page_is_no_boundary_file_of_any_suffix(site: Site) -> None:
    site.content = b"<html>Sorry</html>"
    with pytest.raises(DownloadError, match="HTML page instead of the file"):
        download(layer(site, "/a.geojson"), Watched(), pause_s=0)


@pytest.mark.parametrize("statuses", [[404], [503] * 6])
def test_a_download_of_which_nothing_arrived_names_no_part(site: Site, tmp_path: Path, statuses: list[int]) -> None:
    site.statuses = statuses
    with pytest.raises(DownloadError) as caught:
        get(site)
    assert ".part" not in str(caught.value)
    assert cache(tmp_path / "cache") == {"a.zip.part.lock"}


def test_a_connection_that_ends_without_a_length_is_no_whole_zip(site: Site, tmp_path: Path) -> None:
    site.length, site.cuts = False, [300_000]
    with pytest.raises(DownloadError, match="is not a zip"):
        get(site)
    assert get(site)[0].read_bytes() == site.content


def test_another_size_than_declared_is_refused_before_it_is_downloaded(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"it has 900,\d+ bytes instead of 12: .*correct bytes in sources\.toml"):
        get(site, size=12)
    assert "a.zip.part" not in cache(tmp_path / "cache")


def test_what_the_server_packs_unasked_is_refused(site: Site) -> None:
    site.encoding = "gzip"
    with pytest.raises(DownloadError, match="with Content-Encoding gzip, which was not requested"):
        get(site)


def test_a_version_that_cannot_be_sent_back_is_no_version(site: Site, tmp_path: Path) -> None:
    site.etag, site.cuts = '"caf\xe9"', [300_000]
    assert get(site)[0].read_bytes() == site.content
    assert [first for _, first in site.seen] == [0, 0]


def test_a_damaged_note_of_the_version_is_no_version(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip.part").write_bytes(site.content[:1000])
    (tmp_path / "cache" / "a.zip.part.version").write_bytes(b"\xff\n\r\nX-Evil: 1")
    assert get(site)[0].read_bytes() == site.content
    assert site.seen == [("/a.zip", 0)]


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-1], lambda whole: b"x" + whole[1:], lambda whole: whole[:0], lambda whole: whole + b" "]
)
@pytest.mark.parametrize("declared", ["size", "sha256"])
def test_a_file_in_the_cache_passes_the_checks_of_a_download_or_is_downloaded_again(
    site: Site, damage: Any, declared: str
) -> None:
    options = {"size": len(site.content), "sha256": hashlib.sha256(site.content).hexdigest()}
    if declared == "size":
        del options["sha256"]
    path, _ = get(site, **options)
    path.write_bytes(damage(site.content))
    get(site, **options)
    assert path.stat().st_size == len(site.content)
    assert get(site, sha256=hashlib.sha256(site.content).hexdigest())[0].read_bytes() == site.content


def test_a_zip_in_the_cache_that_is_cut_short_is_downloaded_again(site: Site) -> None:
    path, _ = get(site)
    path.write_bytes(site.content[:500_000])
    assert get(site)[0].read_bytes() == site.content


def test_two_addresses_that_end_in_the_same_name_are_two_files(site: Site) -> None:
    assert download(layer(site, "/2023/a.zip"), Watched(), pause_s=0).read_bytes() == site.content
    site.content = archive(3)
    assert download(layer(site, "/2024/a.zip"), Watched(), pause_s=0).read_bytes() == site.content
    assert [path for path, _ in site.seen] == ["/2023/a.zip", "/2024/a.zip"]


def test_a_file_that_was_put_into_the_cache_by_hand_is_used(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.zip").write_bytes(archive(3))
    assert get(site)[0].read_bytes() == archive(3)
    assert site.seen == []


def test_a_cache_that_cannot_be_written_to_is_an_error_that_says_so(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DownloadError, match=r"cannot be stored in .*cache: .*--file"):
        get(site)


def test_a_redirect_is_followed(site: Site) -> None:
    site.redirect = "/moved/a.zip"
    assert get(site)[0].read_bytes() == site.content
    assert [path for path, _ in site.seen] == ["/a.zip", "/moved/a.zip"]


def test_a_redirect_to_a_file_of_ours_is_not(site: Site) -> None:
    site.redirect = "file:///etc/passwd"
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        get(site)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a.zip", "data:text/plain,x", "/etc/passwd"])
def test_only_web_addresses_are_downloaded(site: Site, url: str) -> None:
    with pytest.raises(SourceError, match="url must begin with https:// or http://"):
        download(files.layer(url=url), Watched())


@pytest.mark.parametrize("path", ["", "/", "/a/..", "/%2E%2E"])
def test_an_address_without_a_file_name_is_refused(site: Site, path: str) -> None:
    with pytest.raises(SourceError, match="does not end in the name of a file"):
        download(layer(site, path), Watched())


def test_no_address_leads_out_of_the_cache(site: Site, tmp_path: Path) -> None:
    assert download(layer(site, "/x/%2e%2e%2f%2e%2e%2fa.zip"), Watched(), pause_s=0) == tmp_path / "cache" / "a.zip"


def test_a_layer_without_an_address_says_what_to_do(site: Site) -> None:
    with pytest.raises(SourceError, match="give the file with --file"):
        download(files.layer(), Watched())


def test_two_processes_do_not_write_into_one_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    with (tmp_path / "cache" / "a.zip.part.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"Another process is downloading a\.zip"):
            get(site)
    assert get(site)[0].read_bytes() == site.content


def test_a_step_tells_how_long_it_took() -> None:
    stream = io.StringIO()
    steps = Steps(stream=stream)
    steps.say("hello [bold]there[/bold]")
    with steps.step("read", 3) as step:
        step.set_total(4)
        step.advance(2)
        step.set_done(1)
    assert "hello [bold]there[/bold]" in stream.getvalue()
    assert "read" in stream.getvalue()
    assert set(steps.seconds) == {"read"}


def test_a_bar_on_a_terminal_follows() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Steps(stream=stream).step("download") as step:
        step.set_total(8)
        step.set_done(5)
        step.advance()
        step.set_done(8)
    assert "download" in stream.getvalue()

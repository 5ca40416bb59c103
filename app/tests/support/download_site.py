"""HTTP server on loopback for tests of downloads: ranges, ETags, lost connections, wrong responses."""

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

from loader.progress import Step, Steps
from loader.source.declarations import Layer
from loader.source.download import download
from tests.support import boundary_files as files


def archive(seed: int) -> bytes:
    """Return a zip of 900,000 bytes that depend on the seed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zip_:
        zip_.writestr(zipfile.ZipInfo("a.bin"), bytes((index * seed) % 251 for index in range(900_000)))
    return content.getvalue()


@dataclass
class Site:
    """Behaviour of the server, and path and first requested byte of every request."""

    content: bytes = b""
    etag: str | None = '"1"'
    ranges: bool = True
    # Number of bytes after which the connection ends, by request; None for a whole response.
    cuts: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    wrong_range: bool = False
    encoding: str = ""
    length: bool = True
    redirect: str = ""
    seen: list[tuple[str, int]] = field(default_factory=list)
    address: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP handler with byte ranges and ETags."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        site = self.site
        range_header = self.headers.get("Range")
        first = int(range_header.removeprefix("bytes=").split("-")[0]) if range_header else 0
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
        part = bool(range_header and site.ranges and fresh and site.etag)
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
    """Run the server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def site(server: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> Site:
    """Return the behaviour of the server, reset to defaults, and set GEODATA_CACHE to a temporary folder."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    settings.GEODATA_CACHE = tmp_path / "cache"
    Handler.site = Site(content=archive(7), address=f"http://127.0.0.1:{server.server_port}")
    return Handler.site


class RecordingSteps(Steps):
    """Steps that record the calls to their progress bar."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.added: list[int] = []
        self.done: list[int] = []
        self.totals: list[int] = []

    def step(self, name: str, total: int | None = None) -> Any:
        assert name == "download"
        return nullcontext(Step(self.added.append, self.totals.append, self.done.append))


def layer(site: Site, path: str = "/a.zip", **options: Any) -> Layer:
    """Return a layer with a URL of the server."""
    return files.layer(url=site.address + path, **options)


def get(site: Site, **options: Any) -> tuple[Path, RecordingSteps]:
    """Download the file of the server; return its path and the recorded steps."""
    steps = RecordingSteps()
    return download(layer(site, **options), steps, pause_s=0.001), steps


def cache(path: Path) -> set[str]:
    """Return the names of the files in a folder."""
    return {file.name for file in path.iterdir()}

"""Local HTTP server that imitates Statistics Canada's two download sites, including maintenance and lost connections."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[3] / "geodata" / "sources.toml"
_HOSTS = ("https://www12.statcan.gc.ca", "https://www150.statcan.gc.ca")
_MAINTENANCE = b"<!DOCTYPE html><title>Maintenance</title><p>This service is temporarily unavailable. / Service interrompu."


@dataclass
class Site:
    """The state of the server.

    Attributes:
        files: content by name of the file.
        maintenance: names whose next request is answered with a page, status 200; each once.
        drops: after how many bytes the connection ends at the next request for a name; each once.
        without_etag: names sent with neither ETag nor Last-Modified, and whole whatever range is asked for.
        seen: name and first byte of every request for a file.
    """

    files: dict[str, Path]
    address: str = ""
    maintenance: set[str] = field(default_factory=set)
    drops: dict[str, int] = field(default_factory=dict)
    without_etag: set[str] = field(default_factory=set)
    seen: list[tuple[str, int]] = field(default_factory=list)

    def sources(self, folder: Path) -> Path:
        """Write the project's declarations with the URLs of this server, and return the file."""
        text = SOURCES.read_text(encoding="utf-8")
        for host in _HOSTS:
            text = text.replace(host, self.address)
        path = folder / "sources.toml"
        path.write_text(text, encoding="utf-8")
        return path


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        site, name = self.site, self.path.rsplit("/", 1)[1]
        # Both sites redirect every URL to another path.
        if not self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"/moved/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        range_header = self.headers.get("Range")
        first = int(range_header.removeprefix("bytes=").split("-")[0]) if range_header and name not in site.without_etag else 0
        site.seen.append((name, first))
        if name in site.maintenance:
            site.maintenance.discard(name)
            self._send(200, {"Content-Type": "text/html", "Content-Length": str(len(_MAINTENANCE))}, _MAINTENANCE)
            return
        content = site.files[name].read_bytes()
        body = content[first:]
        headers = {"Content-Type": "application/x-zip-compressed", "Content-Length": str(len(body))}
        if name not in site.without_etag:
            headers |= {"ETag": '"5f2c3e1d8a7bd81:0"', "Accept-Ranges": "bytes"}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._send(206 if first else 200, headers, body[: site.drops.pop(name, len(body))])

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = int(headers["Content-Length"]) != len(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def serving(files: dict[str, Path], port: int = 0) -> Iterator[Site]:
    """Run the server on loopback while the block runs."""
    site = Site(files)
    handler = type("Handler", (_Handler,), {"site": site})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        site.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()

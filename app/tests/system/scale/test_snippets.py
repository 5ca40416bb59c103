"""Configuration of docs/operations.md and data/nginx: accepted by nginx and Prometheus; caching, privacy, slow readers."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from benchmarks.load import resident_mb
from tests.support.cluster import free_port, program
from tests.support.fleet import Fleet
from tests.support.processes import wait_until
from tests.system.scale.conftest import PATHS, get

DOCUMENT = (settings.REPO_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
PROMTOOL = str(settings.REPO_DIR / ".local" / "bin" / "promtool")


def code_block(language: str) -> str:
    """Return the only code block of the document in this language."""
    (matches,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(matches)


def alarms() -> dict[str, str]:
    """Return the expressions of the table of alarms by name."""
    rows = re.findall(r"^\| ([A-Z][\w ]+) \| `([^`]+)`", DOCUMENT, re.MULTILINE)
    return {name: expression.replace("\\|", "|") for name, expression in rows if not expression.startswith("/")}


class Proxy:
    """nginx in front of a web server."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder

    def send(self, path: str, method: str = "GET", body: str | None = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (lower case) and body."""
        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        with contextlib.closing(connection):
            headers = {"Host": "localhost"} | ({"Content-Type": "application/json"} if body else {})
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


NGINX = settings.REPO_DIR / "data" / "nginx"


@pytest.fixture(scope="module")
def proxy(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Start nginx with the files of data/nginx; only addresses and folders are replaced."""
    folder, port, plain = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    for parent in (folder, *folder.parents[:3]):
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o055)
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=geo.example.org"]
    subprocess.run([*key, "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"], check=True, capture_output=True)
    replaced = {
        "user nginx;": "user nobody nogroup;" if os.geteuid() == 0 else "",
        "pid /run/nginx.pid;": f"daemon off; pid {folder}/pid;",
        "/dev/stderr": f"{folder}/error.log",
        "/dev/stdout": f"{folder}/access.log",
        "/var/cache/nginx": str(folder),
        "/etc/nginx/tls": str(folder),
        "/etc/nginx/geo/server.conf": f"{folder}/tls.conf",
        "/etc/nginx/geo": str(folder),
        "listen 8080": f"listen 127.0.0.1:{plain}",
        "listen 8443": f"listen 127.0.0.1:{port}",
        "server web:8000": f"server 127.0.0.1:{fleet.ports[0]}",
        # Unknown to the nginx of Debian 12.
        "    http2 on;\n": "",
    }
    for path in NGINX.glob("*.conf"):
        text = path.read_text(encoding="utf-8")
        for old, new in replaced.items():
            text = text.replace(old, new)
        (folder / path.name).write_text(text, encoding="utf-8")
    command = [
        program("nginx", "/usr/sbin/nginx"),
        "-p",
        str(folder),
        "-e",
        f"{folder}/start.log",
        "-c",
        f"{folder}/nginx.conf",
    ]
    check = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        nginx = Proxy(port, folder)
        try:
            wait_until(lambda: _is_available(nginx))
            yield nginx
        finally:
            process.terminate()


def _is_available(proxy: Proxy) -> bool:
    with contextlib.suppress(OSError):
        return proxy.send("/livez")[0] == 200
    return False


def test_nginx_forwards_requests_and_hides_metrics_and_server(proxy: Proxy) -> None:
    status, headers, _ = proxy.send(PATHS[0])
    assert status == 200
    assert re.fullmatch(r"[0-9a-f-]{32,36}", headers["x-request-id"])
    assert "granian" not in headers.get("server", "")
    assert proxy.send("/metrics")[0] == 404
    status, _, body = proxy.send("/locate", "POST", '{"points": [[-79.4, 43.7]]}')
    assert (status, body[:1]) == (200, b"{")


def test_nginx_caches_layers_and_no_positions(proxy: Proxy, fleet: Fleet) -> None:
    def served() -> float:
        rows = re.findall(r'^geo_http_requests_total\{[^}]*route="/health-regions"[^}]*\} (\S+)', metrics(fleet), re.MULTILINE)
        return sum(map(float, rows))

    before = served()
    assert {proxy.send("/health-regions?detail=medium")[0] for _ in range(5)} == {200}
    assert served() == before + 1
    place = PATHS[0].partition("?")[2]
    assert {proxy.send(f"/health-regions?detail=none&{place}")[0] for _ in range(3)} == {200}
    assert served() == before + 4
    written = [path.read_bytes() for path in proxy.folder.rglob("*") if path.is_file() and path.suffix != ".pem"]
    lat = place.split("lat=")[1].split("&")[0].encode()
    assert any(b"/health-regions" in nginx for nginx in written)
    assert not any(lat in nginx for nginx in written)


def test_nginx_caches_tiles(proxy: Proxy) -> None:
    cached_files = sum(path.is_file() for path in (proxy.folder / "answers").rglob("*"))
    assert {proxy.send("/tiles/fsa.json")[0] for _ in range(2)} == {200}
    assert sum(path.is_file() for path in (proxy.folder / "answers").rglob("*")) == cached_files + 1


@pytest.mark.parametrize(
    "query", ["lat=43.65001&lon=-79.38", "l%61t=43.65001&lon=-79.38", "bbox=-79.38,43.65001,-79,44", "q=43.65001"]
)
def test_nginx_stores_and_logs_no_position(proxy: Proxy, query: str) -> None:
    for _ in range(2):
        assert proxy.send(f"/health-regions?detail=none&{query}")[0] == 200
    request_id = proxy.send("/fsa/M5V")[1]["x-request-id"].replace("-", "")
    # nginx writes the log line of a request after its response.
    log = proxy.folder / "access.log"
    wait_until(lambda: request_id in log.read_text(encoding="utf-8"), "the log line of the last request")
    for path in proxy.folder.rglob("*"):
        if path.is_file() and path.suffix not in {".pem", ".conf"}:
            content = path.read_bytes()
            assert b"43.65001" not in content, path
            assert b"M5V" not in content or "answers" in path.parts, path


def test_nginx_buffers_responses_for_slow_readers(proxy: Proxy, fleet: Fleet) -> None:
    """Each client reads 2.4 kB/s of a large response; nginx buffers all of them, and the threads of the service are free."""
    body = json.dumps({"codes": ["M5V"] * 5_000})
    size = len(proxy.send("/fsa", "POST", body)[2])
    assert size > 1_000_000
    before = resident_mb(fleet)
    context = ssl.create_default_context(cafile=str(proxy.folder / "fullchain.pem"))
    context.check_hostname = False
    head = f"POST /fsa HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        readers = []
        for _ in range(80):
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.connect(("127.0.0.1", proxy.port))
            reader = stack.enter_context(context.wrap_socket(plain))
            reader.sendall((head + body).encode())
            readers.append(reader)
            time.sleep(0.06)  # the rate limit of an address
        wait_until(lambda: bool(re.search(r"^geo_bulk_requests_in_progress 0\.0$", metrics(fleet), re.MULTILINE)))
        for _ in range(5):
            for reader in readers:
                reader.recv(240)
            assert get(fleet.ports[0], PATHS[0])[0] == 200
        after = resident_mb(fleet)
    # The 80 responses have more than 80 MB.
    assert max(after[pid] - before[pid] for pid in before) < 30


def test_nginx_rate_limit(proxy: Proxy) -> None:
    statuses = {proxy.send("/livez")[0] for _ in range(160)}
    assert statuses == {200, 429}


def metrics(fleet: Fleet) -> str:
    return get(fleet.ports[0], "/metrics")[1]


def promtool(*arguments: str, text: str = "") -> None:
    if not shutil.which(PROMTOOL):
        pytest.fail("promtool is not installed: bin/scale install")
    done = subprocess.run([PROMTOOL, *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_alarms_and_their_metrics_exist(fleet: Fleet, tmp_path: Path) -> None:
    result = alarms()
    assert len(result) >= 12
    rules = "".join(
        f"  - alert: {name.replace(' ', '')}\n    expr: |\n      {expression}\n" for name, expression in result.items()
    )
    (tmp_path / "rules.yml").write_text(f"groups:\n- name: geo\n  rules:\n{rules}", encoding="utf-8")
    promtool("check", "rules", str(tmp_path / "rules.yml"))
    get(fleet.ports[0], "/fsa/none")  # the counter of problems exists after the first problem
    details = metrics(fleet)
    for expression in result.values():
        for name in re.findall(r"\bgeo_\w+", expression):
            assert re.search(rf"^# HELP {name.removesuffix('_bucket')} ", details, re.MULTILINE), name


def test_prometheus_accepts_scrape_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * 32, encoding="ascii")
    text = code_block("yaml").replace("/etc/prometheus/geo-token", str(tmp_path / "token"))
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    promtool("check", "config", str(tmp_path / "prometheus.yml"))


def test_promtool_accepts_the_metrics(fleet: Fleet) -> None:
    promtool("check", "metrics", text=metrics(fleet))

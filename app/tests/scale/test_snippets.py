"""What docs/operations.md gives to copy, tried: nginx takes its snippet and serves through it, Prometheus takes the alarms."""

import contextlib
import http.client
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from benchmarks.cluster import free_port, program
from benchmarks.fleet import Fleet
from tests.scale.conftest import QUESTIONS, get, until

DOCUMENT = (settings.REPO_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
PROMTOOL = str(settings.REPO_DIR / ".local" / "bin" / "promtool")


def block(language: str) -> str:
    """Return the one block of the document in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(found)


def alarms() -> dict[str, str]:
    """Return the expressions of the table of alarms by name."""
    rows = re.findall(r"^\| ([A-Z][\w ]+) \| `([^`]+)`", DOCUMENT, re.MULTILINE)
    return {name: expression.replace("\\|", "|") for name, expression in rows if not expression.startswith("/")}


class Proxy:
    """nginx with the snippet of the document, before one of the web servers."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder

    def ask(self, path: str, method: str = "GET", body: str | None = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (lower case) and body."""
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        with contextlib.closing(connection):
            headers = {"Host": "localhost"} | ({"Content-Type": "application/json"} if body else {})
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@pytest.fixture(scope="module")
def proxy(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    for parent in (folder, *folder.parents[:3]):
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o055)
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=geo.example.org"]
    subprocess.run([*key, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    text = block("nginx")
    certificate = f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
    for old, new in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl; {certificate}"),
        ("/var/log/nginx/", f"{folder}/"),
        ("/var/cache/nginx/geo", f"{folder}/cache"),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{fleet.ports[0]}"),
    ):
        assert old in text
        text = text.replace(old, new)
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    head = f"daemon off; pid {folder}/pid; events {{}} http {{ {temporary}"
    (folder / "nginx.conf").write_text(f"{head}\n{text}\n}}\n", encoding="utf-8")
    command = [
        program("nginx", "/usr/sbin/nginx"),
        "-p",
        str(folder),
        "-e",
        f"{folder}/start.log",
        "-c",
        f"{folder}/nginx.conf",
    ]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        one = Proxy(port, folder)
        try:
            until(lambda: _answers(one))
            yield one
        finally:
            process.terminate()


def _answers(proxy: Proxy) -> bool:
    with contextlib.suppress(OSError):
        return proxy.ask("/livez")[0] == 200
    return False


def test_nginx_passes_on_what_it_should_and_names_no_server(proxy: Proxy) -> None:
    status, headers, _ = proxy.ask(QUESTIONS[0])
    assert status == 200
    assert re.fullmatch(r"[0-9a-f-]{32,36}", headers["x-request-id"])
    assert "granian" not in headers.get("server", "")
    assert proxy.ask("/metrics")[0] == 404
    status, _, body = proxy.ask("/locate", "POST", '{"points": [[-79.4, 43.7]]}')
    assert (status, body[:1]) == (200, b"{")


def test_nginx_keeps_layers_and_no_position(proxy: Proxy, fleet: Fleet) -> None:
    def served() -> float:
        rows = re.findall(r'^geo_http_requests_total\{[^}]*route="/health-regions"[^}]*\} (\S+)', metrics(fleet), re.MULTILINE)
        return sum(map(float, rows))

    before = served()
    assert {proxy.ask("/health-regions?detail=medium")[0] for _ in range(5)} == {200}
    assert served() == before + 1
    place = QUESTIONS[0].partition("?")[2]
    assert {proxy.ask(f"/health-regions?detail=none&{place}")[0] for _ in range(3)} == {200}
    assert served() == before + 4
    written = [path.read_bytes() for path in proxy.folder.rglob("*") if path.is_file() and path.suffix != ".pem"]
    lat = place.split("lat=")[1].split("&")[0].encode()
    assert any(b"/health-regions" in one for one in written)
    assert not any(lat in one for one in written)


def test_nginx_keeps_tiles(proxy: Proxy) -> None:
    kept = sum(path.is_file() for path in (proxy.folder / "cache").rglob("*"))
    assert {proxy.ask("/tiles/fsa.json")[0] for _ in range(2)} == {200}
    assert sum(path.is_file() for path in (proxy.folder / "cache").rglob("*")) == kept + 1


def test_nginx_slows_down_who_asks_without_end(proxy: Proxy) -> None:
    statuses = {proxy.ask("/livez")[0] for _ in range(120)}
    assert statuses == {200, 429}


def metrics(fleet: Fleet) -> str:
    return get(fleet.ports[0], "/metrics")[1]


def promtool(*arguments: str, text: str = "") -> None:
    if not shutil.which(PROMTOOL):
        pytest.fail("promtool is not there: bin/scale install")
    done = subprocess.run([PROMTOOL, *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_alarms_and_every_name_in_them_is_told(fleet: Fleet, tmp_path: Path) -> None:
    found = alarms()
    assert len(found) >= 12
    rules = "".join(
        f"  - alert: {name.replace(' ', '')}\n    expr: |\n      {expression}\n" for name, expression in found.items()
    )
    (tmp_path / "rules.yml").write_text(f"groups:\n- name: geo\n  rules:\n{rules}", encoding="utf-8")
    promtool("check", "rules", str(tmp_path / "rules.yml"))
    get(fleet.ports[0], "/fsa/none")  # counters of problems are there from the first one on
    told = metrics(fleet)
    for expression in found.values():
        for name in re.findall(r"\bgeo_\w+", expression):
            assert re.search(rf"^# HELP {name.removesuffix('_bucket')} ", told, re.MULTILINE), name


def test_prometheus_takes_the_scrape_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * 32, encoding="ascii")
    text = block("yaml").replace("/etc/prometheus/geo-token", str(tmp_path / "token"))
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    promtool("check", "config", str(tmp_path / "prometheus.yml"))


def test_prometheus_finds_no_fault_with_what_is_told(fleet: Fleet) -> None:
    promtool("check", "metrics", text=metrics(fleet))

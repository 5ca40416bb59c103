"""Complete responses: curl, Python requests and fetch in a browser detect an incomplete response of a real server."""

import http.client
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser

from geography.download_files import MANIFEST_NAME
from tests.support.demo_regions import lonlat
from tests.support.faults import FaultyCluster, TcpProxy
from tests.support.processes import wait_until
from tests.support.traffic import wait_until_available
from tests.system.server.conftest import Server

pytestmark = pytest.mark.django_db

LON, LAT = lonlat(2_000, 5_000)
MANY = 100_000
BODIES = {
    "/fsa": {
        "application/json": json.dumps({"codes": ["M5V"] * MANY}),
        "text/csv": "fsa\n" + "M5V\n" * MANY,
        "application/x-ndjson": '"M5V"\n' * MANY,
    },
    "/locate": {
        "application/json": json.dumps({"points": [[LON, LAT]] * MANY}),
        "application/geo+json": json.dumps({"type": "MultiPoint", "coordinates": [[LON, LAT]] * MANY}),
        "text/csv": "lat,lon\n" + f"{LAT},{LON}\n" * MANY,
        "application/x-ndjson": f"[{LON},{LAT}]\n" * MANY,
    },
}
ROUTES = [(path, form) for path, bodies in BODIES.items() for form in bodies]
Outcome = tuple[int, bytes]
Send = Callable[[str, str, bytes], Outcome]
# Acts on the database until the event is set.
Act = Callable[[Any, threading.Event], None]
BROKEN: Outcome = (0, b"")


def post_by_curl(address: str, content_type: str, body: bytes, *options: str) -> Outcome:
    """Return status and body by curl; `BROKEN` if curl exits with an error."""
    command = ["curl", "--silent", "--request", "POST", "--header", f"Content-Type: {content_type}", "--header", "Expect:"]
    command += options or ["--data-binary", "@-"]
    done = subprocess.run(
        [*command, "--write-out", "%{stderr}%{http_code}", address], input=body, capture_output=True, timeout=120, check=False
    )
    return BROKEN if done.returncode else (int(done.stderr), done.stdout)


def post_by_requests(address: str, content_type: str, body: bytes) -> Outcome:
    try:
        response = requests.post(address, data=body, headers={"Content-Type": content_type}, timeout=120)
    except requests.RequestException:
        return BROKEN
    return response.status_code, response.content


@pytest.fixture(scope="module", autouse=True)
def _browser_before_the_database(browser: Browser) -> None:
    """Start the browser before the database: in its event loop Django opens separate connections."""


@pytest.fixture(params=["curl", "requests", "fetch"])
def send(request: pytest.FixtureRequest) -> Iterator[Send]:
    """Yield a function that posts a body and returns status and body, `BROKEN` if the client reports an error."""
    if request.param != "fetch":
        yield {"curl": post_by_curl, "requests": post_by_requests}[request.param]
        return
    # The Content-Security-Policy of API responses forbids fetch.
    page = request.getfixturevalue("browser").new_page(bypass_csp=True)

    def post_by_fetch(address: str, content_type: str, body: bytes) -> Outcome:
        page.goto(address.rsplit("/", 1)[0] + "/livez")
        script = """async ([address, type, body]) => {
            try {
                const answer = await fetch(address, {method: "POST", headers: {"Content-Type": type}, body});
                return [answer.status, await answer.text()];
            } catch (error) { return [0, ""]; }
        }"""
        status, text = page.evaluate(script, [address, content_type, body.decode()])
        return status, text.encode()

    yield post_by_fetch
    page.close()


def problem(outcome: Outcome, status: int, kind: str) -> dict[str, Any]:
    assert outcome[0] == status, (outcome[0], outcome[1][:300])
    document: dict[str, Any] = json.loads(outcome[1])
    assert document["type"] == f"/problems/{kind}"
    return document


class TestErrorInLastItem:
    """An error in the last item of a body gives the same problem as in the first item."""

    @pytest.mark.parametrize(("path", "form"), ROUTES)
    def test_too_many_items_get_413(self, server: Server, send: Send, path: str, form: str) -> None:
        body = BODIES[path][form]
        if form == "application/json":
            head, last = body[:-2], ', "M5V"]}' if path == "/fsa" else f", [{LON}, {LAT}]]}}"
            body = head + last
        elif form == "application/geo+json":
            body = body[:-2] + f", [{LON}, {LAT}]]}}"
        else:
            body += body.splitlines()[-1] + "\n"
        problem(send(server.address + path, form, body.encode()), 413, "body-too-large")

    def test_invalid_quote_in_last_row_is_named(self, server: Server, send: Send) -> None:
        body = "lat,lon,n\n" + f"{LAT},{LON},a\n" * (MANY - 1) + f'{LAT},{LON},"x" y\n'
        outcome = send(f"{server.address}/locate", "text/csv", body.encode())
        assert f"line {MANY + 1} " in problem(outcome, 400, "body-invalid")["detail"]

    def test_body_without_content_length(self, server: Server, tmp_path: Path) -> None:
        body = f"lat,lon\n{LAT},{LON}\n".encode()
        outcomes = [
            post_by_curl(f"{server.address}/locate", "text/csv", body, "--upload-file", "-"),
            post_by_requests(f"{server.address}/locate", "text/csv", iter([body[:10], body[10:]])),  # type: ignore[arg-type]
        ]
        assert all(status == 200 and b"3501" in text for status, text in outcomes), outcomes
        long = b"lat,lon\n" + b"\n" * (16 << 20)
        problem(post_by_curl(f"{server.address}/locate", "text/csv", long, "--upload-file", "-"), 413, "body-too-large")


class DuringRequest:
    """A thread that waits until the service reads a table, and then acts on the database until the request has ended."""

    def __init__(self, cluster: FaultyCluster, table: str, act: Act) -> None:
        self._cluster, self._table, self._act = cluster, table, act
        self._ended = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "DuringRequest":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._ended.set()
        self._thread.join(60)
        if self.failure:
            raise self.failure

    def _run(self) -> None:
        reading = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'covidtrends-geo' AND query ILIKE %s"
            " AND query_start > clock_timestamp() - interval '0.2 s'"
        )
        try:
            with self._cluster.cursor() as cursor:
                while not self._ended.wait(0.005):
                    cursor.execute(reading, [f"%{self._table}%"])
                    if cursor.fetchone()[0]:
                        self._act(cursor, self._ended)
                        return
                raise AssertionError(f"nothing read {self._table}")
        except BaseException as error:  # raised in __exit__, in the thread of the test
            self.failure = error


def lock_tables(cursor: Any, ended: threading.Event) -> None:
    cursor.execute("BEGIN")
    cursor.execute("LOCK TABLE region, overlap IN ACCESS EXCLUSIVE MODE")
    ended.wait(60)
    cursor.execute("ROLLBACK")


def terminate_sessions(cursor: Any, ended: threading.Event) -> None:
    while not ended.wait(0.01):
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'covidtrends-geo'")


@pytest.fixture(scope="module")
def slow_tables(
    serve: Callable[..., AbstractContextManager[Server]],
    cluster: FaultyCluster,
    proxy: TcpProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Yield a server with a statement timeout of four seconds and an empty response cache."""
    keys = {
        "GEODATA_CACHE": str(tmp_path_factory.mktemp("cache")),
        "DB_STATEMENT_TIMEOUT_MS": "4000",
    }
    with serve(WEB_WORKERS="1", WEB_THREADS="4", **cluster.keys(proxy.port) | keys) as server:
        yield server


def problems(server: Server, kind: str) -> float:
    """Return the server's count of problems of this kind."""
    match = re.search(rf'geo_problems_total{{kind="{kind}"}} (\S+)', server.get("/metrics")[1])
    return float(match[1]) if match else 0.0


@pytest.mark.parametrize("form", BODIES["/fsa"])
class TestDatabaseFaultDuringRequest:
    """A database fault during a bulk request gives a problem, which is counted, and no truncated response."""

    @pytest.mark.parametrize(("act", "kind"), [(lock_tables, "database-busy"), (terminate_sessions, "database-away")])
    def test_database_fault_gives_a_problem(
        self,
        slow_tables: Server,
        cluster: FaultyCluster,
        send: Send,
        form: str,
        act: Act,
        kind: str,
    ) -> None:
        wait_until_available(slow_tables.port)
        before, logged = problems(slow_tables, kind), len(slow_tables.written)
        with DuringRequest(cluster, "overlap", act):
            outcome = send(f"{slow_tables.address}/fsa", form, BODIES["/fsa"][form].encode())
        problem(outcome, 503, kind)
        assert problems(slow_tables, kind) == before + 1
        assert f"503 {kind}: POST fsa" in slow_tables.written[logged:]


@pytest.fixture
def large_file(cluster: FaultyCluster) -> Iterator[tuple[str, Path]]:
    """Yield URL path and file of a download that is larger than all network buffers."""
    folder = next(Path(cluster.keys()["DOWNLOADS_DIR"]).glob("fsa/2021/*/"))
    manifest = folder / MANIFEST_NAME
    before = manifest.read_bytes()
    path, size = folder / "fsa-2021.gpkg", 64 << 20
    with path.open("wb") as file:
        file.truncate(size)
    entries = json.loads(before)
    entries["files"]["fsa-2021.gpkg"] = {"state": "ready", "bytes": size, "sha256": "0" * 64}
    manifest.write_text(json.dumps(entries), encoding="utf-8")
    yield "/downloads/fsa/2021/fsa-2021.gpkg", path
    manifest.write_bytes(before)
    path.unlink()


def test_truncated_file_aborts_the_response(running: Server, large_file: tuple[str, Path]) -> None:
    address, path = large_file
    wait_until_available(running.port)
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("GET", address)
    response = connection.getresponse()
    assert (response.status, response.getheader("Content-Length")) == (200, str(64 << 20))
    response.read(1 << 20)
    with path.open("r+b") as file:
        file.truncate(8 << 20)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()
    wait_until(lambda: "response aborted: file truncated" in running.written, "the log line of the aborted response")
    assert 'geo_problems_total{kind="answer-broken-off"} 1' in running.get("/metrics")[1]

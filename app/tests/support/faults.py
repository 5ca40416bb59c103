"""Fault injection: a PostGIS cluster that can be stopped, frozen and failed over, a TCP proxy to it, and HTTP traffic.

The cluster is in a temporary folder; the test database of bin/test is not touched.
"""

import contextlib
import http.client
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from geography.models import Status, Vintage
from loader.export import make
from loader.geometry.rebuild_tiles import rebuild_tiles
from loader.progress import Steps
from tests.support import demo_regions as worlds
from tests.support.cluster import Cluster, NotInstalled, folder_for_postgres

NAME = "covidtrends_geo"
_SETTINGS = """
shared_buffers = 32MB
max_connections = 48
max_wal_size = 256MB
fsync = off
"""
# Shorter than the statement timeout: a request that waits for that timeout gets no response, and fails its test.
_CLIENT_TIMEOUT_S = 25
_STATEMENT_TIMEOUT_MS = 40_000


class FaultyCluster(Cluster):
    """A PostgreSQL cluster with PostGIS for the service, which can be frozen."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "none", _SETTINGS)

    @property
    def processes(self) -> list[int]:
        """Process IDs of the postmaster and its children."""
        main = int((self.folder / "postmaster.pid").read_text(encoding="ascii").split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()
        return [main, *map(int, children)]

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend every process of the cluster (SIGSTOP), and continue them afterwards (SIGCONT)."""
        stopped: list[int] = []
        # Twice, because of processes forked during the first pass.
        for _ in range(2):
            for pid in self.processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    stopped.append(pid)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def cursor(self, user: str = "postgres", database: str = NAME) -> Iterator[Any]:
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=self.password, dbname=database)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def keys(self, port: int | None = None) -> dict[str, str]:
        """Return the settings of a process that uses the cluster; `port` is that of a proxy to it."""
        return {
            "DATABASE_URL": "",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(port or self.port),
            "DB_NAME": NAME,
            "DB_USER": NAME,
            "DB_PASSWORD": self.password,
            "DB_API_PASSWORD": "",
            "DB_LOADER_PASSWORD": "",
            "DB_STATEMENT_TIMEOUT_MS": str(_STATEMENT_TIMEOUT_MS),
            "DOWNLOADS_DIR": str(self.folder.with_name("downloads")),
        }

    def python(self, code: str) -> None:
        """Run Python code with the project's settings against the cluster."""
        environment = os.environ | self.keys() | {"SECRET_KEY": "x", "PYTHONPATH": "."}
        code = f"import django; django.setup(); from tests.support import demo_regions as world, faults; {code}"
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=settings.APP_DIR,
            env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            check=True,
            timeout=120,
        )


def add_tiles_and_downloads() -> None:
    """Draw the tiles of every published vintage of the demo regions, and export their CSV downloads."""
    for vintage in Vintage.objects.filter(status=Status.PUBLISHED):
        rebuild_tiles(vintage, lambda: None)
    make.export(
        [published_download for published_download in make.published_downloads() if published_download.format.name == "csv"],
        Steps(quiet=True),
    )


@contextlib.contextmanager
def cluster_with_world() -> Iterator[FaultyCluster]:
    """Yield a running cluster with the regions of tests.support.demo_regions; skip the test without PostgreSQL."""
    with folder_for_postgres("fault") as folder:
        cluster = FaultyCluster(folder / "data")
        try:
            cluster.make()
        except NotInstalled as error:
            pytest.skip(str(error))
        cluster.start()
        try:
            cluster.sql(
                f"CREATE ROLE {NAME} LOGIN CREATEROLE PASSWORD '{cluster.password}'; CREATE DATABASE {NAME} OWNER {NAME}"
            )
            cluster.sql(Path(settings.REPO_DIR, "data/schema/010_extensions.sql").read_text(encoding="utf-8"), NAME)
            cluster.python("from django.core.management import call_command as c; c('migrate', verbosity=0); world.build()")
            cluster.python("faults.add_tiles_and_downloads()")
            yield cluster
        finally:
            cluster.stop()


class TcpProxy:
    """TCP proxy to a database: it can drop all data (`blackhole`), delay it, and connect to another port (failover)."""

    def __init__(self, port: int) -> None:
        self.target_port = port
        self.blackhole = threading.Event()
        self.delay_s = 0.0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                database = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                client.close()
                continue
            self._open += [client, database]
            threading.Thread(target=self._relay, args=(client, database), daemon=True).start()

    def _relay(self, client: socket.socket, database: socket.socket) -> None:
        back = threading.Thread(target=self._copy, args=(database, client), daemon=True)
        back.start()
        self._copy(client, database)
        back.join()
        for source in (client, database):
            self._open.remove(source)
            source.close()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                if not self.blackhole.is_set():
                    target.sendall(data)
        _end(target)

    def close(self) -> None:
        """Close every connection through the proxy, and accept no more."""
        _end(self._listening)
        self._listening.close()
        for source in list(self._open):
            _end(source)
        for _ in range(100):
            if not self._open:
                return
            time.sleep(0.05)


def _end(source: socket.socket) -> None:
    with contextlib.suppress(OSError):
        source.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `status` is 0 if none arrived."""

    path: str
    status: int
    retry_after: str | None
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)


def tile_over(zoom: int, x: float, y: float) -> str:
    """Return column and row, as in a URL, of the tile at an offset in metres in the demo regions."""
    lon, lat = worlds.lonlat(x, y)
    north = math.asinh(math.tan(math.radians(lat))) / math.pi
    return f"{int((lon + 180) / 360 * 2**zoom)}/{int((1 - north) / 2 * 2**zoom)}"


TILE = f"/tiles/health-regions/8/{tile_over(8, 2_000, 5_000)}.mvt"
# Requested with a Range header.
DOWNLOAD = "/downloads/fsa/2021/fsa-2021.csv"
RANGE = "bytes=3-40"
# Paths served from memory or the response cache after a first request; below, paths that need the database.
CACHED_PATHS = (
    "/locate?" + "&".join(f"{key}={value}" for key, value in worlds.position(2_000, 5_000).items()),
    "/health-regions",
    "/health-regions/3501?detail=low",
    "/coverages/fsa/regions?vintage=2021",
    TILE,
    f"{TILE}?vintage=2022",
    DOWNLOAD,
)
OK_STATUSES = {200, 206}
DATABASE_PATHS = ("/fsa/M5V", "/health-regions?q=west&detail=none", "/fsa/M1A/boundary")


class Traffic:
    """Clients that send requests one after the other and record every response, until the `with` block ends."""

    def __init__(self, port: int, paths: tuple[str, ...] = CACHED_PATHS + DATABASE_PATHS, clients: int = 3) -> None:
        self.port, self._paths = port, paths
        self.responses: list[Response] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send_requests, args=(number,), daemon=True) for number in range(clients)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a request hangs"

    def _send_requests(self, number: int) -> None:
        while not self._stop.is_set():
            self.responses.append(send_get(self.port, self._paths[number % len(self._paths)]))
            number += 1
            time.sleep(0.01)

    def status_counts(self) -> Counter[int]:
        """Return the number of responses by status."""
        return Counter(response.status for response in list(self.responses))


def send_get(port: int, path: str) -> Response:
    """Send a GET request on a new connection and return its response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CLIENT_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Range": RANGE} if path == DOWNLOAD else {})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        body = response.read()
        return Response(path, response.status, headers.get("retry-after"), body, headers)
    except (OSError, http.client.HTTPException):
        return Response(path, 0, None, b"", {})
    finally:
        connection.close()


def wait_until_available(port: int) -> None:
    """Wait until every process responds to every path, without stale responses."""
    responses: list[Response] = []
    for _ in range(100):
        responses = [send_get(port, path) for path in (*CACHED_PATHS, *DATABASE_PATHS) * 3]
        if {response.status for response in responses} == OK_STATUSES and all(
            "cache-status" not in response.headers for response in responses
        ):
            return
        time.sleep(0.2)
    pytest.fail(f"the service does not recover: {[(response.path, response.status) for response in responses]}")


def assert_only_database_paths_refused(traffic: Traffic, *, refused: bool = True) -> None:
    """Check every response so far: no request lost or hanging (status 0), 503 only for paths that need the database."""
    responses = list(traffic.responses)
    wrong = [
        response
        for response in responses
        if response.status not in OK_STATUSES and not (response.status == 503 and response.retry_after)
    ]
    assert not wrong, wrong[:5]
    assert {response.path for response in responses if response.status == 503} <= set(DATABASE_PATHS)
    assert any(response.status == 503 for response in responses) == refused
    assert {response.path for response in responses if response.status in OK_STATUSES} == {*CACHED_PATHS, *DATABASE_PATHS}
    assert {response.status for response in responses if response.path == DOWNLOAD} == {206}

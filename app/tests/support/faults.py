"""A PostGIS of a test's own that can be stopped, frozen, filled and failed over, a wire to it that can be cut, and traffic.

It lies in a folder that vanishes; the one of bin/test is never touched.
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
# A client gives up before a statement does: a request that waits for the statement timeout has no answer, and fails its test.
_CLIENT_TIMEOUT_S = 25
_STATEMENT_TIMEOUT_MS = 40_000


class Breakable(Cluster):
    """A PostgreSQL with PostGIS that can be frozen, and be what the service uses."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "none", _SETTINGS)

    @property
    def processes(self) -> list[int]:
        """The postmaster, and all its children after it."""
        main = int((self.folder / "postmaster.pid").read_text(encoding="ascii").split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()
        return [main, *map(int, children)]

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of it where it stands, and let them go on afterwards."""
        stopped: list[int] = []
        # Twice: what was forked meanwhile too.
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
        """Return the settings of what uses it; `port` is that of a wire to it."""
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
        """Run a piece of Python against it, as the project's commands run."""
        environment = os.environ | self.keys() | {"SECRET_KEY": "x", "PYTHONPATH": "."}
        code = f"import django; django.setup(); from tests.support import demo_regions as world, faults as faulty; {code}"
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=settings.APP_DIR,
            env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            check=True,
            timeout=120,
        )


def furnish() -> None:
    """Draw the tiles of every published vintage of the tiny world, and make the tables of codes to take away."""
    for vintage in Vintage.objects.filter(status=Status.PUBLISHED):
        rebuild_tiles(vintage, lambda: None)
    make.export(
        [published_download for published_download in make.published_downloads() if published_download.format.name == "csv"],
        Steps(quiet=True),
    )


@contextlib.contextmanager
def cluster_with_world() -> Iterator[Breakable]:
    """A running cluster with the regions of tests.support.demo_regions. Skips the test where none can be made."""
    with folder_for_postgres("fault") as folder:
        cluster = Breakable(folder / "data")
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
            cluster.python("faulty.furnish()")
            yield cluster
        finally:
            cluster.stop()


class Wire:
    """A way to a database: it can be cut, go silent, be slow, and lead somewhere else."""

    def __init__(self, port: int) -> None:
        self.to = port
        self.silent = threading.Event()
        self.delay_s = 0.0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                here.close()
                continue
            self._open += [here, there]
            threading.Thread(target=self._both, args=(here, there), daemon=True).start()

    def _both(self, here: socket.socket, there: socket.socket) -> None:
        back = threading.Thread(target=self._pass, args=(there, here), daemon=True)
        back.start()
        self._pass(here, there)
        back.join()
        for item in (here, there):
            self._open.remove(item)
            item.close()

    def _pass(self, item: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while recv := item.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                if not self.silent.is_set():
                    other.sendall(recv)
        _end(other)

    def close(self) -> None:
        """End every connection that goes through it, and take no more."""
        _end(self._listening)
        self._listening.close()
        for item in list(self._open):
            _end(item)
        for _ in range(100):
            if not self._open:
                return
            time.sleep(0.05)


def _end(item: socket.socket) -> None:
    with contextlib.suppress(OSError):
        item.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `status` is 0 where none came."""

    path: str
    status: int
    retry_after: str | None
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)


def tile_over(zoom: int, x: float, y: float) -> str:
    """Return the column and row of the tile that holds an offset in metres of the tiny world, as in an address."""
    lon, lat = worlds.lonlat(x, y)
    north = math.asinh(math.tan(math.radians(lat))) / math.pi
    return f"{int((lon + 180) / 360 * 2**zoom)}/{int((1 - north) / 2 * 2**zoom)}"


TILE = f"/tiles/health-regions/8/{tile_over(8, 2_000, 5_000)}.mvt"
# Clients ask for the beginning of it only.
FILE = "/downloads/fsa/2021/fsa-2021.csv"
PART = "bytes=3-40"
# What is answered from memory or from what is kept, once it was asked for; and what only tables know.
KEPT = (
    "/locate?" + "&".join(f"{key}={value}" for key, value in worlds.position(2_000, 5_000).items()),
    "/health-regions",
    "/health-regions/3501?detail=low",
    "/coverages/fsa/regions?vintage=2021",
    TILE,
    f"{TILE}?vintage=2022",
    FILE,
)
ANSWERED = {200, 206}
ASKED = ("/fsa/M5V", "/health-regions?q=west&detail=none", "/fsa/M1A/boundary")


class Traffic:
    """Clients that ask one thing after another and write down every answer, until the `with` block ends."""

    def __init__(self, port: int, paths: tuple[str, ...] = KEPT + ASKED, clients: int = 3) -> None:
        self.port, self._paths = port, paths
        self.answers: list[Answer] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(clients)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a request hangs"

    def _ask(self, number: int) -> None:
        while not self._stop.is_set():
            self.answers.append(ask(self.port, self._paths[number % len(self._paths)]))
            number += 1
            time.sleep(0.01)

    def count(self) -> Counter[int]:
        """Return how many answers there were, by status."""
        return Counter(answer.status for answer in list(self.answers))


def ask(port: int, path: str) -> Answer:
    """Ask once, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CLIENT_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Range": PART} if path == FILE else {})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        body = answer.read()
        return Answer(path, answer.status, headers.get("retry-after"), body, headers)
    except (OSError, http.client.HTTPException):
        return Answer(path, 0, None, b"", {})
    finally:
        connection.close()


def well(port: int) -> None:
    """Wait until everything is answered, by whichever process."""
    seen: list[Answer] = []
    for _ in range(100):
        seen = [ask(port, path) for path in (*KEPT, *ASKED) * 3]
        if {item.status for item in seen} == ANSWERED and all("cache-status" not in item.headers for item in seen):
            return
        time.sleep(0.2)
    pytest.fail(f"it does not come back: {[(item.path, item.status) for item in seen]}")


def held(traffic: Traffic, *, refused: bool = True) -> None:
    """Check every answer so far: none is lost, none hangs (status 0), what can be answered is."""
    answers = list(traffic.answers)
    wrong = [
        answer for answer in answers if answer.status not in ANSWERED and not (answer.status == 503 and answer.retry_after)
    ]
    assert not wrong, wrong[:5]
    assert {answer.path for answer in answers if answer.status == 503} <= set(ASKED)
    assert any(answer.status == 503 for answer in answers) == refused
    assert {answer.path for answer in answers if answer.status in ANSWERED} == {*KEPT, *ASKED}
    assert {answer.status for answer in answers if answer.path == FILE} == {206}

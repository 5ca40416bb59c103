"""The server as bin/serve runs it, over the tiny world of tests.support.demo_regions, for what only a real one shows."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from geography.models import Coverage, Vintage
from loader.publication import publish
from tests.support import demo_regions as worlds
from tests.support.cluster import free_port
from tests.support.faults import Breakable, Traffic, Wire, cluster_with_world, well
from tests.support.priority import high_priority

__all__ = ["high_priority"]


@pytest.fixture(scope="package")
def committed_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, str]]:
    """Put the tiny world where another process sees it, and take it out again; yield the database's keys."""
    with django_db_blocker.unblock():
        name = str(connection.settings_dict["NAME"])
        assert name.startswith("test_"), "no test of this session asks for the test database: mark one with django_db"
        worlds.build()
    database = settings.DATABASES["default"]
    yield {f"DB_{key}": str(database[key]) for key in ("HOST", "PORT", "USER", "PASSWORD")} | {"DB_NAME": name}
    with django_db_blocker.unblock():
        for vintage in Vintage.objects.all():
            publish.delete(vintage)
        Coverage.objects.all().delete()


class Server:
    """A running granian."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def written(self) -> str:
        """All that it has written."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers (lower case) of a GET; refusals too."""
        request = urllib.request.Request(self.address + path, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                result = (answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            result = (error.code, error.read(), error.headers)
        status, body, named = result
        return status, body.decode("utf-8", "replace"), {name.lower(): value for name, value in named.items()}

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def speak(self, request: bytes) -> bytes:
        """Send these bytes as they are, and return all that comes back until the server closes."""
        with self.connect() as connected:
            connected.sendall(request)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while more := connected.recv(65536):
                    answer += more
        return answer

    def workers(self) -> list[int]:
        results = []
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split():
            with contextlib.suppress(OSError):  # it may just have ended
                if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    results.append(int(pid))
        return results


@pytest.fixture(scope="package")
def serve(
    committed_world: dict[str, str], tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Callable[..., AbstractContextManager[Server]]:
    """Return a context manager that starts a server with these settings, with bin/_server.sh, and stops it."""

    @contextmanager
    def run(**keys: str) -> Iterator[Server]:
        port = free_port()
        folder = tmp_path_factory.mktemp("server")
        before = _sessions(django_db_blocker)
        own = {
            "DATABASE_URL": "",
            "SECRET_KEY": "for-tests",
            "DEBUG": "false",
            "STATIC_ROOT": str(folder),
            "TMPDIR": str(folder),
        }
        granian = Path(sys.executable).with_name("granian")
        command = f". ../bin/_server.sh; start_server {shlex.quote(str(granian))} 127.0.0.1 {port}"
        log = folder / "log"
        with log.open("wb") as output:
            environment = os.environ | committed_world | own | keys
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=settings.APP_DIR, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        server = Server(process, port, log)
        try:
            _wait_for(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            # The database's side of it ends a moment later, and a test database that is in use cannot be dropped.
            for _ in range(50):
                if _sessions(django_db_blocker) <= before:
                    break
                time.sleep(0.1)

    return run


def _sessions(blocker: DjangoDbBlocker) -> int:
    with blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        count: int = cursor.fetchone()[0]
    return count


@pytest.fixture(scope="package")
def server(serve: Callable[..., AbstractContextManager[Server]]) -> Iterator[Server]:
    """A server with two processes, JSON logs of every request, and short limits."""
    with serve(LOG_FORMAT="json", LOG_REQUESTS="true", LOG_LEVEL="DEBUG", WEB_WORKERS="2", WEB_THREADS="3") as running:
        yield running


def _wait_for(server: Server) -> None:
    for _ in range(150):
        with contextlib.suppress(OSError, urllib.error.URLError):
            if server.get("/livez")[0] == 200:
                return
        if server.process.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"the server does not answer: {server.written[-2000:]}")


# Every process of a server imports it when it starts.
_CLOCK = """
import pathlib, time
right, wrong_by = time.time, pathlib.Path(__file__).with_name("wrong_by")
time.time = lambda: right() + float(wrong_by.read_text() or 0)
"""


@pytest.fixture(scope="package")
def cluster() -> Iterator[Breakable]:
    with cluster_with_world() as made:
        yield made


@pytest.fixture(scope="package")
def wire(cluster: Breakable) -> Iterator[Wire]:
    wire = Wire(cluster.port)
    yield wire
    wire.close()


@pytest.fixture(scope="package")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="package")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that says by how many seconds the clock of `running` is wrong."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "sitecustomize.py").write_text(_CLOCK, encoding="utf-8")
    (folder / "wrong_by").write_text("0", encoding="utf-8")
    return folder / "wrong_by"


@pytest.fixture(scope="package")
def running(
    serve: Callable[..., AbstractContextManager[Server]], cluster: Breakable, wire: Wire, cache: Path, clock: Path
) -> Iterator[Server]:
    """A server over a cluster that may be broken."""
    keys = {"GEODATA_CACHE": str(cache), "BODY_CACHE_MB": "64", "LOG_LEVEL": "INFO", "PYTHONPATH": str(clock.parent)}
    # As many permits as clients (operations.db_permits): a refusal is not for lack of permits.
    with serve(WEB_WORKERS="2", WEB_THREADS="4", **cluster.keys(wire.port), **keys) as server:
        yield server


@pytest.fixture
def traffic(running: Server) -> Iterator[Traffic]:
    """Traffic on a service that is well; at the end it is well again, by itself."""
    well(running.port)
    with Traffic(running.port) as asking:
        time.sleep(0.5)
        yield asking
    well(running.port)

"""Fixtures of tests on a real server: granian as bin/serve runs it, with the regions of tests.support.demo_regions."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from geography.models import Coverage, Status, Vintage
from loader.export.make import make_lookup
from loader.progress import Steps
from loader.publication import publish
from tests.support import demo_regions as worlds
from tests.support.cluster import free_port
from tests.support.faults import FaultyCluster, TcpProxy, cluster_with_world
from tests.support.priority import high_priority
from tests.support.processes import stop, wait_until
from tests.support.traffic import Traffic, wait_until_available

__all__ = ["high_priority"]


@pytest.fixture(scope="package")
def committed_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, str]]:
    """Commit the demo regions, so that other processes see them, and delete them at the end; yield the database settings."""
    with django_db_blocker.unblock():
        name = str(connection.settings_dict["NAME"])
        assert name.startswith("test_"), "no test of this session asks for the test database: mark one with django_db"
        worlds.build()
        # As a load does. Without them, each server would start to make them, in a process that outlives it.
        for vintage in Vintage.objects.filter(status=Status.PUBLISHED):
            make_lookup(vintage, Steps(quiet=True))
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (committed,) = cursor.fetchone()
    database = settings.DATABASES["default"]
    yield {f"DB_{key}": str(database[key]) for key in ("HOST", "PORT", "USER", "PASSWORD")} | {"DB_NAME": name}
    with django_db_blocker.unblock():
        # Sessions end a moment after their server, and a database in use cannot be dropped.
        try:
            wait_until(
                lambda: not _sessions_since(committed),
                lambda: f"the end of the sessions of the servers: {_sessions_since(committed)}",
            )
        finally:
            for vintage in Vintage.objects.all():
                publish.delete(vintage)
            Coverage.objects.all().delete()


class Server:
    """A running granian server."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def written(self) -> str:
        """The log of the server so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers (lower case) of a GET request, error responses too."""
        request = urllib.request.Request(self.address + path, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                result = (response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            result = (error.code, error.read(), error.headers)
        status, body, named = result
        return status, body.decode("utf-8", "replace"), {name.lower(): value for name, value in named.items()}

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def send_raw(self, request: bytes) -> bytes:
        """Send raw bytes, and return everything received until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            response = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := connection.recv(65536):
                    response += chunk
        return response

    def workers(self) -> list[int]:
        results = []
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split():
            with contextlib.suppress(OSError):  # the process may have ended
                if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    results.append(int(pid))
        return results


@pytest.fixture(scope="package")
def serve(
    committed_world: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Server]]:
    """Return a context manager that starts a server with given settings by bin/_server.sh, and stops it."""

    @contextmanager
    def run(**keys: str) -> Iterator[Server]:
        port = free_port()
        folder = tmp_path_factory.mktemp("server")
        server_settings = {
            "DATABASE_URL": "",
            "SECRET_KEY": "for-tests",
            "DEBUG": "false",
            "STATIC_ROOT": str(folder),
            "TMPDIR": str(folder),
            "DOWNLOADS_DIR": str(settings.DOWNLOADS_DIR),
        }
        granian = Path(sys.executable).with_name("granian")
        command = f". ../bin/_server.sh; start_server {shlex.quote(str(granian))} 127.0.0.1 {port}"
        log = folder / "log"
        with log.open("wb") as output:
            environment = os.environ | committed_world | server_settings | keys
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=settings.APP_DIR, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        server = Server(process, port, log)
        try:
            _wait_for(server)
            yield server
        finally:
            stop(process)

    return run


def _sessions_since(instant: datetime) -> list[tuple[Any, ...]]:
    """Return the sessions of other processes since an instant.

    This process may have an older second session: in the event loop of a browser Django opens separate connections.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, application_name, backend_start, state, query FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " AND backend_start > %s",
            [instant],
        )
        sessions: list[tuple[Any, ...]] = cursor.fetchall()
    return sessions


@pytest.fixture(scope="package")
def server(serve: Callable[..., AbstractContextManager[Server]]) -> Iterator[Server]:
    """Yield a server with two processes of three threads and JSON logs of every request."""
    with serve(LOG_FORMAT="json", LOG_REQUESTS="true", LOG_LEVEL="DEBUG", WEB_WORKERS="2", WEB_THREADS="3") as running:
        yield running


def _wait_for(server: Server) -> None:
    def responds() -> bool:
        if server.process.poll() is not None:
            pytest.fail(f"the server has ended: {server.written[-2000:]}")
        with contextlib.suppress(OSError):
            return server.get("/livez")[0] == 200
        return False

    wait_until(responds, "a response of the server")


# Every process of a server imports this module (sitecustomize) at its start.
_CLOCK = """
import pathlib, time
right, wrong_by = time.time, pathlib.Path(__file__).with_name("wrong_by")
time.time = lambda: right() + float(wrong_by.read_text() or 0)
"""


@pytest.fixture(scope="package")
def cluster() -> Iterator[FaultyCluster]:
    with cluster_with_world() as cluster:
        yield cluster


@pytest.fixture(scope="package")
def proxy(cluster: FaultyCluster) -> Iterator[TcpProxy]:
    proxy = TcpProxy(cluster.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="package")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="package")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file with the offset, in seconds, of the clock of the server `running`."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "sitecustomize.py").write_text(_CLOCK, encoding="utf-8")
    (folder / "wrong_by").write_text("0", encoding="utf-8")
    return folder / "wrong_by"


@pytest.fixture(scope="package")
def running(
    serve: Callable[..., AbstractContextManager[Server]], cluster: FaultyCluster, proxy: TcpProxy, cache: Path, clock: Path
) -> Iterator[Server]:
    """Yield a server with a database that can fail: a FaultyCluster behind a TcpProxy."""
    keys = {"GEODATA_CACHE": str(cache), "BODY_CACHE_MB": "64", "LOG_LEVEL": "INFO", "PYTHONPATH": str(clock.parent)}
    # As many database permits as clients, so that no request is refused for lack of permits.
    with serve(WEB_WORKERS="2", WEB_THREADS="4", **cluster.keys(proxy.port), **keys) as server:
        yield server


@pytest.fixture
def traffic(running: Server) -> Iterator[Traffic]:
    """Yield traffic on an available service; at the end, wait until the service has recovered by itself."""
    wait_until_available(running.port)
    with Traffic(running.port) as requests:
        requests.wait_for_rounds()
        yield requests
    wait_until_available(running.port)

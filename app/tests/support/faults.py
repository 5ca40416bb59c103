"""Fault injection: a PostGIS cluster that can be stopped, frozen and failed over, and a TCP proxy to it.

The cluster is in a temporary folder; the test database of bin/test is not touched.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from geography.models import Status, Vintage
from loader.export import make
from loader.geometry.rebuild_tiles import rebuild_tiles
from loader.progress import Steps
from tests.support.cluster import Cluster, NotInstalled, folder_for_postgres
from tests.support.processes import wait_until

NAME = "covidtrends_geo"
_SETTINGS = """
shared_buffers = 32MB
max_connections = 48
max_wal_size = 256MB
fsync = off
"""
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
    """Draw the tiles of every published vintage of the demo regions, and export their lookup indexes and CSV downloads."""
    for vintage in Vintage.objects.filter(status=Status.PUBLISHED):
        rebuild_tiles(vintage, lambda: None)
    make.export(
        [download for download in make.published_downloads() if download.format.name in ("lookup", "csv")], Steps(quiet=True)
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
        wait_until(lambda: not self._open, "every connection of the proxy is closed")


def _end(source: socket.socket) -> None:
    with contextlib.suppress(OSError):
        source.shutdown(socket.SHUT_RDWR)

"""Graceful shutdown (SIGTERM), reload (SIGHUP), killed workers, and folders of counters."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest

from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

SLOW = "/health-regions?q=nothing&detail=none"


@pytest.fixture
def locked(committed_world: dict[str, str]) -> Callable[[], Any]:
    """Return a context manager that holds a lock on the table of regions, so that its readers wait."""

    @contextmanager
    def hold() -> Iterator[None]:
        keys = {key.removeprefix("DB_").lower(): value for key, value in committed_world.items()}
        connection = psycopg2.connect(dbname=keys.pop("name"), **keys)
        try:
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE region IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            connection.rollback()
            connection.close()

    return hold


def test_graceful_shutdown_finishes_requests_in_progress(serve: Any, locked: Any) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="4") as server, ThreadPoolExecutor(4) as pool:
        with locked():
            futures = [pool.submit(server.get, SLOW) for _ in range(3)]
            time.sleep(0.7)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.7)
            assert not any(future.done() for future in futures)
        assert [future.result()[0] for future in futures] == [200] * 3
        assert server.process.wait(15) == 0
    assert "Traceback" not in server.written


def test_reload_loses_no_request(serve: Any) -> None:
    # A single worker: no other can respond during the reload.
    with serve(WEB_WORKERS="1", WEB_THREADS="2") as server:
        before, stop, statuses = set(server.workers()), threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                statuses.append(server.get("/fsa/K1A")[0])

        with ThreadPoolExecutor(3) as pool:
            futures = [pool.submit(ask) for _ in range(3)]
            time.sleep(0.5)
            server.process.send_signal(signal.SIGHUP)
            try:
                for _ in range(300):
                    time.sleep(0.2)
                    if len(server.workers()) == 1 and not before & set(server.workers()):
                        break
                time.sleep(0.5)
            finally:
                stop.set()
            for future in futures:
                future.result()
        assert not before & set(server.workers())
        assert set(statuses) == {404}
        assert len(statuses) > 50


def test_killed_worker_is_replaced(serve: Any) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="2") as server:
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        for _ in range(100):
            time.sleep(0.2)
            if len(server.workers()) == 2 and killed not in server.workers():
                break
        assert len(server.workers()) == 2
        assert [server.get("/fsa/K1A")[0] for _ in range(10)] == [404] * 10
        for _ in range(100):  # until the new worker counts too
            text = server.get("/metrics")[1]
            if "geo_workers 2.0" in text:
                break
            time.sleep(0.2)
        assert "geo_workers 2.0" in text
        assert f'pid="{killed}"' not in text


def counter_folder(server: Server) -> Path:
    """Return the folder of the shared counters of a server's processes (PROMETHEUS_MULTIPROC_DIR)."""
    split = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
    return Path(next(future for future in split if future.startswith(b"PROMETHEUS_MULTIPROC_DIR=")).partition(b"=")[2].decode())


def is_removed(folder: Path) -> bool:
    """Return whether a folder is removed within 10 seconds."""
    for _ in range(100):
        if not folder.exists():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_counter_folder_is_removed_at_shutdown(serve: Any, number: signal.Signals) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="2") as server:
        folder = counter_folder(server)
        assert (folder.parent, folder.stat().st_mode & 0o777) == (Path("/tmp"), 0o700)  # noqa: S108 - as bin/_server.sh does
        assert any(folder.iterdir())
        server.process.send_signal(number)
        server.process.wait(20)
        assert is_removed(folder)


def test_start_removes_counter_folders_of_killed_servers_only(serve: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2") as running:
        folder = counter_folder(running)
        leftover = folder.with_name(f"covidtrends-geo-counters-{os.getuid()}-left")
        leftover.mkdir()
        (leftover / "counter_1.db").write_bytes(b"\0")
        with serve(WEB_WORKERS="1", WEB_THREADS="2") as other:
            assert not leftover.exists()
            assert counter_folder(other) != folder
            assert any(folder.iterdir())
            assert running.get("/metrics")[0] == 200


def test_killed_server_leaves_no_counter_folder(serve: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2") as server:
        folder, workers = counter_folder(server), server.workers()
        server.process.kill()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait(20)
        assert is_removed(folder)


def test_statement_timeout_gives_503_database_busy(serve: Any, locked: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2", DB_STATEMENT_TIMEOUT_MS="1000") as server, locked():
        # The lock is held until the response has arrived.
        status, body, headers = server.get(SLOW)
        assert (status, headers["retry-after"]) == (503, "5")
        assert "database-busy" in body

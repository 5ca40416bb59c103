"""Graceful shutdown (SIGTERM), reload (SIGHUP), killed workers, and folders of counters."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest

from tests.support.processes import wait_until
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

SLOW = "/health-regions?q=nothing&detail=none"


@pytest.fixture
def locked(committed_world: dict[str, str]) -> Callable[[], Any]:
    """Return a context manager that holds a lock on the table of regions; it yields a function that counts waiting readers."""

    @contextmanager
    def hold() -> Iterator[Callable[[], int]]:
        keys = {key.removeprefix("DB_").lower(): value for key, value in committed_world.items()}
        connection = psycopg2.connect(dbname=keys.pop("name"), **keys)
        try:
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE region IN ACCESS EXCLUSIVE MODE")

                def waiting() -> int:
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = 'region'::regclass AND NOT granted")
                    return int(cursor.fetchone()[0])

                yield waiting
        finally:
            connection.rollback()
            connection.close()

    return hold


def test_graceful_shutdown_finishes_requests_in_progress(serve: Any, locked: Any) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="4") as server, ThreadPoolExecutor(4) as pool:
        with locked() as waiting:
            futures = [pool.submit(server.get, SLOW) for _ in range(3)]
            wait_until(lambda: waiting() == 3, "three requests wait for the table")
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "Shutting down" in server.written, "the server has the signal")
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
            try:
                wait_until(lambda: len(statuses) > 20, "responses before the reload")
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda: len(workers := server.workers()) == 1 and not before & set(workers), "a new worker alone")
                reloaded = len(statuses)
                wait_until(lambda: len(statuses) > reloaded + 20, "responses after the reload")
            finally:
                stop.set()
            for future in futures:
                future.result()
        assert not before & set(server.workers())
        assert set(statuses) == {404}


def test_killed_worker_is_replaced(serve: Any) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="2") as server:
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(workers := server.workers()) == 2 and killed not in workers, "a worker replaces the killed one")
        assert [server.get("/fsa/K1A")[0] for _ in range(10)] == [404] * 10
        wait_until(lambda: "geo_workers 2.0" in server.get("/metrics")[1], "the new worker is in the metrics")
        assert f'pid="{killed}"' not in server.get("/metrics")[1]


def counter_folder(server: Server) -> Path:
    """Return the folder of the shared counters of a server's processes (PROMETHEUS_MULTIPROC_DIR)."""
    split = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
    return Path(next(future for future in split if future.startswith(b"PROMETHEUS_MULTIPROC_DIR=")).partition(b"=")[2].decode())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_counter_folder_is_removed_at_shutdown(serve: Any, number: signal.Signals) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="2") as server:
        folder = counter_folder(server)
        assert (folder.parent, folder.stat().st_mode & 0o777) == (Path("/tmp"), 0o700)  # noqa: S108 - as bin/_server.sh does
        assert any(folder.iterdir())
        server.process.send_signal(number)
        server.process.wait(20)
        wait_until(lambda: not folder.exists(), "the folder of counters is removed")


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
        wait_until(lambda: not folder.exists(), "the folder of counters is removed")


def test_statement_timeout_gives_503_database_busy(serve: Any, locked: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2", DB_STATEMENT_TIMEOUT_MS="1000") as server, locked():
        # The lock is held until the response has arrived.
        status, body, headers = server.get(SLOW)
        assert (status, headers["retry-after"]) == (503, "5")
        assert "database-busy" in body

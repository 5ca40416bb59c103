"""A running server: it is told to stop, to start its processes anew, and loses one."""

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

# So that there is a test database for the server to serve.
pytestmark = pytest.mark.django_db

SLOW = "/health-regions?q=nothing&detail=none"


@pytest.fixture
def locked(committed_world: dict[str, str]) -> Callable[[], Any]:
    """Return a context manager in which whoever reads regions waits."""

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


def test_told_to_stop_it_answers_what_it_has_begun(serve: Any, locked: Any) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="4") as server, ThreadPoolExecutor(4) as pool:
        with locked():
            answers = [pool.submit(server.get, SLOW) for _ in range(3)]
            time.sleep(0.7)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.7)
            assert not any(answer.done() for answer in answers)
        assert [answer.result()[0] for answer in answers] == [200] * 3
        assert server.process.wait(15) == 0
    assert "Traceback" not in server.written


def test_started_anew_it_loses_no_request(serve: Any) -> None:
    # With one process, as then nobody else would answer.
    with serve(WEB_WORKERS="1", WEB_THREADS="2") as server:
        before, stop, statuses = set(server.workers()), threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                statuses.append(server.get("/fsa/K1A")[0])

        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(ask) for _ in range(3)]
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
            for item in asking:
                item.result()
        assert not before & set(server.workers())
        assert set(statuses) == {404}
        assert len(statuses) > 50


def test_a_process_that_is_killed_is_replaced(serve: Any) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="2") as server:
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        for _ in range(100):
            time.sleep(0.2)
            if len(server.workers()) == 2 and killed not in server.workers():
                break
        assert len(server.workers()) == 2
        assert [server.get("/fsa/K1A")[0] for _ in range(10)] == [404] * 10
        for _ in range(100):  # until the new one counts too
            text = server.get("/metrics")[1]
            if "geo_workers 2.0" in text:
                break
            time.sleep(0.2)
        assert "geo_workers 2.0" in text
        assert f'pid="{killed}"' not in text


def counts_of(server: Server) -> Path:
    """Return the folder in which the processes of a server count together."""
    split = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
    return Path(next(item for item in split if item.startswith(b"PROMETHEUS_MULTIPROC_DIR=")).partition(b"=")[2].decode())


def gone(folder: Path) -> bool:
    """Wait until a folder is gone, for some seconds."""
    for _ in range(100):
        if not folder.exists():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_where_it_counted_goes_with_it(serve: Any, number: signal.Signals) -> None:
    with serve(WEB_WORKERS="2", WEB_THREADS="2") as server:
        folder = counts_of(server)
        assert (folder.parent, folder.stat().st_mode & 0o777) == (Path("/tmp"), 0o700)  # noqa: S108 - as bin/_server.sh does
        assert any(folder.iterdir())
        server.process.send_signal(number)
        server.process.wait(20)
        assert gone(folder)


def test_what_a_killed_server_left_goes_at_the_next_start_and_what_a_living_one_has_stays(serve: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2") as living:
        folder = counts_of(living)
        left = folder.with_name(f"covidtrends-geo-counters-{os.getuid()}-left")
        left.mkdir()
        (left / "counter_1.db").write_bytes(b"\0")
        with serve(WEB_WORKERS="1", WEB_THREADS="2") as other:
            assert not left.exists()
            assert counts_of(other) != folder
            assert any(folder.iterdir())
            assert living.get("/metrics")[0] == 200


def test_a_server_that_is_killed_leaves_nothing(serve: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2") as server:
        folder, workers = counts_of(server), server.workers()
        server.process.kill()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait(20)
        assert gone(folder)


def test_a_statement_that_waits_is_given_up_in_time(serve: Any, locked: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2", DB_STATEMENT_TIMEOUT_MS="1000") as server, locked():
        # The lock is held until the answer has come.
        status, body, headers = server.get(SLOW)
        assert (status, headers["retry-after"]) == (503, "5")
        assert "database-busy" in body

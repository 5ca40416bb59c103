"""Database permits (bulkhead): while requests hang in the database, cached responses still find a free thread."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from operations import db_permits, request_id
from tests.support.faults import FaultyCluster
from tests.support.processes import wait_until
from tests.support.traffic import (
    CACHED_PATHS,
    DATABASE_PATHS,
    OK_STATUSES,
    Response,
    Traffic,
    send_get,
    wait_until_available,
)
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

THREADS = 8


@pytest.fixture(scope="module")
def one_process(serve: Any, cluster: FaultyCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server with one process of eight threads; the statement timeout exceeds the timeout of the clients."""
    server_settings = {
        "GEODATA_CACHE": str(tmp_path_factory.mktemp("cache")),
        "BODY_CACHE_MB": "64",
        "DB_STATEMENT_TIMEOUT_MS": "240000",
    }
    with serve(WEB_WORKERS="1", WEB_THREADS=str(THREADS), **cluster.keys() | server_settings) as running:
        yield running


def statements_waiting(cluster: FaultyCluster) -> int:
    with cluster.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'covidtrends_geo' AND wait_event_type IN ('Lock', 'Timeout')"
        )
        count: int = cursor.fetchone()[0]
    return count


def request_cached_paths_while_locked(
    server: Server, cluster: FaultyCluster, table: str, paths: tuple[str, ...]
) -> tuple[list[Response], int]:
    """Send requests for cached paths while more clients than threads request a locked table.

    Returns the responses of the cached paths, and the largest number of waiting statements.
    """
    result: list[Response] = []
    waiting = 0
    with cluster.cursor() as cursor:
        cursor.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with Traffic(server.port, paths, clients=2 * THREADS) as traffic:
            for _ in range(8):
                # While saturated, every refusal comes after the last permit was taken.
                traffic.wait_for(
                    lambda responses: any(b"database-busy" in response.body for response in responses), "a refused request"
                )
                result += [send_get(server.port, path) for path in CACHED_PATHS]
                waiting = max(waiting, statements_waiting(cluster))
            refused = list(traffic.responses)
            cursor.execute("ROLLBACK")
    assert {(item.status, bool(item.retry_after)) for item in refused} <= {(503, True)}, server.written[-6000:]
    assert any(b"database-busy" in item.body for item in refused)
    return result, waiting


def test_cached_responses_while_other_threads_hang(one_process: Server, cluster: FaultyCluster) -> None:
    wait_until_available(one_process.port)
    locked, waiting = request_cached_paths_while_locked(one_process, cluster, "region", DATABASE_PATHS)
    # Requests for the locked table hang, but one thread at least is free.
    assert 2 <= waiting <= THREADS - 1
    assert {item.status for item in locked} == OK_STATUSES
    wait_until_available(one_process.port)


def test_waiting_for_single_flight_counts_as_blocked(one_process: Server, cluster: FaultyCluster) -> None:
    """Single flight: one thread creates the body, and the threads that wait for it count as blocked too."""
    wait_until_available(one_process.port)
    locked, _ = request_cached_paths_while_locked(
        one_process, cluster, "region_level", ("/health-regions?detail=medium&vintage=2018",)
    )
    assert {item.status for item in locked} == OK_STATUSES
    wait_until_available(one_process.port)


def test_locked_vintage_table_is_served_from_catalogue(one_process: Server, cluster: FaultyCluster) -> None:
    wait_until_available(one_process.port)
    with cluster.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE vintage IN ACCESS EXCLUSIVE MODE")
        with Traffic(one_process.port, CACHED_PATHS, clients=4) as traffic:
            wait_until(lambda: statements_waiting(cluster), "a thread that reads the locked table")
            waiting = []
            for _ in range(5):
                traffic.wait_for_rounds()
                waiting.append(statements_waiting(cluster))
            answered = list(traffic.responses)
            cursor.execute("ROLLBACK")
    # One thread at a time queries the table; the others use the catalogue in memory.
    assert max(waiting) == 1
    assert {response.path for response in answered} == set(CACHED_PATHS)
    assert {response.status for response in traffic.responses} == OK_STATUSES
    wait_until_available(one_process.port)


def test_exhausted_permits_fail_fast_after_first_wait() -> None:
    permits = db_permits.Permits(1)
    permits.acquire()
    threading.Timer(0.05, permits.release, [0.05]).start()
    permits.acquire()
    permits.patience_s = 0.05
    with pytest.raises(db_permits.PoolExhausted):
        permits.acquire()
    assert permits.saturated
    # While saturated, `acquire` fails at once: with this patience, waiting would never end.
    permits.patience_s = 1e9
    with pytest.raises(db_permits.PoolExhausted):
        permits.acquire()


def test_permit_held_too_long_marks_saturation() -> None:
    permits, saturated = db_permits.Permits(2), []
    for held_s in (0.1, db_permits.PATIENCE_S + 0.1, 0.1):
        permits.acquire()
        permits.release(held_s)
        saturated.append(permits.saturated)
    assert saturated == [False, True, False]


def test_thread_with_permit_acquires_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    request_id.start(None)
    permits = db_permits.Permits(1)
    monkeypatch.setitem(db_permits._permits, "default", permits)
    with db_permits.acquire_permit("default"), db_permits.acquire_permit("default"):
        assert permits.free == 0
    assert permits.free == 1
    with contextlib.suppress(ZeroDivisionError), db_permits.acquire_permit("default"):
        raise ZeroDivisionError
    assert permits.free == 1


def test_thread_without_requests_needs_no_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(db_permits._permits, "default", db_permits.Permits(0))

    def acquire() -> str:
        with db_permits.acquire_permit("default"):
            return "acquired"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(acquire).result() == "acquired"
        # The same thread, once it answers requests.
        pool.submit(request_id.start, None).result()
        with pytest.raises(db_permits.PoolExhausted):
            pool.submit(acquire).result()

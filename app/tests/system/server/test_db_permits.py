"""Threads that hang in the database: what is in memory or kept finds a free one all the same."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from operations import db_permits
from tests.support.faults import ANSWERED, ASKED, KEPT, Answer, Breakable, Traffic, ask, well
from tests.system.server.conftest import Server

# So that there is a test database, which the server's fixture asks for.
pytestmark = pytest.mark.django_db

THREADS = 8


@pytest.fixture(scope="module")
def one_process(serve: Any, cluster: Breakable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one process of eight threads. A statement waits longer for a lock than a client for its answer."""
    own = {"GEODATA_CACHE": str(tmp_path_factory.mktemp("cache")), "BODY_CACHE_MB": "64", "DB_STATEMENT_TIMEOUT_MS": "240000"}
    with serve(WEB_WORKERS="1", WEB_THREADS=str(THREADS), **cluster.keys() | own) as running:
        yield running


def statements_waiting(cluster: Breakable) -> int:
    with cluster.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'covidtrends_geo' AND wait_event_type IN ('Lock', 'Timeout')"
        )
        count: int = cursor.fetchone()[0]
    return count


def asked_while_locked(server: Server, cluster: Breakable, table: str, paths: tuple[str, ...]) -> tuple[list[Answer], int]:
    """Ask what is in memory while more clients than there are threads ask what a locked table holds; return both answers.

    The second is how many statements waited at most.
    """
    result: list[Answer] = []
    waiting = 0
    with cluster.cursor() as cursor:
        cursor.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with Traffic(server.port, paths, clients=2 * THREADS) as hanging:
            time.sleep(0.7)
            for _ in range(8):
                result += [ask(server.port, path) for path in KEPT]
                waiting = max(waiting, statements_waiting(cluster))
                time.sleep(0.3)
            refused = list(hanging.answers)
            cursor.execute("ROLLBACK")
    assert {(item.status, bool(item.retry_after)) for item in refused} <= {(503, True)}, server.written[-6000:]
    assert any(b"database-busy" in item.body for item in refused)
    return result, waiting


def test_what_is_in_memory_is_answered_while_all_other_threads_hang(one_process: Server, cluster: Breakable) -> None:
    well(one_process.port)
    locked, waiting = asked_while_locked(one_process, cluster, "region", ASKED)
    # Requests for the locked table hang, but not in all threads.
    assert 2 <= waiting <= THREADS - 1
    assert {item.status for item in locked} == ANSWERED
    well(one_process.port)


def test_waiting_for_a_body_that_hangs_is_hanging_too(one_process: Server, cluster: Breakable) -> None:
    """One thread makes a body that is not kept, and the others that want the same one wait for it."""
    well(one_process.port)
    locked, _ = asked_while_locked(one_process, cluster, "region_level", ("/health-regions?detail=medium&vintage=2018",))
    assert {item.status for item in locked} == ANSWERED
    well(one_process.port)


def test_what_is_published_cannot_be_asked_and_is_remembered(one_process: Server, cluster: Breakable) -> None:
    well(one_process.port)
    with cluster.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE vintage IN ACCESS EXCLUSIVE MODE")
        with Traffic(one_process.port, KEPT, clients=4) as asking:
            waiting = []
            for _ in range(20):
                time.sleep(0.2)
                waiting.append(statements_waiting(cluster))
            answered = list(asking.answers)
            cursor.execute("ROLLBACK")
    # One thread at a time asks the table, and the others answer from memory.
    assert max(waiting) == 1
    assert {answer.path for answer in answered} == set(KEPT)
    assert {answer.status for answer in asking.answers} == ANSWERED
    well(one_process.port)


def test_an_exhausted_pool_fails_fast_after_one_wait_in_vain() -> None:
    few = db_permits.Permits(1)
    few.acquire()
    threading.Timer(0.05, few.release, [0.05]).start()
    few.acquire()
    few.patience_s = 0.05
    with pytest.raises(db_permits.PoolExhausted):
        few.acquire()
    assert few.saturated
    # From now on nobody waits: this one would until somebody else gives it back.
    few.patience_s = 1e9
    with pytest.raises(db_permits.PoolExhausted):
        few.acquire()


def test_a_place_that_comes_back_soon_ends_that_and_one_that_does_not_begins_it() -> None:
    few, hangs = db_permits.Permits(2), []
    for held_s in (0.1, db_permits.PATIENCE_S + 0.1, 0.1):
        few.acquire()
        few.release(held_s)
        hangs.append(few.saturated)
    assert hangs == [False, True, False]


def test_who_holds_a_place_takes_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    few = db_permits.Permits(1)
    monkeypatch.setitem(db_permits._permits, "default", few)
    monkeypatch.setattr(db_permits._thread, "serves_requests", True)
    with db_permits.acquire_permit("default"), db_permits.acquire_permit("default"):
        assert few.free == 0
    assert few.free == 1
    with contextlib.suppress(ZeroDivisionError), db_permits.acquire_permit("default"):
        raise ZeroDivisionError
    assert few.free == 1


def test_what_answers_nobody_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(db_permits._permits, "default", db_permits.Permits(0))
    monkeypatch.setattr(db_permits._thread, "serves_requests", False)
    with db_permits.acquire_permit("default"):
        pass

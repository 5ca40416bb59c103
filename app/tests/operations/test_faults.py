"""What the service does while its database is away, silent, slow, full of others or another one: on a real one, under traffic.

While it must, what only tables know is refused with 503 and Retry-After, at once and not after some limit of seconds; what is
in memory or kept goes on being answered; afterwards everything is as before, by itself.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest

from tests.faulty import ASKED, KEPT, Cluster, Traffic, Wire, ask, cluster_with_world, folder_for_postgres, free_port
from tests.operations.conftest import Server

# So that there is a test database, which the server's fixture asks for.
pytestmark = pytest.mark.django_db

# A request that waits for one of the limits of seconds (a statement: 10 s, a lock: 2.5 s) takes longer.
HANGS_S = 2.4


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with cluster_with_world() as made:
        yield made


@pytest.fixture(scope="module")
def wire(cluster: Cluster) -> Iterator[Wire]:
    wire = Wire(cluster.port)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def running(serve: Any, cluster: Cluster, wire: Wire, cache: Path) -> Iterator[Server]:
    keys = {"GEODATA_CACHE": str(cache), "BODY_CACHE_MB": "64", "LOG_LEVEL": "INFO"}
    with serve(WEB_WORKERS="2", WEB_THREADS="3", **cluster.keys(wire.port), **keys) as server:
        yield server


@pytest.fixture
def traffic(running: Server) -> Iterator[Traffic]:
    """Traffic on a service that is well; at the end it is well again, by itself."""
    well(running)
    with Traffic(running.port) as asking:
        time.sleep(0.5)
        yield asking
    well(running)


def well(server: Server) -> None:
    """Wait until both processes answer everything."""
    seen: list[Any] = []
    for _ in range(100):
        seen = [ask(server.port, path) for path in (*KEPT, *ASKED) * 3]
        if {one.status for one in seen} == {200} and all("cache-status" not in one.headers for one in seen):
            return
        time.sleep(0.2)
    pytest.fail(f"it does not come back: {[(one.path, one.status) for one in seen]}: {server.written[-3000:]}")


def held(traffic: Traffic, *, refused: bool = True) -> None:
    """Check every answer so far: nothing is lost, nothing hangs, what can be answered is."""
    answers = list(traffic.answers)
    wrong = [one for one in answers if one.status != 200 and not (one.status == 503 and one.retry_after)]
    assert not wrong, wrong[:5]
    assert {one.path for one in answers if one.status == 503} <= set(ASKED)
    assert max(one.took_s for one in answers) < HANGS_S
    assert any(one.status == 503 for one in answers) == refused
    assert {one.path for one in answers if one.status == 200} == {*KEPT, *ASKED}


def test_stopped_and_started(cluster: Cluster, traffic: Traffic) -> None:
    cluster.stop()
    time.sleep(1.5)
    meanwhile = ask(traffic.port, KEPT[1])
    cluster.start()
    time.sleep(1)
    held(traffic)
    # Nobody can tell whether it is still what is published, and it says so.
    assert meanwhile.headers["cache-status"].startswith("covidtrends-geo; hit; ttl=-")


def test_frozen(cluster: Cluster, traffic: Traffic) -> None:
    with cluster.frozen():
        time.sleep(3)
    time.sleep(1)
    held(traffic)


def test_a_network_that_swallows_everything(wire: Wire, traffic: Traffic, running: Server) -> None:
    wire.silent.set()
    time.sleep(3)
    assert '\ngeo_database_silent{database="default"} 2.0' in running.get("/metrics")[1]
    assert running.get("/readyz")[0] == 503
    wire.silent.clear()
    time.sleep(1)
    held(traffic)
    assert "the database default says nothing" in running.written
    assert "the database default answers again" in running.written


def test_a_process_that_starts_while_it_is_silent(serve: Any, cluster: Cluster) -> None:
    wire = Wire(cluster.port)
    wire.silent.set()
    try:
        with serve(WEB_WORKERS="1", WEB_THREADS="2", **cluster.keys(wire.port)) as server:
            refused = [ask(server.port, path) for path in KEPT + ASKED]
            assert {(one.status, bool(one.retry_after)) for one in refused} == {(503, True)}
            assert max(one.took_s for one in refused) < HANGS_S
            assert server.get("/livez")[0] == 200
            wire.silent.clear()
            well(server)
    finally:
        wire.close()


def test_slow_is_not_silent(wire: Wire, traffic: Traffic) -> None:
    wire.delay_s = 0.06
    time.sleep(2)
    wire.delay_s = 0.0
    time.sleep(0.5)
    held(traffic, refused=False)


def test_a_statement_that_waits_for_a_lock_is_not_cut(cluster: Cluster, running: Server) -> None:
    well(running)
    before = running.written.count("connections cut")
    with cluster.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE region IN ACCESS EXCLUSIVE MODE")
        answer = ask(running.port, "/health-regions?q=east")
        cursor.execute("ROLLBACK")
    assert (answer.status, answer.retry_after) == (503, "5")
    assert b"database-busy" in answer.body
    assert running.written.count("connections cut") == before


def test_sessions_killed(cluster: Cluster, traffic: Traffic) -> None:
    for _ in range(10):
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'covidtrends_geo'")
        time.sleep(0.1)
    answers = list(traffic.answers)
    assert {one.status for one in answers} <= {200, 503}
    assert max(one.took_s for one in answers) < HANGS_S


def test_no_connection_left(cluster: Cluster, traffic: Traffic) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            # Whatever is free is taken, and what the service holds is freed, until it holds none.
            with contextlib.suppress(psycopg2.OperationalError):
                while True:
                    stack.enter_context(cluster.cursor(user="covidtrends_geo", database="postgres"))
            with cluster.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'covidtrends-geo' AND datname = 'covidtrends_geo'"
                )
                if not cursor.fetchall():
                    break
        time.sleep(1)
    time.sleep(0.5)
    held(traffic)


def test_read_only(cluster: Cluster, traffic: Traffic) -> None:
    cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    time.sleep(1.5)
    held(traffic, refused=False)
    with cluster.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        cursor.execute("SELECT pg_reload_conf()")


def test_failed_over_to_a_standby(cluster: Cluster, wire: Wire, traffic: Traffic) -> None:
    with folder_for_postgres() as folder:
        standby = Cluster(folder / "data", free_port())
        standby.run(
            *("pg_basebackup", "-D", str(standby.folder), "-R", "-X", "stream", "-c", "fast"),
            *("-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres"),
        )
        standby.start()
        try:
            cluster.stop()
            time.sleep(0.5)
            standby.run("pg_ctl", "promote", "-w", "-D", str(standby.folder))
            wire.to = standby.port
            time.sleep(1.5)
            held(traffic)
            assert ask(traffic.port, "/fsa/M5V").status == 200
        finally:
            standby.stop()
            cluster.start()
            wire.to = cluster.port

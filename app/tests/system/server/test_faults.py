"""Database faults under traffic: stopped, unresponsive, slow, out of connections, replaced by another one.

During a fault, requests that need the database get 503 with Retry-After at once, without waiting for a timeout; cached
responses continue; afterwards the service recovers by itself.
"""

import contextlib
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest

from tests.support.cluster import folder_for_postgres
from tests.support.faults import NAME, FaultyCluster, TcpProxy
from tests.support.processes import wait_until
from tests.support.traffic import (
    CACHED_PATHS,
    DATABASE_PATHS,
    DOWNLOAD,
    OK_STATUSES,
    Traffic,
    assert_only_database_paths_refused,
    send_get,
    wait_until_available,
)
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db


def test_database_stopped_and_started(cluster: FaultyCluster, traffic: Traffic) -> None:
    cluster.stop()
    traffic.wait_for_refusals()

    def cache_status() -> str:
        return send_get(traffic.port, CACHED_PATHS[1]).headers.get("cache-status", "")

    # The response may be stale, and Cache-Status says so: negative ttl. Each process notices within half a second.
    wait_until(lambda: cache_status().startswith("covidtrends-geo; hit; ttl=-"), "a response that says that it may be stale")
    cluster.start()
    wait_until_available(traffic.port)
    assert_only_database_paths_refused(traffic)


def test_database_frozen(cluster: FaultyCluster, traffic: Traffic) -> None:
    with cluster.frozen():
        traffic.wait_for_refusals()
    wait_until_available(traffic.port)
    assert_only_database_paths_refused(traffic)


def test_network_blackhole(proxy: TcpProxy, traffic: Traffic, running: Server) -> None:
    proxy.blackhole.set()
    both = '\ngeo_database_unavailable{database="default"} 2.0'
    wait_until(lambda: both in running.get("/metrics")[1], "the circuits of both processes are open")
    traffic.wait_for_refusals()
    assert running.get("/readyz")[0] == 503
    proxy.blackhole.clear()
    wait_until_available(traffic.port)
    assert_only_database_paths_refused(traffic)
    assert "database 'default' unavailable: no answer" in running.written
    assert "database 'default' available again" in running.written


def test_process_starts_during_network_blackhole(serve: Any, cluster: FaultyCluster) -> None:
    proxy = TcpProxy(cluster.port)
    proxy.blackhole.set()
    try:
        with serve(WEB_WORKERS="1", WEB_THREADS="2", **cluster.keys(proxy.port)) as server:
            refused = [send_get(server.port, path) for path in CACHED_PATHS + DATABASE_PATHS]
            assert {(item.status, bool(item.retry_after)) for item in refused} == {(503, True)}
            assert server.get("/livez")[0] == 200
            proxy.blackhole.clear()
            wait_until_available(server.port)
    finally:
        proxy.close()


def test_process_started_without_database_serves_cached_responses_and_positions(
    serve: Any, cluster: FaultyCluster, tmp_path: Path, running: Server
) -> None:
    server_settings = {"WEB_WORKERS": "1", "WEB_THREADS": "3", "GEODATA_CACHE": str(tmp_path), "BODY_CACHE_MB": "64"}
    paths = CACHED_PATHS[1:]
    with serve(**server_settings, **cluster.keys()) as server:
        wait_until_available(server.port)
        before = {path: send_get(server.port, path) for path in paths}
    cluster.stop()
    try:
        with serve(**server_settings, **cluster.keys()) as server:
            for path in paths:
                response = send_get(server.port, path)
                assert (path, response.status, response.body) == (path, before[path].status, before[path].body)
                assert response.headers["etag"] == before[path].headers["etag"]
                if path != DOWNLOAD:  # a download is immutable
                    assert response.headers["cache-status"].startswith("covidtrends-geo; hit; ttl=-")
            # Positions are looked up in the compiled indexes.
            located = send_get(server.port, CACHED_PATHS[0])
            assert located.status == 200
            assert located.headers["cache-status"].startswith("covidtrends-geo; hit; ttl=-")
            # The memory of the new process is empty: requests that need the database are refused.
            refused = [send_get(server.port, path) for path in DATABASE_PATHS * 3]
            assert {(item.status, bool(item.retry_after)) for item in refused} == {(503, True)}
            # Load details of a vintage are not cached: refused, no partial response.
            assert send_get(server.port, "/vintages/fsa/2021").status == 503
            assert server.get("/livez")[0] == 200
            assert server.get("/readyz")[0] == 503
            cluster.start()
            wait_until_available(server.port)
            assert server.get("/readyz")[0] == 200
    finally:
        if not cluster.running:
            cluster.start()
    wait_until_available(running.port)


def test_process_started_without_database_or_cache_recovers(
    serve: Any, cluster: FaultyCluster, tmp_path: Path, running: Server
) -> None:
    (tmp_path / "published").write_text("no folder", encoding="ascii")
    cluster.stop()
    try:
        with serve(
            WEB_WORKERS="2", WEB_THREADS="2", GEODATA_CACHE=str(tmp_path), BODY_CACHE_MB="64", **cluster.keys()
        ) as server:
            refused = [send_get(server.port, path) for path in (*CACHED_PATHS, *DATABASE_PATHS)]
            assert {(item.status, bool(item.retry_after)) for item in refused} == {(503, True)}
            assert server.get("/livez")[0] == 200
            cluster.start()
            wait_until_available(server.port)
    finally:
        if not cluster.running:
            cluster.start()
    wait_until_available(running.port)


def test_slow_database_is_not_unavailable(proxy: TcpProxy, traffic: Traffic) -> None:
    proxy.delay_s = 0.06
    traffic.wait_for_rounds(3)
    proxy.delay_s = 0.0
    traffic.wait_for_rounds()
    assert_only_database_paths_refused(traffic, refused=False)


def test_statement_waiting_for_lock_keeps_its_connection(cluster: FaultyCluster, running: Server) -> None:
    wait_until_available(running.port)
    before = running.written.count("connections closed")
    with cluster.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE region IN ACCESS EXCLUSIVE MODE")
        response = send_get(running.port, "/health-regions?q=east")
        cursor.execute("ROLLBACK")
    assert (response.status, response.retry_after) == (503, "5")
    assert b"database-busy" in response.body
    assert running.written.count("connections closed") == before


def test_terminated_sessions_are_replaced(cluster: FaultyCluster, traffic: Traffic) -> None:
    for _ in range(10):
        cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{NAME}'")
        traffic.wait_for_rounds()
    # A statement of a terminated session is retried.
    assert_only_database_paths_refused(traffic, refused=False)


def test_session_terminated_during_a_statement(cluster: FaultyCluster, running: Server, traffic: Traffic) -> None:
    with cluster.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE region IN ACCESS EXCLUSIVE MODE")
        terminate = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'covidtrends_geo' AND wait_event_type = 'Lock'"
        )
        wait_until(lambda: cluster.sql(terminate), "a statement that waits for the lock")
        cursor.execute("ROLLBACK")
    traffic.wait_for_rounds()
    assert_only_database_paths_refused(traffic, refused=False)


def test_all_database_connections_taken(cluster: FaultyCluster, traffic: Traffic) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            # Take every free connection and terminate those of the service, until it has none.
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
        traffic.wait_for_refusals()
    wait_until_available(traffic.port)
    assert_only_database_paths_refused(traffic)


def test_connection_limit_of_geo_reader_protects_the_service(cluster: FaultyCluster, running: Server, traffic: Traffic) -> None:
    cluster.sql(f"ALTER ROLE geo_reader PASSWORD '{cluster.password}'")
    limit = int(cluster.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'geo_reader'"))
    with contextlib.ExitStack() as stack:
        for _ in range(limit):
            reader = stack.enter_context(cluster.cursor(user="geo_reader"))
            reader.execute("SELECT count(*) FROM health_regions")
            assert reader.fetchone() == (6,)
        with pytest.raises(psycopg2.OperationalError, match='too many connections for role "geo_reader"'):
            stack.enter_context(cluster.cursor(user="geo_reader"))
        # Terminate the open connections of the service, so that it must reconnect.
        with cluster.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'covidtrends-geo'")
            assert cursor.fetchall()
        assert {send_get(running.port, path).status for path in (*CACHED_PATHS, *DATABASE_PATHS) * 2} == OK_STATUSES
    assert_only_database_paths_refused(traffic, refused=False)

    def accepted() -> bool:
        with contextlib.suppress(psycopg2.OperationalError), cluster.cursor(user="geo_reader"):
            return True
        return False

    wait_until(accepted, "PostgreSQL has noticed the closed connections of geo_reader")


def test_database_read_only(cluster: FaultyCluster, traffic: Traffic) -> None:
    cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")
    traffic.wait_for_rounds(3)
    assert_only_database_paths_refused(traffic, refused=False)
    with cluster.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        cursor.execute("SELECT pg_reload_conf()")


def test_failover_to_a_standby(cluster: FaultyCluster, proxy: TcpProxy, traffic: Traffic) -> None:
    with folder_for_postgres("fault") as folder:
        standby = FaultyCluster(folder / "data")
        standby.follow(cluster)
        standby.start()
        try:
            cluster.stop()
            traffic.wait_for_refusals()
            standby.run("pg_ctl", "promote", "-w", "-D", str(standby.folder))
            proxy.target_port = standby.port
            wait_until_available(traffic.port)
            assert_only_database_paths_refused(traffic)
            assert send_get(traffic.port, "/fsa/M5V").status == 200
        finally:
            standby.stop()
            cluster.start()
            proxy.target_port = cluster.port

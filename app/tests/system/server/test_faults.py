"""Database faults under traffic: stopped, unresponsive, slow, out of connections, replaced by another one.

While it must, what only tables know is refused with 503 and Retry-After, at once and not after some limit of seconds; what is
in memory or kept goes on being answered; afterwards everything is as before, by itself.
"""

import contextlib
import time
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest

from tests.support.cluster import folder_for_postgres
from tests.support.faults import ANSWERED, ASKED, FILE, KEPT, NAME, Breakable, Traffic, Wire, ask, held, well
from tests.system.server.conftest import Server

# So that there is a test database, which the server's fixture asks for.
pytestmark = pytest.mark.django_db


def test_stopped_and_started(cluster: Breakable, traffic: Traffic) -> None:
    cluster.stop()
    time.sleep(1.5)
    meanwhile = ask(traffic.port, KEPT[1])
    cluster.start()
    time.sleep(1)
    held(traffic)
    # Nobody can tell whether it is still what is published, and it says so.
    assert meanwhile.headers["cache-status"].startswith("covidtrends-geo; hit; ttl=-")


def test_frozen(cluster: Breakable, traffic: Traffic) -> None:
    with cluster.frozen():
        time.sleep(3)
    time.sleep(1)
    held(traffic)


def test_a_network_that_swallows_everything(wire: Wire, traffic: Traffic, running: Server) -> None:
    wire.silent.set()
    time.sleep(3)
    assert '\ngeo_database_unavailable{database="default"} 2.0' in running.get("/metrics")[1]
    assert running.get("/readyz")[0] == 503
    wire.silent.clear()
    time.sleep(1)
    held(traffic)
    assert "database 'default' unavailable: no answer" in running.written
    assert "database 'default' available again" in running.written


def test_a_process_that_starts_while_it_is_silent(serve: Any, cluster: Breakable) -> None:
    wire = Wire(cluster.port)
    wire.silent.set()
    try:
        with serve(WEB_WORKERS="1", WEB_THREADS="2", **cluster.keys(wire.port)) as server:
            refused = [ask(server.port, path) for path in KEPT + ASKED]
            assert {(item.status, bool(item.retry_after)) for item in refused} == {(503, True)}
            assert server.get("/livez")[0] == 200
            wire.silent.clear()
            well(server.port)
    finally:
        wire.close()


def test_a_process_that_starts_while_it_is_away_answers_what_is_kept(
    serve: Any, cluster: Breakable, tmp_path: Path, running: Server
) -> None:
    own = {"WEB_WORKERS": "1", "WEB_THREADS": "3", "GEODATA_CACHE": str(tmp_path), "BODY_CACHE_MB": "64"}
    retained = KEPT[1:]
    with serve(**own, **cluster.keys()) as server:
        well(server.port)
        before = {path: ask(server.port, path) for path in retained}
    cluster.stop()
    try:
        with serve(**own, **cluster.keys()) as server:
            for path in retained:
                answer = ask(server.port, path)
                assert (path, answer.status, answer.body) == (path, before[path].status, before[path].body)
                assert answer.headers["etag"] == before[path].headers["etag"]
                if path != FILE:  # a file never changes
                    assert answer.headers["cache-status"].startswith("covidtrends-geo; hit; ttl=-")
            # Nothing is in its memory, and what only tables know is refused.
            refused = [ask(server.port, path) for path in (KEPT[0], *ASKED) * 3]
            assert {(item.status, bool(item.retry_after)) for item in refused} == {(503, True)}
            # What an edition's own row says of its load is not kept: no half of an answer.
            assert ask(server.port, "/vintages/fsa/2021").status == 503
            assert server.get("/livez")[0] == 200
            assert server.get("/readyz")[0] == 503
            cluster.start()
            well(server.port)
            assert server.get("/readyz")[0] == 200
    finally:
        if not cluster.running:
            cluster.start()
    well(running.port)


def test_a_process_that_starts_with_nothing_kept_refuses_and_comes_back(
    serve: Any, cluster: Breakable, tmp_path: Path, running: Server
) -> None:
    (tmp_path / "published").write_text("no folder", encoding="ascii")
    cluster.stop()
    try:
        with serve(
            WEB_WORKERS="2", WEB_THREADS="2", GEODATA_CACHE=str(tmp_path), BODY_CACHE_MB="64", **cluster.keys()
        ) as server:
            refused = [ask(server.port, path) for path in (*KEPT, *ASKED)]
            assert {(item.status, bool(item.retry_after)) for item in refused} == {(503, True)}
            assert server.get("/livez")[0] == 200
            cluster.start()
            well(server.port)
    finally:
        if not cluster.running:
            cluster.start()
    well(running.port)


def test_slow_is_not_silent(wire: Wire, traffic: Traffic) -> None:
    wire.delay_s = 0.06
    time.sleep(2)
    wire.delay_s = 0.0
    time.sleep(0.5)
    held(traffic, refused=False)


def test_a_statement_that_waits_for_a_lock_is_not_cut(cluster: Breakable, running: Server) -> None:
    well(running.port)
    before = running.written.count("connections closed")
    with cluster.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE region IN ACCESS EXCLUSIVE MODE")
        answer = ask(running.port, "/health-regions?q=east")
        cursor.execute("ROLLBACK")
    assert (answer.status, answer.retry_after) == (503, "5")
    assert b"database-busy" in answer.body
    assert running.written.count("connections closed") == before


def test_sessions_killed(cluster: Breakable, traffic: Traffic) -> None:
    for _ in range(10):
        cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{NAME}'")
        time.sleep(0.2)
    # A statement whose session is ended is sent again.
    held(traffic, refused=False)


def test_a_session_killed_in_the_middle_of_a_statement(cluster: Breakable, running: Server, traffic: Traffic) -> None:
    with cluster.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE region IN ACCESS EXCLUSIVE MODE")
        for _ in range(50):
            with cluster.cursor() as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename = 'covidtrends_geo' AND wait_event_type = 'Lock'"
                )
                if other.fetchall():
                    break
            time.sleep(0.02)
        else:
            pytest.fail("no statement waits for the lock")
        cursor.execute("ROLLBACK")
    time.sleep(0.5)
    held(traffic, refused=False)


def test_no_connection_left(cluster: Breakable, traffic: Traffic) -> None:
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


def test_analysts_who_take_every_connection_of_theirs_leave_the_service_its_own(
    cluster: Breakable, running: Server, traffic: Traffic
) -> None:
    cluster.sql(f"ALTER ROLE geo_reader PASSWORD '{cluster.password}'")
    limit = int(cluster.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'geo_reader'"))
    with contextlib.ExitStack() as stack:
        for _ in range(limit):
            reader = stack.enter_context(cluster.cursor(user="geo_reader"))
            reader.execute("SELECT count(*) FROM health_regions")
            assert reader.fetchone() == (6,)
        with pytest.raises(psycopg2.OperationalError, match='too many connections for role "geo_reader"'):
            stack.enter_context(cluster.cursor(user="geo_reader"))
        # Nor is it what the service holds already that it lives on: it must connect anew.
        with cluster.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'covidtrends-geo'")
            assert cursor.fetchall()
        assert {ask(running.port, path).status for path in (*KEPT, *ASKED) * 2} == ANSWERED
    held(traffic, refused=False)
    # What they give back can be had again, once the server has seen that they are gone.
    for _ in range(100):
        with contextlib.suppress(psycopg2.OperationalError), cluster.cursor(user="geo_reader") as cursor:
            cursor.execute("SELECT 1")
            break
        time.sleep(0.05)
    else:
        pytest.fail("a connection that was closed still counts")


def test_read_only(cluster: Breakable, traffic: Traffic) -> None:
    cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")
    time.sleep(1.5)
    held(traffic, refused=False)
    with cluster.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        cursor.execute("SELECT pg_reload_conf()")


def test_failed_over_to_a_standby(cluster: Breakable, wire: Wire, traffic: Traffic) -> None:
    with folder_for_postgres("fault") as folder:
        standby = Breakable(folder / "data")
        standby.follow(cluster)
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

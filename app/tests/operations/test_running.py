"""A running server: it is told to stop, to start its processes anew, and loses one; its database hangs."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import pytest

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
    with serve(WEB_WORKERS="2", WEB_THREADS="2") as server, ThreadPoolExecutor(4) as pool:
        with locked():
            answers = [pool.submit(server.get, SLOW) for _ in range(3)]
            time.sleep(0.7)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.7)
            assert not any(one.done() for one in answers)
        assert [one.result()[0] for one in answers] == [200] * 3
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
            for one in asking:
                one.result()
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


def test_a_statement_that_waits_is_given_up_in_time(serve: Any, locked: Any) -> None:
    with serve(WEB_WORKERS="1", WEB_THREADS="2", DB_STATEMENT_TIMEOUT_MS="1000") as server, locked():
        started = time.monotonic()
        status, body, headers = server.get(SLOW)
        assert (status, headers["retry-after"]) == (503, "5")
        assert "database-busy" in body
        assert time.monotonic() - started < 3


class Mute:
    """A way to the database that can stop passing anything on, as a network or a frozen server does."""

    def __init__(self, port: int) -> None:
        self.silent = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self._to = port
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self.listening.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self._to))
            self._open += [here, there]
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: Any, other: Any) -> None:
        try:
            while some := one.recv(65536):
                if not self.silent.is_set():
                    other.sendall(some)
        except OSError:
            pass
        self._end(other)

    def close(self) -> None:
        for one in (self.listening, *self._open):
            self._end(one)
            one.close()

    @staticmethod
    def _end(one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def test_a_database_that_says_nothing_is_given_up_and_taken_up_again(serve: Any, committed_world: dict[str, str]) -> None:
    mute = Mute(int(committed_world["DB_PORT"]))
    try:
        keys = {"DB_PORT": str(mute.port), "DB_STATEMENT_TIMEOUT_MS": "1000"}
        with serve(WEB_WORKERS="1", WEB_THREADS="1", **keys) as server:
            assert server.get(SLOW)[0] == 200, server.written
            mute.silent.set()
            started = time.monotonic()
            status, _, headers = server.get(SLOW)
            assert (status, headers["retry-after"]) == (503, "5")
            assert time.monotonic() - started < 12
            assert server.get("/livez")[0] == 200
            mute.silent.clear()
            for _ in range(20):
                if server.get(SLOW)[0] == 200:
                    break
                time.sleep(0.5)
            assert server.get(SLOW)[0] == 200
            assert "connections cut" in server.written
    finally:
        mute.close()

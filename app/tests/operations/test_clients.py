"""Clients that are slow, on a real server: what they can hold, and for how long."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.operations.conftest import Server

# So that there is a test database for the server to serve.
pytestmark = pytest.mark.django_db

BODY = b"POST /locate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
LARGE = b"GET /static/large.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def small(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process with four threads, of which bulk requests get two; a client may be slow for two seconds."""
    static = tmp_path_factory.mktemp("static")
    (static / "large.bin").write_bytes(b"x" * 8_000_000)
    keys = {"STATIC_ROOT": str(static), "SLOW_CLIENT_S": "2"}
    with serve(WEB_WORKERS="1", WEB_THREADS="4", BULK_AT_ONCE="2", **keys) as running:
        yield running


def closed_after(connected: socket.socket, limit_s: float) -> float:
    """Return after how many seconds the server closed the connection; what it sends meanwhile is not read too eagerly."""
    started = time.monotonic()
    connected.settimeout(limit_s)
    try:
        while connected.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - started


def drip(connected: socket.socket, text: bytes) -> None:
    def run() -> None:
        try:
            for number in range(200):
                connected.sendall(text[number % len(text) : number % len(text) + 1])
                time.sleep(0.2)
        except OSError:
            pass

    threading.Thread(target=run, daemon=True).start()


def answers(server: Server) -> bool:
    """Say whether lookups are answered, each within a second, from all threads that are left."""
    started = time.monotonic()
    assert [server.get("/fsa/K1A")[0] for _ in range(5)] == [404] * 5
    return time.monotonic() - started < 5


class TestSlowlySent:
    def test_headers_byte_by_byte_hold_no_thread_and_end_after_five_seconds(self, small: Server) -> None:
        with ExitStack() as stack:
            held = [stack.enter_context(small.connect()) for _ in range(20)]
            for one in held:
                one.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            drip(held[0], b"a")
            assert answers(small)
            assert closed_after(held[0], 15) < 8

    def test_bodies_hold_no_thread_that_lookups_need(self, small: Server) -> None:
        with ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(small.connect()).sendall(BODY)
            time.sleep(0.3)
            assert answers(small)

    @pytest.mark.parametrize("dripping", [False, True])
    def test_a_body_that_does_not_come_is_given_up(self, small: Server, dripping: bool) -> None:
        with small.connect() as connected:
            connected.sendall(BODY)
            if dripping:
                drip(connected, b" ")
            assert closed_after(connected, 20) < 10
        assert answers(small)

    def test_who_sends_nothing_at_all_is_cut_off(self, small: Server) -> None:
        with small.connect() as connected:
            assert closed_after(connected, 20) < 10


class TestSlowlyTaken:
    def test_answers_hold_no_thread(self, small: Server) -> None:
        with ExitStack() as stack:
            for _ in range(12):
                stack.enter_context(sip(small))
            time.sleep(0.5)
            assert answers(small)

    def test_who_takes_nothing_is_cut_off(self, small: Server) -> None:
        before = small.written.count("the clients were too slow")
        with sip(small):
            for _ in range(60):
                time.sleep(0.2)
                if small.written.count("the clients were too slow") > before:
                    return
        pytest.fail("it still waits")

    def test_who_takes_slowly_but_steadily_gets_it_all(self, small: Server) -> None:
        taken = 0
        with sip(small) as connected:
            while some := connected.recv(200_000):
                taken += len(some)
                time.sleep(0.05)
        assert taken > 8_000_000


def sip(server: Server) -> socket.socket:
    """Ask for eight megabytes, with room for little of it."""
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connected.connect(("127.0.0.1", server.port))
    connected.sendall(LARGE)
    return connected

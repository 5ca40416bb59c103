"""Clients that are slow, on a real server: what they can hold, and for how long."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.system.server.conftest import Server

# So that there is a test database for the server to serve.
pytestmark = pytest.mark.django_db

BODY = b"POST /locate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{"
LARGE = b"GET /static/large.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
CLICK = b'{"points": [[-79.4, 43.6]]}'
TIMEOUT_S = 4.0


@pytest.fixture(scope="module")
def small(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process with four threads, of which bulk requests get two; a body has four seconds."""
    static = tmp_path_factory.mktemp("static")
    (static / "large.bin").write_bytes(b"x" * 8_000_000)
    keys = {"STATIC_ROOT": str(static), "BODY_TIMEOUT_S": str(TIMEOUT_S), "TRANSFERS_AT_ONCE": "1"}
    with serve(WEB_WORKERS="1", WEB_THREADS="4", BULK_AT_ONCE="2", **keys) as running:
        yield running


def received(connected: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection."""
    answer = b""
    connected.settimeout(30)
    with suppress(ConnectionResetError):
        while piece := connected.recv(65536):
            answer += piece
    return answer


def drip(connected: socket.socket, piece: bytes) -> None:
    """Send a piece every fifth of a second, in the background."""

    def run() -> None:
        with suppress(OSError):
            for _ in range(200):
                connected.sendall(piece)
                time.sleep(0.2)

    threading.Thread(target=run, daemon=True).start()


def answers(server: Server) -> bool:
    """Say whether lookups are answered, each within a second, from all threads that are left."""
    started = time.monotonic()
    assert [server.get("/fsa/K1A")[0] for _ in range(5)] == [404] * 5
    return time.monotonic() - started < 5


def click(server: Server) -> int:
    """Return the status of a POST of one position, as a click on the map sends it: body after headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", "/locate", CLICK, {"Content-Type": "application/json", "Host": "localhost"})
        return connection.getresponse().status
    finally:
        connection.close()


class TestSlowlySent:
    def test_headers_byte_by_byte_hold_no_thread_and_end_after_five_seconds(self, small: Server) -> None:
        with ExitStack() as stack:
            held = [stack.enter_context(small.connect()) for _ in range(20)]
            for item in held:
                item.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            drip(held[0], b"a")
            assert answers(small)
            assert b"200 OK" not in received(held[0])

    @pytest.mark.parametrize("length", [100_000, 100])
    def test_bodies_hold_no_thread_that_lookups_need(self, small: Server, length: int) -> None:
        with ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(small.connect()).sendall(BODY % length)
            time.sleep(1)
            assert answers(small)

    @pytest.mark.parametrize("length", [100_000, 60_000])
    def test_a_body_that_comes_too_slowly_is_given_up(self, small: Server, length: int) -> None:
        with small.connect() as connected:
            connected.sendall(BODY % length)
            drip(connected, b" " * 2_000)
            answer = received(connected)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"/problems/body-timeout"' in answer
        assert answers(small)

    def test_forty_clicks_beside_six_slow_senders_are_all_answered(self, small: Server) -> None:
        with ExitStack() as stack:
            for _ in range(6):
                slow = stack.enter_context(small.connect())
                slow.sendall(BODY % 100_000)
                drip(slow, b" " * 440)
            time.sleep(0.5)
            with ThreadPoolExecutor(40) as people:
                statuses = list(people.map(lambda _: click(small), range(400)))
        assert statuses == [200] * 400

    def test_forty_clicks_at_once_are_all_answered(self, small: Server) -> None:
        with ThreadPoolExecutor(40) as people:
            assert set(people.map(lambda _: click(small), range(400))) == {200}


class TestSlowlyTaken:
    def test_answers_hold_no_thread(self, small: Server) -> None:
        with ExitStack() as stack:
            for _ in range(12):
                stack.enter_context(sip(small))
            time.sleep(0.5)
            assert answers(small)

    def test_a_slow_client_gets_it_all(self, small: Server) -> None:
        taken = 0
        with sip(small) as connected:
            while piece := connected.recv(200_000):
                taken += len(piece)
                time.sleep(0.05)
        assert taken > 8_000_000


def sip(server: Server) -> socket.socket:
    """Ask for eight megabytes, with room for little of it."""
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connected.connect(("127.0.0.1", server.port))
    connected.sendall(LARGE)
    return connected

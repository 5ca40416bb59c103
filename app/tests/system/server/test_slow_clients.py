"""Slow clients on a real server: slow headers, bodies and readers hold no thread that other requests need."""

import http.client
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

BODY = b"POST /locate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{"
LARGE = b"GET /static/large.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
CLICK = b'{"points": [[-79.4, 43.6]]}'
TIMEOUT_S = 4.0


@pytest.fixture(scope="module")
def small_server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server with one process of four threads, two for bulk requests; body timeout four seconds."""
    static = tmp_path_factory.mktemp("static")
    (static / "large.bin").write_bytes(b"x" * 8_000_000)
    keys = {"STATIC_ROOT": str(static), "BODY_TIMEOUT_S": str(TIMEOUT_S), "TRANSFERS_AT_ONCE": "1"}
    with serve(WEB_WORKERS="1", WEB_THREADS="4", BULK_AT_ONCE="2", **keys) as running:
        yield running


def received(connection: socket.socket) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    response = b""
    connection.settimeout(30)
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            response += chunk
    return response


def drip(connection: socket.socket, chunk: bytes) -> None:
    """Send a chunk every 0.2 s in the background."""

    def run() -> None:
        with suppress(OSError):
            for _ in range(200):
                connection.sendall(chunk)
                time.sleep(0.2)  # the pace of the sender

    threading.Thread(target=run, daemon=True).start()


def unanswered(connections: list[socket.socket]) -> int:
    """Return the number of connections that are open and on which the server has sent nothing yet."""
    readable, _, _ = select.select(connections, [], [], 0)
    return len(connections) - len(readable)


def lookups(server: Server) -> list[int]:
    """Return the statuses of five lookups. A lookup without a free thread raises TimeoutError."""
    return [server.get("/fsa/K1A")[0] for _ in range(5)]


def click(server: Server) -> int:
    """Return the status of a POST of a position, sent as by a click on the map: body after headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", "/locate", CLICK, {"Content-Type": "application/json", "Host": "localhost"})
        return connection.getresponse().status
    finally:
        connection.close()


class TestSlowSenders:
    def test_slow_headers_hold_no_thread_and_time_out(self, small_server: Server) -> None:
        with ExitStack() as stack:
            slow = [stack.enter_context(small_server.connect()) for _ in range(20)]
            for connection in slow:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            drip(slow[0], b"a")
            # Answered before the server gives up on the slow clients.
            assert small_server.get("/fsa/K1A")[0] == 404
            assert unanswered(slow) == 20
            assert b"200 OK" not in received(slow[0])

    # A client that stops sending holds its thread until it disconnects: two of bulk requests, or one that reads small bodies.
    @pytest.mark.parametrize(("length", "holding"), [(100_000, 2), (100, 1)])
    def test_slow_bodies_hold_no_thread_of_lookups(self, small_server: Server, length: int, holding: int) -> None:
        with ExitStack() as stack:
            slow = [stack.enter_context(small_server.connect()) for _ in range(20)]
            for connection in slow:
                connection.sendall(BODY % length)
            wait_until(lambda: unanswered(slow) == holding, f"all but {holding} slow clients are refused")
            assert lookups(small_server) == [404] * 5
            assert unanswered(slow) == holding

    @pytest.mark.parametrize("length", [100_000, 60_000])
    def test_slow_body_gets_408(self, small_server: Server, length: int) -> None:
        with small_server.connect() as connection:
            connection.sendall(BODY % length)
            drip(connection, b" " * 2_000)
            response = received(connection)
        assert response.startswith(b"HTTP/1.1 408 ")
        assert b'"/problems/body-timeout"' in response
        assert lookups(small_server) == [404] * 5

    def test_concurrent_lookups_succeed_despite_slow_senders(self, small_server: Server) -> None:
        # The slow bodies of other tests have saturated the permits of small bodies: the first short read ends that.
        assert click(small_server) == 200
        with ExitStack() as stack:
            slow = [stack.enter_context(small_server.connect()) for _ in range(6)]
            for connection in slow:
                connection.sendall(BODY % 100_000)
                drip(connection, b" " * 440)
            wait_until(lambda: unanswered(slow) == 2, "all but two slow clients are refused")
            with ThreadPoolExecutor(40) as pool:
                statuses = list(pool.map(lambda _: click(small_server), range(400)))
        assert statuses == [200] * 400

    def test_concurrent_lookups_succeed(self, small_server: Server) -> None:
        with ThreadPoolExecutor(40) as pool:
            assert set(pool.map(lambda _: click(small_server), range(400))) == {200}


class TestSlowReaders:
    def test_slow_readers_hold_no_thread(self, small_server: Server) -> None:
        with ExitStack() as stack:
            slow = [stack.enter_context(read_slowly(small_server)) for _ in range(12)]
            wait_until(lambda: unanswered(slow) == 0, "every slow reader has the beginning of its response")
            assert lookups(small_server) == [404] * 5
            assert [reader.recv(9) for reader in slow] == [b"HTTP/1.1 "] * 12

    def test_slow_reader_gets_the_whole_response(self, small_server: Server) -> None:
        received_bytes = 0
        with read_slowly(small_server) as connection:
            while chunk := connection.recv(200_000):
                received_bytes += len(chunk)
                time.sleep(0.05)  # the pace of the reader
        assert received_bytes > 8_000_000


def read_slowly(server: Server) -> socket.socket:
    """Request a file of 8 MB with a small receive buffer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(LARGE)
    return connection

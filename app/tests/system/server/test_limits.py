"""Limits of the server and of the code before it."""

import json

import pytest

from tests.system.server.conftest import Server

# So that there is a test database for the server to serve.
pytestmark = pytest.mark.django_db

GET = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def ask(server: Server, path: str, headers: str = "") -> bytes:
    return server.speak(GET.format(path, headers).encode())


class TestAddress:
    def test_a_long_parameter_is_named(self, server: Server) -> None:
        answer = ask(server, "/health-regions?q=" + "a" * 20_000)
        assert status(answer) == 400
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["parameter"] == "q"

    def test_many_parameters_are_refused(self, server: Server) -> None:
        answer = ask(server, "/health-regions?" + "&".join(f"q{number}=1" for number in range(2_000)))
        assert status(answer) == 400
        assert b"application/problem+json" in answer

    def test_a_longer_address_than_64_kb_is_refused_by_the_server(self, server: Server) -> None:
        assert status(ask(server, "/health-regions?q=" + "a" * 66_000)) == 414


class TestHeaders:
    def test_large_and_many_headers_are_refused_by_the_server(self, server: Server) -> None:
        assert status(ask(server, "/livez", "X-A: " + "a" * 1_000_000 + "\r\n")) in {431, 0}
        assert status(ask(server, "/livez", "".join(f"X-{number}: a\r\n" for number in range(150)))) == 431
        assert server.get("/livez")[0] == 200

    @pytest.mark.parametrize(
        "headers",
        [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: -1\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding : chunked\r\n",
            "X-A: a\rb\r\n",
            "X-A: a\x00b\r\n",
        ],
    )
    def test_what_two_servers_could_read_differently_never_reaches_a_second_request(self, server: Server, headers: str) -> None:
        hidden = "GET /vintages HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = server.speak(GET.format("/livez", headers).encode() + b"0\r\n\r\n" + hidden.encode())
        assert b"vintages" not in answer
        assert answer.count(b"HTTP/1.1 ") <= 1

    def test_another_protocol_is_not_spoken(self, server: Server) -> None:
        answer = server.speak(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        assert not answer.startswith(b"\x00")
        assert status(answer) in {0, 400, 505}


class TestBody:
    @pytest.mark.parametrize("path", ["/livez", "/fsa/M5V", "/vintages"])
    def test_where_none_is_taken_none_is_read(self, server: Server, path: str) -> None:
        request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 999999999\r\n\r\n"
        assert status(server.speak(request.encode())) == 405

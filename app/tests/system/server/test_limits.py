"""Limits of the HTTP server: length of URL, headers and body; request smuggling."""

import json

import pytest

from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

GET = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n"


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1]) if response else 0


def ask(server: Server, path: str, headers: str = "") -> bytes:
    return server.send_raw(GET.format(path, headers).encode())


class TestUrl:
    def test_long_parameter_is_named(self, server: Server) -> None:
        response = ask(server, "/health-regions?q=" + "a" * 20_000)
        assert status(response) == 400
        assert json.loads(response.partition(b"\r\n\r\n")[2])["parameter"] == "q"

    def test_too_many_parameters_are_refused(self, server: Server) -> None:
        response = ask(server, "/health-regions?" + "&".join(f"q{number}=1" for number in range(2_000)))
        assert status(response) == 400
        assert b"application/problem+json" in response

    def test_url_longer_than_64_kb_gets_414(self, server: Server) -> None:
        assert status(ask(server, "/health-regions?q=" + "a" * 66_000)) == 414


class TestHeaders:
    def test_too_large_or_too_many_headers_get_431(self, server: Server) -> None:
        assert status(ask(server, "/livez", "X-A: " + "a" * 200_000 + "\r\n")) == 431
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
    def test_request_smuggling_is_refused(self, server: Server, headers: str) -> None:
        hidden = "GET /vintages HTTP/1.1\r\nHost: localhost\r\n\r\n"
        response = server.send_raw(GET.format("/livez", headers).encode() + b"0\r\n\r\n" + hidden.encode())
        assert b"vintages" not in response
        assert response.count(b"HTTP/1.1 ") <= 1

    def test_http2_preface_is_refused(self, server: Server) -> None:
        # The server closes the connection without a response.
        assert server.send_raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00") == b""


class TestBody:
    @pytest.mark.parametrize("path", ["/livez", "/fsa/M5V", "/vintages"])
    def test_post_body_is_not_read_where_post_is_not_allowed(self, server: Server, path: str) -> None:
        request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 999999999\r\n\r\n"
        assert status(server.send_raw(request.encode())) == 405

"""Test client that sends requests through the WSGI fast path, as in production, and compares it with the full stack."""

import contextlib
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import Error
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.client import ClientHandler, FakePayload

from api.fast_path import FastPath
from geography.vintages import catalogue
from tests.support.documented_responses import assert_documented

# Keeps the catalogue fresh between the two requests of a pair; in production it is fresh for half a second.
_FRESH_S = 60.0


class FrontDoorClient(Client):
    """Test client of the fast path; an exception in a view gives a response with status 500.

    A request that the fast path may answer is repeated: a response of the fast path must equal that of the full stack. A body
    must be as documented (`tests.support.documented_responses`).
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(raise_request_exception=False, **options)
        self.handler = _FrontDoor()

    def request(self, **environ: Any) -> Any:
        """Send a request, and compare the response with the OpenAPI document."""
        response = super().request(**environ)
        assert_documented(environ["PATH_INFO"], environ["REQUEST_METHOD"], response)
        return response


class _FullStackRequired(BaseException):
    """The fast path has no response and passes the request on to Django."""


class _FrontDoor(ClientHandler):
    def __init__(self) -> None:
        super().__init__(enforce_csrf_checks=False)
        self.compared = 0
        self._repeated = False
        self._fast_path = FastPath(self._full_stack)

    def __call__(self, environ: dict[str, Any]) -> Any:
        again = dict(environ)
        if isinstance(environ["wsgi.input"], FakePayload):
            content = environ["wsgi.input"].read()
            environ["wsgi.input"], again["wsgi.input"] = FakePayload(content), FakePayload(content)
        with pytest.MonkeyPatch.context() as patch:
            if catalogue.MAX_AGE_S < _FRESH_S:
                # The test sees each publication at once, and the fast path has a fresh catalogue.
                catalogue.clear()
                patch.setattr(catalogue, "MAX_AGE_S", _FRESH_S)
                with contextlib.suppress(Error, RuntimeError):  # a test without a database
                    catalogue.published()
            start: list[Any] = []
            response = self._fast_path(environ, lambda *arguments: start.extend(arguments))
            if isinstance(response, HttpResponseBase):
                self._compare(again, response)
                return response
        return _as_response(environ, start, b"".join(response))

    def _full_stack(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self._repeated:
            raise _FullStackRequired
        return super().__call__(environ)

    def _compare(self, environ: dict[str, Any], response: HttpResponseBase) -> None:
        """Repeat a request; compare the response of the fast path, if any, with that of the full stack."""
        start: list[Any] = []
        self._repeated = True
        try:
            body = b"".join(self._fast_path(environ, lambda *arguments: start.extend(arguments)))
        except _FullStackRequired:
            return
        finally:
            self._repeated = False
        status, headers = start
        assert isinstance(response, HttpResponse)
        assert status == f"{response.status_code} {response.reason_phrase}"
        assert _comparable(headers) == _comparable(response.headers.items())
        if environ["REQUEST_METHOD"] != "HEAD":
            assert body == response.content
        self.compared += 1


def _as_response(environ: dict[str, Any], start: list[Any], body: bytes) -> Any:
    """Return a response of the fast path as the object that Django's client expects."""
    status, headers = start
    code, _, reason = status.partition(" ")
    content = b"" if environ["REQUEST_METHOD"] == "HEAD" else body
    response: Any = HttpResponse(content, status=int(code), reason=reason, headers=dict(headers))
    response.wsgi_request = WSGIRequest(environ)
    return response


def _comparable(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers if name.lower() != "x-request-id"}

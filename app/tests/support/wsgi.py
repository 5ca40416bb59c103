"""Requests to a WSGI application, and a count of those that reach Django."""

from typing import Any

from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory

ResponseParts = tuple[str, dict[str, str], bytes]


class Counted:
    """Django's WSGI application with a count of its requests."""

    def __init__(self) -> None:
        self.django = get_wsgi_application()
        self.requests = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.requests += 1
        return self.django(environ, start_response)


def send(
    application: Any, path: str, query: dict[str, str] | None = None, headers: dict[str, str] | None = None, method: str = "GET"
) -> ResponseParts:
    return send_environ(application, RequestFactory().generic(method, path, headers=headers or {}, query_params=query).environ)


def send_environ(application: Any, environ: dict[str, Any]) -> ResponseParts:
    details: list[Any] = []
    response = application(environ, lambda *start: details.extend(start))
    body = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    status, headers = details
    result = {name.lower(): value for name, value in headers}
    assert len(result) == len(headers), "a header is sent twice"
    assert len(result.pop("x-request-id")) == 32
    return status, result, body

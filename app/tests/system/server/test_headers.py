"""Security headers of every response (CSP, CORP, nosniff), and no version in any header."""

import re
from typing import Any

import pytest

from geography.models import Vintage
from tests.support import demo_regions as worlds
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@pytest.fixture
def published_regions(db: None) -> None:
    """Publish the demo regions unless the fixtures of a running server have done so."""
    if not Vintage.objects.exists():
        worlds.build()


@pytest.mark.usefixtures("published_regions")
@pytest.mark.parametrize("path", ["/livez", "/vintages", "/fsa/Q1Q", "/nowhere", "/docs", "/schema", "/", "/metrics"])
def test_every_response_has_security_headers(client: Any, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"script-src[^;]*unsafe-inline", policy)
    assert "camera=()" in headers["Permissions-Policy"]


def test_csp_of_api_and_of_documentation(client: Any) -> None:
    assert "script-src" not in client.get("/livez").headers["Content-Security-Policy"]
    assert "script-src 'self';" in client.get("/docs").headers["Content-Security-Policy"]


def test_no_header_has_a_version(server: Server) -> None:
    for path in ("/livez", "/nowhere", "/docs", "/static/nothing.js"):
        _, _, headers = server.get(path)
        assert not re.search(r"\d", headers.get("server", "")), headers
        assert not {"x-powered-by", "x-frame-version", "via"} & set(headers)

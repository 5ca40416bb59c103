"""Headers that protect a browser, and what no header tells."""

import re
from typing import Any

import pytest

from geography.models import Vintage
from tests.support import demo_regions as worlds
from tests.system.server.conftest import Server

# So that there is a test database for the server to serve.
pytestmark = pytest.mark.django_db

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@pytest.fixture
def something(db: None) -> None:
    """Have something published: what a running server answers from, or else the tiny world."""
    if not Vintage.objects.exists():
        worlds.build()


@pytest.mark.usefixtures("something")
@pytest.mark.parametrize("path", ["/livez", "/vintages", "/fsa/Q1Q", "/nowhere", "/docs", "/schema", "/", "/metrics"])
def test_every_answer_has_them(client: Any, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"script-src[^;]*unsafe-inline", policy)
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_api_may_load_nothing_and_its_documentation_only_its_own(client: Any) -> None:
    assert "script-src" not in client.get("/livez").headers["Content-Security-Policy"]
    assert "script-src 'self';" in client.get("/docs").headers["Content-Security-Policy"]


def test_no_header_tells_a_version(server: Server) -> None:
    for path in ("/livez", "/nowhere", "/docs", "/static/nothing.js"):
        _, _, headers = server.get(path)
        assert not re.search(r"\d", headers.get("server", "")), headers
        assert not {"x-powered-by", "x-frame-version", "via"} & set(headers)

"""Request path of GET /locate: the modules that a request visits, as docs/data-flows.md lists them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.fast_path import FastPath
from geography.vintages import catalogue
from operations.response_buffer import buffer_response
from tests.support.demo_regions import position
from tests.support.lookup_index import build_indexes
from tests.support.visited_modules import visits
from tests.support.wsgi import Counted, send

BROWSER = {"Accept-Encoding": "gzip, br, zstd", "Accept-Language": "fr-CA,fr;q=0.8"}


@pytest.fixture
def locate(world: Any, django: Counted, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that sends a lookup to the callable of `config.wsgi`, or to one without the fast path."""
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    catalogue.published()
    build_indexes(world.vintages.values())
    applications = [buffer_response(application, 5.0) for application in (django, FastPath(django))]

    def request(*, fast_path: bool = True, **headers: str) -> Any:
        return send(applications[fast_path], "/locate", position(2_000, 5_000), BROWSER | headers)

    for _ in range(2):
        assert request()[0] == "200 OK"
        request(fast_path=False)
    return request


def documented(settings: Any, *flows: str) -> set[str]:
    """Return the modules that the numbered steps of flows in docs/data-flows.md name."""
    text = (Path(settings.REPO_DIR) / "docs" / "data-flows.md").read_text(encoding="utf-8")
    steps = {section[0]: re.findall(r"^(?:\d\.|  ) .*", section, re.MULTILINE) for section in text.split("\n## ")[1:]}
    return {name for flow in flows for step in steps[flow] for name in re.findall(r"`([a-z_/]+\.py)`", step)}


def test_lookup_by_the_fast_path_visits_22_modules_and_the_document_lists_them(locate, django, settings):
    requests = django.requests
    visited = visits(locate)
    assert django.requests == requests
    assert {*visited.modules, "config/wsgi.py"} == documented(settings, "1")
    assert len(visited.modules) == 22
    # Of an uncompressed response, one fewer.
    plain = {"Accept-Encoding": "identity"}
    locate(**plain)
    assert set(visited.modules) - set(visits(lambda: locate(**plain)).modules) == {"api/http/compression.py"}
    assert visited.changes <= 42


@pytest.mark.parametrize(("fast_path", "modules_max"), [(True, 29), (False, 31)])
def test_lookup_by_the_full_stack_visits_documented_modules(locate, django, settings, fast_path, modules_max):
    """With the fast path, the first request of a kind: its Feature is computed already. Without it, the view computes it."""
    requests = django.requests
    visited = visits(lambda: locate(fast_path=fast_path, Origin="https://example.org"))
    assert django.requests == requests + 1
    assert set(visited.modules) <= documented(settings, "1", "2"), set(visited.modules) - documented(settings, "1", "2")
    assert len(visited.modules) <= modules_max, visited.modules

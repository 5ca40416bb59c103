"""OpenAPI document: its examples equal real responses."""

import math
import urllib.error
import urllib.request
from typing import Any

import pytest
import yaml
from django.conf import settings

from api.management.commands.api_docs import NOT_ON_THE_DEMONSTRATION, collect_examples
from api.openapi import examples

DOCS = settings.REPO_DIR / "docs"
DOCUMENT = yaml.safe_load((DOCS / "openapi.yaml").read_text(encoding="utf-8"))
REGENERATE = "From app/, over the embedded demonstration: python manage.py api_docs"


def send(address: str, method: str = "GET", headers: dict[str, str] | None = None, body: str | None = None) -> Any:
    request = urllib.request.Request(address, body.encode() if body else None, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.headers["Content-Type"], response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def differences(shown: Any, real: Any, where: str = "") -> list[str]:
    """Return the differences between two bodies. Numbers may differ by 1e-9, as between geometry libraries."""
    if isinstance(shown, dict) and isinstance(real, dict):
        names = [name for name in shown.keys() | real.keys() if name not in examples.VOLATILE]
        return [
            line
            for name in sorted(names)
            for line in differences(shown.get(name, "(none)"), real.get(name, "(none)"), f"{where}.{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        return [
            line
            for number, pair in enumerate(zip(shown, real, strict=True))
            for line in differences(*pair, f"{where}[{number}]")
        ]
    if isinstance(shown, float) and isinstance(real, float | int):
        return [] if math.isclose(shown, real, rel_tol=1e-9, abs_tol=1e-9) else [f"{where}: {shown} was {real}"]
    return [] if shown == real else [f"{where}: shown is {shown!r}, real is {real!r}"]


@pytest.mark.parametrize("kind", ["answers", "problems"])
def test_examples_equal_real_responses(service: str, kind: str) -> None:
    def request_path(path: str, body: str | None = None, media_type: str = "") -> Any:
        return send(service + path, "POST" if body else "GET", {"Content-Type": media_type} if body else None, body)

    real = collect_examples(request_path, service)[kind]
    assert not differences(examples.STORED[kind], real), REGENERATE


def test_every_json_operation_has_a_real_example(service: str) -> None:
    """NOT_ON_THE_DEMONSTRATION lists the operations that the demonstration has no data for."""
    operations = {
        operation["operationId"]
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
        if any("json" in media for media in operation["responses"]["200"]["content"])
    }
    assert operations - set(examples.STORED["answers"]) == {"schema"} | (NOT_ON_THE_DEMONSTRATION & operations), REGENERATE


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"features": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}, {"features": [{"id": "1"}, {"id": "2"}]}),
        ({"bbox": [1, 2, 3, 4], "labels": list("abcdefg")}, {"bbox": [1, 2, 3, 4], "labels": list("abcde")}),
        ({"coordinates": [-79.4, 43.6]}, {"coordinates": [-79.4, 43.6]}),
        (
            {"coordinates": [[[[0, 0], [1, 0], [2, 0], [3, 0], [0, 0]], [[9, 9]]], [[[8, 8]]]]},
            {"coordinates": [[[[0, 0], [1, 0], [2, 0], [0, 0]]]]},
        ),
        ({"coordinates": [], "list": [], "none": None}, {"coordinates": [], "list": [], "none": None}),
    ],
)
def test_examples_are_shortened(value: Any, expected: Any) -> None:
    assert examples.shortened(value) == expected

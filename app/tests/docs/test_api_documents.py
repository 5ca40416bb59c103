"""The OpenAPI document's examples are real answers, and the Postman collection is the document's and works."""

import json
import math
import urllib.error
import urllib.request
from typing import Any

import pytest
import yaml
from django.conf import settings

from api import examples
from api.collection import collection
from api.management.commands.api_docs import NOT_ON_THE_DEMONSTRATION, asked

DOCS = settings.REPO_DIR / "docs"
DOCUMENT = yaml.safe_load((DOCS / "openapi.yaml").read_text(encoding="utf-8"))
POSTMAN = json.loads((DOCS / "postman_collection.json").read_text(encoding="utf-8"))
REGENERATE = "From app/, over the embedded demonstration: python manage.py api_docs"


def send(address: str, method: str = "GET", headers: dict[str, str] | None = None, body: str | None = None) -> Any:
    request = urllib.request.Request(address, body.encode() if body else None, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def differences(shown: Any, real: Any, where: str = "") -> list[str]:
    """Return where two answers differ. Numbers may by a billionth: geometry libraries do."""
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
def test_every_example_is_the_answer_to_its_own_request(service: str, kind: str) -> None:
    def ask(path: str, body: str | None = None, media_type: str = "") -> Any:
        return send(service + path, "POST" if body else "GET", {"Content-Type": media_type} if body else None, body)

    real = asked(ask, service)[kind]
    assert not differences(examples.STORED[kind], real), REGENERATE


def test_every_operation_that_can_has_a_real_example(service: str) -> None:
    """What is answered by hand is so because the demonstration has no such thing, and stands in a list that says so."""
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
def test_what_is_shown_is_shortened_as_it_says(value: Any, expected: Any) -> None:
    assert examples.shortened(value) == expected


def test_the_collection_is_that_of_the_document() -> None:
    assert collection(DOCUMENT) == POSTMAN, REGENERATE


def test_the_collection_has_a_folder_for_every_tag_and_a_request_for_every_operation() -> None:
    tags = {operation["tags"][0] for path in DOCUMENT["paths"].values() for operation in path.values()}
    assert {folder["name"] for folder in POSTMAN["item"]} == tags
    requests = [item["name"] for folder in POSTMAN["item"] for item in folder["item"]]
    assert sorted(requests) == sorted(one["summary"] for path in DOCUMENT["paths"].values() for one in path.values())


@pytest.mark.parametrize("folder", POSTMAN["item"], ids=lambda folder: folder["name"])
def test_every_request_of_a_folder_is_answered(service: str, folder: dict[str, Any]) -> None:
    by_hand = {
        operation["summary"]
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
        if operation["operationId"] in NOT_ON_THE_DEMONSTRATION
    }
    for item in folder["item"]:
        request = item["request"]
        address = request["url"]["raw"].replace("{{baseUrl}}", service)
        for variable in request["url"]["variable"]:
            for form in (f":{variable['key']}", f"{{{{{variable['key']}}}}}"):
                address = address.replace(f"/{form}", f"/{variable['value']}")
        headers = {header["key"]: header["value"] for header in request["header"]}
        status, media_type, answer = send(address, request["method"], headers, request.get("body", {}).get("raw"))
        assert status == 200 or (status == 404 and item["name"] in by_hand), (address, status, answer[:300])
        if status == 200:
            assert headers["Accept"].partition(";")[0] in (media_type.partition(";")[0], "*/*")

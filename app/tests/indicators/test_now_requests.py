"""/now: invalid requests, bodies of POST, privacy, and the fast path."""

import json
import logging
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support import demo_regions as worlds
from tests.support.now_regions import BORDER, TORONTO

pytestmark = pytest.mark.usefixtures("embedded", "db", "boundaries")

Get = Callable[..., Any]
Problem = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("params", "status", "slug", "parameter"),
    [
        ({}, 400, "parameter-invalid", "lat"),
        ({"lat": "43.65"}, 400, "parameter-invalid", "lon"),
        ({"lat": "43.65", "lon": "-79.38", "fsa": "M5V"}, 400, "parameter-invalid", "fsa"),
        ({"fsa": "M5V", "accuracy": "20"}, 400, "parameter-invalid", "fsa"),
        ({"fsa": "MOV"}, 400, "fsa-malformed", "fsa"),
        ({"fsa": "M9Z"}, 404, "fsa-without-boundary", "fsa"),
        ({"lat": "43.65", "lon": "79.38"}, 400, "coordinate-invalid", "lon"),
        ({"lat": "43.65", "lon": "-79.38", "accuracy": "-1"}, 400, "parameter-invalid", "accuracy"),
        ({"lat": "43.65", "lon": "-79.38", "vintage": "1999"}, 404, "vintage-unknown", "vintage"),
        ({"lat": "43.65", "lon": "-79.38", "at": "2022-01-01"}, 400, "parameter-invalid", "at"),
    ],
)
def test_invalid_requests(
    get: Get, client: Client, assert_problem: Problem, params: dict[str, str], status: int, slug: str, parameter: str
) -> None:
    assert_problem(get("/now", **params), status, slug, parameter=parameter)
    in_body = {name: text for name, text in params.items() if name not in ("vintage", "at")}
    if in_body == params:
        assert_problem(client.post("/now", json.dumps(params), content_type="application/json"), status, slug)


def test_post_answers_as_get(get: Get, client: Client) -> None:
    position = {name: float(text) for name, text in worlds.position(*TORONTO).items()}
    for content in (position, {name: str(value) for name, value in position.items()}, position | {"accuracy": None}):
        response = client.post("/now?lang=fr", json.dumps(content), content_type="application/json")
        assert response.status_code == 200, response.content
        assert response.json() == get("/now", **worlds.position(*TORONTO), lang="fr").json()
        assert response.headers["Cache-Control"] == "private, no-store"
    assert client.post("/now", '{"fsa": "M1A"}', content_type="application/json").json() == get("/now", fsa="M1A").json()


@pytest.mark.parametrize(
    ("path", "content", "media_type", "status", "slug"),
    [
        ("/now", " ", "application/json", 400, "body-invalid"),
        ("/now", "{", "application/json", 400, "body-invalid"),
        ("/now", "[" * 2_000, "application/json", 400, "body-invalid"),
        ("/now", b"\xff\xfe\xff", "application/json", 400, "body-invalid"),
        ("/now", "[43.65, -79.38]", "application/json", 400, "body-invalid"),
        ("/now", '{"points": [[-79.38, 43.65]]}', "application/json", 400, "body-invalid"),
        ("/now", '{"lat": true, "lon": -79.38}', "application/json", 400, "body-invalid"),
        ("/now", '{"lat": [43.65], "lon": -79.38}', "application/json", 400, "body-invalid"),
        ("/now", '{"lat": NaN, "lon": -79.38}', "application/json", 400, "coordinate-invalid"),
        ("/now", '{"lat": 1e999, "lon": -79.38}', "application/json", 400, "coordinate-invalid"),
        ("/now", "{}", "application/json", 400, "parameter-invalid"),
        ("/now", '{"lat": 43.65, "lng": -79.38, "lon": -79.38}', "application/json", 400, "parameter-invalid"),
        ("/now", json.dumps({"fsa": "M5V" * 2_000}), "application/json", 413, "body-too-large"),
        ("/now", "lat=43.65&lon=-79.38", "application/x-www-form-urlencoded", 415, "media-type-unknown"),
        ("/now?lat=43.65&lon=-79.38", "{}", "application/json", 400, "parameter-invalid"),
    ],
)
def test_invalid_bodies(
    client: Client, assert_problem: Problem, path: str, content: str | bytes, media_type: str, status: int, slug: str
) -> None:
    assert_problem(client.post(path, content, content_type=media_type), status, slug)


def test_nothing_is_logged_or_stored(client: Client, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    at = worlds.position(*TORONTO)
    client.get("/now", at)
    client.get("/now", {"fsa": "M1A"})
    client.get("/now", {"fsa": "M1A", "lat": at["lat"]})
    client.post("/now", json.dumps(at), content_type="application/json")
    client.post("/now", json.dumps({"fsa": "M9Z"}), content_type="application/json")
    text = "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records)
    assert "404 fsa-without-boundary: POST now" in text
    assert not [secret for secret in ("M1A", "M9Z", at["lat"], at["lon"]) if secret in text], text
    bodies = tmp_path / "cache" / "bodies"
    assert not [path for path in bodies.rglob("*") if path.is_file() and path.stat().st_size] if bodies.exists() else True


def test_repeated_requests_need_neither_a_query_nor_django(client: Client) -> None:
    for params in (worlds.position(*TORONTO), worlds.position(*BORDER), {"fsa": "M1A"}, {"fsa": "M5V", "lang": "fr"}):
        client.get("/now", params)
        compared = client.handler.compared  # type: ignore[attr-defined]
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/now", params).status_code == 200
        assert client.handler.compared == compared + 1  # type: ignore[attr-defined]
        # The catalogues are never fresh in tests.
        assert not [query for query in queries if "indicator_blob" in query["sql"] or "overlap" in query["sql"]]


def test_repeated_post_is_answered_by_the_fast_path(client: Client) -> None:
    content = json.dumps(worlds.position(*TORONTO))
    first = client.post("/now", content, content_type="application/json")
    compared = client.handler.compared  # type: ignore[attr-defined]
    response = client.post("/now", content, content_type="application/json")
    assert client.handler.compared == compared + 1  # type: ignore[attr-defined]
    assert (response.status_code, response.content) == (200, first.content)
    # The same body by the full stack only, which a charset leads to.
    assert client.post("/now", content, content_type="application/json; charset=utf-8").content == first.content
    truncated = {"wsgi.input": BytesIO(content.encode()), "CONTENT_LENGTH": str(len(content) + 10)}
    response = client.post("/now", content, content_type="application/json", **truncated)  # type: ignore[arg-type]
    assert response.json()["type"] == "/problems/body-invalid"

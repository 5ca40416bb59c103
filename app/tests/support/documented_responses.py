"""Responses compared with the OpenAPI document: every JSON body is validated against the schema of its route and status."""

import json
import re
from functools import cache
from typing import Any

import yaml
from django.conf import settings
from django.urls import Resolver404, resolve
from jsonschema import Draft202012Validator

# Validation of a longer body takes longer than the test of it.
_LENGTH_MAX = 20_000


@cache
def _document() -> dict[str, Any]:
    text = (settings.REPO_DIR / "docs" / "openapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return document


@cache
def _validator(path: str, method: str, status: str, media_type: str) -> Draft202012Validator | None:
    """Return the validator of a documented body; None for a body that is not JSON."""
    responses = _document()["paths"][path][method]["responses"]
    if status not in responses:
        assert media_type == "application/problem+json", f"{method} {path}: status {status} is not documented"
        schema: dict[str, Any] = {"$ref": "#/components/schemas/Problem"}
    else:
        content = responses[status].get("content", {})
        if "*/*" in content:  # a download
            return None
        assert media_type in content, f"{method} {path} {status}: media type {media_type!r} is not documented"
        schema = content[media_type]["schema"]
    if not media_type.endswith(("/json", "+json")):
        return None
    return Draft202012Validator(schema | {"components": _document()["components"]})


def assert_documented(path: str, method: str, response: Any) -> None:
    """Assert that a response of a documented operation has a documented status and media type, and a body as in its schema."""
    try:
        route = resolve(path).route
    except Resolver404:
        return
    documented = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route).rstrip("/")
    operations = _document()["paths"].get(documented, {})
    if method.lower() not in operations or response.streaming or not response.content or settings.DEBUG:
        return
    media_type = response.headers["Content-Type"].partition(";")[0]
    if media_type == "text/html":
        # Pages stand in the descriptions alone: as a media type of the operation, each would make the body that generated
        # clients decode a union with a string.
        return
    validator = _validator(documented, method.lower(), str(response.status_code), media_type)
    if validator is None or "Content-Encoding" in response.headers or len(response.content) > _LENGTH_MAX:
        return
    error = next(validator.iter_errors(json.loads(response.content)), None)
    assert error is None, f"{method} {documented} {response.status_code} at {error.json_path}: {error.message[:300]}"

"""The OpenAPI document as a Postman collection (format 2.1): a folder for each tag, a request for each operation."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

_FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_HOST = "http://127.0.0.1:8000"
_JSON = ("application/geo+json", "application/json")


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the collection of an OpenAPI document.

    Required parameters have the values of their examples; optional ones are there too, switched off. `baseUrl` is a variable.
    """
    folders: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            folders.setdefault(operation["tags"][0], []).append(_item(path, method, operation))
    descriptions = {tag["name"]: tag["description"] for tag in document["tags"]}
    return {
        "info": {
            "_postman_id": str(uuid.uuid5(uuid.NAMESPACE_URL, document["info"]["title"])),
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": _FORMAT,
        },
        "variable": [{"key": "baseUrl", "value": _HOST}],
        "item": [
            {"name": name, "description": descriptions.get(name, ""), "item": items} for name, items in folders.items() if items
        ],
    }


def _item(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    names = [one["name"] for one in parameters if one["in"] == "path"]
    asked = [one for one in parameters if one["in"] == "query"]
    segments = [_segment(one, names) for one in path.strip("/").split("/")]
    required = "&".join(f"{one['name']}={example(one)}" for one in asked if one.get("required"))
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation["description"],
        "header": [{"key": "Accept", "value": _accepted(operation)}],
        "url": {
            "raw": "{{baseUrl}}/" + "/".join(segments) + (f"?{required}" if required else ""),
            "host": ["{{baseUrl}}"],
            "path": segments,
            "query": [_value(one) | ({} if one.get("required") else {"disabled": True}) for one in asked],
            "variable": [_value(one) for one in parameters if one["in"] == "path"],
        },
    }
    if "requestBody" in operation:
        media_type, text = body_of(operation["requestBody"]["content"])
        request["header"].append({"key": "Content-Type", "value": media_type})
        request["body"] = {"mode": "raw", "raw": text}
    return {"name": operation["summary"], "request": request, "response": []}


def _segment(segment: str, names: list[str]) -> str:
    # A variable is a whole segment to Postman: what follows it, as in `{y}.mvt`, stands as the value is filled in.
    for name in names:
        if segment == f"{{{name}}}":
            return f":{name}"
        segment = segment.replace(f"{{{name}}}", f"{{{{{name}}}}}")
    return segment


def _value(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": parameter["name"], "value": example(parameter), "description": parameter.get("description", "")}


def example(parameter: Mapping[str, Any]) -> str:
    """Return the example of a parameter, as text."""
    if "example" in parameter:
        return str(parameter["example"])
    for one in parameter.get("examples", {}).values():
        return str(one["value"])
    schema = parameter["schema"]
    return str(next(iter(schema.get("examples", schema.get("enum", [schema.get("default", "")])))))


def _accepted(operation: Mapping[str, Any]) -> str:
    types = [media for status, one in operation["responses"].items() if status == "200" for media in one.get("content", {})]
    return next(iter(types), "*/*")


def body_of(content: Mapping[str, Any]) -> tuple[str, str]:
    """Return the media type and the text of the first example of a request's body."""
    media_type, schema = next(iter(content.items()))
    value = next((one["value"] for one in schema.get("examples", {}).values()), schema.get("example", ""))
    return media_type, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)

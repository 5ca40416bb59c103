#!/usr/bin/env python3
"""Generator of the types of both clients from docs/openapi.yaml, and of the methods of the Python client.

    bin/clients && .local/openapi/bin/python app/clients/generate.py [FOLDER]

datamodel-code-generator writes the types for Python, openapi-typescript those for TypeScript. A test compares the files
(tests/system/clients/test_packages.py).
"""

import json
import keyword
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

CLIENTS = Path(__file__).resolve().parent
REPO = CLIENTS.parents[1]
PYTHON = Path("python/covidtrends_geo_client")
# The client has methods of its own for positions, which it sends in bodies. The document itself needs no type.
_BY_HAND = {"locate", "get_now", "get_now_privately", "schema"}
_PYTHON_TYPES = {"string": "str", "integer": "int"}
_HEAD = '"""{}; generated from docs/openapi.yaml by app/clients/generate.py."""\n\n'

Json = dict[str, Any]


def json_operations(document: Json) -> Json:
    """Return the part of the document for the types: operations with JSON, their parameters, bodies and 200 responses.

    Examples and bounds are left out, so that new data changes no type and numbers need no types of their own; so is
    `additionalProperties: false`, so that a client accepts the further members of a later version.
    """
    paths: Json = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation["responses"]["200"].get("content", {})
            if "application/json" not in content or operation["operationId"] == "schema":
                continue
            sent = operation.get("requestBody", {}).get("content", {})
            body = {"requestBody": {"required": True, "content": _only_json(sent)}} if sent else {}
            response = {"description": operation["summary"], "content": _only_json(content)}
            paths.setdefault(path, {})[method] = {
                **{name: operation[name] for name in ("operationId", "summary", "parameters") if name in operation},
                **body,
                "responses": {"200": response},
            }
    components = {"schemas": document["components"]["schemas"]}
    reduced: Json = _without_details({"openapi": "3.1.0", "info": document["info"], "paths": paths, "components": components})
    return reduced


def _only_json(content: Json) -> Json:
    return {"application/json": {"schema": content["application/json"]["schema"]}}


def _without_details(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_details(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _without_details(value)
        for name, value in part.items()
        if name not in ("example", "examples", "minimum", "maximum") and (name, value) != ("additionalProperties", False)
    }


def python_methods(document: Json) -> str:
    """Return the module with a method for each operation, named by its operationId."""
    methods = []
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            name = operation["operationId"]
            if name in _BY_HAND:
                continue
            parameters = operation.get("parameters", [])
            in_path = {
                parameter["name"]: _PYTHON_TYPES[parameter["schema"]["type"]]
                for parameter in parameters
                if parameter["in"] == "path"
            }
            body = operation.get("requestBody")
            arguments = ["self", *(f"{item}: {kind}" for item, kind in in_path.items())]
            arguments += [f"body: types.{_component(body)}"] if body else []
            has_query = len(parameters) > len(in_path)
            arguments += [f"**parameters: Unpack[types.{_class(name)}ParametersQuery]"] if has_query else []
            quoted = path
            for item in in_path:
                quoted = quoted.replace(f"{{{item}}}", f"{{quote(str({item}), safe='')}}")
            url = f"f{quoted!r}" if in_path else repr(quoted)
            sent = [repr(method.upper()), url, "{**parameters}" if has_query else "{}", *(["body"] if body else [])]
            response = f"types.{_component(operation['responses']['200'])}"
            methods.append(
                f"    def {name}({', '.join(arguments)}) -> {response}:\n"
                f'        """{operation["summary"].rstrip(".")}: `{method.upper()} {path}`."""\n'
                f"        response: {response} = self._json({', '.join(sent)})\n"
                "        return response\n"
            )
    return (
        _HEAD.format("A method for each operation with JSON")
        + "from abc import ABC, abstractmethod\nfrom typing import Any, Unpack\nfrom urllib.parse import quote\n\n"
        + "from . import types\n\n\n"
        + "class Operations(ABC):\n"
        + '    """The operations of the service, by their operationId."""\n\n'
        + "    @abstractmethod\n"
        + "    def _json(self, method: str, path: str, parameters: dict[str, Any], body: object = None) -> Any: ...\n\n"
        + "\n".join(methods)
    )


def _class(operation_id: str) -> str:
    return "".join(word.capitalize() for word in operation_id.split("_"))


def _component(part: Json) -> str:
    reference: str = part["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def generate(target: Path) -> None:
    """Write the generated files into a folder laid out as this one.

    Raises: subprocess.CalledProcessError where a generator fails.
    """
    document = json_operations(yaml.safe_load((REPO / "docs" / "openapi.yaml").read_text(encoding="utf-8")))
    for folder in (target / PYTHON, target / "javascript"):
        folder.mkdir(parents=True, exist_ok=True)
    (target / PYTHON / "operations.py").write_text(python_methods(document), encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        source, python_source = Path(temporary) / "openapi.json", Path(temporary) / "python.json"
        source.write_text(json.dumps(document), encoding="utf-8")
        for operation in (operation for operations in document["paths"].values() for operation in operations.values()):
            for parameter in operation.get("parameters", []):
                # `from_` for `from`; the client removes the underscore.
                parameter["name"] += "_" * keyword.iskeyword(parameter["name"])
        python_source.write_text(json.dumps(document), encoding="utf-8")
        _run(
            str(Path(sys.executable).with_name("datamodel-codegen")),
            *("--input", str(python_source), "--input-file-type", "openapi", "--output", str(target / PYTHON / "types.py")),
            *("--output-model-type", "typing.TypedDict", "--target-python-version", "3.11", "--enum-field-as-literal", "all"),
            *("--openapi-scopes", "schemas", "paths", "parameters", "--use-operation-id-as-name"),
            *("--disable-timestamp", "--formatters", "builtin"),
            *("--custom-file-header", _HEAD.format("Types of responses and parameters").rstrip()),
        )
        _run(
            *("npx", "--yes", "--package", "typescript@5.9.3", "--package", "openapi-typescript@7.13.0", "openapi-typescript"),
            *(str(source), "--output", str(target / "javascript" / "schema.d.ts")),
            PATH=f"{REPO / '.local' / 'node' / 'bin'}:{os.environ['PATH']}",
        )


def _run(*command: str, **environment: str) -> None:
    subprocess.run(command, check=True, env=os.environ | environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if sys.argv[1:] else CLIENTS)

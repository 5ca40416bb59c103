"""Command that generates examples.json from the demonstration data, and docs/openapi.yaml from the code."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from api.openapi import examples

DOCS: Path = settings.REPO_DIR / "docs"
HOST = "http://127.0.0.1:8000"
# Operations without a stored example: the demonstration data has one vintage per coverage, so no changes, and the checksum of a
# pinned download varies.
NOT_ON_THE_DEMONSTRATION: set[str] = {"get_pinned_download", "get_pinned_indicator_download", "list_changes"}
# Sends a request to a path, a POST if it has a body and a media type; returns status, media type and body of the response.
Ask = Callable[..., tuple[int, str, bytes]]


class Command(BaseCommand):
    help = (
        "Write app/api/openapi/examples.json and docs/openapi.yaml, in this order. "
        "The database must hold the embedded demonstration and no other boundaries."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        client = Client(headers={"Host": "127.0.0.1:8000"})

        def ask(path: str, body: str | None = None, media_type: str = "") -> tuple[int, str, bytes]:
            response = client.get(path) if body is None else client.post(path, body, content_type=media_type)
            return response.status_code, response.headers["Content-Type"], b"".join(response)

        _write(examples.STORED_FILE, collect_examples(ask, HOST))
        # A new process, since this one has loaded the old examples.
        command = [
            sys.executable,
            "manage.py",
            "spectacular",
            "--validate",
            "--fail-on-warn",
            "--file",
            str(DOCS / "openapi.yaml"),
        ]
        subprocess.run(command, cwd=settings.APP_DIR, check=True)  # noqa: S603 - no user input
        self.stdout.write("examples.json and openapi.yaml written")


def collect_examples(ask: Ask, address: str) -> dict[str, Any]:
    """Return the example responses from the demonstration data, shortened; `address` is replaced by `HOST`.

    Sends a request to every operation, with the examples of its required parameters and of its body, and one for every problem
    of `PROBLEM_REQUESTS`. Only JSON responses are stored. Raises: CommandError for an unexpected response.
    """
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    answers = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["operationId"] in {"schema", *NOT_ON_THE_DEMONSTRATION}:
                continue
            request = examples.REQUESTS.get(operation["operationId"]) or request_of(path, operation)
            sent = _body_of(operation["requestBody"]["content"]) if method == "post" else ()
            status, media_type, body = ask(request, *reversed(sent))
            if status != 200:
                raise CommandError(
                    f"{operation['operationId']}: the example request {request} returned {status}: {body[:300]!r}"
                )
            if media_type in ("application/json", "application/geo+json"):
                answers[operation["operationId"]] = {"request": request, "answer": _shown(body, address)}
    problems = {}
    for slug, request in examples.PROBLEM_REQUESTS.items():
        *_, body = ask(request)
        problems[slug] = {"request": request, "answer": _shown(body, address)}
        if not problems[slug]["answer"].get("type", "").endswith(slug):
            raise CommandError(f"{request} did not return the problem {slug}: {body[:300]!r}")
    return {"answers": dict(sorted(answers.items())), "problems": dict(sorted(problems.items()))}


def request_of(path: str, operation: dict[str, Any]) -> str:
    """Return path and query of a request with the examples of the required parameters."""
    parameters = [parameter for parameter in operation.get("parameters", []) if parameter.get("required")]
    for parameter in parameters:
        path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    query = "&".join(
        f"{parameter['name']}={quote(str(parameter['example']), safe=',:')}"
        for parameter in parameters
        if parameter["in"] == "query"
    )
    return f"{path}?{query}" if query else path


def _body_of(content: Mapping[str, Any]) -> tuple[str, str]:
    """Return media type and text of the first example of a request body."""
    media_type, media = next(iter(content.items()))
    value = next(example["value"] for example in media["examples"].values())
    return media_type, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(body: bytes, address: str) -> Any:
    answer = json.loads(body.decode().replace(address, HOST))
    if isinstance(answer, dict) and answer.get("demo") is False:
        raise CommandError("The examples need the demonstration data, but this database has other boundaries.")
    return examples.shortened(answer)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

"""README and docs: curl examples, links, scripts and management commands work."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

REPO: Path = settings.REPO_DIR
# Every document but the examples of SQL and the data's own licence.
DOCUMENTS = sorted([*REPO.glob("*.md"), *REPO.glob("docs/**/*.md"), *REPO.glob("geodata/**/*.md"), *REPO.glob("data/**/*.md")])
README_LINES = 150


def text(path: str) -> str:
    return (REPO / path).read_text(encoding="utf-8")


README, API = text("README.md"), text("docs/api.md")
# Documents whose curl examples return JSON, a table or a tile.
WITH_CURLS = README + API + text("docs/web-pages.md") + text("docs/privacy.md") + text("geodata/README.md")
ALL = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def shell(document: str) -> list[str]:
    """Return the lines of the shell examples, continued lines joined."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", document, re.DOTALL)).replace("\\\n", " ").splitlines()


CURLS = sorted({line for line in shell(WITH_CURLS) if line.startswith("curl ")})
# The demonstration has one vintage per coverage, so /changes/ has nothing to compare.
CHANGES_CURLS = [line for line in CURLS if "/changes/" in line]
MANAGE = sorted({line.split("#")[0].strip() for line in shell(ALL) if line.startswith("bin/manage ")})
LINKS = sorted(
    {
        (path.relative_to(REPO).as_posix(), link)
        for path in DOCUMENTS
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)", path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("command", [line for line in CURLS if line not in CHANGES_CURLS])
def test_curl_examples_succeed(command: str, service: str, tmp_path: Path) -> None:
    words = shlex.split(command.replace("http://127.0.0.1:8000", service))
    completed = subprocess.run(
        [*words, "--silent", "--fail-with-body"], capture_output=True, check=False, timeout=60, cwd=tmp_path
    )
    assert completed.returncode == 0, completed.stdout[:500]
    if "--output" in words:
        (written,) = tmp_path.iterdir()
        assert mapbox_vector_tile.decode(written.read_bytes())["regions"]["features"]
    elif any("series.csv" in word for word in words):
        assert completed.stdout.startswith(b"indicator,measure,place,")
    elif not {"/schema", "/metrics"} & {word.removeprefix(service) for word in words}:
        assert json.loads(completed.stdout)


@pytest.mark.parametrize("command", CHANGES_CURLS)
def test_changes_curl_hint_lists_loaded_vintages(command: str, service: str) -> None:
    words = shlex.split(command.replace("http://127.0.0.1:8000", service))
    problem = json.loads(subprocess.run([*words, "--silent"], capture_output=True, check=True, timeout=60).stdout)
    assert (problem["type"], problem["parameter"]) == ("/problems/vintage-unknown", "a")
    assert "2022-demo" in problem["hint"]


def test_readme_is_short_and_has_five_requests() -> None:
    assert len(README.splitlines()) <= README_LINES
    assert len([line for line in shell(README) if line.startswith("curl ")]) == 5


def test_api_document_shows_a_curl_for_every_route() -> None:
    routes = re.findall(r"`(?:GET )?(/[^`]*)`", API.split("| route |")[1].split("```")[0])
    assert len(routes) > 40
    shown = " ".join(CURLS)
    for route in routes:
        if route != "/docs":
            pattern = re.sub(r"\\{\w+\\}", "[^/? ]+", re.escape(route))
            assert re.search(pattern + "['?]", shown), route


def test_json_example_equals_real_response(service: str) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", API, re.DOTALL)
    shown = json.loads(example)
    real = json.loads(subprocess.run(["curl", "-s", f"{service}/fsa/K0A?detail=none"], capture_output=True, check=True).stdout)
    assert _is_part_of(shown, real)


def _is_part_of(shown: Any, real: Any) -> bool:
    if isinstance(shown, dict):
        return all(key in real and _is_part_of(value, real[key]) for key, value in shown.items())
    if isinstance(shown, list):
        return all(_is_part_of(item, other) for item, other in zip(shown, real, strict=False))
    if isinstance(shown, float):
        return bool(abs(shown - real) < 0.005)
    return bool(shown == real)


@pytest.mark.parametrize("command", MANAGE)
def test_management_commands_accept_shown_options(command: str) -> None:
    name, *arguments = shlex.split(command)[1:]
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    parser.parse_args(arguments)


def _anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("document", "link"), LINKS, ids=str)
def test_links_and_anchors_exist(document: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (REPO / document).parent / path if path else REPO / document
    assert target.exists()
    if anchor and target.suffix == ".md":
        assert anchor in _anchors(target)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"^\s*(bin/\w+)", README + text("docs/develop.md"), re.MULTILINE))))
def test_scripts_exist_and_are_executable(path: str) -> None:
    assert (REPO / path).stat().st_mode & 0o111

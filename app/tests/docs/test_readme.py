"""README: curl examples, links, scripts and management commands work."""

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

README = (settings.REPO_DIR / "README.md").read_text(encoding="utf-8")
BOUNDARIES = (settings.REPO_DIR / "geodata" / "README.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README + BOUNDARIES, re.DOTALL)).replace("\\\n", " ")
CURLS = [line for line in SHELL.splitlines() if line.startswith("curl ")]
# The demonstration has one vintage per coverage, so /changes/ has nothing to compare.
CHANGES_CURLS = [line for line in CURLS if "/changes/" in line]
DOWNLOADS = (settings.REPO_DIR / "docs" / "downloads.md").read_text(encoding="utf-8")
MANAGE = sorted({line.split("#")[0].strip() for line in (SHELL + DOWNLOADS).splitlines() if line.startswith("bin/manage ")})


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


def test_readme_shows_a_curl_for_every_route() -> None:
    routes = re.findall(r"`(?:GET )?(/[^`]*)`", README.split("| route |")[1].split("```")[0])
    shown = " ".join(CURLS)
    for route in routes:
        if route != "/docs":
            pattern = re.sub(r"\\{\w+\\}", "[^/? ]+", re.escape(route))
            assert re.search(pattern + "['?]", shown), route


def test_readme_json_example_equals_real_response(service: str) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
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


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\((?!http|#)([^)#]+)", README))))
def test_links_exist(path: str) -> None:
    assert (settings.REPO_DIR / path).exists()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"^\s*(bin/\w+)", README, re.MULTILINE))))
def test_scripts_exist_and_are_executable(path: str) -> None:
    assert (settings.REPO_DIR / path).stat().st_mode & 0o111

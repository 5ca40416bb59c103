"""requirements.txt and requirements-dev.txt: pinned, with hashes, and those of pyproject.toml."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

PROJECT: dict[str, Any] = tomllib.loads(Path(settings.APP_DIR, "pyproject.toml").read_text(encoding="utf-8"))
DECLARED: dict[str, list[str]] = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-dev.txt": PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"],
}


def requirements(name: str) -> dict[str, list[str]]:
    """Return the hashes of each `name==version` of a file; pip refuses a file that no hash of its version matches."""
    text = Path(settings.REPO_DIR, name).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {line.split()[0]: re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line) for line in lines}


@pytest.mark.parametrize("name", DECLARED)
def test_every_requirement_is_pinned_and_has_hashes(name: str) -> None:
    pinned = requirements(name)
    assert len(pinned) >= len(DECLARED[name])
    assert [requirement for requirement, hashes in pinned.items() if "==" not in requirement or not hashes] == []


@pytest.mark.parametrize("name", DECLARED)
def test_requirements_are_those_of_the_project(name: str) -> None:
    declared = {requirement.lower().replace("_", "-") for requirement in DECLARED[name]}
    assert declared <= requirements(name).keys()


def test_development_and_service_have_the_same_versions() -> None:
    assert requirements("requirements.txt").items() <= requirements("requirements-dev.txt").items()

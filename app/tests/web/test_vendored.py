"""Vendored files are those that were published, and no others."""

import hashlib
import re
from pathlib import Path

import pytest

from web.vendor import VENDOR, packages

FILES = [
    pytest.param(VENDOR / package["folder"] / file["to"], file["sha256"], id=file["to"])
    for package in packages()
    for file in package["files"]
]


@pytest.mark.parametrize(("path", "sha256"), FILES)
def test_a_file_is_the_one_that_was_published(path: Path, sha256: str) -> None:
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def test_nothing_else_is_there() -> None:
    assert {path for path in VENDOR.rglob("*") if path.is_file()} == {param.values[0] for param in FILES}


def test_maplibre_says_the_version_that_was_written_down() -> None:
    (maplibre,) = [package for package in packages() if package["name"] == "maplibre-gl"]
    for name in ("maplibre-gl.mjs", "maplibre-gl-worker.mjs"):
        head = (VENDOR / "maplibre-gl" / name).read_text(encoding="utf-8")[:400]
        assert re.findall(r"/v([\d.]+)/LICENSE", head) == [maplibre["version"]]


def test_every_package_keeps_its_licence() -> None:
    for package in packages():
        assert any("LICENSE" in file["to"] for file in package["files"]), package["name"]

"""Vendored files: SHA-256 as published, no other files, licences included."""

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
def test_vendored_file_has_published_sha256(path: Path, sha256: str) -> None:
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def test_vendor_folder_has_no_other_files() -> None:
    assert {path for path in VENDOR.rglob("*") if path.is_file()} == {param.values[0] for param in FILES}


def test_maplibre_has_declared_version() -> None:
    (maplibre,) = [package for package in packages() if package["name"] == "maplibre-gl"]
    for name in ("maplibre-gl.mjs", "maplibre-gl-worker.mjs"):
        head = (VENDOR / "maplibre-gl" / name).read_text(encoding="utf-8")[:400]
        assert re.findall(r"/v([\d.]+)/LICENSE", head) == [maplibre["version"]]


def test_every_package_includes_its_licence() -> None:
    for package in packages():
        assert any("LICENSE" in file["to"] for file in package["files"]), package["name"]

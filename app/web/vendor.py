"""Vendoring script: downloads the npm packages of web/vendored.toml into assets/vendor.

    cd app && python web/vendor.py            download the pinned files again; nothing changes
    cd app && python web/vendor.py --update   after a version change in vendored.toml: also update its digests

Needs npm. Files are copied byte for byte, without a build, so that a test can compare them with the published packages.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIST = HERE / "vendored.toml"
VENDOR = HERE / "assets" / "vendor"


def packages() -> list[dict[str, Any]]:
    """Return the packages of vendored.toml: name, version, integrity, folder, and files with from, to and sha256."""
    entries: list[dict[str, Any]] = tomllib.loads(LIST.read_text(encoding="utf-8"))["package"]
    return entries


def fetch(package: dict[str, Any], *, update: bool) -> None:
    """Download a package and write its files. Raises: SystemExit if the package or a file does not match its pinned digest."""
    with tempfile.TemporaryDirectory() as folder:
        specifier = f"{package['name']}@{package['version']}"
        completed = subprocess.run(  # noqa: S603 - names from vendored.toml
            ["npm", "pack", "--json", "--ignore-scripts", specifier],  # noqa: S607
            cwd=folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        archive = Path(folder) / Path(json.loads(completed.stdout)[0]["filename"]).name
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if update:
            _replace_digest(package["integrity"], integrity)
        elif integrity != package["integrity"]:
            sys.exit(f"{specifier}: integrity mismatch: got {integrity}, expected {package['integrity']}")
        with tarfile.open(archive) as content:
            for file in package["files"]:
                member = content.extractfile(f"package/{file['from']}")
                if member is None:
                    sys.exit(f"{specifier} has no {file['from']}")
                body = member.read()
                sha256 = hashlib.sha256(body).hexdigest()
                if update:
                    _replace_digest(file["sha256"], sha256)
                elif sha256 != file["sha256"]:
                    sys.exit(f"{specifier}: {file['from']} does not match its sha256")
                target = VENDOR / package["folder"] / file["to"]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body)


def _replace_digest(old: str, new: str) -> None:
    LIST.write_text(LIST.read_text(encoding="utf-8").replace(f'"{old}"', f'"{new}"'), encoding="utf-8")


if __name__ == "__main__":
    for npm_package in packages():
        fetch(npm_package, update="--update" in sys.argv[1:])
        sys.stdout.write(f"{npm_package['name']} {npm_package['version']}\n")

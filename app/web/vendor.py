"""Fetches what the page uses of others from npm into assets/vendor, as web/vendored.toml says.

    cd app && python web/vendor.py            fetch again what is there: nothing changes
    cd app && python web/vendor.py --update   after a change of a version in vendored.toml: take the new files' digests over

It needs npm. Nothing is built: files are kept byte for byte, so that a test can hold them against what was published.
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
    result: list[dict[str, Any]] = tomllib.loads(LIST.read_text(encoding="utf-8"))["package"]
    return result


def fetch(package: dict[str, Any], *, update: bool) -> None:
    """Write one package's files. Raises: SystemExit where the package or a file is not the one that was written down."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{package['name']}@{package['version']}"
        said = subprocess.run(  # noqa: S603 - names from our own list
            ["npm", "pack", "--json", "--ignore-scripts", wanted],  # noqa: S607
            cwd=folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        archive = Path(folder) / Path(json.loads(said.stdout)[0]["filename"]).name
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if update:
            _write_down(package["integrity"], integrity)
        elif integrity != package["integrity"]:
            sys.exit(f"{wanted}: the package is {integrity}, not {package['integrity']}")
        with tarfile.open(archive) as content:
            for file in package["files"]:
                member = content.extractfile(f"package/{file['from']}")
                if member is None:
                    sys.exit(f"{wanted} has no {file['from']}")
                body = member.read()
                sha256 = hashlib.sha256(body).hexdigest()
                if update:
                    _write_down(file["sha256"], sha256)
                elif sha256 != file["sha256"]:
                    sys.exit(f"{wanted}: {file['from']} is not the file that was written down")
                target = VENDOR / package["folder"] / file["to"]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body)


def _write_down(old: str, new: str) -> None:
    LIST.write_text(LIST.read_text(encoding="utf-8").replace(f'"{old}"', f'"{new}"'), encoding="utf-8")


if __name__ == "__main__":
    for item in packages():
        fetch(item, update="--update" in sys.argv[1:])
        sys.stdout.write(f"{item['name']} {item['version']}\n")

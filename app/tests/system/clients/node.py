"""Node and npm as installed by bin/clients."""

import os
import subprocess
from pathlib import Path

from django.conf import settings

from tests.system.clients.conftest import require_program

_BIN = settings.REPO_DIR / ".local" / "node" / "bin"


def environment() -> dict[str, str]:
    """Return the environment for programs of Node. A stalled download is retried; npm itself would wait five minutes."""
    npm = {"NPM_CONFIG_FETCH_TIMEOUT": "20000", "NPM_CONFIG_FETCH_RETRIES": "5"}
    return os.environ | npm | {"PATH": f"{_BIN}:{os.environ['PATH']}", "CI": "true"}


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder and return its output. Raises: AssertionError with the output where it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def install(folder: Path, *packages: str) -> Path:
    """Make a folder an npm project with these packages, each `name@version`; return it."""
    require_program(_BIN / "npm", "Node")
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    run(folder, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *packages)
    return folder

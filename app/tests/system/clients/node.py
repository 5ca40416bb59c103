"""Node and npm as installed by bin/clients."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.system.clients.conftest import require_program

_BIN = settings.REPO_DIR / ".local" / "node" / "bin"


def environment() -> dict[str, str]:
    """Return the environment for programs of Node. A stalled download is retried; npm itself would wait five minutes."""
    npm = {"NPM_CONFIG_FETCH_TIMEOUT": "20000", "NPM_CONFIG_FETCH_RETRIES": "5"}
    return os.environ | npm | {"PATH": f"{_BIN}:{os.environ['PATH']}", "CI": "true"}


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder and return its output.

    Raises: AssertionError with the output where it fails, subprocess.TimeoutExpired after five minutes.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            stop(process)
            raise
    assert process.returncode == 0, output[-5000:]
    return output


def stop(process: "subprocess.Popen[Any]") -> None:
    """End a program of Node, which leads a process group: it is a wrapper around the process that does the work."""
    os.killpg(process.pid, signal.SIGTERM)


def install(folder: Path, *packages: str) -> Path:
    """Make a folder an npm project with these packages, each `name@version`; return it."""
    require_program(_BIN / "npm", "Node")
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    run(folder, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *packages)
    return folder

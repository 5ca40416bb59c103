"""Fuzzing with damaged files: a short run of tests.support.damage. docs/reliability.md describes long runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from loader.errors import FileRefused
from tests.support import damage


def test_damaged_files_are_read_or_refused() -> None:
    minutes = os.environ.get("DAMAGE_MINUTES", "0.2")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.damage", "--minutes", minutes],
        cwd=settings.APP_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=float(minutes) * 60 + 170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ended = {kind: sum(map(int, re.findall(rf"(\d+)  .*{kind}$", done.stdout, re.MULTILINE))) for kind in ("read", "refused")}
    # At least this, at any load of the machine.
    assert ended["read"] >= 1
    assert ended["refused"] >= 1


def test_unexpected_exception_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = damage.seeds(tmp_path)

    def fails(path: Path, coverage: str) -> int:
        raise ZeroDivisionError(path)

    monkeypatch.setattr(damage, "read", fails)
    assert damage.try_case(0, good)[1].startswith("ZeroDivisionError")


def test_refusal_is_short_and_printable() -> None:
    said = str(FileRefused("x\x1b[2J\r\n" + "name, " * 1_000))
    assert len(said) < 1_100
    assert said.isprintable()

"""Temporary folders that do not outlive the process."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

from loader.tempdir import temporary_directory

# What a process leaves that is killed in the middle of its work.
KILLED = (
    "import os, signal, sys, tempfile; tempfile.tempdir = sys.argv[1]; from loader.tempdir import temporary_directory\n"
    "with temporary_directory() as folder:\n"
    "    (folder / 'layer.shp').write_bytes(b'0'); os.kill(os.getpid(), signal.SIGKILL)"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_afterwards(root: Path) -> None:
    with temporary_directory() as folder:
        (folder / "layer.shp").write_bytes(b"0")
        assert folder.parent == root
    assert list(root.iterdir()) == []


def test_the_folder_of_a_process_that_was_killed_goes_with_the_next(root: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(root)], cwd=settings.APP_DIR, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = root.iterdir()
    assert left.exists()
    with temporary_directory():
        assert not left.exists()


def test_the_folder_of_a_process_that_lives_stays(root: Path) -> None:
    with temporary_directory() as first, temporary_directory():
        assert first.exists()


def test_other_folders_stay(root: Path) -> None:
    others = [root / "covidtrends-geo-notes", root / "something"]
    for other in others:
        other.mkdir()
    with temporary_directory():
        assert all(other.exists() for other in others)

"""Temporary folders: removed at the end, and after a killed process by the next one."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

from loader.tempdir import temporary_directory

# A process that kills itself while its temporary folder exists.
KILLED = (
    "import os, signal, sys, tempfile; tempfile.tempdir = sys.argv[1]; from loader.tempdir import temporary_directory\n"
    "with temporary_directory() as folder:\n"
    "    (folder / 'layer.shp').write_bytes(b'0'); os.kill(os.getpid(), signal.SIGKILL)"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_temporary_folder_is_removed(root: Path) -> None:
    with temporary_directory() as folder:
        (folder / "layer.shp").write_bytes(b"0")
        assert folder.parent == root
    assert list(root.iterdir()) == []


def test_folder_of_killed_process_is_removed_by_next(root: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(root)], cwd=settings.APP_DIR, check=False)
    assert killed.returncode == -signal.SIGKILL
    (leftover,) = root.iterdir()
    assert leftover.exists()
    with temporary_directory():
        assert not leftover.exists()


def test_folder_of_running_process_is_kept(root: Path) -> None:
    with temporary_directory() as first, temporary_directory():
        assert first.exists()


def test_other_folders_are_kept(root: Path) -> None:
    others = [root / "covidtrends-geo-notes", root / "something"]
    for other in others:
        other.mkdir()
    with temporary_directory():
        assert all(other.exists() for other in others)

"""Temporary folders that do not outlive the process."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from loader.workspace import working_folder

LEAVE_ONE = (
    "import os, sys; from pathlib import Path; folder = Path(sys.argv[1]) / f'covidtrends-geo-{os.getpid()}-x'; "
    "folder.mkdir(); (folder / 'layer.shp').write_bytes(b'0'); print(folder)"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_afterwards(root: Path) -> None:
    with working_folder() as folder:
        (folder / "layer.shp").write_bytes(b"0")
        assert folder.parent == root
    assert list(root.iterdir()) == []


def test_the_folder_of_a_process_that_was_killed_goes_with_the_next(root: Path) -> None:
    made = subprocess.run([sys.executable, "-c", LEAVE_ONE, str(root)], capture_output=True, text=True, check=True)
    left = Path(made.stdout.strip())
    assert left.exists()
    with working_folder():
        assert not left.exists()


def test_the_folder_of_a_process_that_lives_stays(root: Path) -> None:
    with working_folder() as first, working_folder():
        assert first.exists()


def test_what_is_not_ours_stays(root: Path) -> None:
    others = [root / "covidtrends-geo-notes", root / "something-1-x"]
    for other in others:
        other.mkdir()
    with working_folder():
        assert all(other.exists() for other in others)

"""Fixtures of the loader's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import boundary_files as files


@pytest.fixture
def shp(tmp_path: Path) -> Path:
    """Return a shapefile of a few regions."""
    return files.shape(tmp_path / "good", files.grid())


@pytest.fixture
def no_temporary_files_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Assert that a test leaves no temporary folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    yield
    assert list(scratch.iterdir()) == []


@pytest.fixture
def store_dir(settings: Any, tmp_path: Path) -> Path:
    """Return an empty export store, used at publication."""
    settings.DOWNLOADS_AT_PUBLISH = True
    settings.DOWNLOADS_DIR = tmp_path / "store_dir"
    return tmp_path / "store_dir"

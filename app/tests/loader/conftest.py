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
def nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Assert that a test leaves no temporary folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    yield
    assert list(scratch.iterdir()) == []


@pytest.fixture
def shop(settings: Any, tmp_path: Path) -> Path:
    """Create files at publication, in a folder of the test's own, and return it."""
    settings.DOWNLOADS_AT_PUBLISH = True
    settings.DOWNLOADS_DIR = tmp_path / "shop"
    return tmp_path / "shop"

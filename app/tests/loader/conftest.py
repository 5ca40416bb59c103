"""Fixtures of the loader's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from geography.models import Vintage
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


@pytest.fixture
def vintages(load: Callable[..., Any], tmp_path: Path) -> dict[str, Vintage]:
    """Publish three health regions (one with a hole, one with an island) and two FSAs, of which G7H lies in two regions."""
    regions = [
        files.region(
            "2402", files.cell(0), files.hole(3_000, 3_000, 5_000, 5_000), name=files.ACCENTED, french="Où l'œuvre naît"
        ),
        files.region("3501", files.cell(1), files.box(30_000, 0, 32_000, 2_000), name="Île"),
        files.region("3502", files.cell(2), name="Plain"),
    ]
    fsas = [
        files.fsa("G7H", files.box(0, 0, 15_000, 10_000), PRUID="24", LANDAREA=12.5),
        files.fsa("K0A", files.cell(2), PRUID="35", LANDAREA=99.25),
    ]
    return {
        "health-regions": load(files.shape(tmp_path / "hr", regions), vintage="2022", attribution_en="Ours & theirs").vintage,
        "fsa": load(files.shape(tmp_path / "fsa", fsas), "fsa", vintage="2021").vintage,
    }


@pytest.fixture
def export(vintages: dict[str, Vintage], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that exports a vintage in a format and returns the path."""

    def write(coverage: str, kind: str, **options: Any) -> Path:
        folder = tmp_path / "out" / kind
        folder.mkdir(parents=True, exist_ok=True)
        named = f"{coverage}/{vintages[coverage].label}"
        call_command("export", vintage=[named], format=[kind], out=folder, verbosity=0, **options)
        (path,) = folder.iterdir()
        return path

    return write

"""Export store: creation of download files at publication, failures, manifests, cleanup; command `export`."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from covidtrends_geo import lookup_file
from geography.download_files import vintage_folder as folder
from geography.models import Vintage
from geography.queries.downloads import Download, downloads_of
from loader.export import arrow, make, store
from loader.publication import publish
from tests.support import boundary_files as files

pytestmark = pytest.mark.django_db


# Made by every load, since the service answers positions from it.
LOOKUP = "health-regions-2022-lookup.safetensors"


@pytest.fixture
def load(store_dir: Path, tmp_path: Path) -> Callable[..., str]:
    """Return a function that loads a grid with load_boundaries and returns its standard error."""

    def run(label: str, coverage: str = "health-regions", count: int = 2, **options: Any) -> str:
        rows = files.grid(count) if coverage == "health-regions" else files.fsa_grid(["R3A", "R3B"])
        stderr = StringIO()
        call_command(
            "load_boundaries",
            coverage=coverage,
            vintage=label,
            effective_from=date(2022, 1, 1),
            representation="digital",
            file=files.shape(tmp_path / f"{coverage}-{label}-{count}", rows),
            verbosity=0,
            stderr=stderr,
            **options,
        )
        return stderr.getvalue()

    return run


def states(label: str = "2022") -> dict[str, str]:
    return {item.name: item.state for item in downloads_of(Vintage.objects.get(label=label, status="published"))}


def by_name(label: str, name: str) -> Download:
    return next(
        published_download
        for published_download in make.published_downloads()
        if published_download.vintage.label == label and published_download.name == name
    )


def test_publication_creates_every_file(load: Callable[..., str]) -> None:
    assert load("2022") == ""
    assert set(states().values()) == {"ready"}
    for item in downloads_of(Vintage.objects.get()):
        assert item.size == item.path.stat().st_size
        assert item.sha256 == hashlib.sha256(item.path.read_bytes()).hexdigest()


def test_publication_creates_shares_of_each_pair(load: Callable[..., str]) -> None:
    load("2022")
    load("2021", "fsa")
    assert states("2021")["fsa-2021-health-regions-2022.csv"] == "ready"
    load("2023")
    assert states("2021")["fsa-2021-health-regions-2023.csv"] == "ready"


def test_rollback_restores_files_of_earlier_vintage(load: Callable[..., str]) -> None:
    load("2022")
    load("2021", "fsa")
    first, first_pair = by_name("2022", "health-regions-2022.csv"), by_name("2021", "fsa-2021-health-regions-2022.csv")
    load("2022", count=4)
    second, second_pair = by_name("2022", "health-regions-2022.csv"), by_name("2021", "fsa-2021-health-regions-2022.csv")
    assert len({first.sha256, second.sha256}) == 2
    assert first_pair.path != second_pair.path
    assert second_pair.state == "ready"
    call_command("load_boundaries", rollback="health-regions", verbosity=0, stdout=StringIO())
    assert by_name("2022", "health-regions-2022.csv").sha256 == first.sha256
    assert by_name("2021", "fsa-2021-health-regions-2022.csv").sha256 == first_pair.sha256


def test_failed_export_keeps_publication_and_other_files(
    load: Callable[..., str], monkeypatch: pytest.MonkeyPatch, get: Any
) -> None:
    def break_off(vintage: Vintage, path: Path) -> None:
        path.write_bytes(b"half of a")
        raise RuntimeError("no space left,\nsays GDAL")

    with monkeypatch.context() as patch:
        patch.setattr(arrow, "write_gpkg", break_off)
        loaded = load("2022")
    assert "Published, but health-regions-2022.gpkg could not be created: RuntimeError: no space left" in loaded
    assert "manage.py export" in loaded
    assert {name for name, state in states().items() if state != "ready"} == {"health-regions-2022.gpkg"}
    assert states()["health-regions-2022.gpkg"] == "failed"
    assert get("/health-regions").status_code == 200
    # The next export creates only the missing file.
    out = StringIO()
    call_command("export", stdout=out, verbosity=0)
    assert out.getvalue().splitlines() == ["made health-regions-2022.gpkg"]
    assert set(states().values()) == {"ready"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a place where not even root can write")
def test_unwritable_store_does_not_fail_publication(load: Callable[..., str], settings: Any) -> None:
    settings.DOWNLOADS_DIR = Path("/proc/downloads")
    assert "Published, but the download files could not be created" in load("2022")
    assert set(states().values()) == {"missing"}
    with pytest.raises(CommandError, match="cannot be stored"):
        call_command("export", verbosity=0)


def test_deleted_or_truncated_file_is_created_again(load: Callable[..., str], get: Any) -> None:
    load("2022")
    before = {published_download.name: published_download.sha256 for published_download in make.published_downloads()}
    by_name("2022", "health-regions-2022.csv").path.unlink()
    with by_name("2022", "health-regions-2022.gpkg").path.open("r+b") as file:
        file.truncate(100)
    gone = {name for name, state in states().items() if state != "ready"}
    assert gone == {"health-regions-2022.csv", "health-regions-2022.gpkg"}
    assert get("/downloads/health-regions/2022/health-regions-2022.csv").status_code == 404
    call_command("export", verbosity=0, stdout=StringIO())
    assert {published_download.name: published_download.sha256 for published_download in make.published_downloads()} == before


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"files": []}', b'{"files": {"health-regions-2022.csv": "ready"}}'])
def test_unreadable_manifest_counts_as_missing(load: Callable[..., str], get: Any, rubbish: bytes) -> None:
    load("2022")
    (folder(Vintage.objects.get()) / "manifest.json").write_bytes(rubbish)
    assert states()["health-regions-2022.csv"] == "missing"
    assert get("/downloads").status_code == 200
    call_command("export", verbosity=0, stdout=StringIO())
    assert set(states().values()) == {"ready"}


def test_files_of_killed_export_are_hidden_and_removed(load: Callable[..., str], store_dir: Path) -> None:
    load("2022", no_downloads=True)
    place = folder(Vintage.objects.get())
    (place / ".making").mkdir(parents=True)
    (place / ".making" / "health-regions-2022.gpkg").write_bytes(b"half of a")
    assert {name for name, state in states().items() if state != "missing"} == {LOOKUP}
    call_command("export", verbosity=0, stdout=StringIO())
    assert set(states().values()) == {"ready"}
    assert sorted(path.name for path in place.iterdir()) == sorted([*states(), "manifest.json"])


def test_half_written_file_is_not_listed(load: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(vintage: Vintage, path: Path) -> None:
        path.write_bytes(b"x" * 10)
        seen.append((states()["health-regions-2022.gpkg"], by_name("2022", "health-regions-2022.gpkg").path.exists()))
        path.write_bytes(b"x" * 20)

    monkeypatch.setattr(arrow, "write_gpkg", watched)
    load("2022")
    assert seen == [("missing", False)]
    assert by_name("2022", "health-regions-2022.gpkg").size == 20


def test_exports_are_exclusive_and_idempotent(load: Callable[..., str], store_dir: Path) -> None:
    load("2022")
    with store.exclusive(), (store_dir / ".lock").open("a") as other:
        import fcntl

        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    out = StringIO()
    call_command("export", verbosity=0, stdout=out)
    assert out.getvalue() == ""


def test_files_of_deleted_vintages_are_deleted(load: Callable[..., str], store_dir: Path) -> None:
    load("2022")
    retained = folder(Vintage.objects.get())
    load("2022", count=4)
    unpublished_folder = store_dir / "fsa" / "1999" / "20000101T000000000000-999"
    unpublished_folder.mkdir(parents=True)
    call_command("load_boundaries", rollback="health-regions", verbosity=0, stdout=StringIO())
    call_command("load_boundaries", prune=True, verbosity=0, stdout=StringIO())
    assert [path for path in store_dir.glob("*/*/*") if path.is_dir()] == [retained]
    assert not (store_dir / "fsa").exists()


def test_store_of_other_database_is_not_used(load: Callable[..., str]) -> None:
    load("2022")
    first = Vintage.objects.get()
    publish.delete(first)
    load("2022", no_downloads=True)
    # In another database a vintage may have the same primary key, but another time of creation.
    other = Vintage.objects.get()
    other.pk = first.pk
    assert {item.state for item in downloads_of(other)} == {"missing"}


def test_no_downloads_option_and_setting_create_only_the_lookup_index(
    load: Callable[..., str], store_dir: Path, settings: Any
) -> None:
    load("2022", no_downloads=True)
    settings.DOWNLOADS_AT_PUBLISH = False
    load("2023")
    names = {path.name for path in store_dir.rglob("*") if path.is_file()}
    assert names == {LOOKUP, LOOKUP.replace("2022", "2023"), "manifest.json", ".lock"}


def test_lookup_index_of_another_format_is_rebuilt(load: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    load("2022", no_downloads=True)
    index = by_name("2022", LOOKUP)
    out = StringIO()
    call_command("export", format=["lookup"], stdout=out)
    assert LOOKUP not in out.getvalue()
    monkeypatch.setattr(lookup_file, "VERSION", lookup_file.VERSION + 1)
    call_command("export", format=["lookup"], stdout=out)
    assert f"made {LOOKUP}" in out.getvalue()
    assert lookup_file.open_file(index.path).metadata["version"] == str(lookup_file.VERSION)
    assert states()[LOOKUP] == "ready"


def test_failed_load_creates_no_files(load: Callable[..., str], store_dir: Path) -> None:
    with pytest.raises(CommandError):
        load("2022", expect_count=3)
    assert not store_dir.exists()


def test_export_list_shows_state_and_size(load: Callable[..., str]) -> None:
    load("2022")
    out = StringIO()
    call_command("export", list=True, format=["csv"], stdout=out)
    state, size, name = out.getvalue().split()
    assert (state, name) == ("ready", "health-regions/2022/health-regions-2022.csv")
    assert int(size.replace(",", "")) == by_name("2022", "health-regions-2022.csv").size


def test_export_out_writes_a_single_file(load: Callable[..., str], tmp_path: Path, store_dir: Path) -> None:
    load("2022", no_downloads=True)
    target = tmp_path / "new" / "mine.json"
    call_command("export", out=target, format=["geojson"], level=["low"], stdout=StringIO())
    assert json.loads(target.read_bytes())["detail"] == "low"
    assert [path.name for path in target.parent.iterdir()] == ["mine.json"]
    assert not list(store_dir.rglob("*.geojson"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vintage": ["fsa/2099"]}, "No vintage fsa/2099 is published. Published: health-regions/2022."),
        ({"format": ["shares"]}, "have none in this format"),
        ({"format": ["csv"], "level": ["low"]}, "have none in this format"),
    ],
)
def test_export_of_missing_vintage_is_an_error(load: Callable[..., str], options: dict[str, Any], message: str) -> None:
    load("2022", no_downloads=True)
    with pytest.raises(CommandError, match=message):
        call_command("export", list=True, **options)


def test_export_without_published_vintage_does_nothing(store_dir: Path, db: None) -> None:
    call_command("export", verbosity=0)
    assert not [path for path in store_dir.rglob("*") if path.is_dir()]

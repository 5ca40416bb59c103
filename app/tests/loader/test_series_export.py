"""Download files of indicators: at publication, at a rollback, for every kind of series."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from indicators.queries import catalogue
from indicators.queries.downloads import IndicatorDownload
from loader.export import figure_files, make
from tests.support.bodies import body

pytestmark = pytest.mark.django_db

PLACES = """
[places.test]
coverage = "covid-reporting-regions"
vintage = "2020-08"
file = "places.csv"

[series.test]
indicator = "test"
name_en = "Test"
name_fr = "Essai"
unit = "cases"
columns = { period = "date", value = "value", province = "region", place = "code" }
places = { coverage = "covid-reporting-regions", vintage = "2020-08" }
"""
HEADER = "date,region,code,value\n"
FIRST = ("2022-01-01,ON,3595,100", "2022-01-02,ON,3595,110")
SECOND = (*FIRST, "2022-01-03,ON,3595,121")


@pytest.fixture
def command(store_dir: Path, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs load_series and returns its standard error."""
    places = settings.REPO_DIR / "geodata" / "sample" / "series" / "places.csv"
    (tmp_path / "places.csv").write_bytes(places.read_bytes())

    def run(*rows: str, kind: str = "cumulative", period: str = "day", at: int = 1, **options: Any) -> str:
        toml = tmp_path / "series.toml"
        toml.write_text(f'{PLACES}kind = "{kind}"\nperiod = "{period}"\n', encoding="utf-8")
        if rows:
            path = tmp_path / "rows.csv"
            path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
            options |= {"file": path, "issued_at": datetime(2022, 6, at, tzinfo=UTC)}
        error = StringIO()
        names = () if "rollback" in options else ("test",)
        call_command("load_series", *names, sources=toml, verbosity=0, stdout=StringIO(), stderr=error, **options)
        return error.getvalue()

    return run


def downloads() -> dict[str, IndicatorDownload]:
    return {download.name: download for download in make.indicator_downloads()}


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(downloads()["test.csv"].path.read_text(encoding="utf-8"))))


def test_publication_creates_every_file(command: Callable[..., str]) -> None:
    assert command(*FIRST) == ""
    assert {download.state for download in downloads().values()} == {"ready"}
    assert [row["value"] for row in table() if row["place"] == "3595"] == ["100", "110"]


def test_publication_and_rollback_have_separate_files(command: Callable[..., str], get: Any) -> None:
    command(*FIRST)
    first = downloads()
    command(*SECOND, at=2)
    second = downloads()
    assert {download.state for download in second.values()} == {"ready"}
    assert not {download.path for download in first.values()} & {download.path for download in second.values()}
    # A web process with an older catalogue still sends the files of the previous issue.
    assert all(download.path.exists() for download in first.values())
    command(rollback="test")
    third = downloads()
    assert {download.state for download in third.values()} == {"ready"}
    assert third["test.csv"].folder not in (first["test.csv"].folder, second["test.csv"].folder)
    assert third["test.csv"].sha256 == first["test.csv"].sha256
    assert not first["test.csv"].folder.exists()
    assert body(get("/downloads/indicators/test/test.csv")) == third["test.csv"].path.read_bytes()
    command(rollback="test")
    assert downloads() == {}
    assert get("/downloads").json()["indicators"] == []


def test_rollback_uses_current_names_and_populations(command: Callable[..., str], tmp_path: Path) -> None:
    command(*FIRST)
    before = catalogue.published_indicators().indicators["test"].revision
    text = (tmp_path / "places.csv").read_text(encoding="utf-8")
    command(*SECOND, at=2)
    (tmp_path / "places.csv").write_text(text.replace("Toronto", "Tkaronto"), encoding="utf-8")
    command(*SECOND, "2022-01-04,ON,3595,122", at=3)
    command(rollback="test")
    command(rollback="test")
    catalogue.clear()
    assert catalogue.published_indicators().indicators["test"].revision != before
    assert {row["name_en"] for row in table() if row["place"] == "3595"} == {"City of Tkaronto Health Unit"}
    assert {row["period"] for row in table()} == {"2022-01-01", "2022-01-02"}


def test_prune_deletes_files_of_replaced_issues(command: Callable[..., str]) -> None:
    command(*FIRST)
    first = downloads()["test.csv"]
    command(*SECOND, at=2)
    call_command("load_boundaries", prune=True, verbosity=0, stdout=StringIO())
    assert not first.folder.exists()
    assert downloads()["test.csv"].state == "ready"


def test_publication_during_export_discards_its_files(command: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    command(*FIRST, no_downloads=True)
    original = figure_files.write

    def publish_first(download: IndicatorDownload, *arguments: Any) -> None:
        monkeypatch.setattr(figure_files, "write", original)
        command(*SECOND, at=2, no_downloads=True)
        original(download, *arguments)

    monkeypatch.setattr(figure_files, "write", publish_first)
    out = StringIO()
    call_command("export", stdout=out, verbosity=0, format=["csv"])
    assert out.getvalue() == ""
    assert {download.state for download in downloads().values()} == {"missing"}
    call_command("export", stdout=out, verbosity=0)
    assert [row["value"] for row in table() if row["place"] == "3595"] == ["100", "110", "121"]


def test_failed_file_does_not_undo_publication(command: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(figure_files, "write_parquet", fail)
        assert "Published, but test.parquet could not be created: OSError: No space left on device" in command(*FIRST)
    assert {name for name, download in downloads().items() if download.state != "ready"} == {
        "test.parquet",
        "test-archive.parquet",
    }
    call_command("export", stdout=StringIO(), verbosity=0)
    assert downloads()["test.parquet"].state == "ready"


def test_no_downloads_and_dry_run_create_no_files(command: Callable[..., str], store_dir: Path) -> None:
    command(*FIRST, no_downloads=True)
    command(*SECOND, at=2, dry_run=True)
    assert not store_dir.exists()


def test_withdrawn_value_is_empty_with_status_withdrawn(command: Callable[..., str]) -> None:
    command(*SECOND)
    command(*FIRST, at=2, accept=["ends_earlier", "rewrites", "national_falls"], because="test")
    withdrawn = next(row for row in table() if (row["place"], row["period"]) == ("3595", "2022-01-03"))
    assert (withdrawn["value"], withdrawn["status"], withdrawn["new_7d"]) == ("", "withdrawn", "")


def test_weekly_count_has_a_row_per_week(command: Callable[..., str]) -> None:
    command("2022-01-08,ON,3595,12", "2022-01-15,ON,3595,0", "2022-01-29,ON,3595,5", kind="count", period="week")
    assert [(row["period"], row["value"], row["new_7d"], row["status_7d"]) for row in table() if row["place"] == "3595"] == [
        ("2022-01-08", "12", "12", "reported"),
        ("2022-01-15", "0", "0", "reported"),
        ("2022-01-29", "5", "5", "reported"),
    ]
    assert sorted(name for name in downloads() if name.endswith("-wide.csv")) == [
        "test-new_7d-wide.csv",
        "test-rate_7d-wide.csv",
        "test-value-wide.csv",
    ]


@pytest.mark.parametrize(("kind", "columns"), [("stock", ["rate"]), ("percent", []), ("concentration", [])])
def test_undefined_measures_are_empty(command: Callable[..., str], kind: str, columns: list[str]) -> None:
    command("2022-01-08,ON,3595,12.5", kind=kind)
    (row,) = (row for row in table() if row["place"] == "3595")
    assert list(row)[8:14] == ["value", "new_1d", "new_7d", "rate_7d", *columns, "status", "status_7d"][:6]
    assert (row["value"], row["new_1d"], row["new_7d"], row["rate_7d"], row["status_7d"]) == ("12.5", "", "", "", "")
    assert all(float(row[column]) > 0 for column in columns)
    assert all(download.state == "ready" for download in downloads().values())

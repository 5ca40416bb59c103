"""Original files of the publishers, loaded with the declarations of geodata/series.toml."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from loader.errors import GatesFailed
from loader.series import pipeline
from loader.series.declarations import read_series
from loader.series.places import seed_places
from tests.indicators.conftest import published_file

pytestmark = [pytest.mark.django_db, pytest.mark.real]

FILES = {
    "on-hosp-admissions": ("on_hosp_admissions_hr_ts", 44_880, 34),
    "on-vaccine-coverage": ("on_pho_vaccine_coverage", 5_425, 35),
    "on-pho-cases": ("on_pho_cases", 7_770, 35),
    "bc-hosp-admissions": ("bc_hosp_admissions_hr_ts", 4_614, 6),
    "bc-hospitalizations": ("bc_hospitalizations_hr_ts", 4_614, 6),
    "bc-icu": ("bc_icu_hr_ts", 4_614, 6),
    "wastewater": ("can_wastewater_copies_per_ml_subhr_ts", 10_444, 38),
    "qc-cases": ("qc_cases_hr_ts", 29_108, 19),
    "sk-cases-weekly": ("sk_biweekly_cases_hr", 286, 13),
    "mb-cases-weekly": ("mb_weekly_report_2", 360, 6),
    "nb-cases-weekly": ("nb_weekly_report_3", 121, 8),
    "ns-cases": ("ns_respiratory_watch_report", 60, 5),
}


def test_every_declared_series_has_a_test_file() -> None:
    assert set(FILES) == {name for name, source in read_series().items() if not source.embedded}


@pytest.mark.parametrize("name", FILES)
def test_published_file_loads_by_its_declaration(name: str) -> None:
    file, values, places = FILES[name]
    report = pipeline.load(read_series()[name], path=published_file(f"{file}.csv.gz")).report
    assert (report["values"], report["places"]) == (values, places)


def test_long_file_of_cases_equals_embedded_series(embedded: None) -> None:
    """The embedded wide file has exactly the values of the long file."""
    path = Path(settings.GEODATA_DIR) / "covid" / "cases_hr.csv.gz"
    if not path.exists():
        pytest.skip(f"GEODATA_DIR ({settings.GEODATA_DIR}) has no covid/cases_hr.csv.gz")
    columns = {"period": "date", "value": "value", "province": "region", "place": "sub_region_1"}
    source = replace(read_series()["covid-cases"], shape="long", columns=columns, changes=False)
    report = pipeline.load(source, path=path, dry_run=True).report
    assert report["changes"] == {"new": {}, "changed": {}, "withdrawn": {}}
    assert report["values"] == 104_369


HELD = {
    "2022-05-29T0033Z": ("region_moves", "591"),
    "2022-06-14T2008Z": ("ends_earlier", "6101"),
    "2022-07-06T1611Z": ("ends_earlier", "2401"),
    "2022-10-07T1835Z": ("rewrites", "2406"),
    "2022-10-12T0117Z": ("rewrites", "2406"),
    "2022-10-12T0207Z": ("rewrites", "2406"),
    "2022-10-20T2208Z": ("national_falls", "3,926,775, before 4,267,316"),
    "2022-11-25T1708Z": ("vanished", "4601"),
    "2023-01-06T2108Z": ("vanished", "4711"),
}


@pytest.mark.parametrize("name", HELD)
def test_incident_fails_gate_that_names_the_region(name: str, published_issue: Callable[[str], Any]) -> None:
    gate, shown = HELD[name]
    with pytest.raises(GatesFailed) as caught:
        published_issue(name)
    assert gate in caught.value.names
    failed = next(item for item in caught.value.report["gates"] if item["name"] == gate)
    assert shown in "\n".join((failed["detail"], *failed["listed"]))


@pytest.fixture
def published_issue() -> Callable[[str], Any]:
    """Return a function that loads the issue before an incident, then the issue with the incident."""
    columns = {"period": "date", "value": "value", "province": "region", "place": "sub_region_1"}
    source = replace(
        read_series()["covid-cases"], shape="long", columns=columns, changes=False, indicator="issues", name="issues"
    )

    def run(name: str) -> Any:
        folder = published_file(f"issues/cases_hr_{name}.csv.gz").parent
        names = sorted(path.name for path in folder.glob("cases_hr_*.csv.gz"))
        incident = names.index(f"cases_hr_{name}.csv.gz")
        seed_places()
        pipeline.load(source, path=folder / names[incident - 1], issued_at=datetime(2022, 1, 1, tzinfo=UTC), acceptance=ALL)
        return pipeline.load(source, path=folder / names[incident])

    return run


ALL = pipeline.Acceptance(frozenset({"negatives", "cadence"}), "as published")


def test_week_of_quebec_as_seen_on_two_dates(tmp_path: Path, sql: Callable[..., list[Any]]) -> None:
    """The statement of docs/indicators.md: readers saw a fifth of the cases of that week until 7 October."""
    folder = tmp_path / "issues"
    folder.mkdir()
    for name in ("2022-10-07T1408Z", "2022-10-07T1835Z"):
        file = published_file(f"issues/cases_hr_{name}.csv.gz")
        (folder / file.name).symlink_to(file)
    source = replace(read_series()["covid-cases"], name="quebec", indicator="quebec")
    acceptance = pipeline.Acceptance(frozenset({"rewrites", "region_moves"}), "correction announced by Quebec")
    assert [outcome.what for _, outcome in pipeline.load_issues(source, folder, acceptance=acceptance)] == ["published"] * 2
    document = (settings.REPO_DIR / "docs" / "indicators.md").read_text(encoding="utf-8")
    (statement,) = [block for block in re.findall(r"```sql\n(.*?)```", document, re.S) if "as seen on two dates" in block]
    assert [cases for _, cases in sql(statement.replace("'cases'", "'quebec'"))] == [932, 5_040]

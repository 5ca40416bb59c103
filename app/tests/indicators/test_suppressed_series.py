"""A source with `suppress_below`, through loader, routes, SQL and files: no answer contains more than the published values.

`tests/loader/test_suppression.py` proves that published values reveal no suppressed value. Here all other numbers are
recomputed from the published values only.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command

from indicators.measures import Observation, SeriesValues
from indicators.models import Issue, Population
from indicators.queries import catalogue
from indicators.statuses import ValueStatus
from loader.errors import GatesFailed
from loader.export import make
from loader.progress import Steps
from loader.series import pipeline
from loader.series.declarations import read_series
from tests.support.bodies import body
from tests.support.issue_history import declared

pytestmark = pytest.mark.django_db
FIRST = date(2022, 1, 1)
# New cases by day; the totals begin at 100.
NEW = {
    "ON,3595": [0, 40, 3, 0, 1, 60, 70, 8, 9, 30, 2, 44],
    "ON,3553": [0, 9, 9, 6, 7, 8, 2, 0, 0, 5, 6, 9],
    "ON,9999": [0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0],
    "QC,2406": [0, 70, 60, 50, 9, 80, 90, 70, 8, 60, 66, 77],
}
DAYS = [FIRST + timedelta(step) for step in range(12)]
Values = dict[tuple[str, date], tuple[float | None, str]]


def file_of(new: dict[str, list[int]]) -> str:
    lines = ["date,region,code,value"]
    for place, counts in new.items():
        lines += [f"{day},{place},{100 + sum(counts[: step + 1])}" for step, day in enumerate(DAYS)]
    return "\n".join(lines) + "\n"


Load = Callable[..., pipeline.Outcome]
CORRECTED = NEW | {"ON,3553": [0, 9, 6, 9, *NEW["ON,3553"][4:]]}


@pytest.fixture
def load_issue(client: Any, tmp_path: Path) -> Iterator[Load]:
    """Return a function that loads an issue of the source: new cases by place."""
    _, toml = declared(tmp_path)
    text = toml.read_text(encoding="utf-8").replace('kind = "cumulative"', 'kind = "cumulative"\nsuppress_below = 5')
    toml.write_text(text, encoding="utf-8")
    source = read_series(toml)["history"]

    def load(new: dict[str, list[int]], *accepted: str) -> pipeline.Outcome:
        path = tmp_path / "issue.csv"
        path.write_text(file_of(new), encoding="utf-8")
        acceptance = pipeline.Acceptance(frozenset(accepted), "a test")
        try:
            return pipeline.load(source, path=path, declarations=toml, acceptance=acceptance)
        finally:
            catalogue.clear()

    yield load
    catalogue.clear()


@pytest.fixture
def suppressed(load_issue: Load) -> None:
    """Load two issues of the source; the second corrects a day."""
    load_issue(NEW)
    load_issue(CORRECTED, "rewrites")


@pytest.fixture
def values(suppressed: None, sql: Callable[..., list[tuple[Any, ...]]]) -> Values:
    """Return the current values by place and day, as SQL has them."""
    rows = sql("SELECT place, period, value, status FROM geo.indicator_values WHERE indicator = 'history'")
    return {(place, day): (value, status) for place, day, value, status in rows}


def test_small_differences_and_their_companions_have_a_status_and_no_number(values: Values) -> None:
    hidden = {cell for cell, (value, _) in values.items() if value is None}
    assert {status for value, status in values.values() if value is None} == {"suppressed"}
    # 3, then 0 and 1 new cases: the total is published again when 60 more have come.
    assert {("3595", DAYS[2]), ("3595", DAYS[3]), ("3595", DAYS[4])} <= hidden
    assert ("3595", DAYS[5]) not in hidden
    # The total of Ontario leaves two parts open, or is suppressed itself.
    for day in DAYS:
        parts = [("3595", day), ("3553", day), ("ON-9999", day)]
        assert values["ON", day][0] is None or sum(part in hidden for part in parts) != 1
    # The published totals are the true ones.
    assert values["3595", DAYS[5]][0] == 100 + sum(NEW["ON,3595"][:6])
    assert values["2406", DAYS[11]][0] == 100 + sum(NEW["QC,2406"])


def test_no_difference_of_published_totals_is_small(values: Values) -> None:
    for place in {place for place, _ in values}:
        totals = [value for (key, _), (value, _) in values.items() if key == place and value is not None]
        assert all(abs(left - right) == 0 or abs(left - right) >= 5 for left in totals for right in totals)


def test_every_measure_is_one_of_the_published_values(values: Values, client: Any) -> None:
    for place in {place for place, _ in values}:
        observations = {
            day: Observation(value, ValueStatus[status.upper()])
            for (key, day), (value, status) in values.items()
            if key == place
        }
        people = dict(Population.objects.filter(place__key=place).values_list("year", "people"))
        alone = SeriesValues("cumulative", "day", True, observations, {} if place.endswith("9999") else people)
        for measure in ("cumulative", "new_1d", "new_7d", "rate_7d"):
            url = f"/indicators/history/series?place={place}&measure={measure}&freq=day&from={DAYS[0]}&to={DAYS[-1]}"
            shown = client.get(url).json()["places"][place]["values"]
            assert shown == [element.value for element in alone.elements(measure, DAYS)], (place, measure)
            table = client.get(url.replace("/series?", "/series.csv?")).content.decode().splitlines()[1:]
            assert [line.split(",")[6] for line in table] == ["" if value is None else str(value) for value in shown]


def test_revisions_issues_and_files_have_no_suppressed_number(
    values: Values, client: Any, settings: Any, tmp_path: Path
) -> None:
    settings.DOWNLOADS_DIR = tmp_path / "downloads"
    files = [download for download in make.indicator_downloads() if download.name.startswith("history")]
    assert make.export(files, Steps(quiet=True)).failed == {}
    tables = {
        name: pyarrow.parquet.read_table(BytesIO(body(client.get(f"/downloads/indicators/history/{name}")))).to_pylist()
        for name in ("history.parquet", "history-archive.parquet")
    }
    shown = {(row["place"], row["period"]): row["value"] for row in tables["history.parquet"]}
    assert shown == {cell: value for cell, (value, _) in values.items()}
    archive = {(row["geo_value"], row["time_value"]): row["value"] for row in tables["history-archive.parquet"]}
    for (place, day), (value, _) in values.items():
        if value is None:
            assert archive.get((place, day)) is None
            revisions = client.get(f"/indicators/history/revisions?place={place}&period={day}").json()["revisions"]
            assert revisions[-1]["value"] is None
            assert revisions[-1]["status"] == "suppressed"
    for issue in Issue.objects.filter(indicator__slug="history"):
        assert client.get(f"/indicators/history/issues/{issue.pk}").json()["largest_change"] is None


def test_values_of_all_issues_stay_suppressed(suppressed: None, sql: Callable[..., list[tuple[Any, ...]]]) -> None:
    rows = sql(
        "SELECT place, period, array_agg(value ORDER BY from_issue_id) FROM geo.indicator_values_all"
        " WHERE indicator = 'history' GROUP BY place, period"
    )
    for place, day, history in rows:
        first = history.index(None) if None in history else len(history)
        assert history[first:] == [None] * (len(history) - first), (place, day)


def test_report_of_a_held_issue_has_no_numbers_of_places(suppressed: None, load_issue: Load, client: Any) -> None:
    """A later issue is not compared with a held one, whose report is public all the same."""
    fallen = CORRECTED | {"QC,2406": [0, 70, 60, 50, 9, 80, 90, 70, 8, 60, -500, -30]}
    with pytest.raises(GatesFailed) as caught:
        load_issue(fallen, "rewrites")
    # The operator sees them.
    assert caught.value.report["largest_change"]["place"] == "2406"
    (moved,) = (gate for gate in caught.value.report["gates"] if gate["name"] == "region_moves")
    assert moved["listed"] == [f"2406: {100 + sum(fallen['QC,2406'])}, before {100 + sum(NEW['QC,2406'])} (91%)"]
    held = Issue.objects.get(status="staged")
    detail = client.get(f"/indicators/history/issues/{held.pk}").json()
    gates = {gate["name"]: gate for gate in detail["gates"] if not gate["passed"]}
    assert detail["largest_change"] is None
    assert (gates["region_moves"]["detail"], gates["region_moves"]["listed"]) == ("1", ["2406"])
    assert (gates["national_falls"]["detail"], gates["national_falls"]["listed"]) == ("numbers are withheld", [])
    reasons = {gate["name"]: gate["reason"] for gate in client.get("/indicators/history/map").json()["held"]["gates"]}
    assert reasons["region_moves"] == "regions whose totals change by much"
    assert reasons["national_falls"] == "a lower total of the country"
    # The same of an issue that is published in spite of them.
    load_issue(fallen, "rewrites", "region_moves", "national_falls")
    for issue in Issue.objects.filter(indicator__slug="history"):
        assert issue.report["largest_change"] is None
        listed = {entry for gate in issue.report["gates"] for entry in gate["listed"]}
        assert listed <= {"3595", "3553", "ON-9999", "2406", "ON", "QC", "CA"}
        assert {gate["name"] for gate in issue.report["gates"] if "share" in (gate["finding"] or {})} <= {"rewrites"}


def test_rollback_is_refused_and_the_file_before_is_loaded_again_instead(
    suppressed: None, load_issue: Load, tmp_path: Path, sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """The values of an issue stay in the history that later issues are compared with."""
    select = "SELECT count(*), count(value) FROM geo.indicator_values_all WHERE indicator = 'history'"
    before = sql(select)
    with pytest.raises(CommandError, match="Load a corrected file, or the file before it, as the next issue instead"):
        call_command("load_series", rollback="history", sources=tmp_path / "series.toml", no_downloads=True)
    assert sql(select) == before
    assert load_issue(NEW, "rewrites").what == "published"
    numbers = sql(
        "SELECT place, array_agg(DISTINCT value) FROM geo.indicator_values_all"
        " WHERE indicator = 'history' AND value IS NOT NULL GROUP BY place"
    )
    for place, totals in numbers:
        assert all(abs(left - right) == 0 or abs(left - right) >= 5 for left in totals for right in totals), place

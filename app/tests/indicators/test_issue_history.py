"""All 301 issues of the publisher's cases, from GEODATA_DIR: equal to the oracle, few rows, every incident seen by a gate."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from geography.codes import PROVINCE_BY_PRUID
from indicators.models import Indicator, Issue
from indicators.queries.as_of import IssueValues
from loader.series import pipeline
from loader.series.declarations import read_series
from tests.indicators.conftest import published_file

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("history", "db")]

CHANGES, ORACLE = "cases_hr_301_issues_changes.csv.xz", "issues/ORACLE.csv"
GATES = frozenset({"vanished", "ends_earlier", "national_falls", "region_moves", "rewrites"})
# Incidents: instant of the issue, a gate that fails, and a place that it names.
INCIDENTS = [
    ("2022-05-29T00:33:43Z", "region_moves", "591"),
    ("2022-05-31T20:00:40Z", "ends_earlier", "6201"),
    ("2022-06-14T20:08:24Z", "ends_earlier", "6101"),
    ("2022-06-15T20:07:53Z", "vanished", "6101"),
    ("2022-06-19T03:11:03Z", "ends_earlier", "6201"),
    ("2022-06-24T16:30:18Z", "ends_earlier", "6201"),
    ("2022-07-06T16:11:04Z", "national_falls", ""),
    ("2022-10-07T18:35:41Z", "rewrites", "24"),
    ("2022-10-12T01:17:09Z", "rewrites", "24"),
    ("2022-10-12T02:07:51Z", "rewrites", "24"),
    ("2022-10-20T22:08:35Z", "national_falls", ""),
    ("2022-11-25T17:08:00Z", "vanished", "4601"),
    ("2023-01-06T21:08:04Z", "vanished", "4711"),
]


@pytest.fixture(scope="module")
def history(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Load all issues once for this module, with every gate accepted."""
    path = published_file(CHANGES)
    source = replace(read_series()["covid-cases"], name="history", indicator="history")
    with django_db_blocker.unblock():
        try:
            outcomes = pipeline.load_issues(source, path, acceptance=pipeline.Acceptance(GATES, "as it was published"))
            assert [outcome.what for _, outcome in outcomes] == ["published"] * 301
            yield
        finally:
            Indicator.objects.filter(slug="history").delete()


def query(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def as_published(pruid: str, place: str, period: str, value: float) -> str:
    """Return a value as a row of the publisher, who writes 3539 for Huron Perth."""
    code = {"3550": "3539"}.get(place, place.rpartition("-")[2])
    return f"{PROVINCE_BY_PRUID[pruid].abbreviation},{code},{period},{int(value)}"


def summary(lines: list[str]) -> tuple[int, int, str]:
    """Return number of rows, sum of values and checksum, as the oracle has them."""
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
    return len(lines), sum(int(line.rpartition(",")[2]) for line in lines), digest


def oracle() -> dict[str, tuple[int, int, str]]:
    with published_file(ORACLE).open(encoding="utf-8", newline="") as file:
        return {
            row["issue_utc"]: (int(row["rows"]), int(row["sum_of_values"]), row["sha256_16"]) for row in csv.DictReader(file)
        }


def test_sql_as_of_every_issue_equals_the_oracle() -> None:
    expected = oracle()
    assert len(expected) == 201
    statement = (
        "SELECT pruid, place, period::text, value FROM geo.indicator_values_at('history', %s)"
        " WHERE kind IN ('region', 'unassigned') AND status <> 'withdrawn'"
    )
    wrong = [
        instant
        for instant, stated in expected.items()
        if summary([as_published(*row) for row in query(statement, instant)]) != stated
    ]
    assert wrong == []


def test_values_of_the_api_equal_the_oracle() -> None:
    """The reader behind `as_of` of the routes; every tenth issue of the oracle."""
    for instant, stated in list(oracle().items())[::10]:
        issue = Issue.objects.select_related("indicator").get(indicator__slug="history", issued_at=instant)
        values = IssueValues(issue.indicator, issue)
        lines = [
            as_published(series.place.pruid, series.place.key, str(day), observation.value)
            for series in values.series
            if not series.derived
            for day, observation in values.observations(series).items()
            if observation.value is not None
        ]
        assert summary(lines) == stated, instant


def test_history_takes_less_than_a_fiftieth_of_all_issues_whole() -> None:
    ((stored, whole),) = query(
        "WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS number, count(*) OVER () AS issues"
        "   FROM indicator_issue WHERE indicator_id = (SELECT id FROM indicator WHERE slug = 'history'))"
        " SELECT count(*), sum(coalesce(later.number, first.issues + 1) - first.number) FILTER (WHERE v.status <> 6)"
        " FROM indicator_value v JOIN indicator_series s ON s.id = v.series_id"
        " JOIN numbered first ON first.id = v.from_issue_id"
        " LEFT JOIN numbered later ON later.id = v.to_issue_id WHERE NOT s.derived"
    )
    assert stored == 493_060
    assert stored / whole < 0.02


def test_gates_fail_for_every_incident_and_few_other_issues() -> None:
    failed = {
        f"{issue.issued_at:%Y-%m-%dT%H:%M:%SZ}": {
            gate["name"]: gate["listed"] for gate in issue.report["gates"] if not gate["passed"]
        }
        for issue in Issue.objects.filter(indicator__slug="history")
        if issue.report["accepted"]
    }
    assert len(failed) <= 20
    for instant, gate, place in INCIDENTS:
        assert gate in failed[instant]
        assert any(line.startswith(place) for line in failed[instant][gate]) or not place


def test_week_of_quebec_was_corrected_undone_and_corrected_again() -> None:
    """Readers saw a fifth of the cases of the week to 2022-09-17 until 7 October."""
    weeks = {}
    for moment in ("2022-10-06", "2022-10-08", "2022-10-12 01:30+00", "2022-10-13"):
        totals = dict(
            query(
                "SELECT period::text, value FROM geo.indicator_values_at('history', %s)"
                " WHERE place = 'QC' AND period IN ('2022-09-10', '2022-09-17')",
                moment,
            )
        )
        weeks[moment] = totals["2022-09-17"] - totals["2022-09-10"]
    assert list(weeks.values()) == [932, 5_040, 932, 5_040]

"""Routes of the issues of an indicator, and of the revisions of a value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from indicators.queries import catalogue
from loader.series import pipeline
from tests.support.issue_history import ALL_GATES, SMALL_HISTORY, SmallIssue, changes_text, declared

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]


def test_issues_are_paged_the_newest_first(get: Get, history: list[SmallIssue], assert_schema: Any) -> None:
    body = get("/indicators/history/issues", limit="2").json()
    assert_schema("IndicatorIssues", body)
    assert (body["number_matched"], body["number_returned"]) == (5, 2)
    instants = []
    link: str | None = "/indicators/history/issues?limit=2"
    while link:
        page = get(link).json()
        instants += [item["issued_at"] for item in page["issues"]]
        link = next((item["href"] for item in page["links"] if item["rel"] == "next"), None)
    assert instants == [issue.issued_at.isoformat() for issue in reversed(history)]
    assert get("/indicators/history/issues", limit="0").status_code == 400
    assert get("/indicators/history/issues", status="bad").status_code == 400


def test_issue_has_changes_and_acceptance(get: Get, history: list[SmallIssue], assert_schema: Any) -> None:
    listed = get("/indicators/history/issues").json()["issues"]
    corrected, vanished = (get(f"/indicators/history/issues/{listed[index]['id']}").json() for index in (2, 1))
    assert_schema("IndicatorIssueDetail", corrected)
    assert_schema("IndicatorIssueDetail", vanished)
    assert corrected["places"] == [
        {"place": "2406", "new": 0, "changed": 1, "withdrawn": 0},
        {"place": "3553", "new": 0, "changed": 0, "withdrawn": 1},
    ]
    assert corrected["largest_change"] == {"place": "2406", "period": "2022-01-02", "before": 410, "after": 455}
    assert corrected["accepted"] is None
    assert vanished["accepted"] == {
        "gates": ["national_falls", "rewrites", "vanished"],
        "because": "as it was published",
        "by": "A. Person",
    }
    assert {gate["name"] for gate in vanished["gates"] if not gate["passed"]} == set(vanished["accepted"]["gates"])


def test_name_of_the_operating_system_user_stays_private(get: Get, tmp_path: Path) -> None:
    source, toml = declared(tmp_path)
    (tmp_path / "changes.csv").write_text(changes_text(SMALL_HISTORY), encoding="utf-8")
    acceptance = pipeline.Acceptance(ALL_GATES, "as published", "root")
    list(pipeline.load_issues(source, tmp_path / "changes.csv", acceptance=acceptance, declarations=toml))
    catalogue.clear()
    listed = get("/indicators/history/issues").json()["issues"]
    assert [item["accepted"]["by"] for item in listed if item["accepted"]] == [None, None]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(accepted_by) FROM geo.issues")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("path", ["issues/999999999", "issues/1e3", "issues/-1", "issues/9999999999"])
def test_unknown_issue_is_not_found(get: Get, history: list[SmallIssue], path: str) -> None:
    response = get(f"/indicators/history/{path}")
    assert (response.status_code, response.json()["type"]) == (404, "/problems/issue-unknown")


def test_issue_of_another_indicator_is_not_found(get: Get, history: list[SmallIssue]) -> None:
    number = get("/indicators/cases/issues").json()["issues"][0]["id"]
    assert get(f"/indicators/cases/issues/{number}").status_code == 200
    assert get(f"/indicators/history/issues/{number}").status_code == 404


def test_revisions_list_every_value_as_published(get: Get, history: list[SmallIssue], assert_schema: Any) -> None:
    body = get("/indicators/history/revisions", place="2406", period="2022-01-02").json()
    assert_schema("IndicatorRevisions", body)
    instants = [issue.issued_at.isoformat() for issue in history]
    assert [(item["value"], item["status"], item["issued_at"], item["superseded_at"]) for item in body["revisions"]] == [
        (410, "reported", instants[0], instants[2]),
        (455, "reported", instants[2], instants[3]),
        (None, "withdrawn", instants[3], instants[4]),
        (455, "reported", instants[4], None),
    ]
    assert get("/indicators/history/revisions", place="2406", period="1999-01-01").json()["revisions"] == []


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ({"place": "2406"}, 400, "period"),
        ({"period": "2022-01-02"}, 400, "place"),
        ({"place": "2406,3595", "period": "2022-01-02"}, 400, "place"),
        ({"place": "9999", "period": "2022-01-02"}, 404, "place"),
        ({"place": "2406", "period": "2022-13-02"}, 400, "period"),
    ],
)
def test_revisions_need_one_place_and_day(
    get: Get, history: list[SmallIssue], query: dict[str, str], status: int, parameter: str
) -> None:
    response = get("/indicators/history/revisions", **query)
    assert (response.status_code, response.json()["parameter"]) == (status, parameter)

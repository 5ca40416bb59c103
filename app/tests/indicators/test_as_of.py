"""Answers as of an instant: every route and format, SQL, and caching."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from django.conf import settings
from django.db import connection

from indicators.queries import as_of, catalogue, figures
from loader.export import make
from loader.progress import Steps
from tests.support import demo_regions as worlds
from tests.support.issue_history import SMALL_HISTORY, SmallIssue

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]
Sql = Callable[..., list[tuple[Any, ...]]]


def instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def stated(issue: SmallIssue) -> dict[tuple[str, str], int]:
    """Return the values of an issue by key of the place and day."""
    keys = {"ON9999": "ON-9999"}
    return {(keys.get(key, key[2:]), day): value for (key, day), value in issue.state.items()}


def cube_values(rows: Any) -> dict[tuple[str, str], float]:
    """Return the values of a cube's table that were reported on their day, of regions and unassigned parts."""
    return {
        (str(row["place"]), str(row["date"])): float(row["value"])
        for row in rows
        if row["kind"] in ("region", "unassigned") and row["value"] not in ("", None) and row["status"] != "carried"
    }


@pytest.mark.parametrize("number", range(5))
def test_every_format_reproduces_each_issue(get: Get, history: list[SmallIssue], number: int) -> None:
    issue = history[number]
    query = {"as_of": instant(issue.issued_at), "measure": "cumulative"}
    path = "/indicators/history/cube"
    table = csv.DictReader(StringIO(get(f"{path}.csv", **query).content.decode()))
    lines = [json.loads(line) for line in get(f"{path}.ndjson", **query).content.decode().splitlines()]
    arrow = pa.ipc.open_stream(BytesIO(get(f"{path}.arrow", **query).content)).read_all().to_pylist()
    body = get(path, **query).json()
    assert cube_values(table) == cube_values(lines) == cube_values(arrow) == stated(issue)
    assert body["issue"]["issued_at"] == issue.issued_at.isoformat()
    start = datetime.fromisoformat(body["start"])
    days = [str((start + timedelta(days=step)).date()) for step in range(body["length"])]
    from_json = {
        (place, day): value
        for place, values in body["places"].items()
        for day, value in zip(days, values, strict=True)
        if (place, day) in stated(issue)
    }
    assert from_json == stated(issue)


@pytest.mark.parametrize("number", range(5))
def test_map_and_series_equal_the_time_when_the_issue_was_current(get: Get, load: Callable[..., None], number: int) -> None:
    """The answers as of an issue are those that the service gave, from stored arrays, while the issue was the newest."""
    worlds.coverages()
    vintage = worlds.make_vintage("health-regions", "2022", date(2022, 12, 1))
    worlds.add_places(vintage, [worlds.Place("3595", "35", ((0, 0, 1_000, 1_000),), name_en="Toronto")])
    load(SMALL_HISTORY[: number + 1])
    day = "2022-01-10"
    requests: list[tuple[str, dict[str, str]]] = [
        ("map", {}),
        ("map", {"on": day, "measure": "new_7d"}),
        ("map", {"on": day, "measure": "new_1d", "fields": "v"}),
        ("map.csv", {"on": "2022-01-04"}),
        ("map", {"on": day, "coverage": "health-regions", "vintage": "2022"}),
        ("cube", {"measure": "new_1d"}),
        ("cube", {"kind": "region"}),
        ("series", {"place": "3595,ON", "freq": "day"}),
        ("series.csv", {"place": "3553", "measure": "cumulative", "from": "2022-01-02", "to": "2022-01-06"}),
    ]

    def answers(**moment: str) -> list[Any]:
        responses = [get(f"/indicators/history/{path}", **query, **moment) for path, query in requests]
        return [(response.status_code, response.content) for response in responses]

    then = answers()
    # The incident, with a single province, has no totals.
    assert [status for status, _ in then].count(200) == len(requests) - (number == 3)
    load(SMALL_HISTORY)
    assert answers(as_of=instant(SMALL_HISTORY[number].issued_at)) == then
    # Until the next issue, nothing changes.
    if number < 4:
        before_next = instant(SMALL_HISTORY[number + 1].issued_at - timedelta(seconds=1))
        assert answers(as_of=before_next) == then


def test_sql_reproduces_each_issue(sql: Sql, history: list[SmallIssue]) -> None:
    for issue in history:
        rows = sql(
            "SELECT place, period::text, value FROM geo.indicator_values_at('history', %s)"
            " WHERE kind IN ('region', 'unassigned') AND status <> 'withdrawn'",
            issue.issued_at,
        )
        assert {(place, day): value for place, day, value in rows} == stated(issue)
    columns = "kind, coverage, vintage, place, pruid, period, value, status, place_id, issue_id"
    current = f"SELECT {columns} FROM geo.indicator_values WHERE indicator = 'history' ORDER BY place, period"
    now = f"SELECT {columns} FROM geo.indicator_values_at('history', now()) ORDER BY place, period"
    assert sql(now) == sql(current)
    assert sql("SELECT count(*) FROM geo.indicator_values_at('history', '2022-06-01')") == [(0,)]


def test_analyst_may_read_issues_and_values_as_of(sql: Sql, history: list[SmallIssue]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE geo_reader")
        cursor.execute("SELECT count(*) FROM geo.indicator_values_at('history', now())")
        assert cursor.fetchone()[0] > 0
        cursor.execute(
            "SELECT values_new, values_changed, values_withdrawn, gates_failed, gates_accepted, because, accepted_by"
            " FROM geo.issues WHERE indicator = 'history' ORDER BY issued_at"
        )
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT c.place, c.values_withdrawn FROM geo.issue_changes c JOIN geo.issues i USING (issue_id)"
            " WHERE i.indicator = 'history' AND i.issued_at = %s",
            [history[3].issued_at],
        )
        changes = cursor.fetchall()
        cursor.execute("RESET ROLE")
    assert [row[:3] for row in rows] == [(40, 0, 0), (4, 0, 0), (0, 1, 1), (0, 0, 11), (4, 12, 0)]
    assert rows[3][3:] == (
        ["vanished", "national_falls", "rewrites"],
        ["national_falls", "rewrites", "vanished"],
        "as it was published",
        "A. Person",
    )
    assert changes == [("2406", 11)]


def test_example_shows_the_same_week_on_two_dates(sql: Sql, history: list[SmallIssue]) -> None:
    """The example of the documents, with the indicator, days and date of the small history."""
    path = settings.REPO_DIR / "data" / "schema" / "examples" / "21_same_week_on_two_dates.sql"
    text = path.read_text(encoding="utf-8")
    for written, used in {
        "'cases'": "'history'",
        "2022-11-17 00:00Z": history[1].instant,
        "2022-11-05": "2022-01-08",
        "2022-10-29": "2022-01-02",
    }.items():
        assert written in text
        text = text.replace(written, used)
    assert sql(text) == [("ON", 180, 180, 0), ("QC", 60, 15, -45)]


def test_one_day_as_of_an_issue_uses_the_primary_key(sql: Sql, history: list[SmallIssue]) -> None:
    """The condition on the day reaches the table: the function is inlined."""
    plan = sql("EXPLAIN SELECT value FROM geo.indicator_values_at('history', now()) WHERE period = '2022-01-05'")
    text = "\n".join(line for (line,) in plan)
    assert "Function Scan" not in text
    assert "'2022-01-05'" in text


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("2022-06-02T00:00:00Z", 0),
        ("2022-06-02t00:00:00z", 0),
        ("2022-06-02T22:06:59.999999999+00:00", 0),
        ("2022-06-02T22:07:00Z", 1),
        ("2022-06-02T18:07:00-04:00", 1),
        ("2022-06-02", 1),  # the end of the day in UTC
        ("2022-06-03T01:17:00Z", 2),
        ("2022-06-03", 4),
        ("2999-01-01", 4),
    ],
)
def test_instant_selects_the_issue_in_force(get: Get, history: list[SmallIssue], query: str, number: int) -> None:
    response = get("/indicators/history/map", as_of=query)
    assert response.status_code == 200, response.content
    assert response.json()["issue"]["issued_at"] == history[number].issued_at.isoformat()


def test_instant_before_the_first_issue_is_not_found(get: Get, history: list[SmallIssue]) -> None:
    response = get("/indicators/history/series", place="ON", as_of="2022-06-01")
    problem = response.json()
    assert (response.status_code, problem["type"], problem["parameter"]) == (404, "/problems/issue-unknown", "as_of")
    assert problem["hint"] == "The first is of 2022-06-02T00:00:00Z."


@pytest.mark.parametrize(
    "query",
    ["now", "2022-06", "2022-06-02T00:00:00", "2022-06-02T00:00Z", "2022-06-31", "2022-06-02T25:00:00Z", "٢٠٢٢-06-02", "-1"],
)
@pytest.mark.parametrize("route", ["map", "cube.csv", "series"])
def test_invalid_instant_is_refused(get: Get, history: list[SmallIssue], route: str, query: str) -> None:
    more = {"place": "ON"} if route == "series" else {}
    response = get(f"/indicators/history/{route}", as_of=query, **more)
    assert (response.status_code, response.json()["parameter"]) == (400, "as_of")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("0001-01-01T00:00:00+14:00", 404),
        ("9999-12-31T23:59:59-12:00", 200),
        ("2016-12-31T23:59:60Z", 404),
        ("2022-12-31t23:59:59.123456789z", 200),
    ],
)
def test_every_instant_of_rfc_3339_is_accepted(get: Get, history: list[SmallIssue], text: str, status: int) -> None:
    """Also a leap second, and one outside the years 1 to 9999 in UTC."""
    assert get("/indicators/history/map", as_of=text).status_code == status


def test_settled_instant_is_immutable_for_a_day(get: Get, history: list[SmallIssue]) -> None:
    earlier = get("/indicators/history/map", as_of=instant(history[0].issued_at))
    assert earlier.headers["Cache-Control"] == "public, max-age=86400, immutable, stale-if-error=86400"
    last_year = get("/indicators/history/map", as_of="2025-01-01")
    assert "immutable" in last_year.headers["Cache-Control"]
    now = get("/indicators/history/map")
    soon = get("/indicators/history/map", as_of=instant(datetime.now(UTC) + timedelta(hours=1)))
    assert soon.headers["Cache-Control"] == now.headers["Cache-Control"] == "public, max-age=60, stale-if-error=86400"
    # The issue of both is the current one, so that they share a body.
    assert soon.headers["ETag"] == now.headers["ETag"] == last_year.headers["ETag"] != earlier.headers["ETag"]


def test_instants_of_one_issue_share_a_stored_body(
    get: Get, history: list[SmallIssue], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get("/indicators/history/cube", as_of="2022-06-02T22:07:00Z")

    def unexpected(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(figures, "rows", unexpected)
    again = get("/indicators/history/cube", as_of="2022-06-02")
    assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
    answer = get("/indicators/history/cube", as_of="2022-06-02", headers={"If-None-Match": first.headers["ETag"]})
    assert answer.status_code == 304


def test_held_issue_is_named_and_answers_nothing(get: Get, load: Callable[..., None]) -> None:
    load(SMALL_HISTORY[:3])
    before = get("/indicators/history/map")
    assert "held" not in before.json()
    load(SMALL_HISTORY[:4], accept=frozenset())
    held = get("/indicators/history/map")
    staged = get("/indicators/history/issues", status="staged").json()["issues"]
    assert [item["gates_failed"] for item in staged] == [["vanished", "national_falls", "rewrites"]]
    assert held.json()["held"]["issue"] == staged[0]["id"]
    assert {name: value for name, value in held.json().items() if name != "held"} == before.json()
    listed = {item["id"]: item for item in get("/indicators").json()["indicators"]}
    assert listed["history"]["held"] == held.json()["held"]
    assert "held" not in listed["cases"]
    # An answer as of an instant after it is still that of the issue before.
    later = get("/indicators/history/map", as_of=instant(SMALL_HISTORY[3].issued_at))
    assert later.json()["issue"]["issued_at"] == SMALL_HISTORY[2].issued_at.isoformat()
    load(SMALL_HISTORY, accept=frozenset())
    assert "held" not in get("/indicators/history/map").json()


def test_held_issue_leaves_download_files_valid(load: Callable[..., None]) -> None:
    from indicators.queries.downloads import indicator_downloads

    load(SMALL_HISTORY[:3])
    before = indicator_downloads("history")[0].publication
    load(SMALL_HISTORY[:4], accept=frozenset())
    assert indicator_downloads("history")[0].publication == before


def test_archive_reproduces_each_issue(get: Get, history: list[SmallIssue], settings: Any, tmp_path: Path) -> None:
    """The last version of a key up to an instant is its value as of that instant, as in R's epiprocess."""
    settings.DOWNLOADS_DIR = tmp_path / "downloads"
    archive = [download for download in make.indicator_downloads() if download.name == "history-archive.parquet"]
    assert make.export(archive, Steps(quiet=True)).failed == {}
    file = b"".join(get("/downloads/indicators/history/history-archive.parquet"))
    table = pa.parquet.read_table(BytesIO(file))
    assert [(field.name, str(field.type)) for field in table.schema][1:] == [
        ("time_value", "date32[day]"),
        ("version", "timestamp[us, tz=UTC]"),
        ("value", "double"),
    ]
    frame = table.to_pandas()
    assert not frame.duplicated(["geo_value", "time_value", "version"]).any()
    for issue in history:
        seen = frame[frame.version <= issue.issued_at].groupby(["geo_value", "time_value"]).last(skipna=False)
        seen = seen[seen.value.notna()].reset_index()
        regions = seen[~seen.geo_value.isin(["ON", "QC", "CA"])]
        pairs = zip(regions.geo_value, regions.time_value.astype(str), strict=True)
        assert dict(zip(pairs, regions.value, strict=True)) == stated(issue)


def test_issues_of_an_indicator_are_read_once(history: list[SmallIssue], django_assert_num_queries: Any) -> None:
    published = catalogue.published_indicator("history")
    as_of.issue_at(published, history[1].issued_at)
    with django_assert_num_queries(0):
        assert as_of.issue_at(published, history[2].issued_at).issued_at == history[2].issued_at
        assert as_of.issue_at(published, datetime.now(UTC)).pk == published.issue.pk

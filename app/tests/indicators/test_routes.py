"""Routes of indicators."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from geography.vintages import catalogue

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]
Sql = Callable[..., list[tuple[Any, ...]]]
WEEK = "2022-01-08"


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/indicators", "IndicatorList"),
        ("/indicators/cases", "IndicatorDetail"),
        ("/indicators/cases/map?on=2022-11-05", "IndicatorMap"),
        ("/indicators/cases/map?fields=v", "IndicatorMap"),
        ("/indicators/deaths/map?measure=cumulative&lang=fr", "IndicatorMap"),
        ("/indicators/cases/cube", "IndicatorCube"),
        ("/indicators/cases/series?place=3595,ON,ca,ns-9999&from=2022-03-01&to=2022-04-01", "IndicatorSeries"),
    ],
)
def test_response_bodies_follow_the_schema(get: Get, assert_schema: Callable[[str, Any], None], path: str, schema: str) -> None:
    response = get(path)
    assert response.status_code == 200, response.content
    assert_schema(schema, response.json())


def test_week_is_equal_in_map_cube_series_csv_and_sql(get: Get, sql: Sql) -> None:
    stated = {
        place: (count, rate)
        for place, count, rate in sql(
            "SELECT place, new_7d, rate_7d FROM geo.indicator_weekly WHERE indicator = 'cases' AND kind = 'region'"
            " AND week_end = %s",
            WEEK,
        )
    }
    assert len(stated) == 99
    shown = get("/indicators/cases/map", on=WEEK).json()["values"]
    assert {place: (value["count"], value["v"]) for place, value in shown.items()} == stated
    rows = csv.DictReader(StringIO(get("/indicators/cases/map.csv", on=WEEK).content.decode()))
    assert {row["place"]: row["value"] for row in rows if row["kind"] == "region"} == {
        place: "" if rate is None else f"{rate:g}" if rate != int(rate) else str(int(rate))
        for place, (_, rate) in stated.items()
    }
    cube = get("/indicators/cases/cube").json()
    index = 102  # weeks after 2020-01-25
    assert cube["start"] == "2020-01-25"
    assert {place: cube["places"][place][index] for place in stated} == {place: rate for place, (_, rate) in stated.items()}
    series = get("/indicators/cases/series", place="3595,2406", **{"from": WEEK, "to": WEEK}).json()
    assert {place: item["values"] for place, item in series["places"].items()} == {
        place: [stated[place][1]] for place in ("3595", "2406")
    }
    lines = get("/indicators/cases/map", headers={"Accept": "application/x-ndjson"}, on=WEEK).content.decode().splitlines()
    assert {row["place"]: row["value"] for row in map(json.loads, lines) if row["kind"] == "region"} == {
        place: rate for place, (_, rate) in stated.items()
    }


def test_november_2022_is_not_reported_and_not_zero(get: Get) -> None:
    body = get("/indicators/cases/map", on="2022-11-05").json()
    stopped = [code for code in body["values"] if code[:2] in ("10", "12", "47")]
    assert len(stopped) == 21
    assert all((body["values"][code]["v"], body["values"][code]["status"]) == (None, "not_reported") for code in stopped)
    assert {province: body["unassigned"][province]["count"] > 0 for province in ("NS", "NL", "SK")} == dict.fromkeys(
        ("NS", "NL", "SK"), True
    )
    assert body["unassigned"]["NS"]["share_of_province"] == 1.0
    values = get("/indicators/cases/map", on="2022-11-05", fields="v").json()["values"]
    assert {values[code] for code in stopped} == {None}
    table = get("/indicators/cases/map.csv", on="2022-11-05").content.decode()
    for row in csv.DictReader(StringIO(table)):
        if row["place"] in stopped:
            assert (row["value"], row["count"], row["status"]) == ("", "", "not_reported")
    cube = get("/indicators/cases/cube", measure="new_7d").json()
    week = cube["length"] - 2
    assert {cube["places"][code][week] for code in stopped} == {None}


@pytest.mark.parametrize("day", ["2019-01-01", "2024-01-01"])
def test_day_outside_series_is_not_reported(get: Get, day: str) -> None:
    body = get("/indicators/cases/map", on=day).json()
    assert {(item["v"], item["status"]) for item in body["values"].values()} == {(None, "not_reported")}


def test_default_day_is_last_complete_day(get: Get) -> None:
    assert get("/indicators/cases/map").json()["on"] == "2022-11-05"
    assert get("/indicators").json()["indicators"][0]["latest"] == "2022-11-05"


def test_notes_have_places_and_dates(get: Get) -> None:
    notes = get("/indicators/cases").json()["notes"]
    assert {"place": "SK", "from": "2022-11-05", "to": None}.items() <= next(
        note for note in notes if note["place"] == "SK"
    ).items()
    of_series = get("/indicators/cases/series", place="4711").json()["notes"]
    assert {note["place"] for note in of_series} == {"SK"}


def test_not_modified_response_needs_no_query(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    first = get("/indicators/cases/map", on=WEEK)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        second = get("/indicators/cases/map", headers={"If-None-Match": first.headers["ETag"]}, on=WEEK)
    assert (second.status_code, len(queries)) == (304, 0)
    assert get("/indicators/cases/map", on="2022-01-09").headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("path", ["/indicators", "/indicators/cases/map", "/indicators/cases/series?place=3595"])
def test_fast_path_serves_clients_that_request_indicators_only(client: Any, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    assert client.get(path).status_code == 200
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    catalogue.clear()
    for _ in range(2):
        assert client.get(path).status_code == 200
    assert client.handler.compared >= 1


def test_cube_of_regions_has_no_totals_and_is_small(get: Get) -> None:
    every, regions = (get("/indicators/cases/cube", measure="new_1d", **more).json() for more in ({}, {"kind": "region"}))
    assert regions["places"] == {place: values for place, values in every["places"].items() if place.isdigit()}
    assert (len(regions["places"]), regions["length"]) == (99, every["length"])
    packed = get(
        "/indicators/cases/cube", {"Accept-Encoding": "gzip, deflate, br, zstd"}, measure="new_1d", kind="region"
    ).content
    assert len(packed) < 80_000
    assert get("/indicators/cases/cube", kind="site").json()["places"] == {}


@pytest.mark.parametrize(
    ("path", "status", "slug", "parameter"),
    [
        ("/indicators/casses", 404, "indicator-unknown", "id"),
        ("/indicators/cases/map?on=2022-13-01", 400, "parameter-invalid", "on"),
        ("/indicators/cases/map?measure=value", 400, "parameter-invalid", "measure"),
        ("/indicators/cases/map?colour=red", 400, "parameter-invalid", "colour"),
        ("/indicators/cases/map?coverage=moon", 404, "coverage-unknown", "coverage"),
        ("/indicators/cases/map.xlsx", 404, "route-unknown", None),
        ("/indicators/cases/cube?freq=year", 400, "parameter-invalid", "freq"),
        ("/indicators/cases/cube?kind=planet", 400, "parameter-invalid", "kind"),
        ("/indicators/cases/series", 400, "parameter-invalid", "place"),
        ("/indicators/cases/series?place=3595,9999", 404, "place-unknown", "place"),
        ("/indicators/cases/series?place=ON&from=0001-01-01&to=9999-12-31", 400, "parameter-invalid", "from"),
        ("/indicators/cases/map?on=0001-01-01&measure=value", 400, "parameter-invalid", "measure"),
        ("/indicators/cases/series?place=ON&from=2022-02-01&to=2022-01-01", 400, "parameter-invalid", "to"),
    ],
)
def test_errors_name_the_parameter(
    get: Get, assert_problem: Callable[..., Any], path: str, status: int, slug: str, parameter: str | None
) -> None:
    assert_problem(get(path), status, slug, parameter=parameter)
    assert_problem(get(f"{path}{'&' if '?' in path else '?'}lang=fr"), status, slug, parameter=parameter)


def test_accept_header_selects_csv(get: Get) -> None:
    response = get("/indicators/cases/series", headers={"Accept": "text/csv"}, place="CA")
    assert response.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(response.content.decode())))
    assert rows[-1] | {"value": "", "status": "not_reported"} == rows[-1]
    assert get("/indicators/cases/series", headers={"Accept": "image/png"}, place="CA").status_code == 406

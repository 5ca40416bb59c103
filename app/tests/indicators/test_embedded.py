"""The embedded series: exact totals, statuses, places."""

import csv
import gzip
from collections.abc import Callable
from typing import Any

import pytest

from tests.indicators.conftest import published_file

Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.mark.parametrize(("indicator", "day", "rows"), [("cases", "2022-11-16", 12_636), ("deaths", "2022-12-19", None)])
def test_sums_equal_totals_of_the_publisher(sql: Sql, indicator: str, day: str, rows: int | None) -> None:
    ours = {
        (place, period.isoformat()): value
        for place, period, value in sql(
            "SELECT place, period, value FROM geo.indicator_values WHERE indicator = %s AND kind IN ('province', 'country')",
            indicator,
        )
    }
    compared = 0
    for level in ("pt", "can"):
        with gzip.open(published_file(f"exact/{indicator}_{level}_{day}.csv.gz"), "rt") as file:
            for row in csv.DictReader(file):
                place = "CA" if row["region"] == "CAN" else row["region"]
                assert ours[place, row["date"]] == float(row["value"]), (place, row["date"])
                compared += 1
    assert compared == len(ours)
    if rows is not None:
        assert compared == rows + 1_028


def test_national_totals(sql: Sql) -> None:
    totals: dict[str, float] = dict(
        sql(
            "SELECT period::text, value FROM geo.indicator_values WHERE indicator = 'cases' AND place = 'CA'"
            " AND period IN ('2020-12-31', '2021-06-30', '2021-12-31', '2022-06-30', '2022-11-16')"
        )
    )
    assert totals == {
        "2020-12-31": 577_819,
        "2021-06-30": 1_409_736,
        "2021-12-31": 2_216_455,
        "2022-06-30": 3_943_632,
        "2022-11-16": 4_380_163,
    }


def test_21_regions_ended_before_their_province(sql: Sql) -> None:
    stopped = sql(
        "SELECT p.pruid, count(*), min(s.ended_on)::text, max(s.ended_on)::text FROM indicator_series s"
        " JOIN place p ON p.id = s.place_id JOIN indicator i ON i.id = s.indicator_id"
        " WHERE i.slug = 'cases' AND s.ended_on IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    assert stopped == [
        ("10", 4, "2022-03-11", "2022-03-11"),
        ("12", 4, "2022-03-04", "2022-03-04"),
        ("47", 13, "2022-06-25", "2022-06-25"),
    ]


def test_ended_regions_have_no_figure_in_november_2022(sql: Sql) -> None:
    weeks = sql(
        "SELECT place, new_7d, rate_7d, status FROM geo.indicator_weekly WHERE indicator = 'cases' AND kind = 'region'"
        " AND pruid IN ('10', '12', '47') AND week_end = '2022-11-05'"
    )
    assert len(weeks) == 21
    assert {row[1:] for row in weeks} == {(None, None, "not_reported")}
    provinces = sql(
        "SELECT place, new_7d FROM geo.indicator_weekly WHERE indicator = 'cases' AND kind = 'province'"
        " AND pruid IN ('10', '12', '47') AND week_end = '2022-11-05' ORDER BY 1"
    )
    assert [place for place, new in provinces if new is not None] == ["NL", "NS", "SK"]


def test_manitoba_midweek_carries_last_saturday(sql: Sql) -> None:
    wednesday = sql(
        "SELECT new_7d, status, day_from::text, day_to::text FROM geo.indicator_days"
        " WHERE indicator = 'cases' AND place = '4601' AND day = '2022-08-10'"
    )
    saturday = sql(
        "SELECT new_7d FROM geo.indicator_weekly WHERE indicator = 'cases' AND place = '4601' AND week_end = '2022-08-06'"
    )
    assert wednesday == [(saturday[0][0], "carried", "2022-07-31", "2022-08-06")]


def test_negative_weeks_stay_negative(sql: Sql) -> None:
    weeks = sql("SELECT rate_7d FROM geo.indicator_weekly WHERE indicator = 'cases' AND kind = 'region' AND new_7d < 0")
    assert len(weeks) > 20
    assert {rate for (rate,) in weeks} == {None}


def test_codes_refer_to_places_of_their_vintage(sql: Sql) -> None:
    names: dict[str, str] = dict(
        sql("SELECT code, name_en FROM geo.places WHERE coverage = 'covid-reporting-regions' AND kind = 'region'")
    )
    assert len(names) == 99
    assert [names[code].split()[0] for code in ("591", "592", "593", "594", "595")] == [
        "Interior",
        "Fraser",
        "Vancouver",
        "Island",
        "Northern",
    ]
    assert "Huron" in names["3550"]
    assert names["4711"] == "Far North West"
    unassigned = sql("SELECT place, pruid FROM geo.places WHERE code = '9999' ORDER BY 1")
    assert ("NS-9999", "12") in unassigned
    assert ("SK-9999", "47") in unassigned
    # The source writes 3539 for Huron Perth (3550); its values are assigned.
    assert (
        sql("SELECT value FROM geo.indicator_values WHERE indicator = 'cases' AND place = '3550' AND period = '2022-11-09'")[0][
            0
        ]
        > 1_000
    )


def test_reused_codes_are_not_members_of_another_vintage(sql: Sql) -> None:
    reused = ("4711", "4712", "4713", "4721", "4722", "4723")
    assert sql("SELECT code FROM geo.place_members WHERE code = ANY(%s) OR place = ANY(%s)", list(reused), list(reused)) == []
    british_columbia = sql(
        "SELECT place, count(*), min(method), max(method) FROM geo.place_members"
        " WHERE place ~ '^59.$' AND vintage = '2022' GROUP BY 1 ORDER BY 1"
    )
    assert british_columbia == [
        ("591", 4, "part_of", "part_of"),
        *[(code, 3, "part_of", "part_of") for code in ("592", "593", "594", "595")],
    ]


def test_unassigned_share_of_2022(sql: Sql) -> None:
    share = sql(
        "WITH totals AS (SELECT kind, pruid, max(value) - max(value) FILTER (WHERE period = '2021-12-31') AS new"
        " FROM geo.indicator_values WHERE indicator = 'cases' AND kind IN ('unassigned', 'province') GROUP BY 1, 2)"
        " SELECT u.pruid, round((100 * u.new / p.new)::numeric, 1)::float FROM totals u JOIN totals p USING (pruid)"
        " WHERE u.kind = 'unassigned' AND p.kind = 'province' AND pruid IN ('12', '10') ORDER BY 1"
    )
    assert share == [("10", 48.6), ("12", 73.4)]

"""Figures for the regions of another edition, by declared relations."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from indicators.models import Place as SeriesPlace
from indicators.models import PlaceMember
from tests.support import demo_regions as worlds

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]
WEEK = "2022-01-08"
CODES = ("2406", "3501", "3550", "4701", "4711", "5911", "5912")


@pytest.fixture
def edition() -> None:
    """Publish regions of 2022, and let 3501 be the sum of Toronto and York."""
    worlds.coverages()
    vintage = worlds.make_vintage("health-regions", "2022", date(2022, 12, 1))
    places = [
        worlds.Place(code, code[:2], ((step * 1_000, 0, step * 1_000 + 1_000, 1_000),), name_en=f"Region {code}")
        for step, code in enumerate(CODES)
    ]
    worlds.add_places(vintage, places)
    for code in ("3595", "3570"):
        PlaceMember.objects.create(
            place=SeriesPlace.objects.get(kind="region", code=code),
            coverage="health-regions",
            vintage_label="2022",
            code="3501",
            method="sum",
            basis="test",
        )


@pytest.fixture
def shown(get: Get, edition: None) -> dict[str, dict[str, Any]]:
    """Return the map of the edition by code."""
    body = get("/indicators/cases/map", on=WEEK, coverage="health-regions", vintage="2022").json()
    assert (body["coverage"], body["vintage"]) == ("health-regions", "2022")
    values: dict[str, dict[str, Any]] = body["values"]
    return values


def test_a_region_has_its_figure_by_its_relation(get: Get, shown: dict[str, dict[str, Any]]) -> None:
    own = get("/indicators/cases/map", on=WEEK).json()["values"]
    assert set(shown) == set(CODES)
    assert (shown["2406"]["method"], shown["2406"]["v"]) == ("same", own["2406"]["v"])
    assert (shown["3550"]["method"], shown["3550"]["count"]) == ("same", own["3550"]["count"])
    for code in ("5911", "5912"):
        assert shown[code]["method"] == "part_of"
        assert (shown[code]["place"], shown[code]["v"], shown[code]["count"]) == ("591", own["591"]["v"], None)
    total = own["3595"]["count"] + own["3570"]["count"]
    people = own["3595"]["population"] + own["3570"]["population"]
    assert (shown["3501"]["method"], shown["3501"]["count"], shown["3501"]["population"]) == ("sum", total, people)
    assert shown["3501"]["v"] == round(total * 100_000 / people, 2)


def test_a_region_with_no_relation_has_no_figure_even_with_an_equal_code(shown: dict[str, dict[str, Any]]) -> None:
    for code in ("4701", "4711"):
        assert (shown[code]["v"], shown[code]["status"], shown[code]["method"]) == (None, "not_reported", None)


def test_a_count_of_a_larger_place_is_not_split(get: Get, edition: None) -> None:
    values = get("/indicators/cases/map", on=WEEK, coverage="health-regions", vintage="2022", measure="new_7d").json()["values"]
    assert (values["5911"]["v"], values["5911"]["count"], values["5911"]["method"]) == (None, None, "part_of")


def test_sql_says_the_same(sql: Callable[..., list[tuple[Any, ...]]], shown: dict[str, dict[str, Any]]) -> None:
    rows = sql(
        "SELECT code, rate_7d, new_7d, method, status FROM geo.indicator_map('cases', %s, 'health-regions', '2022')", WEEK
    )
    assert {row[0]: row[1:] for row in rows} == {
        code: (value["v"], value.get("count"), value["method"], value["status"]) for code, value in shown.items()
    }


def test_the_latest_of_a_region(get: Get, edition: None, assert_schema: Callable[[str, Any], None]) -> None:
    body = get("/health-regions/2406/indicators").json()
    assert_schema("RegionIndicators", body)
    assert [(indicator["id"], indicator["on"], indicator["method"]) for indicator in body["indicators"]] == [
        ("cases", "2022-11-16", "same"),
        ("deaths", "2022-12-14", "same"),
    ]
    assert get("/coverages/health-regions/regions/2406/indicators").json()["indicators"] == body["indicators"]
    assert get("/health-regions/4711/indicators").json()["indicators"] == []


def test_the_latest_of_a_region_that_is_not_there(get: Get, edition: None, assert_problem: Callable[..., Any]) -> None:
    assert_problem(get("/health-regions/3599/indicators"), 404, "region-unknown")
    assert_problem(get("/coverages/moon/regions/1/indicators"), 404, "coverage-unknown")

"""Figures of regions that cover the same area as several places only together: method `common`."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from geography.models import Vintage
from indicators.models import Place, PlaceMember, PlaceWeight
from indicators.queries import latest
from tests.support import demo_regions as worlds

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]
Sql = Callable[..., list[tuple[Any, ...]]]
WEEK = "2022-01-08"
GROUP = {"regions": ["4706", "4707"], "places": ["4732", "4751", "4763"]}
MAP = {"on": WEEK, "coverage": "health-regions", "vintage": "2022"}


@pytest.fixture(autouse=True)
def vintage() -> Vintage:
    """Return a published vintage in which 4706 and 4707 cover the same area as three zones, and 4705 has no relation."""
    worlds.coverages()
    vintage = worlds.make_vintage("health-regions", "2022", date(2022, 12, 1))
    codes = ("2406", "4705", "4706", "4707")
    worlds.add_places(
        vintage,
        [
            worlds.Place(code, code[:2], ((step * 1_000, 0, step * 1_000 + 1_000, 1_000),), name_en=f"Region {code}")
            for step, code in enumerate(codes)
        ],
    )
    for code in GROUP["regions"]:
        for place in Place.objects.filter(kind="region", code__in=GROUP["places"]):
            target = {"place": place, "coverage": "health-regions", "vintage_label": "2022", "code": code}
            PlaceMember.objects.create(**target, method="common", share_of_place=0.5, share_of_region=0.3, basis="test")
            PlaceWeight.objects.create(**target, share_of_place=0.5, basis="blocks")
    latest.clear()
    return vintage


def own(get: Get, measure: str) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = get("/indicators/cases/map", on=WEEK, measure=measure).json()["values"]
    return {code: values[code] for code in GROUP["places"]}


@pytest.mark.parametrize("measure", ["new_7d", "cumulative"])
def test_every_region_of_a_group_has_its_count(get: Get, measure: str) -> None:
    values = get("/indicators/cases/map", **MAP, measure=measure).json()["values"]
    total = sum(value["v"] for value in own(get, measure).values())
    for code in GROUP["regions"]:
        assert (values[code]["v"], values[code]["method"], values[code]["group"]) == (total, "common", GROUP)
        assert "place" not in values[code]
    assert (values["4705"]["v"], values["4705"]["method"]) == (None, None)
    assert values["2406"]["method"] == "same"
    assert "group" not in values["2406"]


def test_rate_is_that_of_the_whole_group(get: Get, assert_schema: Callable[[str, Any], None]) -> None:
    body = get("/indicators/cases/map", **MAP).json()
    assert_schema("IndicatorMap", body)
    places = own(get, "rate_7d").values()
    count, people = (sum(value[name] for value in places) for name in ("count", "population"))
    figure = body["values"]["4706"]
    assert (figure["count"], figure["population"], figure["v"]) == (count, people, round(count * 100_000 / people, 2))


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_tables_name_the_group(get: Get, suffix: str) -> None:
    text = get(f"/indicators/cases/map.{suffix}", **MAP).content.decode()
    rows = [line for line in text.splitlines() if "common" in line]
    assert len(rows) == len(GROUP["regions"])
    assert all("4706 4707" in row for row in rows)


def test_sql_returns_the_same_figures_and_groups(get: Get, sql: Sql) -> None:
    rates = get("/indicators/cases/map", **MAP).json()["values"]
    totals = get("/indicators/cases/map", **MAP, measure="cumulative").json()["values"]
    statement = 'SELECT code, new_7d, rate_7d, value, method, "group", place, status FROM geo.indicator_map'
    rows = {row[0]: row[1:] for row in sql(f"{statement}('cases', %s, 'health-regions', '2022')", WEEK)}
    for code in GROUP["regions"]:
        assert rows[code] == (
            *(rates[code]["count"], rates[code]["v"], totals[code]["v"], "common", "4706,4707", "4732,4751,4763"),
            rates[code]["status"],
        )
    assert rows["2406"][4] is None
    assert sql("SELECT DISTINCT method FROM geo.place_members WHERE code = '4706' AND vintage = '2022'") == [("common",)]


def test_estimates_on_request_replace_the_counts_of_groups_but_not_their_rates(get: Get) -> None:
    counts = get("/indicators/cases/map", **MAP, measure="new_7d", weights="people").json()["values"]
    total = sum(value["v"] for value in own(get, "new_7d").values())
    assert [counts[code]["method"] for code in GROUP["regions"]] == ["weighted"] * 2
    assert sum(counts[code]["v"] for code in GROUP["regions"]) == pytest.approx(total, abs=0.02)
    assert "group" not in counts["4706"]
    rates = get("/indicators/cases/map", **MAP, weights="people").json()["values"]
    assert [rates[code]["method"] for code in GROUP["regions"]] == ["common"] * 2


def test_missing_part_makes_the_figure_of_a_group_missing_as_in_sql(get: Get, sql: Sql) -> None:
    PlaceMember.objects.filter(place__code="4732", code__in=GROUP["regions"]).update(
        place=Place.objects.create(
            kind="region", coverage="covid-reporting-regions", vintage_label="2020-08", code="4799", key="4799", pruid="47"
        )
    )
    values = get("/indicators/cases/map", **MAP).json()["values"]
    statement = "SELECT code, rate_7d, method, status FROM geo.indicator_map('cases', %s, 'health-regions', '2022')"
    rows = {row[0]: row[1:] for row in sql(statement, WEEK)}
    for code in GROUP["regions"]:
        assert (values[code]["v"], values[code]["method"], values[code]["status"]) == (None, "common", "not_reported")
        assert rows[code] == (None, "common", "not_reported")


def test_latest_figures_of_a_region_are_those_of_its_group(get: Get, assert_schema: Callable[[str, Any], None]) -> None:
    bodies = [get(f"/health-regions/{code}/indicators").json() for code in GROUP["regions"]]
    assert_schema("RegionIndicators", bodies[0])
    cases = bodies[0]["indicators"][0]
    assert (cases["method"], cases["group"]) == ("common", GROUP)
    assert bodies[0]["indicators"] == bodies[1]["indicators"]
    page = get("/health-regions/4706.html").content.decode()
    assert "Figure of several regions together" in page
    assert "Chiffre de plusieurs régions ensemble" in get("/health-regions/4706.html", lang="fr").content.decode()


def test_figures_of_computed_relations_state_the_misplaced_share(get: Get) -> None:
    """A tenth of the people of each region is in none of the places; the relation of 2406 is declared."""
    values = get("/indicators/cases/map", **MAP).json()["values"]
    assert [values[code]["misplaced_share"] for code in GROUP["regions"]] == [0.1, 0.1]
    assert "misplaced_share" not in values["2406"]
    header, *rows = get("/indicators/cases/map.csv", **MAP).content.decode().splitlines()
    shares = [row.rpartition(",")[2] for row in rows if "4706 4707" in row]
    assert (header.rpartition(",")[2], shares) == ("misplaced_share", ["0.1", "0.1"])
    latest_of_region = get("/health-regions/4706/indicators", vintage="2022").json()["indicators"]
    assert {item["misplaced_share"] for item in latest_of_region if item["method"] == "common"} == {0.1}


@pytest.mark.parametrize(
    ("method", "shares", "expected"),
    [
        ("same", {"4705": (0.985, 0.99)}, 0.015),
        ("same", {"4705": (1.0, 0.988)}, 0.012),
        # Half of the place is another region's, and not misplaced.
        ("part_of", {"4705": (0.5, 0.99)}, 0.01),
    ],
)
def test_misplaced_share_of_a_relation(get: Get, method: str, shares: dict[str, tuple[float, float]], expected: float) -> None:
    place = Place.objects.get(kind="region", code="4741")
    for code, (of_place, of_region) in shares.items():
        PlaceMember.objects.create(
            place=place,
            coverage="health-regions",
            vintage_label="2022",
            code=code,
            method=method,
            share_of_place=of_place,
            share_of_region=of_region,
            basis="test",
        )
    latest.clear()
    figure = get("/indicators/cases/map", **MAP).json()["values"]["4705"]
    assert (figure["method"], figure["misplaced_share"]) == (method, expected)
    (cases,) = (item for item in get("/health-regions/4705/indicators").json()["indicators"] if item["id"] == "cases")
    assert cases["misplaced_share"] == expected

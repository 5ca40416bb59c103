"""Memberships: figures for regions of another vintage by declared and computed relations."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from geography.models import Vintage
from indicators.models import Blob, PlaceMember, Series
from indicators.models import Place as SeriesPlace
from indicators.queries.maps import figures_of_regions
from indicators.statuses import ValueStatus
from tests.support.reporting_regions import CODES, MISSING, WEEK, figure, numbers

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]


@pytest.fixture
def shown(get: Get, vintage: Vintage) -> dict[str, dict[str, Any]]:
    """Return the figures of the vintage by code."""
    body = get("/indicators/cases/map", on=WEEK, coverage="health-regions", vintage="2022").json()
    assert (body["coverage"], body["vintage"]) == ("health-regions", "2022")
    values: dict[str, dict[str, Any]] = body["values"]
    return values


def test_each_method_converts_the_figures(get: Get, shown: dict[str, dict[str, Any]]) -> None:
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


def test_region_without_membership_has_no_figure(shown: dict[str, dict[str, Any]]) -> None:
    for code in ("4701", "4711"):
        assert (shown[code]["v"], shown[code]["status"], shown[code]["method"]) == (None, "not_reported", None)


def test_counts_of_larger_place_are_not_passed_to_its_parts(get: Get, vintage: Vintage) -> None:
    values = get("/indicators/cases/map", on=WEEK, coverage="health-regions", vintage="2022", measure="new_7d").json()["values"]
    assert (values["5911"]["v"], values["5911"]["count"], values["5911"]["method"]) == (None, None, "part_of")


def test_sql_returns_the_same_figures(sql: Callable[..., list[tuple[Any, ...]]], shown: dict[str, dict[str, Any]]) -> None:
    rows = sql(
        "SELECT code, rate_7d, new_7d, method, status FROM geo.indicator_map('cases', %s, 'health-regions', '2022')", WEEK
    )
    assert {row[0]: row[1:] for row in rows} == {
        code: (value["v"], value.get("count"), value["method"], value["status"]) for code, value in shown.items()
    }


def test_latest_figures_of_a_region(get: Get, vintage: Vintage, assert_schema: Callable[[str, Any], None]) -> None:
    body = get("/health-regions/2406/indicators").json()
    assert_schema("RegionIndicators", body)
    assert [(indicator["id"], indicator["on"], indicator["method"]) for indicator in body["indicators"]] == [
        ("cases", "2022-11-16", "same"),
        ("deaths", "2022-12-14", "same"),
    ]
    cases = body["indicators"][0]
    assert cases["interval"][0] < cases["v"] < cases["interval"][1]
    assert cases["trend"]["direction"] in ("increase", "decrease", "no_clear_change")
    assert get("/coverages/health-regions/regions/2406/indicators").json()["indicators"] == body["indicators"]
    assert get("/health-regions/4711/indicators").json()["indicators"] == []


def test_unknown_region_or_coverage_is_a_404_problem(get: Get, vintage: Vintage, assert_problem: Callable[..., Any]) -> None:
    assert_problem(get("/health-regions/3599/indicators"), 404, "region-unknown")
    assert_problem(get("/coverages/moon/regions/1/indicators"), 404, "coverage-unknown")


def test_sum_with_a_part_without_a_series_is_missing_as_in_sql(
    get: Get, sql: Callable[..., list[tuple[Any, ...]]], vintage: Vintage
) -> None:
    for code in ("3570", "2406"):
        Blob.objects.filter(series__indicator__slug="cases", series__place__code=code).delete()
        Series.objects.filter(indicator__slug="cases", place__code=code).update(first=None, last=None, last_report=None)
    values = get("/indicators/cases/map", on=WEEK, coverage="health-regions", vintage="2022").json()["values"]
    shown = {code: (value["v"], value.get("count"), value["method"], value["status"]) for code, value in values.items()}
    assert shown["3501"] == (None, None, "sum", "not_reported")
    assert shown["2406"] == (None, None, "same", "not_reported")
    rows = sql(
        "SELECT code, rate_7d, new_7d, method, status FROM geo.indicator_map('cases', %s, 'health-regions', '2022')", WEEK
    )
    assert {row[0]: row[1:] for row in rows} == shown


@pytest.mark.parametrize(
    ("status", "missing"),
    [
        (ValueStatus.CAPPED, False),
        (ValueStatus.CARRIED, False),
        (ValueStatus.ESTIMATED, False),
        (ValueStatus.SUPPRESSED, True),
        (ValueStatus.NOT_REPORTED, True),
    ],
)
def test_status_of_a_sum_is_that_of_its_part_as_in_sql(
    get: Get, sql: Callable[..., list[tuple[Any, ...]]], vintage: Vintage, status: ValueStatus, missing: bool
) -> None:
    for blob in Blob.objects.filter(
        series__indicator__slug="cases", series__place__code="3570", measure__in=("new_7d", "rate_7d")
    ):
        position = (date.fromisoformat(WEEK) - blob.start).days
        blob.statuses[position] = int(status)
        blob.values[position] = None if missing else blob.values[position]
        blob.save()
    shown = get("/indicators/cases/map", on=WEEK, coverage="health-regions", vintage="2022").json()["values"]["3501"]
    statement = "SELECT rate_7d, status FROM geo.indicator_map('cases', %s, 'health-regions', '2022') WHERE code = '3501'"
    assert sql(statement, WEEK) == [(shown["v"], shown["status"])]
    assert (shown["v"] is None, shown["status"]) == (missing, status.code)


@pytest.mark.parametrize(
    ("kind", "measure", "value"),
    [
        ("count", "value", None),
        ("stock", "value", None),
        ("cumulative", "cumulative", None),
        ("count", "new_7d", None),
        ("count", "rate_7d", 12.5),
        ("stock", "rate", 12.5),
        ("percent", "value", 12.5),
        ("concentration", "value", 12.5),
    ],
)
def test_part_of_converts_only_rates(vintage: Vintage, kind: str, measure: str, value: float | None) -> None:
    converted = figures_of_regions([figure("591", 12.5)], kind, measure, vintage)["5911"]
    assert converted is not None
    assert (converted.element.value, converted.count, converted.method) == (value, None, "part_of")


@pytest.mark.parametrize(
    ("kind", "measure", "parts", "value", "count"),
    [
        ("count", "value", [(3.0, None, None), (4.0, None, None)], 7.0, None),
        ("count", "new_7d", [(3.0, 3.0, None), (4.0, 4.0, None)], 7.0, 7.0),
        ("stock", "rate", [(30.0, 3.0, 10_000), (20.0, 4.0, 20_000)], 23.33, 7.0),
        ("stock", "rate", [(30.0, 3.0, 10_000), (None, 4.0, None)], None, 7.0),
        ("stock", "rate", [(30.0, 3.0, 10_000), (None, None, 20_000)], None, None),
        ("percent", "value", [(30.0, None, None), (20.0, None, None)], None, None),
    ],
)
def test_sum_adds_counts_and_recomputes_rates(
    vintage: Vintage,
    kind: str,
    measure: str,
    parts: list[tuple[float | None, float | None, int | None]],
    value: float | None,
    count: float | None,
) -> None:
    figures = [figure(code, *numbers) for code, numbers in zip(("3595", "3570"), parts, strict=True)]
    converted = figures_of_regions(figures, kind, measure, vintage)["3501"]
    assert converted is not None
    assert (converted.element.value, converted.count, converted.method) == (value, count, "sum")


@pytest.mark.parametrize("measure", ["new_7d", "rate_7d"])
def test_sum_with_a_part_without_a_series_is_missing(vintage: Vintage, measure: str) -> None:
    converted = figures_of_regions([figure("3595", 3.0, 3.0, 30_000)], "count", measure, vintage)
    assert numbers(converted["3501"]) == MISSING


@pytest.mark.parametrize("methods", [("other",), ("sum", "common"), ("sum", "part_of"), ("part_of", "part_of")])
def test_unknown_or_mixed_methods_are_not_converted(
    sql: Callable[..., list[tuple[Any, ...]]], vintage: Vintage, methods: tuple[str, ...]
) -> None:
    PlaceMember.objects.filter(code="3501").delete()
    codes = ("3595", "3570")
    for code, method in zip(codes, methods, strict=False):
        PlaceMember.objects.create(
            place=SeriesPlace.objects.get(kind="region", code=code),
            coverage="health-regions",
            vintage_label="2022",
            code="3501",
            method=method,
            basis="test",
        )
    assert figures_of_regions([figure(code, 3.0, 3.0) for code in codes], "cumulative", "new_7d", vintage)["3501"] is None
    rows = sql("SELECT new_7d, method FROM geo.indicator_map('cases', %s, 'health-regions', '2022') WHERE code = '3501'", WEEK)
    assert rows == [(None, None)]


def test_sql_does_not_pass_counts_of_larger_place_to_parts(sql: Callable[..., list[tuple[Any, ...]]], vintage: Vintage) -> None:
    rows = dict(sql("SELECT code, value FROM geo.indicator_map('cases', %s, 'health-regions', '2022')", WEEK))
    assert rows["5911"] is None
    own = dict(sql("SELECT place, value FROM geo.indicator_days WHERE indicator = 'cases' AND day = %s", WEEK))
    assert rows["3501"] == own["3595"] + own["3570"]

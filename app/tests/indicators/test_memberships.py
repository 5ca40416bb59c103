"""Memberships: figures for the regions of another vintage, by declared and computed relations."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from geography.models import Vintage
from indicators.measures import NOTHING, Element
from indicators.models import Blob, BlockFile, PlaceMember, PlaceWeight, Series
from indicators.models import Place as SeriesPlace
from indicators.queries import catalogue
from indicators.queries.figures import Figure
from indicators.queries.maps import figures_of_regions
from indicators.statuses import ValueStatus
from tests.support import demo_regions as worlds

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]
WEEK = "2022-01-08"
CODES = ("2406", "3501", "3550", "4701", "4711", "5911", "5912")


@pytest.fixture
def vintage() -> Vintage:
    """Return a published vintage 2022 in which 3501 is the sum of Toronto (3595) and York (3570)."""
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
    return vintage


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


def weigh(shares: dict[str, dict[str, float]]) -> None:
    """Store the shares of the people of reporting regions by region of the vintage."""
    for code, by_region in shares.items():
        place = SeriesPlace.objects.get(kind="region", code=code)
        for region, share in by_region.items():
            PlaceWeight.objects.create(
                place=place,
                coverage="health-regions",
                vintage_label="2022",
                code=region,
                share_of_place=share,
                basis="postal_codes",
            )


# 2406 is a region of both vintages: no part of another place may be added to it.
SHARES = {"4712": {"4701": 0.3, "4711": 0.6, "2406": 0.1}, "4713": {"4701": 1.0}, "591": {"5911": 0.25, "5912": 0.75}}


@pytest.fixture
def estimated(get: Get, vintage: Vintage) -> Callable[[str], dict[str, dict[str, Any]]]:
    """Return a function that returns the figures of a measure with estimates by population weights."""
    weigh(SHARES)

    def values(measure: str) -> dict[str, dict[str, Any]]:
        parameters = {"on": WEEK, "coverage": "health-regions", "vintage": "2022", "measure": measure, "weights": "people"}
        by_code: dict[str, dict[str, Any]] = get("/indicators/cases/map", **parameters).json()["values"]
        return by_code

    return values


@pytest.mark.parametrize("measure", ["new_7d", "cumulative"])
def test_weighted_counts_add_to_those_of_the_places(
    get: Get, estimated: Callable[[str], dict[str, dict[str, Any]]], measure: str
) -> None:
    own = get("/indicators/cases/map", on=WEEK, measure=measure).json()["values"]
    values = estimated(measure)
    assert {code: values[code]["method"] for code in CODES} == {
        "2406": "same",
        "3501": "sum",
        "3550": "same",
        **dict.fromkeys(("4701", "4711", "5911", "5912"), "weighted"),
    }
    assert {values[code]["status"] for code in ("4701", "4711", "5911", "5912")} == {"estimated"}
    assert values["2406"]["v"] == own["2406"]["v"]
    assert values["4701"]["v"] + values["4711"]["v"] == pytest.approx(own["4712"]["v"] + own["4713"]["v"], abs=0.02)
    assert values["4711"]["v"] == pytest.approx(own["4712"]["v"] * 0.6 / 0.9, abs=0.01)
    assert values["5911"]["v"] + values["5912"]["v"] == pytest.approx(own["591"]["v"], abs=0.02)


def test_weighted_rate_is_computed_from_divided_counts_and_populations(
    get: Get, estimated: Callable[[str], dict[str, dict[str, Any]]]
) -> None:
    own = get("/indicators/cases/map", on=WEEK).json()["values"]
    values = estimated("rate_7d")
    count = own["4712"]["count"] / 3 + own["4713"]["count"]
    people = own["4712"]["population"] / 3 + own["4713"]["population"]
    assert values["4701"]["count"] == pytest.approx(count, abs=0.01)
    assert values["4701"]["population"] == round(people)
    assert values["4701"]["v"] == pytest.approx(count * 100_000 / people, abs=0.01)
    assert values["4701"]["status"] == "estimated"
    # The rate of a larger place holds for its parts: it is not estimated.
    assert (values["5911"]["method"], values["5911"]["v"]) == ("part_of", own["591"]["v"])


def test_missing_part_makes_an_estimate_missing(vintage: Vintage) -> None:
    weigh(SHARES)
    converted = figures_of_regions([figure("4712", None), figure("4713", 5.0)], "count", "value", vintage, weighted=True)
    for code in ("4701", "4711"):
        estimate = converted[code]
        assert estimate is not None
        assert (estimate.element.value, estimate.element.status, estimate.method) == (
            None,
            ValueStatus.NOT_REPORTED,
            "weighted",
        )


MISSING = (None, None, ValueStatus.NOT_REPORTED)


def numbers(figure: Figure | None) -> tuple[float | None, float | None, ValueStatus]:
    assert figure is not None
    return figure.element.value, figure.count, figure.element.status


@pytest.mark.parametrize("measure", ["value", "rate"])
def test_part_without_a_series_makes_an_estimate_missing(vintage: Vintage, measure: str) -> None:
    weigh(SHARES)
    converted = figures_of_regions([figure("4713", 5.0, 5.0, 50_000)], "stock", measure, vintage, weighted=True)
    for code in ("4701", "4711"):
        assert numbers(converted[code]) == MISSING
        assert getattr(converted[code], "method", None) == "weighted"


def test_place_that_is_a_region_itself_is_no_part_of_an_estimate(vintage: Vintage) -> None:
    weigh({"4713": {"4701": 1.0}, "2406": {"2406": 0.9, "4701": 0.1}, "3570": {"3501": 0.9, "4701": 0.1}})
    converted = figures_of_regions([figure("4713", 5.0)], "count", "value", vintage, weighted=True)
    assert numbers(converted["4701"]) == (5.0, None, ValueStatus.ESTIMATED)
    assert numbers(converted["2406"]) == numbers(converted["3501"]) == MISSING


def test_no_figures_give_no_estimates(vintage: Vintage) -> None:
    weigh(SHARES)
    assert figures_of_regions([], "count", "value", vintage, weighted=True) == dict.fromkeys(CODES)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ((ValueStatus.CAPPED, ValueStatus.REPORTED), ValueStatus.CAPPED),
        ((ValueStatus.REPORTED, ValueStatus.CAPPED), ValueStatus.CAPPED),
        ((ValueStatus.REPORTED, ValueStatus.NOT_REPORTED), ValueStatus.NOT_REPORTED),
        ((ValueStatus.REPORTED, ValueStatus.CARRIED), ValueStatus.ESTIMATED),
        ((ValueStatus.ESTIMATED, ValueStatus.REPORTED), ValueStatus.ESTIMATED),
    ],
)
def test_estimate_shows_limits_and_ended_totals(
    vintage: Vintage, statuses: tuple[ValueStatus, ValueStatus], status: ValueStatus
) -> None:
    weigh({"4712": {"4701": 0.5, "4711": 0.5}, "4713": {"4701": 1.0}})
    figures = [figure(code, 4.0, status=own) for code, own in zip(("4712", "4713"), statuses, strict=True)]
    converted = figures_of_regions(figures, "stock", "value", vintage, weighted=True)
    assert numbers(converted["4701"]) == (6.0, None, status)


def test_divided_count_without_a_rate_is_no_estimate(vintage: Vintage) -> None:
    weigh({"4713": {"4701": 1.0}})
    converted = figures_of_regions([figure("4713", 5.0, 5.0)], "stock", "rate", vintage, weighted=True)
    assert numbers(converted["4701"]) == (None, 5.0, ValueStatus.REPORTED)


@pytest.mark.parametrize("kind", ["percent", "concentration"])
def test_percentages_are_not_divided(vintage: Vintage, kind: str) -> None:
    weigh(SHARES)
    converted = figures_of_regions([figure("4712", 5.0)], kind, "value", vintage, weighted=True)
    assert converted["4701"] is None


def test_estimates_only_on_request_and_never_by_area(get: Get, vintage: Vintage, assert_problem: Callable[..., Any]) -> None:
    weigh(SHARES)
    parameters = {"on": WEEK, "coverage": "health-regions", "vintage": "2022"}
    assert get("/indicators/cases/map", **parameters).json()["values"]["4701"]["method"] is None
    assert_problem(get("/indicators/cases/map", **parameters, weights="area"), 400, "parameter-invalid")


def test_block_file_changes_the_etag(get: Get, vintage: Vintage) -> None:
    parameters = {"on": WEEK, "coverage": "health-regions", "vintage": "2022", "weights": "people"}
    former = get("/indicators/cases/map", **parameters).headers["ETag"]
    BlockFile.objects.create(file="blocks.csv", sha256="0" * 64, loaded_at=timezone.now())
    catalogue.clear()
    assert get("/indicators/cases/map", **parameters).headers["ETag"] != former


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


def figure(
    code: str,
    value: float | None,
    count: float | None = None,
    people: int | None = None,
    status: ValueStatus = ValueStatus.REPORTED,
) -> Figure:
    """Return a figure of a reporting region."""
    element = NOTHING if value is None else Element(value, status)
    return Figure(SeriesPlace.objects.get(kind="region", code=code), date(2022, 1, 8), element, count, people, people and 2022)


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

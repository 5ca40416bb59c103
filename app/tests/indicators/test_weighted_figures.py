"""Weighted figures: estimates for the regions of another vintage by population weights, on request only."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from geography.models import Vintage
from indicators.models import BlockFile, PlaceWeight
from indicators.models import Place as SeriesPlace
from indicators.queries import catalogue
from indicators.queries.maps import figures_of_regions
from indicators.statuses import ValueStatus
from tests.support.reporting_regions import CODES, MISSING, WEEK, figure, numbers

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]


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


@pytest.mark.parametrize("measure", ["value", "rate"])
def test_part_without_a_series_makes_an_estimate_missing(vintage: Vintage, measure: str) -> None:
    weigh(SHARES)
    converted = figures_of_regions([figure("4713", 5.0, 5.0, 50_000)], "stock", measure, vintage, weighted=True)
    for code in ("4701", "4711"):
        assert numbers(converted[code]) == MISSING
        assert getattr(converted[code], "method", None) == "weighted"


def test_place_that_is_a_region_is_not_divided_in_estimates(vintage: Vintage) -> None:
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


def test_divided_count_without_a_rate_is_not_estimated(vintage: Vintage) -> None:
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

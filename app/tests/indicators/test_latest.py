"""Intervals and changes of figures: which figures have a count, and which periods are compared."""

from datetime import date, timedelta

import pytest
from django.conf import settings
from scipy.stats import chi2

from geography.models import Coverage, Vintage
from indicators.measures import Element
from indicators.models import Blob, Place, Series
from indicators.queries.catalogue import published_indicator
from indicators.queries.figures import Figure
from indicators.queries.latest import change_between, interval_of, latest_figures
from indicators.statistics import Direction, change, reported_count
from indicators.statuses import ValueStatus
from tests.support.reporting_regions import declare_sum

DAY = date(2022, 11, 5)
PLACE = Place(kind="region", code="3595", key="3595")


def weekly(
    count: float | None,
    *,
    status: ValueStatus = ValueStatus.REPORTED,
    lag: int = 0,
    span: int = 7,
    day: date = DAY,
    people: int | None = 100_000,
) -> Figure:
    """Return a weekly rate with its count."""
    rate = None if count is None or count < 0 or not people else count * 100_000 / people
    return Figure(PLACE, day, Element(rate, status, lag, span), count, people, 2022)


def before(count: float | None, *, span: int = 7, **options: ValueStatus) -> Figure:
    return weekly(count, span=span, day=DAY - timedelta(days=7), **options)


@pytest.mark.parametrize("status", [ValueStatus.REPORTED, ValueStatus.CARRIED, ValueStatus.UNASSIGNED])
def test_reported_count_has_an_interval_and_a_change(status: ValueStatus) -> None:
    figure = weekly(80, status=status)
    assert list(interval_of(figure) or ()) == pytest.approx([chi2.ppf(0.025, 160) / 2, chi2.ppf(0.975, 162) / 2])
    change = change_between(figure, before(20), 2.5)
    assert change is not None
    assert (change.ratio, change.direction) == (4.0, Direction.INCREASE)


@pytest.mark.parametrize(
    "status", [ValueStatus.SUPPRESSED, ValueStatus.CAPPED, ValueStatus.WITHDRAWN, ValueStatus.NOT_REPORTED]
)
@pytest.mark.parametrize("count", [80.0, None])
def test_limits_and_missing_values_have_no_interval_and_no_change(status: ValueStatus, count: float | None) -> None:
    figure = weekly(count, status=status)
    assert interval_of(figure) is None
    assert change_between(figure, before(20), 2.5) is None
    assert change_between(weekly(80), before(count, status=status), 2.5) is None


def test_negative_sums_have_no_interval_and_no_change() -> None:
    assert interval_of(weekly(-3)) is None
    assert change_between(weekly(-3), before(20), 2.5) is None
    assert change_between(weekly(20), before(-3), 2.5) is None


def test_no_population_leaves_the_change() -> None:
    assert interval_of(weekly(80, people=None)) is None
    assert change_between(weekly(80, people=None), before(20), 2.5) is not None


def test_no_figure_before_gives_no_change() -> None:
    assert change_between(weekly(80), None, 2.5) is None


def test_report_of_more_days_is_compared_a_day() -> None:
    fortnight = weekly(round(200 * 7 / 14, 2), status=ValueStatus.ESTIMATED, span=14)
    week = weekly(100, day=DAY - timedelta(days=14))
    change = change_between(fortnight, week, 2.5)
    assert change is not None
    assert (change.ratio, change.direction) == (1.0, Direction.NO_CLEAR_CHANGE)
    assert list(interval_of(fortnight) or ()) == pytest.approx([chi2.ppf(0.025, 400) / 4, chi2.ppf(0.975, 402) / 4])


def test_periods_that_do_not_adjoin_are_not_compared() -> None:
    assert change_between(weekly(80), weekly(20, day=DAY - timedelta(days=8)), 2.5) is None
    assert change_between(weekly(80), weekly(20, lag=1, day=DAY - timedelta(days=6)), 2.5) is None
    assert change_between(weekly(80, lag=3, day=DAY + timedelta(days=3)), before(20), 2.5) is not None


def test_overdispersion_decides_the_word() -> None:
    poisson, clustered = (change_between(weekly(120), before(80), phi) for phi in (1, 2.5))
    assert poisson is not None
    assert clustered is not None
    assert (poisson.direction, clustered.direction) == (Direction.INCREASE, Direction.NO_CLEAR_CHANGE)


def test_shares_of_weeks_with_a_word_are_as_documented(embedded: None, db: None) -> None:
    """Weeks that end on a Saturday, of all regions, with the period before."""
    pairs = []
    for blob in Blob.objects.filter(series__indicator__slug="cases", series__place__kind="region", measure="new_7d"):
        for position in range((5 - blob.start.weekday()) % 7, len(blob.values), 7):
            span = blob.spans[position]
            earlier = position - blob.lags[position] - span
            if earlier < 0 or blob.lags[earlier]:
                continue
            counts = [reported_count(blob.values[index], blob.spans[index]) for index in (position, earlier)]
            if counts[0] is not None and counts[1] is not None:
                pairs.append((counts[0], counts[1], span, blob.spans[earlier]))
    assert len(pairs) == 13_530
    shares = []
    for overdispersion in (1, 2.5, 5):
        directions = [change(*pair[:2], days=pair[2], days_before=pair[3], overdispersion=overdispersion)[2] for pair in pairs]
        shares.append(sum(direction is not Direction.NO_CLEAR_CHANGE for direction in directions) / len(pairs))
    assert [round(100 * share) for share in shares] == [39, 24, 14]
    text = " ".join((settings.REPO_DIR / "docs" / "indicators.md").read_text(encoding="utf-8").split())
    assert "39 % with a Poisson interval (φ = 1), 24 % with φ = 2.5 and 14 % with φ = 5" in text


@pytest.fixture
def sum_vintage(embedded: None, db: None) -> Vintage:
    """Return a vintage 2022 in which 9001 is the sum of Toronto (3595) and York (3570)."""
    declare_sum("9001")
    return Vintage(coverage=Coverage(slug="health-regions"), label="2022")


@pytest.mark.parametrize("aligned", [True, False])
def test_sum_needs_reports_of_the_same_days(sum_vintage: Vintage, aligned: bool) -> None:
    if not aligned:
        for blob in Blob.objects.filter(series__indicator__slug="cases", series__place__code="3570"):
            blob.spans = [14] * len(blob.spans)
            blob.save()
    latest = latest_figures(published_indicator("cases")).of_region(sum_vintage, "9001")
    assert latest is not None
    assert (latest.figure.method, latest.figure.element.value is not None) == ("sum", True)
    assert ((latest.interval is not None), (latest.change is not None)) == (aligned, aligned)


def test_sum_with_a_part_without_a_series_is_missing(sum_vintage: Vintage) -> None:
    Series.objects.filter(indicator__slug="cases", place__code="3570").update(first=None, last=None, last_report=None)
    latest = latest_figures(published_indicator("cases")).of_region(sum_vintage, "9001")
    assert latest is not None
    assert (latest.figure.method, latest.figure.element.value, latest.figure.count) == ("sum", None, None)
    assert latest.figure.element.status is ValueStatus.NOT_REPORTED
    assert (latest.interval, latest.change, latest.compared_with, latest.revised) == (None,) * 4
    assert set(latest.weeks) == {None}


def test_region_of_which_no_part_has_a_series_has_no_figure(sum_vintage: Vintage) -> None:
    Series.objects.filter(indicator__slug="cases", place__code__in=["3570", "3595"]).update(first=None, last=None)
    assert latest_figures(published_indicator("cases")).of_region(sum_vintage, "9001") is None

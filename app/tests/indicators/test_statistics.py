"""Intervals and changes, against scipy."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, chi2

from indicators.statistics import Direction, change, poisson_interval, rate_interval, reported_count

COUNTS = st.one_of(st.integers(0, 50), st.integers(0, 3_000_000))


@given(COUNTS)
def test_poisson_interval_equals_scipy(count: int) -> None:
    low, high = poisson_interval(count)
    assert low == pytest.approx(chi2.ppf(0.025, 2 * count) / 2 if count else 0.0, rel=1e-8)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2, rel=1e-8)


def test_poisson_interval_of_zero_is_that_of_the_tables() -> None:
    assert list(poisson_interval(0)) == pytest.approx([0.0, 3.688879], abs=1e-6)
    assert list(poisson_interval(10)) == pytest.approx([4.795389, 18.390356], abs=1e-6)


@given(st.integers(0, 100_000), st.integers(1, 20_000_000), st.integers(7, 35))
def test_rate_interval_is_scaled_to_people_and_week(count: int, people: int, span: int) -> None:
    low, high = rate_interval(count, people, span)
    scale = 100_000 / people * 7 / span
    assert low == pytest.approx((chi2.ppf(0.025, 2 * count) / 2 if count else 0.0) * scale, rel=1e-8)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2 * scale, rel=1e-8)
    assert low <= count * scale <= (high or 0)


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_change_without_overdispersion_is_the_exact_binomial(count: int, before: int) -> None:
    low, high = change(count, before, overdispersion=1).interval
    # Without a case, every ratio is possible.
    exact = binomtest(count, count + before).proportion_ci(method="exact") if count + before else None
    lowest, highest = (exact.low, exact.high) if exact else (0.0, 1.0)
    assert low == pytest.approx(lowest / (1 - lowest), rel=1e-7)
    assert high == (None if highest == 1 else pytest.approx(highest / (1 - highest), rel=1e-7))


@given(COUNTS, COUNTS, st.floats(1, 20), st.integers(7, 28), st.integers(7, 28))
def test_change_equals_scipy(count: int, before: int, overdispersion: float, days: int, days_before: int) -> None:
    result = change(count, before, days=days, days_before=days_before, overdispersion=overdispersion)
    later, earlier, scale = count / overdispersion, before / overdispersion, days_before / days
    # Odds of a beta quantile: x / (1 - x), where 1 - x is a quantile of the mirrored distribution.
    low = beta.ppf(0.025, later, earlier + 1) / beta.ppf(0.975, earlier + 1, later) * scale if count else 0.0
    assert result.interval.low == pytest.approx(low, rel=1e-6, abs=1e-300)
    if before:
        high = beta.ppf(0.975, later + 1, earlier) / beta.ppf(0.025, earlier, later + 1) * scale
        assert result.interval.high == pytest.approx(high, rel=1e-6)
        assert result.ratio == pytest.approx((count / days) / (before / days_before))
    else:
        assert (result.interval.high, result.ratio) == (None, None)


def test_random_series_have_a_word_only_if_the_interval_excludes_1() -> None:
    generator = random.Random(2022)  # noqa: S311 - not for secrets
    words = set()
    for _ in range(2_000):
        mean = math.exp(generator.uniform(0, 9))
        counts = [max(round(generator.gauss(mean, 2 * math.sqrt(mean))), 0) for _ in range(2)]
        (low, high), direction = change(*counts)[1:]
        expected = Direction.INCREASE if low > 1 else Direction.NO_CLEAR_CHANGE
        words.add(direction)
        assert direction == (Direction.DECREASE if high is not None and high < 1 else expected), counts
    assert words == set(Direction)


@pytest.mark.parametrize(
    ("count", "before", "direction"),
    [
        (0, 0, Direction.NO_CLEAR_CHANGE),
        (3, 0, Direction.NO_CLEAR_CHANGE),
        (0, 3, Direction.NO_CLEAR_CHANGE),
        (60, 0, Direction.INCREASE),
        (0, 60, Direction.DECREASE),
        (120, 100, Direction.NO_CLEAR_CHANGE),
        (1_400, 1_000, Direction.INCREASE),
        (1_000, 1_400, Direction.DECREASE),
    ],
)
def test_direction(count: int, before: int, direction: Direction) -> None:
    assert change(count, before).direction is direction


def test_change_compares_counts_a_day() -> None:
    week, fortnight = change(100, 100, days=7, days_before=7), change(200, 100, days=14, days_before=7)
    assert (week.ratio, fortnight.ratio) == (1.0, 1.0)
    assert change(200, 100, days=7, days_before=7).direction is Direction.INCREASE
    assert fortnight.direction is Direction.NO_CLEAR_CHANGE


def test_more_overdispersion_widens_the_interval() -> None:
    widths = [change(300, 240, overdispersion=phi).interval for phi in (1, 2.5, 5)]
    assert [interval.low for interval in widths] == sorted((interval.low for interval in widths), reverse=True)
    assert [interval.high or 0 for interval in widths] == sorted(interval.high or 0 for interval in widths)


@pytest.mark.parametrize(
    ("weekly", "span", "count"),
    [
        (None, 7, None),
        (-3.0, 7, None),
        (0.0, 7, 0),
        (12.0, 7, 12),
        (12.5, 7, None),
        (round(100 * 7 / 13, 2), 13, 100),
        (round(100 * 7 / 28, 2), 28, 100),
        (5.0, 0, None),
    ],
)
def test_reported_count_is_a_whole_count_of_the_period(weekly: float | None, span: int, count: int | None) -> None:
    assert reported_count(weekly, span) == count


def test_invalid_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        poisson_interval(-1)
    for arguments in ({"count": -1, "before": 0}, {"count": 0, "before": -1}):
        with pytest.raises(ValueError, match="negative"):
            change(**arguments)
    for options in ({"days": 0}, {"overdispersion": 0.9}, {"overdispersion": math.nan}):
        with pytest.raises(ValueError, match="overdispersion"):
            change(1, 1, **options)

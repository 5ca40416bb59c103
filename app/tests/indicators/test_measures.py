"""Measures computed from observations."""

import random
from datetime import date, timedelta

import pytest

from indicators.measures import Measure, Observation, measures
from indicators.statuses import ValueStatus as S

START = date(2022, 1, 1)  # a Saturday


def days(*values: tuple[float | None, S]) -> dict[date, Observation]:
    return {START + timedelta(days=step): Observation(*pair) for step, pair in enumerate(values)}


def cumulative(observations: dict[date, Observation], population: dict[int, int] | None = None) -> dict[str, Measure]:
    return measures(
        kind="cumulative", period="day", from_zero=True, observations=observations, population=population or {2022: 50_000}
    )


def test_daily_reports_give_weekly_difference_of_totals() -> None:
    made = cumulative(days(*[(float(step * step), S.REPORTED) for step in range(10)]))
    assert made["new_7d"].values[9] == 81 - 4
    assert made["rate_7d"].values[9] == 154.0
    assert made["new_1d"].values[:4] == [0, 1, 3, 5]
    assert made["new_7d"].values[3] == 9  # nothing was reported before the first day


def test_weekly_report_is_carried_on_every_day() -> None:
    week = [(7.0, S.CARRIED)] * 6
    made = cumulative(days((7.0, S.REPORTED), *week, (10.0, S.REPORTED), *[(10.0, S.CARRIED)] * 6))
    assert made["new_7d"].values[7:] == [3.0] * 7
    assert made["new_7d"].lags[7:] == list(range(7))
    assert made["new_7d"].statuses[7:] == [S.REPORTED, *[S.CARRIED] * 6]
    assert made["new_1d"].values[8] is None
    assert made["new_1d"].statuses[8] == S.CARRIED


def test_report_over_four_weeks_is_estimated_per_week() -> None:
    made = cumulative(days((0.0, S.REPORTED), *[(0.0, S.CARRIED)] * 27, (80.0, S.REPORTED)))
    assert (made["new_7d"].values[28], made["new_7d"].statuses[28], made["new_7d"].spans[28]) == (20.0, S.ESTIMATED, 28)


def test_ended_series_is_not_reported_and_not_zero() -> None:
    made = cumulative(days((5.0, S.REPORTED), (6.0, S.REPORTED), *[(6.0, S.NOT_REPORTED)] * 3))
    for name in ("new_1d", "new_7d", "rate_7d"):
        assert made[name].values[2:] == [None] * 3
        assert made[name].statuses[2:] == [S.NOT_REPORTED] * 3
    assert made["cumulative"].values[4] == 6
    assert made["cumulative"].statuses[4] == S.NOT_REPORTED


def test_negative_week_stays_negative_without_rate() -> None:
    made = cumulative(days((50.0, S.REPORTED), *[(50.0, S.REPORTED)] * 6, (40.0, S.REPORTED)))
    assert made["new_7d"].values[7] == -10
    assert made["rate_7d"].values[7] is None


def test_suppressed_value_suppresses_the_difference() -> None:
    made = cumulative(days((5.0, S.REPORTED), *[(5.0, S.REPORTED)] * 6, (None, S.SUPPRESSED)))
    assert (made["new_7d"].values[7], made["new_7d"].statuses[7]) == (None, S.SUPPRESSED)


def test_total_not_from_zero_has_no_first_week() -> None:
    made = measures(
        kind="cumulative",
        period="day",
        from_zero=False,
        observations=days(*[(2572.0 + step, S.REPORTED) for step in range(9)]),
        population={},
    )
    assert made["new_7d"].values[:7] == [None] * 7
    assert made["new_7d"].values[7:] == [7, 7]
    assert made["rate_7d"].values[8] is None


@pytest.mark.parametrize("other", [(4.0, S.REPORTED), (None, S.SUPPRESSED), None])
@pytest.mark.parametrize("limit", [5.0, None])
def test_week_with_a_limit_is_capped(limit: float | None, other: tuple[float | None, S] | None) -> None:
    observations = days(*[(2.0, S.REPORTED)] * 9)
    observations[START + timedelta(days=4)] = Observation(limit, S.CAPPED)
    del observations[START + timedelta(days=1)]
    if other is not None:
        observations[START + timedelta(days=1)] = Observation(*other)
    made = measures(kind="count", period="day", from_zero=False, observations=observations, population={2022: 50_000})
    for name in ("new_7d", "rate_7d"):
        assert (made[name].values[7], made[name].statuses[7]) == (None, S.CAPPED)
    assert (made["value"].values[4], made["value"].statuses[4]) == (limit, S.CAPPED)


def test_week_without_a_limit_is_the_sum_of_its_days() -> None:
    observations = days((5.0, S.CAPPED), *[(2.0, S.REPORTED)] * 7)
    made = measures(kind="count", period="day", from_zero=False, observations=observations, population={})
    assert (made["new_7d"].values[7], made["new_7d"].statuses[7]) == (14.0, S.REPORTED)


def test_weekly_limit_stays_a_limit_until_the_next_report() -> None:
    observations = {START: Observation(5.0, S.CAPPED), START + timedelta(days=7): Observation(8.0, S.REPORTED)}
    made = measures(kind="count", period="week", from_zero=False, observations=observations, population={2022: 50_000})
    for name in ("value", "new_7d", "rate_7d"):
        assert made[name].statuses == [S.CAPPED] * 7 + [S.REPORTED] + [S.CARRIED] * 6
    assert made["new_7d"].values == [5.0] * 7 + [8.0] * 7


def test_rate_uses_population_of_nearest_year() -> None:
    seven = days(*[(7.0 * step, S.REPORTED) for step in range(8)])
    assert cumulative(seven, {2019: 10_000, 2021: 49_000, 2023: 1})["rate_7d"].values[7] == 100.0


@pytest.mark.parametrize("seed", range(20))
def test_weeks_sum_to_total_at_any_cadence(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    interval, weeks = chance.choice([1, 7]), 30
    total, stated = 0.0, {}
    for step in range(weeks * 7 + 1):
        day = START + timedelta(days=step)
        total += chance.randint(-3, 40) if step % interval == 0 and step else 0
        stated[day] = Observation(total, S.REPORTED if step % interval == 0 else S.CARRIED)
    made = cumulative(stated)["new_7d"]
    phase = chance.randrange(7) if interval == 7 else 0
    picked = [made.values[7 * number + phase] for number in range(1, weeks + (phase == 0))]
    reported = stated[START + timedelta(days=7 * len(picked))].value
    assert sum(item or 0 for item in picked) == reported

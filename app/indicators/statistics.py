"""Intervals of counts and rates, and the change between two periods: pure functions, without Django.

docs/indicators.md cites the formulas. All intervals are two-sided at 95 %. Quantiles of the gamma and beta distributions are
solved on the scale of the logarithm and of the log odds, where both tails keep their relative precision.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from indicators.measures import RATE_PEOPLE, WEEK

# Variance of a week's count divided by its mean, where an indicator declares none.
OVERDISPERSION = 2.5
# Probability of each tail outside an interval, and the normal quantile of its complement.
_TAIL = 0.025
_Z = 1.959963984540054
# A value of a report over more than a week is stored as the mean of its weeks, rounded to two decimals.
_ROUNDING = 0.005
_STEPS_MAX = 200
_TOLERANCE = 1e-11
_SOLUTION_MAX = 700.0
_TINY = 1e-300
_EPSILON = 1e-16


class Interval(NamedTuple):
    """A 95 % interval; `high` is None for an interval without an upper end."""

    low: float
    high: float | None


class Direction(StrEnum):
    """Direction of a change, as far as its interval shows one."""

    INCREASE = "increase"
    DECREASE = "decrease"
    NO_CLEAR_CHANGE = "no_clear_change"


class Change(NamedTuple):
    """Change between two periods.

    Attributes:
        ratio: count a day of the later period divided by that of the earlier one; None after a period with 0.
        interval: of the ratio.
        direction: increase or decrease only if the interval excludes 1.
    """

    ratio: float | None
    interval: Interval
    direction: Direction


def reported_count(weekly: float | None, span_days: int = WEEK) -> int | None:
    """Return the count of a whole period from its count a week.

    None for a missing value, and for one that is no count: negative (a correction by the source) or not whole.
    """
    if weekly is None or weekly < 0 or span_days <= 0:
        return None
    total = weekly * span_days / WEEK
    tolerance = 1e-6 if span_days == WEEK else max(_ROUNDING * span_days / WEEK, 1e-6)
    return round(total) if abs(total - round(total)) <= tolerance * 1.01 else None


def poisson_interval(count: int) -> Interval:
    """Return the exact interval of the mean of a Poisson count (Garwood 1936), by quantiles of the gamma distribution.

    Args:
        count: 0 or more. 0 gives 0 to 3.69.

    Raises: ValueError for a negative count.
    """
    if count < 0:
        raise ValueError("a Poisson count is not negative")
    low = _gamma_quantile(_TAIL, count, -_Z) if count else 0.0
    return Interval(low, _gamma_quantile(1 - _TAIL, count + 1, _Z))


def rate_interval(count: int, people: float, span_days: int = WEEK) -> Interval:
    """Return the exact interval of a rate per 100,000 inhabitants and week.

    Args:
        count: in the whole period, 0 or more.
        people: inhabitants, more than 0; a part of a place may have a fraction.
        span_days: days of the period.

    Raises: ValueError for a negative count.
    """
    low, high = poisson_interval(count)
    scale = RATE_PEOPLE / people * WEEK / span_days
    return Interval(low * scale, None if high is None else high * scale)


def change(
    count: int, before: int, *, days: int = WEEK, days_before: int = WEEK, overdispersion: float = OVERDISPERSION
) -> Change:
    """Return the change of the count a day from one period to the next, by a conditional binomial test.

    Given the sum of two Poisson counts, the later one is binomial (Przyborowski and Wilenski 1940), and the Clopper-Pearson
    interval of its probability is one of the ratio. Cases come in clusters, so both counts are first divided by the
    overdispersion: independent cases of that number have the same relative variance. Two periods with 0 show no change; their
    interval has no upper end.

    Args:
        count, before: of the later and the earlier period, 0 or more.
        days, days_before: lengths of the periods.
        overdispersion: variance divided by mean, at least 1.

    Raises: ValueError for a negative count, an empty period or an overdispersion below 1.
    """
    if min(count, before) < 0 or min(days, days_before) <= 0 or not overdispersion >= 1:
        raise ValueError("counts are not negative, periods have days, and the overdispersion is at least 1")
    later, earlier, scale = count / overdispersion, before / overdispersion, days_before / days
    low = _odds_quantile(_TAIL, later, earlier + 1, -_Z) * scale if count else 0.0
    high = _odds_quantile(1 - _TAIL, later + 1, earlier, _Z) * scale if before else None
    direction = Direction.NO_CLEAR_CHANGE
    if low > 1:
        direction = Direction.INCREASE
    elif high is not None and high < 1:
        direction = Direction.DECREASE
    return Change(count / before * scale if before else None, Interval(low, high), direction)


def _gamma_quantile(probability: float, shape: float, z: float) -> float:
    """Return a quantile of the gamma distribution of scale 1. The start is that of Wilson and Hilferty (1931)."""
    log_gamma = math.lgamma(shape)
    start = 3 * math.log(max(1 - 1 / (9 * shape) + z / math.sqrt(9 * shape), 0.1)) + math.log(shape)

    def cumulative(log_x: float) -> tuple[float, float]:
        x = math.exp(log_x)
        # Density on the logarithmic scale, also the factor of both expansions.
        density = math.exp(shape * log_x - x - log_gamma)
        below = x < shape + 1
        return (density * _gamma_series(shape, x) if below else 1 - density * _gamma_fraction(shape, x)), density

    return math.exp(_solve(cumulative, probability, start))


def _gamma_series(shape: float, x: float) -> float:
    """Return the series of the lower incomplete gamma function (DLMF 8.7.1), without its leading factor."""
    term = total = 1 / shape
    divisor = shape
    while term > total * _EPSILON:
        divisor += 1
        term *= x / divisor
        total += term
    return total


def _gamma_fraction(shape: float, x: float) -> float:
    """Return the continued fraction of the upper incomplete gamma function (DLMF 8.9.2), without its leading factor."""

    def coefficients(step: int) -> tuple[float, float]:
        return -step * (step - shape), x + 1 - shape + 2 * step

    return 1 / _continued_fraction(x + 1 - shape, coefficients)


def _odds_quantile(probability: float, a: float, b: float, z: float) -> float:
    """Return the odds x / (1 - x) of a quantile x of the beta distribution."""
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    start = math.log(a / b) + z * math.sqrt(1 / a + 1 / b)

    def cumulative(log_odds: float) -> tuple[float, float]:
        x, y = 1 / (1 + math.exp(-log_odds)), 1 / (1 + math.exp(log_odds))
        # Density on the scale of the log odds, also the factor of the continued fraction.
        density = math.exp(a * math.log(x) + b * math.log(y) - log_beta)
        if x < (a + 1) / (a + b + 2):
            return density / a / _beta_fraction(a, b, x), density
        return 1 - density / b / _beta_fraction(b, a, y), density

    return math.exp(_solve(cumulative, probability, start))


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function (DLMF 8.17.22)."""

    def coefficients(step: int) -> tuple[float, float]:
        half = step // 2
        if step % 2:
            return -(a + half) * (a + b + half) * x / ((a + step - 1) * (a + step)), 1.0
        return half * (b - half) * x / ((a + step - 1) * (a + step)), 1.0

    return _continued_fraction(1.0, coefficients)


def _continued_fraction(first: float, coefficients: Callable[[int], tuple[float, float]]) -> float:
    """Return first + a1 / (b1 + a2 / (b2 + …)) by Lentz's method; `coefficients` returns a and b of a step from 1 on."""
    value = numerator = first or _TINY
    denominator, step, factor = 0.0, 0, 0.0
    while abs(factor - 1) > _EPSILON * 100:
        step += 1
        a, b = coefficients(step)
        denominator = 1 / (b + a * denominator or _TINY)
        numerator = b + a / numerator or _TINY
        factor = numerator * denominator
        value *= factor
    return value


def _solve(cumulative: Callable[[float], tuple[float, float]], probability: float, start: float) -> float:
    """Return where a cumulative distribution has a probability, by Newton's method within a bracket.

    Args:
        cumulative: returns probability and density at a value; increasing.
    """
    low, high, value = -_SOLUTION_MAX, _SOLUTION_MAX, start
    for _ in range(_STEPS_MAX):
        below, density = cumulative(value)
        low, high = (value, high) if below < probability else (low, value)
        following = value + (probability - below) / density if density else math.inf
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - value) <= _TOLERANCE * max(1.0, abs(value)):
            return following
        value = following
    return value

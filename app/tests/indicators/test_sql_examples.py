"""SQL examples for analysts about indicators: their numbers, computed again without SQL."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from tests.support.issue_history import SmallIssue

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]


def example(name: str) -> str:
    """Return the text of an example."""
    return (settings.REPO_DIR / "data" / "schema" / "examples" / f"{name}.sql").read_text(encoding="utf-8")


def weekly(client: Any, indicator: str, measure: str, place: str) -> dict[str, float | None]:
    """Return a measure of a place by Saturday, without estimated weeks."""
    body = client.get(f"/indicators/{indicator}/series?place={place}&measure={measure}&freq=week").json()
    shown = body["places"][place]
    codes = [body["statuses"][code]["code"] for code, length in shown["status"] for _ in range(length)]
    days = np.datetime64(body["start"]) + np.arange(body["length"]) * 7
    return {str(day): value for day, value, code in zip(days, shown["values"], codes, strict=True) if code != "estimated"}


def test_error_of_first_figures_compares_every_issue_with_the_newest(sql: Sql, history: list[SmallIssue]) -> None:
    """The week to 11 January by province. Issues 2, 3 and 5 have it; the fourth has one province only, and no totals."""
    text = example("22_error_of_first_figures")
    for written, used in {"'cases'": "'history'", "2022-08-06": "2022-01-11", "2022-11-05": "2022-01-11"}.items():
        assert written in text
        text = text.replace(written, used)
    ontario, quebec = [195, 205, 194], [65, 65, 65]
    errors = [cases / ontario[-1] - 1 for cases in ontario] + [cases / quebec[-1] - 1 for cases in quebec]
    median, low, high = np.percentile(errors, [50, 10, 90])
    ((weeks_later, figures, *percentiles),) = sql(text)
    assert (weeks_later, figures) == (20, 6)
    assert [float(value) for value in percentiles] == [round(value, 3) for value in (median, low, high)]
    assert high > 0


def test_rates_use_the_population_of_the_year_or_the_nearest(sql: Sql, client: Any) -> None:
    places = {place["place"]: place["population"] for place in client.get("/indicators/cases").json()["places"]}
    rows = sql(example("23_rates_by_population_of_the_year"))
    assert len(rows) > 90
    for place, _, count, rate, people, year, rate_by_2019, error in rows:
        population = {int(number): value for number, value in places[place].items()}
        assert year == min(population, key=lambda estimate: (abs(estimate - 2022), estimate))
        assert people == population[year]
        if count >= 0:
            assert rate == round(count * 100_000 / people, 2)
        if 2019 in population:
            assert float(rate_by_2019) == pytest.approx(count * 100_000 / population[2019], abs=0.006)
            assert float(error) == pytest.approx((people / population[2019] - 1) * 100, abs=0.06)
        else:
            assert (rate_by_2019, error) == (None, None)
    assert {year for *_, year, _, _ in rows} == {2021, 2022}


def test_correlation_equals_that_of_the_series_of_the_api(sql: Sql, client: Any) -> None:
    cases, deaths = (weekly(client, indicator, "new_7d", "CA") for indicator in ("cases", "deaths"))
    rows = sql(example("24_correlate_two_indicators"))
    assert [lag for lag, _, _ in rows] == list(range(7))
    for lag, weeks, correlation in rows:
        pairs = [
            (value, deaths[later])
            for day, value in cases.items()
            if "2020-09-05" <= day <= "2021-12-04" and value is not None
            if deaths.get(later := str(np.datetime64(day) + 7 * lag)) is not None
        ]
        assert weeks == len(pairs)
        assert float(correlation) == pytest.approx(np.corrcoef(np.array(pairs, dtype=float).T)[0, 1], abs=0.0006)


def test_unassigned_share_equals_that_of_the_series_of_the_api(sql: Sql, client: Any) -> None:
    rows: dict[str, Any] = dict(sql(example("20_unassigned_share")))
    for pruid, province in {"12": "NS", "10": "NL", "47": "SK"}.items():
        new = []
        for place in (f"{province}-9999", province):
            url = f"/indicators/cases/series?place={place}&measure=cumulative&freq=day&from=2021-12-31"
            totals = [value for value in client.get(url).json()["places"][place]["values"] if value is not None]
            new.append(totals[-1] - totals[0])
        assert float(rows[pruid]) == pytest.approx(new[0] / new[1], abs=0.0006)

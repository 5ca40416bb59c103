"""Suppression of small numbers: no combination of published numbers reveals a suppressed number.

The proof is linear algebra: every published number is an equation about the true values, as is every sum of parts and every
repeated value. A true value, or a difference of two days, is revealed if it is a combination of these equations.
"""

from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest

from indicators.measures import Observation
from indicators.models import Place, PlaceKind
from indicators.statuses import ValueStatus
from loader.series.declarations import Source
from loader.series.gates import Difference, Gate, revision_gates
from loader.series.interpreter import Interpretation, PlaceValues
from loader.series.suppression import Published, suppress, without_numbers

LIMIT = 5
REPORTED, SUPPRESSED, CARRIED = ValueStatus.REPORTED, ValueStatus.SUPPRESSED, ValueStatus.CARRIED
FIRST = date(2022, 1, 1)
# Place: kind, province, and the places that it is the sum of.
TREE = {
    1: (PlaceKind.REGION, "35", ()),
    2: (PlaceKind.REGION, "35", ()),
    3: (PlaceKind.UNASSIGNED, "35", ()),
    4: (PlaceKind.REGION, "24", ()),
    5: (PlaceKind.REGION, "24", ()),
    6: (PlaceKind.REGION, "60", ()),
    7: (PlaceKind.PROVINCE, "35", (1, 2, 3)),
    8: (PlaceKind.PROVINCE, "24", (4, 5)),
    9: (PlaceKind.PROVINCE, "60", (6,)),
    10: (PlaceKind.COUNTRY, "", (7, 8, 9)),
}
PARTS = [pk for pk, (_, _, parts) in TREE.items() if not parts]
# True values: number and status by place and day.
Truth = dict[tuple[int, date], Observation]


def number_of(seen: Observation) -> float:
    """Return the number of a true value, which always has one."""
    assert seen.value is not None
    return seen.value


def source(kind: str) -> Source:
    return Source(name="s", indicator="i", name_en="", name_fr="", unit="cases", kind=kind, suppress_below=LIMIT)


def random_truth(random: Random, kind: str, days: int) -> Truth:
    """Return the values of a small country: provinces that report daily or weekly, mostly small counts, some corrections."""
    truth: Truth = {}
    weekly = random.sample(["35", "24", "60"], random.choice((0, 1)))
    for pk in PARTS:
        total, scale = 0, random.choice((1, 3, 12, 60))
        for step in range(days):
            reports = TREE[pk][1] not in weekly or step % 7 == 0
            count = random.choice((0, 0, random.randint(0, scale), random.randint(0, scale))) if reports else 0
            if kind == "cumulative":
                correction = reports and total >= 20 and random.random() < 0.05
                total += -random.randint(1, 8) if correction else count
            number = total if kind == "cumulative" else count
            if reports or kind == "cumulative":
                truth[pk, FIRST + timedelta(step)] = Observation(number, REPORTED if reports else CARRIED)
    for pk, (_, province, parts) in TREE.items():
        for step in range(days) if parts else ():
            day = FIRST + timedelta(step)
            stated = [truth[part, day] for part in parts if (part, day) in truth]
            carried = province in weekly and step % 7 != 0
            if len(stated) == len(parts):
                truth[pk, day] = Observation(sum(number_of(seen) for seen in stated), CARRIED if carried else REPORTED)
    return truth


def interpretation_of(truth: Truth) -> Interpretation:
    by_place = {}
    for pk, (kind, province, _) in TREE.items():
        place = Place(pk=pk, kind=kind, pruid=province, key=str(pk), code=str(pk), name_en="", name_fr="")
        by_place[pk] = PlaceValues(place, {day: seen for (place_pk, day), seen in truth.items() if place_pk == pk})
    return Interpretation(by_place=by_place)


def published_of(truth: Truth, kind: str, history: dict[int, Published] | None = None) -> Truth:
    """Return the values of an issue after suppression."""
    interpretation = interpretation_of(truth)
    suppress(interpretation, source(kind), {} if history is None else history)
    return {(pk, day): seen for pk, values in interpretation.by_place.items() for day, seen in values.observations.items()}


class Equations:
    """Equations about the true values that follow from publications: a row for each equation, a column for each value."""

    def __init__(self, truth: Truth, published: Truth) -> None:
        self.columns = {cell: column for column, cell in enumerate(truth)}
        rows = [self.row({cell: 1}) for cell, seen in published.items() if seen.value is not None]
        for (pk, day), seen in truth.items():
            parts = TREE[pk][2]
            if parts and all((part, day) in truth for part in parts):
                rows.append(self.row({(pk, day): 1} | {(part, day): -1 for part in parts}))
            before = (pk, day - timedelta(1))
            if seen.status == CARRIED and before in truth:
                rows.append(self.row({(pk, day): 1, before: -1}))
        # An orthonormal basis of the equations.
        left, sizes, _ = np.linalg.svd(np.array(rows).T, full_matrices=False)
        self.basis = left[:, sizes > 1e-9]

    def row(self, terms: dict[tuple[int, date], int]) -> np.ndarray:
        row = np.zeros(len(self.columns))
        for cell, factor in terms.items():
            row[self.columns[cell]] = factor
        return row

    def give(self, terms: dict[tuple[int, date], int]) -> bool:
        """Return whether a combination of values follows from the equations."""
        row = self.row(terms)
        return bool(np.linalg.norm(row - self.basis @ (self.basis.T @ row)) < 1e-7)


@pytest.mark.parametrize("kind", ["count", "cumulative", "stock"])
@pytest.mark.parametrize("seed", range(40))
def test_no_combination_of_published_numbers_gives_a_suppressed_one(kind: str, seed: int) -> None:
    truth = random_truth(Random(seed), kind, days=16)  # noqa: S311 -- repeatable
    published = published_of(truth, kind)
    equations = Equations(truth, published)
    hidden = [cell for cell, seen in published.items() if seen.status == SUPPRESSED]
    assert [cell for cell in hidden if equations.give({cell: 1})] == []
    for (pk, day), seen in truth.items():
        number = number_of(seen)
        small = 0 < abs(number) < LIMIT
        assert not (small and equations.give({(pk, day): 1})), (pk, day)
        if kind != "cumulative":
            continue
        for later in (day + timedelta(step) for step in range(1, 16)):
            if (pk, later) in truth and 0 < abs(number_of(truth[pk, later]) - number) < LIMIT:
                assert not equations.give({(pk, later): 1, (pk, day): -1}), (pk, day, later)


@pytest.mark.parametrize("kind", ["count", "cumulative"])
def test_published_numbers_are_the_true_ones_and_most_large_ones_stay(kind: str) -> None:
    large = shown = 0
    for seed in range(20):
        truth = random_truth(Random(seed), kind, days=16)  # noqa: S311 -- repeatable
        published = published_of(truth, kind)
        assert published.keys() == truth.keys()
        for cell, seen in published.items():
            assert seen == truth[cell] or seen == Observation(None, SUPPRESSED)
        countries = [cell for cell in truth if cell[0] == 10]
        large += len(countries)
        shown += sum(published[cell].value is not None for cell in countries)
    assert shown > large / 2


def day_of(counts: dict[int, int]) -> Truth:
    """Return the counts of one day: of the parts, with the totals."""
    values = dict(counts)
    for pk, (_, _, parts) in TREE.items():
        if parts:
            values[pk] = sum(values[part] for part in parts)
    return {(pk, FIRST): Observation(value, REPORTED) for pk, value in values.items()}


def hidden_of(counts: dict[int, int]) -> set[int]:
    return {pk for (pk, _), seen in published_of(day_of(counts), "count").items() if seen.status == SUPPRESSED}


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ({1: 3, 2: 40, 3: 9, 4: 10, 5: 20, 6: 30}, {1, 3}),  # the next smallest part hides it
        ({1: 3, 2: 2, 3: 9, 4: 10, 5: 20, 6: 30}, {1, 2}),  # 5 together
        ({1: 1, 2: 1, 3: 9, 4: 10, 5: 20, 6: 30}, {1, 2, 3}),  # 2 together: each would be 1
        ({1: 3, 2: 0, 3: 0, 4: 10, 5: 20, 6: 30}, {1, 7, 4, 8}),  # the total is the part, and Canada less the others
        ({1: 50, 2: 40, 3: 9, 4: 10, 5: 20, 6: 4}, {6, 9, 4, 8}),
        ({1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 4}, {6, 9, 10}),  # nothing else to suppress
        ({1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0}, set()),
        ({1: 5, 2: 6, 3: 7, 4: 8, 5: 9, 6: 10}, set()),
    ],
)
def test_smallest_companions_are_suppressed(counts: dict[int, int], hidden: set[int]) -> None:
    assert hidden_of(counts) == hidden


def test_cumulative_total_is_published_again_after_enough_new_cases() -> None:
    totals = [100, 103, 103, 104, 105, 105, 97]
    truth = {(1, FIRST + timedelta(step)): Observation(total, REPORTED) for step, total in enumerate(totals)}
    shown = [seen.value for seen in published_of(truth, "cumulative").values()]
    assert shown == [100, None, None, None, 105, 105, None]


def test_later_issue_publishes_nothing_that_an_earlier_one_suppressed() -> None:
    days = [FIRST + timedelta(step) for step in range(3)]
    first = {(1, day): Observation(total, REPORTED) for day, total in zip(days, (100, 103, 120), strict=True)}
    published = published_of(first, "cumulative")
    history = Published()
    for (_, day), seen in published.items():
        if seen.value is None:
            history.suppressed.add(day)
        else:
            history.days.add(day)
            history.add(seen.value)
    # The first day is corrected, so that the second is no longer small.
    second = first | {(1, days[0]): Observation(90, REPORTED)}
    shown = [seen.value for seen in published_of(second, "cumulative", {1: history}).values()]
    assert shown == [90, None, 120]


def test_small_correction_of_a_published_total_is_suppressed() -> None:
    history = Published(numbers=[0, 100, 106], days={FIRST, FIRST + timedelta(1)})
    truth = {(1, FIRST): Observation(103, REPORTED), (1, FIRST + timedelta(1)): Observation(106, REPORTED)}
    assert [seen.value for seen in published_of(truth, "cumulative", {1: history}).values()] == [None, 106]


def test_suppressed_last_day_does_not_fail_national_falls() -> None:
    place = Place(pk=1, kind=PlaceKind.REGION, pruid="35", key="1", code="1")
    day = {FIRST: Observation(1000, REPORTED)}
    after = day | {FIRST + timedelta(1): Observation(None, SUPPRESSED)}
    interpretation = Interpretation(by_place={1: PlaceValues(place, after)})
    gates = revision_gates(interpretation, source("cumulative"), {1: PlaceValues(place, dict(day))}, Difference())
    assert [gate.name for gate in gates if not gate.passed] == []


def test_stored_report_has_no_totals_or_changes_of_places() -> None:
    gates = [
        Gate("vanished", False, "1", ("3553",), finding={"places": [], "more": 1}),
        Gate("ends_earlier", False, "1", ("3595: 2022-01-01, before 2022-01-02",), finding={"days": 1}),
        Gate("national_falls", False, "90, before 100 (limit -1.0%)", finding={"share": 0.1}),
        Gate("region_moves", False, "1", ("3595: 23, before 20 (15%)",), finding={"share": 0.15}),
        Gate("rewrites", False, "5 of 10 values (limit 1%)", ("3595: 5",), finding={"share": 0.5}),
    ]
    report: dict[str, Any] = {
        "rows": 10,
        "gates": [gate.as_dict() for gate in gates],
        "largest_change": {"place": "3595", "after": 23},
    }
    stored = without_numbers(report)
    assert (stored["rows"], stored["largest_change"]) == (10, None)
    assert [(gate["detail"], gate["listed"], gate["finding"]) for gate in stored["gates"]] == [
        ("1", ["3553"], {"places": [], "more": 1}),
        ("1", ["3595"], {"days": 1}),
        ("numbers are withheld", [], None),
        ("1", ["3595"], None),
        ("5 of 10 values (limit 1%)", ["3595"], {"share": 0.5}),
    ]
    # The report of the operator stays as it is.
    assert report["gates"][3]["listed"] == ["3595: 23, before 20 (15%)"]

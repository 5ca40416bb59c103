"""Suppression of small numbers, if the declaration of a source asks for it (`suppress_below`).

A suppressed value has no number and the status `suppressed`, before it reaches a table. Three rules, by day:

- A value is small if it, or its difference from a published value of the same place, is not 0 and below the limit. Then
  no difference of two days of a cumulative count is small, and neither are measures and rates, which are computed from them.
- The complement of a total reveals no small number: parts that a published total leaves open are two or more that change on
  the day, and together not small. Further parts are suppressed for that, the smallest first, or else the total.
- Later issues suppress every value that an earlier issue suppressed: the same value may be in both.

Every equation of a day then has two unknowns of its own, so that no others solve it. `tests/loader/test_suppression.py` checks
that for random series, by the rank of all published equations.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from indicators.measures import Observation
from indicators.models import PlaceKind
from indicators.statuses import ValueStatus
from loader.series.declarations import Source
from loader.series.interpreter import Interpretation, PlaceValues

_SUPPRESSED = Observation(None, ValueStatus.SUPPRESSED)
# Statuses of a repeated value.
_REPEATED = (ValueStatus.CARRIED, ValueStatus.NOT_REPORTED)
# Replacements of the members of gates that state totals or their changes. The notice to readers has no percentage then.
_WITHHELD: Mapping[str, Mapping[str, Any]] = {
    "national_falls": {"detail": "numbers are withheld", "finding": None},
    "region_moves": {"finding": None},
}


@dataclass(slots=True)
class Published:
    """Values of a place that earlier issues published.

    Attributes:
        numbers: sorted, each once.
        days, suppressed: days with a number, and days with a suppressed value.
    """

    numbers: list[float] = field(default_factory=lambda: [0.0])
    days: set[date] = field(default_factory=set)
    suppressed: set[date] = field(default_factory=set)

    def add(self, number: float) -> None:
        """Add a number."""
        if self._nearest(number) != 0:
            insort(self.numbers, number)

    def _nearest(self, number: float) -> float:
        """Return the distance to the nearest number."""
        position = bisect_left(self.numbers, number)
        return min(abs(number - other) for other in self.numbers[max(position - 1, 0) : position + 1])

    def is_small(self, number: float, limit: float, *, cumulative: bool) -> bool:
        """Return whether a number, or its difference from one of a cumulative series, is not 0 and below the limit."""
        return 0 < (self._nearest(number) if cumulative else abs(number)) < limit


@dataclass(slots=True)
class _Cell:
    """A place on the day in process.

    Attributes:
        number: true value, None without a row on the day.
        change: size of the count that the value would publish.
        fresh: whether the value is new on this day; otherwise the decision of its last day holds.
        fixed: whether an earlier issue published a number for the day, which cannot be taken back.
    """

    values: PlaceValues
    published: Published
    number: float | None = None
    change: float = 0.0
    fresh: bool = False
    fixed: bool = False
    hidden: bool = False
    last: float | None = None
    last_published: float = 0.0


def suppress(interpretation: Interpretation, source: Source, history: Mapping[int, Published]) -> None:
    """Suppress the small values of an issue in place.

    Args:
        history: values published by earlier issues, by primary key of the place.
    """
    cells = {pk: _Cell(values, history.get(pk) or Published()) for pk, values in interpretation.by_place.items()}
    provinces, top = _tree(cells.values())
    for day in sorted({day for cell in cells.values() for day in cell.values.observations}):
        for cell in cells.values():
            _decide(cell, day, source)
        for total, parts in provinces:
            _stand_in(total, parts)
        for total, parts in provinces:
            _protect(total, parts, source.suppress_below)
        if top is not None:
            country, children = top
            _protect(country, children, source.suppress_below)
            # A total that is suppressed to protect a part is still the sum of its parts.
            for total, parts in provinces:
                _protect(total, parts, source.suppress_below)
        for cell in cells.values():
            _store(cell, day)
    # The list of different parts and totals would reveal suppressed values.
    interpretation.sums = [finding.split(":")[0] for finding in interpretation.sums]


def without_numbers(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report of an issue as it is stored: public, even of a held issue, whose numbers no later issue knows.

    It has places, days and numbers of values, but no totals or changes of any place.
    """
    gates = [
        {**gate, "listed": [entry.split(":")[0] for entry in gate["listed"]], **_WITHHELD.get(gate["name"], {})}
        for gate in report["gates"]
    ]
    return {**report, "gates": gates, "largest_change": None}


def _tree(cells: Iterable[_Cell]) -> tuple[list[tuple[_Cell, list[_Cell]]], tuple[_Cell, list[_Cell]] | None]:
    """Return the provinces with their parts, and the country with its provinces, or with the parts of those without a total."""
    parts: dict[str, list[_Cell]] = defaultdict(list)
    totals: dict[str, _Cell] = {}
    country = None
    for cell in cells:
        place = cell.values.place
        if place.kind == PlaceKind.COUNTRY:
            country = cell
        elif place.kind == PlaceKind.PROVINCE:
            totals[place.pruid] = cell
        elif place.pruid:
            parts[place.pruid].append(cell)
    provinces = [(total, parts[pruid]) for pruid, total in totals.items() if parts[pruid]]
    alone = [cell for pruid, members in parts.items() if pruid not in totals for cell in members]
    return provinces, None if country is None else (country, [*totals.values(), *alone])


def _decide(cell: _Cell, day: date, source: Source) -> None:
    """Decide about the value of a day on its own (primary suppression)."""
    stated = cell.values.observations.get(day)
    cell.number = None if stated is None or stated.status == ValueStatus.CAPPED else stated.value
    cell.fresh = False
    if stated is None or cell.number is None:
        return
    if stated.status in _REPEATED and cell.number == cell.last:
        return
    cumulative = source.kind == "cumulative"
    cell.fresh, cell.fixed = True, day in cell.published.days
    cell.change = abs(cell.number - cell.last_published) if cumulative else abs(cell.number)
    cell.hidden = day in cell.published.suppressed or cell.published.is_small(
        cell.number, source.suppress_below, cumulative=cumulative
    )


def _stand_in(total: _Cell, parts: list[_Cell]) -> None:
    """Take a total without a row on the day for a suppressed one, if a part is: that of the country includes its parts."""
    if total.number is None and any(part.fresh and part.hidden for part in parts):
        total.hidden = total.fresh = True
        total.change = sum(part.change for part in parts if part.fresh)


def _protect(total: _Cell, parts: list[_Cell], limit: float) -> None:
    """Complementary suppression: suppress further parts, or the total, until the total reveals no small number."""
    if not total.fresh:
        return
    # Parts whose change is 0 hide nothing.
    order = sorted((part for part in parts if part.fresh and not part.fixed), key=lambda part: (part.change == 0, part.change))
    free = iter([part for part in order if not part.hidden])
    while not total.hidden and any(part.hidden for part in parts):
        open_parts = [part for part in parts if part.hidden and part.fresh]
        if len(open_parts) > 1 and sum(part.change for part in open_parts) >= limit:
            return
        companion = next(free, None)
        if companion is None:
            total.hidden = True
        else:
            companion.hidden = True
    if total.hidden and not any(part.hidden and part.fresh for part in parts):
        companion = next(free, None)
        if companion is not None:
            companion.hidden = True


def _store(cell: _Cell, day: date) -> None:
    """Store the decision about a day, and remember the published value."""
    if cell.number is None:
        return
    cell.last = cell.number
    if cell.hidden:
        cell.values.observations[day] = _SUPPRESSED
    else:
        cell.last_published = cell.number
        cell.published.add(cell.number)

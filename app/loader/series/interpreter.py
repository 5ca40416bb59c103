"""Interpretation of a series file: observations by place and day, and the defects for the gates."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, lru_cache

from geography.codes import PROVINCE_BY_PRUID
from indicators.measures import Observation
from indicators.models import Place, PlaceKind
from indicators.statuses import ValueStatus
from loader.series.declarations import Cadence, Source
from loader.series.places import PlaceResolver, province_place
from loader.series.reader import Cell

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
# Larger values are not exact as a float, and their sums can be infinite.
_LARGEST = 1e15
# Kinds whose regions and unassigned values add up to the province.
ADDITIVE = ("cumulative", "count", "stock")
# Most entries of a list in a report.
LISTED_MAX = 20
# A province that ends this many days before the file has stopped reporting; the national total does not wait for it.
ENDED_AFTER_DAYS = 31


@dataclass(slots=True)
class PlaceValues:
    """Observations of one place."""

    place: Place
    observations: dict[date, Observation] = field(default_factory=dict)
    derived: bool = False

    @property
    def province(self) -> str:
        """Two letters of the province; empty for the country."""
        province = PROVINCE_BY_PRUID.get(self.place.pruid)
        return province.abbreviation if province else ""


@dataclass(slots=True)
class Interpretation:
    """Observations of a file, with its defects.

    Attributes:
        ignored, unknown: rows of places that the declaration ignores; texts that name no place, with their first line.
        text, duplicates, future: unusable values, each with its line.
        negatives: by place, the number of negative values or, in a cumulative series, of falls; the values stay.
        off_cadence: by place, changes on days without a declared report.
        sums: days on which a province is not the sum of its parts.
    """

    by_place: dict[int, PlaceValues] = field(default_factory=dict)
    rows: int = 0
    ignored: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    future: list[str] = field(default_factory=list)
    negatives: dict[str, int] = field(default_factory=dict)
    off_cadence: dict[str, int] = field(default_factory=dict)
    sums: list[str] = field(default_factory=list)


def interpret(cells: "list[Cell]", source: Source, *, today: date) -> Interpretation:
    """Return the observations of a file. It does not guess: values that do not fit are listed for the gates."""
    interpretation = Interpretation(rows=len(cells))
    resolver = PlaceResolver(source, interpretation.unknown)
    reader = _value_reader(source.decimal, source.null, source.suppressed, source.capped)
    days: dict[str, date | None] = {}
    # Several texts can name one place; None for a text without one.
    values_by_text: dict[tuple[str, str], PlaceValues | None] = {}
    for cell in cells:
        line, period, province, text, value, _ = cell
        key = province, text
        if key not in values_by_text:
            place = resolver.place(province, text, line)
            named = None if place is None else interpretation.by_place.setdefault(place.pk, PlaceValues(place))
            values_by_text[key] = named
        values = values_by_text[key]
        if values is None:
            interpretation.ignored += resolver.ignored(text)
            continue
        if period not in days:
            days[period] = _day(period)
        day = days[period]
        if day is None:
            interpretation.text.append(f"line {line}: {period!r} is not a date YYYY-MM-DD")
            continue
        if day > today:
            interpretation.future.append(f"line {line}: {day}")
        observation = reader.read(value)
        if observation is None:
            interpretation.text.append(f"line {line}: {value[:40]!r} is not a number up to 1e15")
        elif day in values.observations:
            _add_repeated(interpretation, source, cell, values, day=day, observation=observation)
        else:
            values.observations[day] = observation
    # A place can be without a usable row.
    interpretation.by_place = {pk: values for pk, values in interpretation.by_place.items() if values.observations}
    if source.changes:
        _accumulate(interpretation)
    _count_negatives(interpretation, source)
    _set_statuses(interpretation, source)
    if source.totals:
        _add_totals(interpretation, source)
    elif source.kind in ADDITIVE:
        _compare_sums(interpretation)
    return interpretation


def _add_repeated(
    interpretation: Interpretation, source: Source, cell: Cell, values: PlaceValues, *, day: date, observation: Observation
) -> None:
    """Add a repeated row of a place and day, as the declaration's `duplicates` decides."""
    stated = values.observations[day]
    if source.duplicates == "sum" and stated.value is not None and observation.value is not None:
        values.observations[day] = Observation(stated.value + observation.value, observation.status)
    elif source.duplicates == "refuse" and stated != observation:
        interpretation.duplicates.append(f"line {cell.line}: {values.place.key} {day} again, with {cell.value[:20]!r}")
    elif observation.value is not None:
        values.observations[day] = observation


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        return None


class _ValueReader:
    """Conversion of texts to observations; each text is parsed once."""

    def __init__(self, decimal: str, null: tuple[str, ...], suppressed: tuple[str, ...], capped: tuple[str, ...]) -> None:
        self._decimal = decimal
        self._parsed: dict[str, Observation | None] = {text: Observation(None, ValueStatus.NOT_REPORTED) for text in null}
        self._parsed |= {text: Observation(None, ValueStatus.SUPPRESSED) for text in suppressed}
        for text in capped:
            number = re.search(r"\d+(\.\d+)?", text.replace(self._decimal, "."))
            self._parsed[text] = Observation(float(number.group()) if number else None, ValueStatus.CAPPED)

    def read(self, text: str) -> Observation | None:
        """Return the observation; None for a text that is neither a number up to 10^15 nor a declared mark."""
        if text not in self._parsed:
            plain = text if self._decimal == "." else text.replace(".", "?").replace(",", ".")
            value = float(plain) if _NUMBER.fullmatch(plain) else None
            usable = value is not None and abs(value) <= _LARGEST
            self._parsed[text] = Observation(value, ValueStatus.REPORTED) if usable else None
        return self._parsed[text]


# The issues of a history repeat most texts.
_value_reader = lru_cache(maxsize=1)(_ValueReader)


def _accumulate(interpretation: Interpretation) -> None:
    for values in interpretation.by_place.values():
        total = 0.0
        for day in sorted(values.observations):
            change = values.observations[day]
            if change.value is not None:
                total += change.value
                values.observations[day] = Observation(total, change.status)


def _count_negatives(interpretation: Interpretation, source: Source) -> None:
    for values in interpretation.by_place.values():
        before: float | None = 0.0 if source.from_zero else None
        count = 0
        for day in sorted(values.observations):
            value = values.observations[day].value
            if value is None:
                continue
            count += value < 0 if source.kind != "cumulative" else before is not None and value < before
            before = value
        if count:
            interpretation.negatives[values.place.key] = count


def _set_statuses(interpretation: Interpretation, source: Source) -> None:
    """Set the statuses that follow from the declaration and not from the file: carried, ended, unassigned."""
    reports_on = _reporting_days(source.cadence if source.carried else ())
    for values in interpretation.by_place.values():
        province = values.province
        ended = next(
            (
                rule.on
                for rule in source.ended
                if values.place.kind == PlaceKind.REGION and rule.province == province and rule.code in ("*", values.place.code)
            ),
            None,
        )
        before: float | None = None
        for day in sorted(values.observations):
            stated = values.observations[day]
            status = stated.status
            if status == ValueStatus.REPORTED:
                if ended is not None and day > ended:
                    status = ValueStatus.NOT_REPORTED
                elif not reports_on(province, day):
                    status = ValueStatus.CARRIED
                elif values.place.kind == PlaceKind.UNASSIGNED:
                    status = ValueStatus.UNASSIGNED
                if status in (ValueStatus.CARRIED, ValueStatus.NOT_REPORTED) and before not in (None, stated.value):
                    interpretation.off_cadence[values.place.key] = interpretation.off_cadence.get(values.place.key, 0) + 1
                if status != stated.status:
                    values.observations[day] = Observation(stated.value, status)
            before = stated.value


@lru_cache(maxsize=1)
def _reporting_days(cadences: tuple[Cadence, ...]) -> Callable[[str, date], bool]:
    """Return a cached function, shared by the issues of a history: whether a province reports on a day."""

    @cache
    def reports_on(province: str, day: date) -> bool:
        rules = [rule for rule in cadences if rule.province in (province, "*") and rule.start <= day]
        cadence = max(rules, key=lambda rule: (rule.start, rule.province != "*"), default=None)
        return cadence is None or cadence.reports_on(day)

    return reports_on


def _add_totals(interpretation: Interpretation, source: Source) -> None:
    """Add provinces and the country as sums of regions and unassigned values, each carried forward from its last report."""
    by_province: dict[str, list[PlaceValues]] = defaultdict(list)
    for values in interpretation.by_place.values():
        if values.place.kind in (PlaceKind.REGION, PlaceKind.UNASSIGNED):
            by_province[values.province].append(values)
    provinces = []
    reports_on = _reporting_days(source.cadence if source.carried else ())
    for abbreviation, parts in by_province.items():
        place = province_place(abbreviation)
        if place is None:
            continue
        total = PlaceValues(place, _sum_of_parts(parts), derived=True)
        for day, stated in total.observations.items():
            if not reports_on(abbreviation, day):
                total.observations[day] = Observation(stated.value, ValueStatus.CARRIED)
        provinces.append(total)
    country = province_place("CA")
    if country is None or len(provinces) < 2:
        return
    total = PlaceValues(country, _sum_of_parts(provinces), derived=True)
    lasts = [max(province.observations) for province in provinces]
    complete = min(last for last in lasts if (max(lasts) - last).days <= ENDED_AFTER_DAYS)
    for day, stated in total.observations.items():
        if day > complete:
            # Some provinces have not reported yet, so there is no national total for that day.
            total.observations[day] = Observation(stated.value, ValueStatus.NOT_REPORTED)
    for area in [*provinces, total]:
        interpretation.by_place[area.place.pk] = area


def _sum_of_parts(parts: list[PlaceValues]) -> dict[date, Observation]:
    first = min(min(part.observations) for part in parts)
    last = max(max(part.observations) for part in parts)
    current = [0.0] * len(parts)
    summed = {}
    for step in range((last - first).days + 1):
        day = first + timedelta(days=step)
        for index, part in enumerate(parts):
            stated = part.observations.get(day)
            if stated is not None and stated.value is not None:
                current[index] = stated.value
        summed[day] = Observation(sum(current), ValueStatus.REPORTED)
    return summed


def _compare_sums(interpretation: Interpretation) -> None:
    """List the days on which a province stated by the file is not the sum of its parts."""
    by_province: dict[str, list[PlaceValues]] = defaultdict(list)
    stated_of = {}
    for values in interpretation.by_place.values():
        if values.place.kind == PlaceKind.PROVINCE:
            stated_of[values.province] = values
        elif values.province:
            by_province[values.province].append(values)
    for abbreviation, stated in stated_of.items():
        parts = by_province.get(abbreviation, [])
        for day, total in sorted(stated.observations.items()):
            numbers = [part.observations[day].value for part in parts if day in part.observations]
            if total.value is None or not numbers or None in numbers or len(numbers) < len(parts):
                continue
            summed = sum(number for number in numbers if number is not None)
            if abs(summed - total.value) > 1e-6:
                interpretation.sums.append(f"{abbreviation} {day}: parts {summed:g}, province {total.value:g}")

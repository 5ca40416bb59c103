"""Gates of a series: checks of a new issue before publication. A failed gate can be accepted with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from indicators.measures import Observation
from indicators.models import Place, PlaceKind
from indicators.statuses import ValueStatus
from loader.series import findings
from loader.series.declarations import LIMITS, Source
from loader.series.interpreter import LISTED_MAX, Interpretation, PlaceValues

# Smaller values change by a tenth with every few cases.
MOVES_MIN = 20


@dataclass(frozen=True, slots=True)
class Gate:
    """Result of a gate. With `acceptable` False it stops the load, and `--accept` cannot override it.

    Attributes:
        finding: finding of a failed revision gate, for the notice to readers (`loader.series.findings`); None if it passed.
    """

    name: str
    passed: bool
    detail: str
    listed: tuple[str, ...] = ()
    acceptable: bool = True
    finding: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the gate as stored in a report."""
        return {
            "name": self.name,
            "passed": self.passed,
            "detail": self.detail,
            "listed": list(self.listed),
            "acceptable": self.acceptable,
            "finding": self.finding,
        }


@dataclass(slots=True)
class Difference:
    """Changes of an issue: numbers of new, changed and withdrawn values, by key of the place.

    Attributes:
        before: number of previous values.
        largest: place, day, previous and new value of the changed value that differs most; None without a changed number.
    """

    new: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    before: int = 0
    largest: tuple[str, date, float, float] | None = None

    def note_largest(self, key: str, day: date, old: float | None, new: float | None) -> None:
        """Make a change the largest, if both values are numbers and no earlier change is as large."""
        if old is None or new is None:
            return
        if self.largest is None or abs(new - old) > abs(self.largest[3] - self.largest[2]):
            self.largest = (key, day, old, new)

    def as_dict(self) -> dict[str, Any]:
        """Return the changes as in a report."""
        counts = {"new": self.new, "changed": self.changed, "withdrawn": self.withdrawn}
        largest = None
        if self.largest is not None:
            place, day, before, after = self.largest
            largest = {"place": place, "period": day.isoformat(), "before": before, "after": after}
        return {"changes": counts, "largest_change": largest}


def content_gates(interpretation: Interpretation, source: Source, without_population: list[str]) -> list[Gate]:
    """Return the gates that check the file itself."""
    limit = {**LIMITS, **source.limits}
    values = sum(len(stated.observations) for stated in interpretation.by_place.values() if not stated.derived)
    negatives = sum(interpretation.negatives.values())
    off_cadence = sum(interpretation.off_cadence.values())
    regions = [stated for stated in interpretation.by_place.values() if stated.place.kind == PlaceKind.REGION]
    unknown = [f"line {line}: {text}" for text, line in interpretation.unknown.items()]
    return [
        Gate("columns", values > 0, f"{interpretation.rows} rows, {values} values", acceptable=False),
        _must_be_empty("text", interpretation.text, acceptable=False),
        _must_be_empty("codes", unknown),
        _must_be_empty("duplicates", interpretation.duplicates, acceptable=False),
        _must_be_empty("future", interpretation.future),
        Gate(
            "sums",
            len(interpretation.sums) <= limit["sums"],
            f"{len(interpretation.sums)} days on which parts and province differ (limit {limit['sums']:g})",
            tuple(interpretation.sums[:LISTED_MAX]),
        ),
        Gate(
            "negatives",
            negatives <= limit["negatives"] * values,
            f"{negatives} of {values} values are negative or falls (limit {limit['negatives']:.0%}); they are kept",
            _worst(interpretation.negatives),
        ),
        Gate(
            "cadence",
            off_cadence <= limit["cadence"] * max(values, 1),
            f"{off_cadence} changes on days without a declared report (limit {limit['cadence']:.0%} of the values)",
            _worst(interpretation.off_cadence),
        ),
        Gate(
            "population",
            not regions
            or source.kind not in ("cumulative", "count")
            or len(without_population) <= limit["population"] * len(regions),
            f"{len(without_population)} of {len(regions)} regions have no population: they have no rate",
            tuple(without_population[:LISTED_MAX]),
        ),
    ]


def revision_gates(
    interpretation: Interpretation, source: Source, before: Mapping[int, PlaceValues], difference: Difference
) -> list[Gate]:
    """Return the gates that compare with the previous issue, whose values are `before`, by place; none without one."""
    if not before:
        return []
    limit = {**LIMITS, **source.limits}
    vanished = [old for pk, old in before.items() if pk not in interpretation.by_place]
    # Computed totals follow from their parts.
    stated = {old.place for old in before.values() if not old.derived}
    earlier: dict[Place, tuple[date, date]] = {}
    moved: dict[Place, tuple[float, float]] = {}
    for pk, old in before.items():
        new = interpretation.by_place.get(pk)
        if new is None or not new.observations or not old.observations:
            continue
        old_last, new_last = max(old.observations), max(new.observations)
        if new_last < old_last:
            earlier[old.place] = new_last, old_last
        # Last common day: an earlier end is checked by the gate `ends_earlier`.
        day = min(old_last, new_last)
        then, now = (issue.observations[day].value if day in issue.observations else None for issue in (old, new))
        if (
            old.place.kind == PlaceKind.REGION
            and source.kind == "cumulative"
            and then
            and now is not None
            and then >= MOVES_MIN
            and _share(then, now) > limit["region_moves"]
        ):
            moved[old.place] = then, now
    rewritten = _sum_by_key(difference.changed, difference.withdrawn)
    rewrites = sum(rewritten.values())
    then, now = _national(before), _national(interpretation.by_place)
    falls = source.kind == "cumulative" and then > 0 and now < then * (1 - limit["national_falls"])
    days = {place: (last - new_last).days for place, (new_last, last) in earlier.items() if place in stated}
    shares = {place: _share(*pair) for place, pair in moved.items()}
    places = {values.place.key: values.place for values in [*interpretation.by_place.values(), *before.values()]}
    by_place = {places[key]: number for key, number in rewritten.items()}
    finding = findings.of_places(findings.most_of(by_place)) | {"share": rewrites / max(difference.before, 1)}
    many = rewrites > limit["rewrites"] * max(difference.before, 1)
    return [
        _must_be_empty(
            "vanished",
            [old.place.key for old in vanished],
            finding=findings.of_places(old.place for old in vanished if not old.derived),
        ),
        _must_be_empty(
            "ends_earlier",
            [f"{place.key}: {new_last}, before {last}" for place, (new_last, last) in earlier.items()],
            finding=findings.of_places(days) | {"days": max(days.values(), default=0)},
        ),
        Gate(
            "national_falls",
            not falls,
            f"{now:,.0f}, before {then:,.0f} (limit -{limit['national_falls']:.1%})",
            finding={"share": _share(then, now)} if falls else None,
        ),
        _must_be_empty(
            "region_moves",
            [f"{place.key}: {now:g}, before {then:g} ({shares[place]:.0%})" for place, (then, now) in moved.items()],
            finding=findings.of_places(shares) | {"share": max(shares.values(), default=0)},
        ),
        Gate(
            "rewrites",
            not many,
            f"{rewrites:,} of {difference.before:,} values (limit {limit['rewrites']:.0%})",
            _worst(rewritten),
            finding=finding if many else None,
        ),
    ]


def _share(then: float, now: float) -> float:
    return abs(now - then) / then


def _latest(observations: Mapping[date, Observation]) -> float | None:
    if not observations:
        return None
    last = observations[max(observations)]
    if last.status != ValueStatus.SUPPRESSED:
        return last.value
    # The total of a suppressed day is not 0, but close to that of the last day with a number.
    days = [day for day, stated in observations.items() if stated.value is not None]
    return observations[max(days)].value if days else None


def _national(by_place: Mapping[int, PlaceValues]) -> float:
    parts = [part for part in by_place.values() if part.place.kind in (PlaceKind.REGION, PlaceKind.UNASSIGNED)]
    return sum(_latest(part.observations) or 0 for part in parts)


def _must_be_empty(name: str, listed: list[str], *, acceptable: bool = True, finding: Mapping[str, Any] | None = None) -> Gate:
    detail = f"{len(listed):,}" if listed else "none"
    return Gate(name, not listed, detail, tuple(listed[:LISTED_MAX]), acceptable, finding if listed else None)


def _worst(counts: Mapping[str, int]) -> tuple[str, ...]:
    ordered = sorted(counts.items(), key=lambda counted: -counted[1])
    return tuple(f"{key}: {number}" for key, number in ordered[:LISTED_MAX])


def _sum_by_key(*counts: Mapping[str, int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for key, number in count.items():
            total[key] = total.get(key, 0) + number
    return total

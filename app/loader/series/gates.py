"""Gates of a series: what a new issue must hold before it is published. A gate that fails can be accepted with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from indicators.measures import Observation
from indicators.models import PlaceKind
from loader.series.declarations import Source
from loader.series.interpreter import LISTED_MAX, Interpretation, PlaceValues

# Limits where the declaration has none of its own.
LIMITS: Mapping[str, float] = {
    "negatives": 0.05,  # share of values
    "cadence": 0.02,  # share of a province's days
    "sums": 0,  # number of days
    "population": 0.2,  # share of the regions without a population
    "national_falls": 0.001,  # share of the former total
    "region_moves": 0.1,  # share of the former value
    "rewrites": 0.1,  # share of the former values
}
# Below this a region's value moves by a tenth with every few cases.
MOVES_MIN = 20


@dataclass(frozen=True, slots=True)
class Gate:
    """Result of a gate. One that is not acceptable stops the load whatever is accepted."""

    name: str
    passed: bool
    detail: str
    listed: tuple[str, ...] = ()
    acceptable: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is stored in a report."""
        return {
            "name": self.name,
            "passed": self.passed,
            "detail": self.detail,
            "listed": list(self.listed),
            "acceptable": self.acceptable,
        }


@dataclass(slots=True)
class Difference:
    """What an issue changes, by key of the place: numbers of values that are new, other than before, or withdrawn."""

    new: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    before: int = 0


def content_gates(result: Interpretation, source: Source, without_population: list[str]) -> list[Gate]:
    """Return the gates about the file itself."""
    limit = {**LIMITS, **source.limits}
    values = sum(len(item.observations) for item in result.by_place.values() if not item.derived)
    negatives = sum(result.negatives.values())
    off = sum(result.off_cadence.values())
    regions = [item for item in result.by_place.values() if item.place.kind == PlaceKind.REGION]
    unknown = [f"line {line}: {text}" for text, line in result.unknown.items()]
    return [
        Gate("columns", values > 0, f"{result.rows} rows, {values} values", acceptable=False),
        _none("text", result.text, acceptable=False),
        _none("codes", unknown),
        _none("duplicates", result.duplicates, acceptable=False),
        _none("future", result.future),
        Gate(
            "sums",
            len(result.sums) <= limit["sums"],
            f"{len(result.sums)} days on which parts and province differ (limit {limit['sums']:g})",
            tuple(result.sums[:LISTED_MAX]),
        ),
        Gate(
            "negatives",
            negatives <= limit["negatives"] * values,
            f"{negatives} of {values} values fall (limit {limit['negatives']:.0%}); they are kept",
            _worst(result.negatives),
        ),
        Gate(
            "cadence",
            off <= limit["cadence"] * max(values, 1),
            f"{off} changes on days without a declared report (limit {limit['cadence']:.0%} of the values)",
            _worst(result.off_cadence),
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
    result: Interpretation, source: Source, before: Mapping[int, PlaceValues], difference: Difference
) -> list[Gate]:
    """Return the gates that compare with the former issue; `before` and the result are by place."""
    if not before:
        return []
    limit = {**LIMITS, **source.limits}
    vanished = [old.place.key for pk, old in before.items() if pk not in result.by_place]
    earlier = []
    moved = []
    for pk, old in before.items():
        new = result.by_place.get(pk)
        if new is None or not new.observations or not old.observations:
            continue
        old_last, new_last = max(old.observations), max(new.observations)
        if new_last < old_last:
            earlier.append(f"{old.place.key}: {new_last}, before {old_last}")
        # The last day that both have: an end that moved is the business of another gate.
        day = min(old_last, new_last)
        then, now = (item.observations[day].value if day in item.observations else None for item in (old, new))
        if (
            old.place.kind == PlaceKind.REGION
            and source.kind == "cumulative"
            and then
            and now is not None
            and then >= MOVES_MIN
        ):
            share = abs(now - then) / then
            if share > limit["region_moves"]:
                moved.append(f"{old.place.key}: {now:g}, before {then:g} ({share:.0%})")
    rewritten = sum(difference.changed.values()) + sum(difference.withdrawn.values())
    then, now = _national(before), _national(result.by_place)
    falls = source.kind == "cumulative" and then > 0 and now < then * (1 - limit["national_falls"])
    return [
        _none("vanished", vanished),
        _none("ends_earlier", earlier),
        Gate("national_falls", not falls, f"{now:,.0f}, before {then:,.0f} (limit -{limit['national_falls']:.1%})"),
        _none("region_moves", moved),
        Gate(
            "rewrites",
            rewritten <= limit["rewrites"] * max(difference.before, 1),
            f"{rewritten:,} of {difference.before:,} values (limit {limit['rewrites']:.0%})",
            _worst(_added(difference.changed, difference.withdrawn)),
        ),
    ]


def _latest(observations: Mapping[date, Observation]) -> float | None:
    return observations[max(observations)].value if observations else None


def _national(by_place: Mapping[int, PlaceValues]) -> float:
    parts = [item for item in by_place.values() if item.place.kind in (PlaceKind.REGION, PlaceKind.UNASSIGNED)]
    return sum(_latest(part.observations) or 0 for part in parts)


def _none(name: str, listed: list[str], *, acceptable: bool = True) -> Gate:
    return Gate(name, not listed, f"{len(listed):,}" if listed else "none", tuple(listed[:LISTED_MAX]), acceptable)


def _worst(counts: Mapping[str, int]) -> tuple[str, ...]:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return tuple(f"{key}: {number}" for key, number in ordered[:LISTED_MAX])


def _added(*counts: Mapping[str, int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for key, number in count.items():
            total[key] = total.get(key, 0) + number
    return total

"""Classification of changes between vintages (kept, renamed, recoded, moved, split, merged, gone) from shared areas."""

from collections.abc import Mapping

import pytest

from geography.models import Kind
from loader.relations.changes import ComparedRegion, classify_change, is_code_reused

Shares = Mapping[tuple[str, str], float]


def sides(
    shared: Shares, *, outside: dict[str, float] | None = None, names: dict[str, str] | None = None
) -> dict[str, ComparedRegion]:
    """Return regions by test-local name: `a…` in the first vintage, `b…` in the second; shared areas in km2.

    The number is the code: `a1` and `b1` have the same code. `outside` is the area that the other vintage does not cover.
    """
    keys = list(dict.fromkeys([key for pair in shared for key in pair] + list(outside or {})))
    made = {}
    for number, key in enumerate(keys):
        name = (names or {}).get(key, "name")
        made[key] = ComparedRegion(number, key[1:], (name, name), (outside or {}).get(key, 0.0))
    for (value, other), area in shared.items():
        for here, there in ((value, other), (other, value)):
            made[here].shared_km2[made[there].id] = area
            made[here].area_km2 += area
    return made


def kinds(shared: Shares, *, to_extract: bool = False, **more: dict) -> dict[str, str]:  # type: ignore[type-arg]
    """Return the kind of change of every region."""
    made = sides(shared, **more)
    by_id = {side.id: side for side in made.values()}
    return {key: classify_change(side, by_id, by_id, to_extract=to_extract).value for key, side in made.items()}


def test_same_area_code_and_name_is_kept() -> None:
    assert kinds({("a1", "b1"): 100}) == {"a1": "kept", "b1": "kept"}


def test_new_name_is_renamed_and_new_code_is_recoded() -> None:
    assert kinds({("a1", "b1"): 100}, names={"b1": "other"})["a1"] == "renamed"
    assert kinds({("a1", "b2"): 100}) == {"a1": "recoded", "b2": "recoded"}


def test_small_differences_of_lines_are_kept() -> None:
    assert set(kinds({("a1", "b1"): 96, ("a1", "b2"): 2, ("a2", "b1"): 2, ("a2", "b2"): 96}).values()) == {"kept"}


def test_twelve_percent_to_neighbour_is_moved() -> None:
    assert set(kinds({("a1", "b1"): 88, ("a1", "b2"): 12, ("a2", "b2"): 100}).values()) == {"moved"}


def test_two_regions_into_one_is_merged_and_the_reverse_split() -> None:
    assert kinds({("a1", "b3"): 50, ("a2", "b3"): 50}) == {"a1": "merged", "b3": "split", "a2": "merged"}


def test_small_region_joining_large_region_is_merged() -> None:
    assert kinds({("a1", "b1"): 90, ("a2", "b1"): 10}) == {"a1": "merged", "b1": "split", "a2": "merged"}


def test_large_region_losing_new_region_is_split() -> None:
    assert kinds({("a1", "b1"): 90, ("a1", "b2"): 10}) == {"a1": "split", "b1": "merged", "b2": "merged"}


def test_region_spread_over_several_regions_is_split() -> None:
    shared = {("a1", "b1"): 50, ("a1", "b2"): 50, ("a2", "b1"): 60, ("a3", "b2"): 60}
    assert kinds(shared)["a1"] == "split"


def test_region_sharing_only_slivers_is_gone() -> None:
    made = kinds({("a1", "b1"): 100, ("a1", "b2"): 0.5}, outside={"b2": 10_000.0})
    assert made == {"a1": "kept", "b1": "kept", "b2": "gone"}


@pytest.mark.parametrize("water", [0.0, 50.0, 2_000.0])
def test_water_missing_in_other_vintage_is_kept(water: float) -> None:
    assert kinds({("a1", "b1"): 100}, outside={"b1": water}) == {"a1": "kept", "b1": "kept"}


def test_region_missing_in_extract_is_outside_not_gone() -> None:
    made = sides({("a1", "b1"): 100, ("a2", "b1"): 1}, outside={"a2": 99.0, "a3": 50.0})
    by_id = {side.id: side for side in made.values()}
    result = {key: classify_change(made[key], by_id, by_id, to_extract=True) for key in ("a1", "a2", "a3")}
    assert result == {"a1": Kind.KEPT, "a2": Kind.OUTSIDE, "a3": Kind.OUTSIDE}


def test_region_complete_in_extract_is_kept_despite_water() -> None:
    assert kinds({("a1", "b1"): 100}, outside={"a1": 300.0}, to_extract=True)["a1"] == "kept"


@pytest.mark.parametrize(
    ("shared", "reused"),
    [
        ({("a1", "b2"): 100, ("a2", "b1"): 100}, True),
        ({("a1", "b1"): 50, ("a1", "b2"): 50, ("a2", "b1"): 250}, True),
        # A region reduced to a third of its area is still the same place.
        ({("a1", "b1"): 33, ("a1", "b2"): 67}, False),
        ({("a1", "b1"): 100}, False),
    ],
)
def test_code_is_reused_when_shared_area_is_under_a_quarter(shared: Shares, reused: bool) -> None:
    made = sides(shared)
    assert is_code_reused(made["a1"], made["b1"]) is reused
    assert is_code_reused(made["b1"], made["a1"]) is reused


def test_code_missing_in_other_vintage_is_not_reused() -> None:
    assert not is_code_reused(sides({("a1", "b2"): 1})["a1"], None)

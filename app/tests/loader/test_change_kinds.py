"""Kind of change, decided from shared areas."""

from collections.abc import Mapping

import pytest

from geography.models import Kind
from loader.relations.changes import ComparedRegion, classify_change, is_code_reused

Shares = Mapping[tuple[str, str], float]


def sides(
    shared: Shares, *, outside: dict[str, float] | None = None, names: dict[str, str] | None = None
) -> dict[str, ComparedRegion]:
    """Return regions by what they are called here, `a…` of one vintage and `b…` of the other; shared areas in km2.

    A region's code is its number: `a1` and `b1` have the same one. `outside` is the area that the other vintage does not cover.
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
    """Return what became of every region on the way to the other vintage."""
    made = sides(shared, **more)
    by_id = {side.id: side for side in made.values()}
    return {key: classify_change(side, by_id, by_id, to_extract=to_extract).value for key, side in made.items()}


def test_one_place_with_one_code_and_name_is_kept() -> None:
    assert kinds({("a1", "b1"): 100}) == {"a1": "kept", "b1": "kept"}


def test_another_name_is_renamed_another_code_recoded() -> None:
    assert kinds({("a1", "b1"): 100}, names={"b1": "other"})["a1"] == "renamed"
    assert kinds({("a1", "b2"): 100}) == {"a1": "recoded", "b2": "recoded"}


def test_lines_drawn_otherwise_change_nothing() -> None:
    assert set(kinds({("a1", "b1"): 96, ("a1", "b2"): 2, ("a2", "b1"): 2, ("a2", "b2"): 96}).values()) == {"kept"}


def test_a_tenth_that_went_to_a_neighbour_is_a_moved_border() -> None:
    assert set(kinds({("a1", "b1"): 88, ("a1", "b2"): 12, ("a2", "b2"): 100}).values()) == {"moved"}


def test_what_one_became_of_two_is_merged_and_back_again_split() -> None:
    assert kinds({("a1", "b3"): 50, ("a2", "b3"): 50}) == {"a1": "merged", "b3": "split", "a2": "merged"}


def test_a_small_one_that_joins_a_large_one_makes_both_merged() -> None:
    assert kinds({("a1", "b1"): 90, ("a2", "b1"): 10}) == {"a1": "merged", "b1": "split", "a2": "merged"}


def test_a_large_one_that_gives_a_new_one_up_is_split() -> None:
    assert kinds({("a1", "b1"): 90, ("a1", "b2"): 10}) == {"a1": "split", "b1": "merged", "b2": "merged"}


def test_what_is_spread_over_several_is_split_though_none_is_of_it_alone() -> None:
    shared = {("a1", "b1"): 50, ("a1", "b2"): 50, ("a2", "b1"): 60, ("a3", "b2"): 60}
    assert kinds(shared)["a1"] == "split"


def test_a_region_without_area_in_common_is_gone_however_far_slivers_reach() -> None:
    made = kinds({("a1", "b1"): 100, ("a1", "b2"): 0.5}, outside={"b2": 10_000.0})
    assert made == {"a1": "kept", "b1": "kept", "b2": "gone"}


@pytest.mark.parametrize("water", [0.0, 50.0, 2_000.0])
def test_water_that_one_vintage_leaves_out_changes_nothing(water: float) -> None:
    assert kinds({("a1", "b1"): 100}, outside={"b1": water}) == {"a1": "kept", "b1": "kept"}


def test_what_an_extract_leaves_out_is_outside_not_gone() -> None:
    made = sides({("a1", "b1"): 100, ("a2", "b1"): 1}, outside={"a2": 99.0, "a3": 50.0})
    by_id = {side.id: side for side in made.values()}
    result = {key: classify_change(made[key], by_id, by_id, to_extract=True) for key in ("a1", "a2", "a3")}
    assert result == {"a1": Kind.KEPT, "a2": Kind.OUTSIDE, "a3": Kind.OUTSIDE}


def test_a_namesake_whole_in_an_extract_is_compared_though_most_is_water() -> None:
    assert kinds({("a1", "b1"): 100}, outside={"a1": 300.0}, to_extract=True)["a1"] == "kept"


@pytest.mark.parametrize(
    ("shared", "reused"),
    [
        ({("a1", "b2"): 100, ("a2", "b1"): 100}, True),
        ({("a1", "b1"): 50, ("a1", "b2"): 50, ("a2", "b1"): 250}, True),
        # A region that was cut to a third of what it was is the same place still.
        ({("a1", "b1"): 33, ("a1", "b2"): 67}, False),
        ({("a1", "b1"): 100}, False),
    ],
)
def test_a_code_is_reused_where_under_a_quarter_of_the_larger_is_in_common(shared: Shares, reused: bool) -> None:
    made = sides(shared)
    assert is_code_reused(made["a1"], made["b1"]) is reused
    assert is_code_reused(made["b1"], made["a1"]) is reused


def test_a_code_that_the_other_vintage_has_not_is_not_reused() -> None:
    assert not is_code_reused(sides({("a1", "b2"): 1})["a1"], None)

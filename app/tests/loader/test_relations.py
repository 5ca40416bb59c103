"""Computed relations: places and regions merged until both sides of a group have the same people."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from loader.weights.relations import MISPLACED_MAX, Overlay, Relation


def methods(overlay: Overlay) -> dict[str, tuple[str, set[str]]]:
    """Return the method and the places of each region."""
    relations: dict[str, list[Relation]] = defaultdict(list)
    for relation in overlay.relations():
        relations[relation.region].append(relation)
    for of_region in relations.values():
        assert len({relation.method for relation in of_region}) == 1
    return {region: (rows[0].method, {row.place for row in rows}) for region, rows in relations.items()}


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({"a": {"A": 10.0}}, {"A": ("same", {"a"})}),
        ({"a": {"A": 10.0}, "b": {"A": 1.0}}, {"A": ("sum", {"a", "b"})}),
        ({"a": {"A": 10.0, "B": 10.0}}, {"A": ("part_of", {"a"}), "B": ("part_of", {"a"})}),
        ({"a": {"A": 10.0, "B": 1.0}, "b": {"B": 9.0}}, {"A": ("common", {"a", "b"}), "B": ("common", {"a", "b"})}),
        # A chain is one group, also where its ends have nothing in common.
        (
            {"a": {"A": 9.0, "B": 1.0}, "b": {"B": 9.0, "C": 1.0}, "c": {"C": 9.0}},
            dict.fromkeys("ABC", ("common", {"a", "b", "c"})),
        ),
        # A sliver of one, and a tenth of the other.
        ({"a": {"A": 10_000.0, "B": 10.0}, "b": {"B": 90.0}}, dict.fromkeys("AB", ("common", {"a", "b"}))),
        ({"a": {"A": 10_000.0, "B": 10.0}, "b": {"B": 9_000.0}}, {"A": ("same", {"a"}), "B": ("same", {"b"})}),
        ({"a": {}, "b": {"B": 0.0}}, {}),
        ({}, {}),
    ],
)
def test_smallest_groups_with_the_same_people_on_both_sides(people: dict[str, Any], expected: dict[str, Any]) -> None:
    assert methods(Overlay(people)) == expected


def test_shares_are_those_of_all_people() -> None:
    overlay = Overlay({"a": {"A": 30.0, "B": 10.0}, "b": {"B": 60.0}})
    rows = {(row.place, row.region): (row.share_of_place, row.share_of_region) for row in overlay.relations()}
    assert rows["a", "B"] == (10 / 40, 10 / 70)
    assert rows["b", "A"] == (0.0, 0.0)


@pytest.mark.parametrize(("number", "method"), [(19.0, "same"), (20.0, "same"), (21.0, "common"), (500.0, "common")])
def test_border_that_misplaces_more_people_than_the_tolerance_joins_its_regions(number: float, method: str) -> None:
    people = {"a": {"A": 1_000.0 - number, "B": number}, "b": {"B": 5_000.0}}
    assert {of_region[0] for of_region in methods(Overlay(people)).values()} == {method}


def test_small_parts_count_together() -> None:
    """Three neighbours with 1 % each: two may stay outside, and the third is needed."""
    people = {
        "a": {"A": 9_700.0, "B": 100.0, "C": 100.0, "D": 100.0},
        "b": {"B": 90_000.0},
        "c": {"C": 90_000.0},
        "d": {"D": 90_000.0},
    }
    assert methods(Overlay(people)) == {
        **dict.fromkeys("AD", ("common", {"a", "d"})),
        "B": ("same", {"b"}),
        "C": ("same", {"c"}),
    }


def test_declared_places_and_regions_are_in_no_group() -> None:
    people = {"a": {"A": 9.0, "B": 1.0}, "b": {"B": 990.0, "C": 990.0}, "c": {"C": 10.0}}
    assert methods(Overlay(people, declared_places={"a"}, declared_regions={"A"})) == dict.fromkeys(
        "BC", ("common", {"b", "c"})
    )
    # Too many of the group's people are those of the declared place.
    people["a"]["B"] = 50.0
    assert methods(Overlay(people, declared_places={"a"}, declared_regions={"A"})) == {}


@pytest.mark.parametrize("seed", range(20))
def test_groups_of_random_overlays_are_connected_and_share_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    shared = random.integers(1, 1_000, (12, 10)) * (random.random((12, 10)) < 0.12)
    people = {f"p{row}": {f"r{column}": float(n) for column, n in enumerate(line) if n} for row, line in enumerate(shared)}
    groups: dict[frozenset[str], set[str]] = defaultdict(set)
    for region, (_, places) in methods(Overlay(people)).items():
        groups[frozenset(places)].add(region)
    assert sum(len(places) for places in groups) == len(set().union(*groups)) if groups else True
    for members, regions in groups.items():
        inside = sum(people[place].get(region, 0.0) for place in members for region in regions)
        for place in members:
            of_place = people[place]
            assert sum(of_place.get(region, 0.0) for region in regions) >= (1 - MISPLACED_MAX) * sum(of_place.values())
        for region in regions:
            total = sum(by_region.get(region, 0.0) for by_region in people.values())
            assert sum(people[place].get(region, 0.0) for place in members) >= (1 - MISPLACED_MAX) * total
        assert inside

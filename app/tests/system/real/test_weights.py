"""Shares of people compared with the populations of health regions, for the real boundaries."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator

import pytest

from geography.models import Overlap, Vintage
from loader.pipeline import Outcome
from loader.weights.shares import Located
from tests.support import boundary_files as files

pytestmark = [pytest.mark.real, pytest.mark.django_db]


def fsa_populations() -> dict[str, int]:
    """Return the people of each FSA in the census of 2016."""
    path = files.real("series/fsa_population_2016_T1201EN.csv.gz")
    with gzip.open(path, "rt", encoding="latin-1", newline="") as file:
        return {row[0]: int(row[4] or 0) for row in csv.reader(file) if len(row) > 4 and len(row[0]) == 3}


def region_populations() -> dict[str, int]:
    """Return the people of each reporting region in 2019; Saskatchewan has no estimate of that year."""
    path = files.real("covid/health_region_names_population.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["hruid"].replace("3539", "3550"), row["pop_2019_07"]) for row in csv.DictReader(file)]
    return {code: int(people) for code, people in rows if people}


def unit(code: str) -> str:
    """Return the reporting region that a region of 2015 or 2022 belongs to: British Columbia reports by authority."""
    return code[:3] if code.startswith("59") else code


def newer_points(label: str, fsas: set[str]) -> Iterator[tuple[str, str, float]]:
    """Yield FSA, health region and number of postal codes of each point of these FSAs."""
    located = Located()
    codes = located.codes(Vintage.objects.select_related("coverage").get(label=label))
    assert located.points.fsa is not None
    for fsa, code, weight in zip(located.points.fsa.tolist(), codes.tolist(), located.points.weight.tolist(), strict=True):
        if fsa in fsas and code:
            yield fsa, code, weight


def misplaced(label: str, share: str) -> tuple[int, float]:
    """Return the people whom shares attribute to a wrong region, and their part of all people.

    Populations of FSAs are scaled by province to those of the regions, since the years differ. A person in a wrong region is
    missing in one region and surplus in another: counted once. Regions without a population are left out. FSAs that are
    newer than the boundaries of 2011 are attributed by their postal codes, if `share` is of people.
    """
    people, population = fsa_populations(), region_populations()
    estimate: dict[str, float] = defaultdict(float)
    overlaps: dict[str, dict[str, float]] = defaultdict(dict)
    rows = Overlap.objects.filter(fsa_vintage__label="2011", health_region_vintage__label=label, artefact="")
    for fsa, region, part in rows.filter(share_of_fsa__gte=0.001).values_list("fsa__code", "health_region__code", share):
        overlaps[fsa][region] = part or 0.0
    if share == "share_of_people":
        for fsa, region, weight in newer_points(label, set(people) - set(overlaps)):
            overlaps[fsa][region] = overlaps[fsa].get(region, 0.0) + weight
    for fsa, parts in overlaps.items():
        for region, part in parts.items():
            estimate[unit(region)] += people.get(fsa, 0) * part / (sum(parts.values()) or 1)
    codes = [code for code in population if estimate[code]]
    scale = {
        pruid: sum(population[code] for code in codes if code[:2] == pruid)
        / sum(estimate[code] for code in codes if code[:2] == pruid)
        for pruid in {code[:2] for code in codes}
    }
    wrong = sum(abs(estimate[code] * scale[code[:2]] - population[code]) for code in codes) / 2
    return round(wrong), wrong / sum(population[code] for code in codes)


@pytest.mark.parametrize(("label", "most"), [("2022", 0.009), ("2015", 0.0135)])
def test_shares_of_people_misplace_fewer_than_shares_of_area(loaded: dict[str, Outcome], label: str, most: float) -> None:
    by_people, by_area = misplaced(label, "share_of_people"), misplaced(label, "share_of_fsa")
    print(f"{label}: {by_people[0]:,} ({by_people[1]:.2%}) by people, {by_area[0]:,} ({by_area[1]:.2%}) by area")  # noqa: T201
    assert by_people[1] <= most
    assert by_people[1] < by_area[1] * 0.7


def test_split_fsas_with_another_main_region(loaded: dict[str, Outcome]) -> None:
    by_fsa = defaultdict(list)
    rows = Overlap.objects.filter(fsa_vintage__label="2011", health_region_vintage__label="2022", artefact="")
    for fsa, code, area, people in rows.filter(share_of_fsa__gte=0.001).values_list(
        "fsa__code", "health_region__code", "share_of_fsa", "share_of_people"
    ):
        by_fsa[fsa].append((code, area, people or 0.0))
    split = {fsa: parts for fsa, parts in by_fsa.items() if len(parts) > 1 and sum(part[2] for part in parts) > 0}
    other = [
        fsa
        for fsa, parts in split.items()
        if max(parts, key=lambda part: part[1])[0] != max(parts, key=lambda part: part[2])[0]
    ]
    people = sum(fsa_populations().get(fsa, 0) for fsa in other)
    print(f"{len(other)} of {len(split)} split FSAs have another main region, {people:,} people: {other}")  # noqa: T201
    assert (len(other), len(split)) == (28, 207)


def test_shares_of_people_sum_to_one_and_keep_totals(loaded: dict[str, Outcome]) -> None:
    for label in ("2015", "2022"):
        people: dict[str, float] = defaultdict(float)
        population = fsa_populations()
        rows = Overlap.objects.filter(fsa_vintage__label="2011", health_region_vintage__label=label).exclude(people_basis=None)
        for fsa, share in rows.values_list("fsa__code", "share_of_people"):
            people[fsa] += population.get(fsa, 0) * (share or 0.0)
        assert len(people) > 1_600
        assert all(abs(number - population.get(fsa, 0)) < 1e-6 for fsa, number in people.items())

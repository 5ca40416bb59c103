"""Computed relations between the real vintages: regions of 2015, and reporting regions, to the health regions of 2022."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Sum

from geography.models import Region, Vintage
from indicators.models import Place, PlaceMember, PlaceWeight
from indicators.queries.maps import relations_of
from loader import pipeline
from loader.pipeline import Outcome
from loader.publication import publish
from loader.series.places import seed_places
from loader.source.declarations import read_sources
from loader.weights.shares import Located, compute_place_weights
from tests.support import boundary_files as files

pytestmark = [pytest.mark.real, pytest.mark.django_db]

SASKATCHEWAN = {f"47{number:02d}" for number in range(1, 14)}
REPORTING = "covid-reporting-regions"


@pytest.fixture(scope="module")
def related(loaded: dict[str, Outcome], django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Compute the relations of the regions of 2015, and of the reporting regions, to those of 2022."""
    with django_db_blocker.unblock():
        try:
            pipeline.load(read_sources().layer(REPORTING), steps=files.quiet())
            seed_places()
            codes = Region.objects.filter(vintage__label="2015").values_list("code", flat=True)
            Place.objects.bulk_create(
                Place(kind="region", coverage="health-regions", vintage_label="2015", code=code, key=code, pruid=code[:2])
                for code in codes
            )
            compute_place_weights(Located())
            yield
        finally:
            publish.delete(Vintage.objects.get(coverage__slug=REPORTING))
            Place.objects.all().delete()


def groups(coverage: str, label: str, prefix: str = "") -> dict[frozenset[str], tuple[str, set[str]]]:
    """Return method and places of each group of regions of 2022 with computed relations to places of a vintage."""
    places_of: dict[str, set[str]] = defaultdict(set)
    methods: dict[str, str] = {}
    members = PlaceMember.objects.filter(place__coverage=coverage, place__vintage_label=label, vintage_label="2022")
    rows = members.filter(code__startswith=prefix).exclude(share_of_place=None)
    for code, place, method in rows.values_list("code", "place__code", "method"):
        places_of[code].add(place)
        assert methods.setdefault(code, method) == method
    regions: dict[frozenset[str], set[str]] = defaultdict(set)
    for code, places in places_of.items():
        regions[frozenset(places)].add(code)
    return {frozenset(codes): (methods[min(codes)], set(places)) for places, codes in regions.items()}


@pytest.mark.usefixtures("related")
def test_every_region_of_2022_has_a_method_from_2015() -> None:
    by_group = groups("health-regions", "2015")
    numbers = Counter(dict.fromkeys(("same", "sum", "common", "part_of"), 0))
    for regions, (method, _) in by_group.items():
        numbers[method] += len(regions)
    print(numbers)  # noqa: T201
    all_codes = set(Region.objects.filter(vintage__label="2022").values_list("code", flat=True))
    # The file of 2015 has no region in Nunavut.
    assert all_codes - set().union(*by_group) == {"6201"}
    assert numbers == {"same": 90, "sum": 2, "common": 11, "part_of": 0}
    several = {regions: group for regions, group in by_group.items() if group[0] != "same"}
    assert several == {
        frozenset({"3550"}): ("sum", {"3539", "3554"}),
        frozenset({"3575"}): ("sum", {"3531", "3552"}),
        frozenset({"1306", "1307"}): ("common", {"1306", "1307"}),
        frozenset({"2405", "2416"}): ("common", {"2405", "2416"}),
        frozenset(f"470{number}" for number in range(1, 8)): ("common", SASKATCHEWAN),
    }


@pytest.mark.usefixtures("related")
def test_places_of_2015_are_in_one_group_each() -> None:
    """So the counts of all groups add up to those of the country."""
    used = Counter(place for _, places in groups("health-regions", "2015").values() for place in places)
    assert set(used.values()) == {1}
    with_people = PlaceWeight.objects.filter(place__vintage_label="2015", vintage_label="2022")
    assert set(used) == set(with_people.values_list("place__code", flat=True))
    totals = with_people.values("place").annotate(total=Sum("share_of_place")).values_list("total", flat=True)
    assert all(abs(total - 1) < 1e-9 for total in totals)


@pytest.mark.usefixtures("related")
def test_zones_of_saskatchewan_have_the_smallest_groups_and_declared_relations_stay() -> None:
    assert groups(REPORTING, "2020-08") == {
        frozenset({"4701", "4702"}): ("common", {"4711", "4712", "4713", "4721"}),
        frozenset({"4703"}): ("sum", {"4722", "4723"}),
        frozenset({"4704"}): ("same", {"4741"}),
        frozenset({"4705"}): ("sum", {"4731", "4761", "4762"}),
        frozenset({"4706"}): ("sum", {"4732", "4763"}),
        frozenset({"4707"}): ("same", {"4751"}),
    }
    places = Place.objects.filter(coverage=REPORTING)
    methods = Counter(relations.parts[0][0] for relations in relations_of("health-regions", "2022", places).values())
    assert methods == {"same": 83, "part_of": 16, "sum": 3, "common": 2}

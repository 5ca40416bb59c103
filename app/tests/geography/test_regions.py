"""geography.queries.regions: regions by code, by name and by place."""

from typing import Any

import pytest

from geography.codes import parse_province
from geography.constants import LEVEL_NAMES
from geography.coordinates import Bbox, LonLat
from geography.errors import FsaWithoutBoundary, RegionUnknown
from geography.models import RegionLevel
from geography.queries.overlaps import fsa_health_regions
from geography.queries.regions import fsa_get, region_get, regions_page
from tests.support.demo_regions import lonlat


@pytest.fixture
def vintage(world):
    return world.vintages["health-regions", "2022"]


def text_of(region: Any) -> Any:
    """Return the geometry text of a region."""
    return region.text


def page(vintage, **conditions):
    result = regions_page(vintage=vintage, **({"level": None, "limit": 100} | conditions))
    return [region.code for region in result.regions], result.matched


def test_a_page_counts_what_it_leaves_out(vintage):
    assert page(vintage, limit=2, offset=1) == (["3501", "3502"], 6)
    assert page(vintage, limit=2, offset=6) == ([], 6)


@pytest.mark.parametrize("level", [None, "low"])
@pytest.mark.parametrize("limit", [1, 2, 5, 6, 100])
def test_the_pages_are_the_whole_and_each_knows_how_many_there_are(vintage, django_assert_num_queries, level, limit):
    whole, matched = page(vintage, level=level, bbox=Bbox(-142, 41, -52, 84))
    assert (len(whole), matched) == (6, 6)
    results = []
    for offset in range(0, 6, limit):
        with django_assert_num_queries(1):
            batch, matched = page(vintage, level=level, bbox=Bbox(-142, 41, -52, 84), limit=limit, offset=offset)
        results += batch
        assert matched == 6
    assert results == whole
    with django_assert_num_queries(2):
        assert page(vintage, level=level, limit=limit, offset=600) == ([], 6)


def test_every_condition_must_hold(vintage):
    position = LonLat(*lonlat(10_000, 5_000))
    assert page(vintage, province=parse_province("ON"), search="health", position=position) == (["3501", "3502"], 2)
    assert page(vintage, province=parse_province("QC"), position=position) == ([], 0)


@pytest.mark.parametrize(
    ("search", "count"), [("unit west", 1), ("we st", 2), ("", 0), ("—", 0), ("健康", 0), ("west east", 0)]
)
def test_every_word_must_occur_and_no_word_finds_nothing(vintage, search, count):
    assert page(vintage, search=search)[1] == count


@pytest.mark.parametrize("level", LEVEL_NAMES)
def test_a_level_brings_its_stored_text(vintage, level):
    (region,) = regions_page(vintage=vintage, level=level, limit=1).regions
    assert text_of(region) == RegionLevel.objects.get(region=region.id, level=level).geojson


def test_without_a_level_there_is_no_text_and_no_boundary_is_fetched(vintage, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        (region,) = regions_page(vintage=vintage, level=None, limit=1).regions
    assert text_of(region) is None
    assert not any("geom" in query["sql"] for query in captured.captured_queries)


def test_a_region_without_that_level_is_still_there(vintage):
    RegionLevel.objects.filter(level="low", region__code="3501").delete()
    result = regions_page(vintage=vintage, level="low", limit=100).regions
    assert [region.code for region in result if text_of(region) is None] == ["3501"]


@pytest.mark.parametrize(
    ("bbox", "count"),
    [
        (Bbox(-180, -90, 180, 90), 6),
        (Bbox(-142, 41, -52, 84), 6),
        (Bbox(170, -90, -52, 90), 6),
        (Bbox(170, -90, -170, 90), 0),
        (Bbox(0, 0, 0, 0), 0),
        (Bbox(-142, 84, -142, 84), 0),
    ],
)
def test_a_box_of_any_size_and_place_works(vintage, bbox, count):
    assert page(vintage, bbox=bbox)[1] == count


@pytest.mark.parametrize(("east", "west"), [(5_000, 14_500), (2_000, 25_000), (12_000, 12_500)])
def test_a_box_around_the_world_is_its_two_ends(vintage, east, west):
    (east, item), (west, other) = lonlat(east, 1_000), lonlat(west, 5_000)
    south, north = sorted((item, other))
    ends = [page(vintage, bbox=Bbox(*sides))[0] for sides in ((-180, south, east, north), (west, south, 180, north))]
    assert all(ends)
    assert page(vintage, bbox=Bbox(west, south, east, north))[0] == sorted({*ends[0], *ends[1]})


def test_a_box_in_the_hole_does_not_meet_what_surrounds_it(vintage):
    (west, south), (east, north) = lonlat(14_500, 4_500), lonlat(15_500, 5_500)
    assert page(vintage, bbox=Bbox(west, south, east, north))[0] == ["3503"]


@pytest.mark.parametrize("width", [0.0, 1e-15, 1e-12, 1e-9, 1e-6])
def test_a_box_without_extent_is_a_position(vintage, width):
    lon, lat = lonlat(2_000, 2_000)
    assert page(vintage, bbox=Bbox(lon, lat, lon + width, lat + width))[0] == ["3501"]
    assert page(vintage, bbox=Bbox(lon, lat, lon + width, lat))[0] == ["3501"]


def test_a_region_is_found_by_code_and_by_dguid(vintage):
    assert region_get(vintage=vintage, region_id="3501", level=None) == region_get(
        vintage=vintage, region_id="2022a00073501", level=None
    )


def test_a_region_of_another_vintage_is_unknown(world):
    with pytest.raises(RegionUnknown):
        region_get(vintage=world.vintages["health-regions", "2018"], region_id="3504", level=None)


def test_an_fsa_without_boundary_carries_its_code(world):
    with pytest.raises(FsaWithoutBoundary) as caught:
        fsa_get(vintage=world.vintages["fsa", "2021"], code="K1A", level=None)
    assert (caught.value.code, caught.value.parameter) == ("K1A", "code")


@pytest.mark.parametrize(("level", "queries"), [(None, 1), ("high", 1)])
def test_health_regions_of_an_fsa_come_largest_first(world, vintage, django_assert_num_queries, level, queries):
    with django_assert_num_queries(queries):
        regions = fsa_health_regions(
            fsa_vintage=world.vintages["fsa", "2021"], health_region_vintage=vintage, code="M1A", level=level
        )
    assert [(overlap.region.code, round(overlap.share_of_fsa, 9)) for overlap in regions.overlaps] == [
        ("3502", 0.6),
        ("3501", 0.4),
    ]
    assert (text_of(regions.overlaps[0].region) is None) == (level is None)


def test_of_equal_shares_the_lowest_code_comes_first(world, vintage):
    fsa = world.vintages["fsa", "2021"]
    fsa.regions.get(code="M1A").health_region_overlaps.update(share_of_fsa=0.5)
    regions = fsa_health_regions(fsa_vintage=fsa, health_region_vintage=vintage, code="M1A", level=None)
    assert [overlap.region.code for overlap in regions.overlaps] == ["3501", "3502"]

"""geography.queries.regions: regions by code, name, bounding box and position."""

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


def test_page_reports_the_total_count(vintage):
    assert page(vintage, limit=2, offset=1) == (["3501", "3502"], 6)
    assert page(vintage, limit=2, offset=6) == ([], 6)


@pytest.mark.parametrize("level", [None, "low"])
@pytest.mark.parametrize("limit", [1, 2, 5, 6, 100])
def test_pages_join_to_the_whole_list(vintage, django_assert_num_queries, level, limit):
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


def test_conditions_are_combined(vintage):
    position = LonLat(*lonlat(10_000, 5_000))
    assert page(vintage, province=parse_province("ON"), search="health", position=position) == (["3501", "3502"], 2)
    assert page(vintage, province=parse_province("QC"), position=position) == ([], 0)


@pytest.mark.parametrize(
    ("search", "count"), [("unit west", 1), ("we st", 2), ("", 0), ("—", 0), ("健康", 0), ("west east", 0)]
)
def test_search_requires_every_word(vintage, search, count):
    assert page(vintage, search=search)[1] == count


@pytest.mark.parametrize("level", LEVEL_NAMES)
def test_level_returns_its_stored_geojson(vintage, level):
    (region,) = regions_page(vintage=vintage, level=level, limit=1).regions
    assert text_of(region) == RegionLevel.objects.get(region=region.id, level=level).geojson


def test_page_without_level_reads_no_geometry(vintage, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        (region,) = regions_page(vintage=vintage, level=None, limit=1).regions
    assert text_of(region) is None
    assert not any("geom" in query["sql"] for query in captured.captured_queries)


def test_region_without_the_level_is_returned(vintage):
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
def test_bbox_of_any_size_and_place(vintage, bbox, count):
    assert page(vintage, bbox=bbox)[1] == count


@pytest.mark.parametrize(("east", "west"), [(5_000, 14_500), (2_000, 25_000), (12_000, 12_500)])
def test_bbox_across_antimeridian_equals_its_two_parts(vintage, east, west):
    (east, item), (west, other) = lonlat(east, 1_000), lonlat(west, 5_000)
    south, north = sorted((item, other))
    ends = [page(vintage, bbox=Bbox(*sides))[0] for sides in ((-180, south, east, north), (west, south, 180, north))]
    assert all(ends)
    assert page(vintage, bbox=Bbox(west, south, east, north))[0] == sorted({*ends[0], *ends[1]})


def test_bbox_in_hole_excludes_surrounding_region(vintage):
    (west, south), (east, north) = lonlat(14_500, 4_500), lonlat(15_500, 5_500)
    assert page(vintage, bbox=Bbox(west, south, east, north))[0] == ["3503"]


@pytest.mark.parametrize("width", [0.0, 1e-15, 1e-12, 1e-9, 1e-6])
def test_bbox_without_extent_is_a_position(vintage, width):
    lon, lat = lonlat(2_000, 2_000)
    assert page(vintage, bbox=Bbox(lon, lat, lon + width, lat + width))[0] == ["3501"]
    assert page(vintage, bbox=Bbox(lon, lat, lon + width, lat))[0] == ["3501"]


def test_region_is_found_by_code_or_dguid(vintage):
    assert region_get(vintage=vintage, region_id="3501", level=None) == region_get(
        vintage=vintage, region_id="2022a00073501", level=None
    )


def test_region_of_another_vintage_is_unknown(world):
    with pytest.raises(RegionUnknown):
        region_get(vintage=world.vintages["health-regions", "2018"], region_id="3504", level=None)


def test_fsa_without_boundary_error_has_the_code(world):
    with pytest.raises(FsaWithoutBoundary) as caught:
        fsa_get(vintage=world.vintages["fsa", "2021"], code="K1A", level=None)
    assert (caught.value.code, caught.value.parameter) == ("K1A", "code")


@pytest.mark.parametrize(("level", "queries"), [(None, 1), ("high", 1)])
def test_health_regions_of_fsa_are_ordered_by_share(world, vintage, django_assert_num_queries, level, queries):
    with django_assert_num_queries(queries):
        regions = fsa_health_regions(
            fsa_vintage=world.vintages["fsa", "2021"], health_region_vintage=vintage, code="M1A", level=level
        )
    assert [(overlap.region.code, round(overlap.share_of_fsa, 9)) for overlap in regions.overlaps] == [
        ("3502", 0.6),
        ("3501", 0.4),
    ]
    assert (text_of(regions.overlaps[0].region) is None) == (level is None)


def test_equal_shares_are_ordered_by_code(world, vintage):
    fsa = world.vintages["fsa", "2021"]
    fsa.regions.get(code="M1A").health_region_overlaps.update(share_of_fsa=0.5)
    regions = fsa_health_regions(fsa_vintage=fsa, health_region_vintage=vintage, code="M1A", level=None)
    assert [overlap.region.code for overlap in regions.overlaps] == ["3501", "3502"]

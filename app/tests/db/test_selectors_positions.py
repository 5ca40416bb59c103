"""geography.selectors.positions: what covers a position."""

import pytest

from geography.coordinates import LonLat
from geography.models import RegionPart
from geography.selectors.positions import position_locate
from tests.world import NORTH, lonlat


def locate(world, x, y, *keys):
    keys = keys or (("health-regions", "2022"),)
    return position_locate(position=LonLat(*lonlat(x, y)), vintages=[world.vintages[key] for key in keys])


def test_every_vintage_answers_in_the_order_given(world):
    keys = [("fsa", "2021"), ("health-regions", "2018"), ("health-regions", "2022")]
    found = locate(world, 12_000, 5_000, *keys)
    assert [one.vintage.label for one in found] == ["2021", "2018", "2022"]
    assert [one.region and one.region.code for one in found] == ["M1A", "3501", "3502"]


def test_a_shared_border_names_everyone_and_the_lowest_code_wins(world):
    (found,) = locate(world, 20_000, 10_000)
    assert [region.code for region in found.covering] == ["2401", "3502", "3504"]
    assert found.region == found.covering[0]
    assert found.near == found.covering
    assert not found.certain


@pytest.mark.parametrize("metres", [-1.9, -0.5, 0.5, 1.9])
def test_within_two_metres_of_a_neighbour_nothing_is_certain(world, metres):
    (found,) = locate(world, 10_000 + metres, 5_000)
    assert found.region is not None
    assert found.region.code == ("3501" if metres < 0 else "3502")
    assert [region.code for region in found.near] == ["3501", "3502"]
    assert not found.certain


@pytest.mark.parametrize("metres", [-2.5, 2.5])
def test_beyond_two_metres_it_is(world, metres):
    (found,) = locate(world, 10_000 + metres, 5_000)
    assert found.certain


def test_the_seams_between_pieces_are_nothing_special(world):
    for y in (0.0, 1_234.5, 9_999.0):
        (found,) = locate(world, 5_000, y)
        assert found.region is not None
        assert found.region.code == "3501"
    (found,) = locate(world, 5_000, 5_000)
    assert found.certain


def test_pieces_decide_and_not_the_levels_for_drawing(world):
    RegionPart.objects.filter(region__code="3501").delete()
    (found,) = locate(world, 2_000, 5_000)
    assert found.region is None


def test_in_the_hole_only_the_enclave_covers(world):
    (found,) = locate(world, 15_000, 5_000)
    assert [region.code for region in found.covering] == ["3503"]


def test_the_edge_of_the_hole_belongs_to_both(world):
    (found,) = locate(world, 14_000, 4_000)
    assert [region.code for region in found.covering] == ["3502", "3503"]


def test_north_of_sixty_it_works_alike(world):
    (found,) = locate(world, NORTH[0] + 1, NORTH[1] + 50_000)
    assert found.region is not None
    assert found.region.code == "6101"


@pytest.mark.parametrize("position", [LonLat(180, -90), LonLat(-180, 90), LonLat(0, 0), LonLat(-52, 41), LonLat(-142, 84)])
def test_far_away_nothing_covers(world, position):
    found = position_locate(position=position, vintages=list(world.vintages.values()))
    assert all(one.region is None and one.certain for one in found)


def test_one_query_serves_every_vintage(world, django_assert_num_queries):
    with django_assert_num_queries(1):
        locate(world, 2_000, 5_000, *world.vintages)


def test_far_away_no_query_is_needed(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        position_locate(position=LonLat(0, 0), vintages=list(world.vintages.values()))


def test_without_vintages_there_is_nothing_to_ask(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert position_locate(position=LonLat(-79, 43), vintages=[]) == []

"""geography.selectors.positions: what covers a position, by either engine."""

import pytest
from django.conf import settings

from geography.coordinates import LonLat
from geography.models import RegionPart
from geography.selectors import atlas
from geography.selectors.positions import circle_shares, points_locate, position_locate
from tests.world import NORTH, lonlat


@pytest.fixture(autouse=True, params=["tables", "memory"])
def engine(request, settings):
    """Let the tables answer, or the memory of this process."""
    settings.LOOKUP_MEMORY_VERTICES = 1_000_000 if request.param == "memory" else 0
    return request.param


def held(world):
    """Return the vintages, in memory where that is to answer."""
    if settings.LOOKUP_MEMORY_VERTICES:
        for vintage in world.vintages.values():
            if vintage.status == "published":
                assert atlas.load(vintage) is not None
    return world.vintages


def locate(world, x, y, *keys, **options):
    vintages = held(world)
    keys = keys or (("health-regions", "2022"),)
    return position_locate(position=LonLat(*lonlat(x, y)), vintages=[vintages[key] for key in keys], **options)


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


def test_one_query_serves_every_vintage_or_none_does(world, engine, django_assert_num_queries):
    vintages = [one for one in held(world).values() if one.status == "published"]
    positions = [LonLat(*lonlat(x, 5_000)) for x in (2_000, 12_000, 25_000)]
    with django_assert_num_queries(0 if engine == "memory" else 1):
        points_locate(positions=positions, vintages=vintages, max_distance_m=5_000)


@pytest.mark.parametrize(
    ("x", "y", "code", "metres"),
    [
        (2_000, 5_000, "3502", 8_000),
        (15_000, 5_000, "3502", 1_000),
        (13_500, 5_000, "3503", 500),
        (-5_000, 3_000, "3502", 15_000),
        (19_000, 9_500, "3504", 500),
        (20_000, 10_000, "3502", 0),
    ],
)
def test_the_neighbour_is_the_nearest_other_region(world, x, y, code, metres):
    (found,) = locate(world, x, y, borders=[True])
    assert found.neighbour is not None
    assert found.neighbour.code == code
    # The projection's metre is some per cent off the ground's here.
    assert found.distance_to_border_m == pytest.approx(metres, rel=0.05, abs=1e-6)


def test_of_two_that_are_equally_near_the_lower_code_is_the_neighbour(world):
    # Above where 2401, 3502 and 3504 meet.
    (found,) = locate(world, 20_000, 10_500, borders=[True])
    assert found.neighbour.code == "2401"


def test_a_region_that_nothing_else_surrounds_has_no_neighbour_nearby(world):
    (found,) = locate(world, NORTH[0] + 50_000, NORTH[1] + 50_000, borders=[True])
    assert found.neighbour.code == "2401" or found.distance_to_border_m > 1_000_000


def test_a_vintage_of_one_region_has_no_neighbour(world):
    (found,) = locate(world, 2_000, 5_000, ("health-regions", "demo"), borders=[True])
    assert found.region.code == "3501"
    assert (found.neighbour, found.distance_to_border_m) == (None, None)


@pytest.mark.parametrize(("limit", "match"), [(5_000, "nearest"), (900, "none"), (0, "none")])
def test_off_the_coast_the_nearest_is_found_within_the_distance(world, limit, match):
    (found,) = locate(world, -1_000, 5_000, max_distance_m=limit)
    assert found.match == match
    assert (found.region and found.region.code) == ("3501" if match == "nearest" else None)


def test_with_an_accuracy_everything_within_it_is_near(world):
    for accuracy, near in (
        (30, ["3502"]),
        (600, ["3502", "3503"]),
        (2_000, ["3502", "3503"]),
        (4_000, ["3501", "3502", "3503"]),
    ):
        (found,) = locate(world, 13_500, 5_000, accuracy_m=accuracy)
        assert [region.code for region in found.near] == near
        assert found.certain == (len(near) == 1)


def test_many_positions_are_answered_in_their_order_and_as_each_alone(world):
    vintages = [held(world)["health-regions", "2022"], held(world)["fsa", "2021"]]
    offsets = [
        (2_000, 5_000),
        (10_000, 5_000),
        (-1_000, 5_000),
        (15_000, 5_000),
        (-300_000, 0),
        (20_000, 10_000),
        (10_001.5, 1),
    ]
    positions = [LonLat(*lonlat(x, y)) for x, y in offsets] + [LonLat(0.0, 0.0), LonLat(-79.0, 83.9)]

    def ask(some):
        return points_locate(positions=some, vintages=vintages, max_distance_m=5_000.0, borders=[True, False])

    together = ask(positions)
    assert together == [ask([position])[0] for position in positions]
    assert [one[0].region and one[0].region.code for one in together[:6]] == ["3501", "3501", "3501", "3503", None, "2401"]
    assert together[-2][0].match == "none"


def test_nothing_asked_is_nothing_answered(world):
    assert points_locate(positions=[], vintages=[held(world)["fsa", "2021"]]) == []


@pytest.mark.parametrize(
    ("x", "metres", "shares"),
    [(2_000, 100, {"3501": 1.0}), (10_000, 100, {"3501": 0.5, "3502": 0.5}), (0, 100, {"3501": 0.5}), (-3_000, 100, {})],
)
def test_a_circle_is_shared_out_among_the_regions(world, x, metres, shares):
    vintage = held(world)["health-regions", "2022"]
    found = circle_shares(position=LonLat(*lonlat(x, 5_000)), accuracy_m=metres, vintage=vintage)
    codes = dict(vintage.regions.values_list("pk", "code"))
    assert {codes[region]: share for region, share in found.items()} == pytest.approx(shares, abs=1e-3)


def test_far_away_no_query_is_needed(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        position_locate(position=LonLat(0, 0), vintages=list(world.vintages.values()))


def test_without_vintages_there_is_nothing_to_ask(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert position_locate(position=LonLat(-79, 43), vintages=[]) == ()

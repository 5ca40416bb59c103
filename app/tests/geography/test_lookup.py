"""geography.lookup.locate: what covers a position, by either engine."""

import pytest
from django.conf import settings

from geography.coordinates import LonLat
from geography.lookup import registry
from geography.lookup.locate import circle_shares, points_locate, position_locate
from geography.models import RegionPart
from tests.support.demo_regions import NORTH, lonlat

pytestmark = pytest.mark.usefixtures("engine")


def held(world):
    """Return the vintages, in memory where that is to answer."""
    if settings.LOOKUP_MEMORY_VERTICES:
        for vintage in world.vintages.values():
            if vintage.status == "published":
                assert registry.load(vintage) is not None
    return world.vintages


def locate(world, x, y, *keys, **options):
    vintages = held(world)
    keys = keys or (("health-regions", "2022"),)
    return position_locate(position=LonLat(*lonlat(x, y)), vintages=[vintages[key] for key in keys], **options)


def test_every_vintage_answers_in_the_order_given(world):
    keys = [("fsa", "2021"), ("health-regions", "2018"), ("health-regions", "2022")]
    answer = locate(world, 12_000, 5_000, *keys)
    assert [item.vintage.label for item in answer] == ["2021", "2018", "2022"]
    assert [item.region and item.region.code for item in answer] == ["M1A", "3501", "3502"]


def test_a_shared_border_names_everyone_and_the_lowest_code_wins(world):
    (answer,) = locate(world, 20_000, 10_000)
    assert [region.code for region in answer.covering] == ["2401", "3502", "3504"]
    assert answer.region == answer.covering[0]
    assert answer.near == answer.covering
    assert not answer.certain


@pytest.mark.parametrize("metres", [-1.9, -0.5, 0.5, 1.9])
def test_within_two_metres_of_a_neighbour_nothing_is_certain(world, metres):
    (answer,) = locate(world, 10_000 + metres, 5_000)
    assert answer.region is not None
    assert answer.region.code == ("3501" if metres < 0 else "3502")
    assert [region.code for region in answer.near] == ["3501", "3502"]
    assert not answer.certain


@pytest.mark.parametrize("metres", [-2.5, 2.5])
def test_beyond_two_metres_it_is(world, metres):
    (answer,) = locate(world, 10_000 + metres, 5_000)
    assert answer.certain


def test_the_seams_between_pieces_are_nothing_special(world):
    for y in (0.0, 1_234.5, 9_999.0):
        (answer,) = locate(world, 5_000, y)
        assert answer.region is not None
        assert answer.region.code == "3501"
    (answer,) = locate(world, 5_000, 5_000)
    assert answer.certain


def test_pieces_decide_and_not_the_levels_for_drawing(world):
    RegionPart.objects.filter(region__code="3501").delete()
    (answer,) = locate(world, 2_000, 5_000)
    assert answer.region is None


def test_in_the_hole_only_the_enclave_covers(world):
    (answer,) = locate(world, 15_000, 5_000)
    assert [region.code for region in answer.covering] == ["3503"]


def test_the_edge_of_the_hole_belongs_to_both(world):
    (answer,) = locate(world, 14_000, 4_000)
    assert [region.code for region in answer.covering] == ["3502", "3503"]


def test_north_of_sixty_it_works_alike(world):
    (answer,) = locate(world, NORTH[0] + 1, NORTH[1] + 50_000)
    assert answer.region is not None
    assert answer.region.code == "6101"


@pytest.mark.parametrize("position", [LonLat(180, -90), LonLat(-180, 90), LonLat(0, 0), LonLat(-52, 41), LonLat(-142, 90)])
def test_far_away_nothing_covers(world, position):
    result = position_locate(position=position, vintages=list(world.vintages.values()))
    assert all(item.region is None and item.certain for item in result)


def test_one_query_serves_every_vintage_or_none_does(world, engine, django_assert_num_queries):
    vintages = [item for item in held(world).values() if item.status == "published"]
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
    (answer,) = locate(world, x, y, borders=[True])
    assert answer.neighbour is not None
    assert answer.neighbour.code == code
    # The projection's metre is some per cent off the ground's here.
    assert answer.distance_to_border_m == pytest.approx(metres, rel=0.05, abs=1e-6)


def test_of_two_that_are_equally_near_the_lower_code_is_the_neighbour(world):
    # Above where 2401, 3502 and 3504 meet.
    (answer,) = locate(world, 20_000, 10_500, borders=[True])
    assert answer.neighbour.code == "2401"


def test_a_region_that_nothing_else_surrounds_has_no_neighbour_nearby(world):
    (answer,) = locate(world, NORTH[0] + 50_000, NORTH[1] + 50_000, borders=[True])
    assert answer.neighbour.code == "2401" or answer.distance_to_border_m > 1_000_000


def test_a_vintage_of_one_region_has_no_neighbour(world):
    (answer,) = locate(world, 2_000, 5_000, ("health-regions", "demo"), borders=[True])
    assert answer.region.code == "3501"
    assert (answer.neighbour, answer.distance_to_border_m) == (None, None)


@pytest.mark.parametrize(("limit", "match"), [(5_000, "nearest"), (900, "none"), (0, "none")])
def test_off_the_coast_the_nearest_is_found_within_the_distance(world, limit, match):
    (answer,) = locate(world, -1_000, 5_000, max_distance_m=limit)
    assert answer.match == match
    assert (answer.region and answer.region.code) == ("3501" if match == "nearest" else None)


def test_with_an_accuracy_everything_within_it_is_near(world):
    for accuracy, near in (
        # 500 m from 3503, 3,500 m from 3501; 1.5 times the accuracy is what counts.
        (30, ["3502"]),
        (320, ["3502"]),
        (370, ["3502", "3503"]),
        (2_000, ["3502", "3503"]),
        (2_600, ["3501", "3502", "3503"]),
    ):
        (answer,) = locate(world, 13_500, 5_000, accuracy_m=accuracy)
        assert [region.code for region in answer.near] == near
        assert answer.certain == (len(near) == 1)


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

    def ask(batch):
        return points_locate(positions=batch, vintages=vintages, max_distance_m=5_000.0, borders=[True, False])

    together = ask(positions)
    assert together == [ask([position])[0] for position in positions]
    assert [item[0].region and item[0].region.code for item in together[:6]] == ["3501", "3501", "3501", "3503", None, "2401"]
    assert together[-2][0].match == "none"


def test_nothing_asked_is_nothing_answered(world):
    assert points_locate(positions=[], vintages=[held(world)["fsa", "2021"]]) == []


@pytest.mark.parametrize(
    ("x", "metres", "shares"),
    [(2_000, 100, {"3501": 1.0}), (10_000, 100, {"3501": 0.5, "3502": 0.5}), (0, 100, {"3501": 0.5}), (-3_000, 100, {})],
)
def test_a_circle_is_shared_out_among_the_regions(world, x, metres, shares):
    vintage = held(world)["health-regions", "2022"]
    result = circle_shares(position=LonLat(*lonlat(x, 5_000)), radius_m=metres, vintage=vintage)
    codes = dict(vintage.regions.values_list("pk", "code"))
    assert {codes[region]: share for region, share in result.items()} == pytest.approx(shares, abs=1e-3)


def test_far_away_no_query_is_needed(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        position_locate(position=LonLat(0, 0), vintages=list(world.vintages.values()))


def test_without_vintages_there_is_nothing_to_ask(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert position_locate(position=LonLat(-79, 43), vintages=[]) == ()


def misfitting(world, metres, *codes):
    """Say that the borders of some health regions of 2022 may be off."""
    vintage = world.vintages["health-regions", "2022"]
    vintage.regions.update(misfit_m=0)
    vintage.regions.filter(code__in=codes).update(misfit_m=metres)
    vintage.misfit_m = metres
    vintage.save()


@pytest.mark.parametrize(
    ("x", "accuracy", "certain"),
    [
        # 3502 begins at x = 10,000; the ground's metre is some per cent off the projection's.
        (9_650, 0, False),
        (9_500, 0, True),
        (9_500, 120, False),
        (9_300, 120, True),
        # Of the region that covers it counts, whatever its neighbour's is.
        (10_100, 0, True),
    ],
)
@pytest.mark.parametrize("border", [True, False])
def test_near_a_border_that_may_be_off_nothing_is_certain(world, x, accuracy, certain, border):
    misfitting(world, 400.0, "3501")
    (answer,) = locate(world, x, 8_000, accuracy_m=accuracy, borders=[border])
    assert answer.certain == certain
    assert answer.uncertainty_m == max(1.5 * accuracy, 2) + (400 if x < 10_000 else 0)
    assert [region.code for region in answer.near] == (["3501", "3502"] if not certain else [answer.region.code])


@pytest.mark.parametrize(("limit", "certain"), [(0, False), (5_000, False)])
def test_beside_a_region_that_may_be_off_it_is_not_certain_that_there_is_none(world, limit, certain):
    misfitting(world, 400.0, "3501")
    (answer,) = locate(world, -200, 5_000, max_distance_m=limit)
    assert (answer.match, answer.certain) == ("nearest" if limit else "none", certain)
    (answer,) = locate(world, -900, 5_000)
    assert (answer.match, answer.certain) == ("none", True)


def test_positions_of_a_vintage_that_may_be_off_are_answered_together_as_each_alone(world):
    misfitting(world, 400.0, "3501", "3503")
    vintage = held(world)["health-regions", "2022"]
    positions = [LonLat(*lonlat(x, y)) for x in range(-1_000, 21_000, 370) for y in (100, 5_000, 9_900)]

    def ask(batch):
        return points_locate(positions=batch, vintages=[vintage], max_distance_m=500.0, borders=[True])

    assert ask(positions) == [ask([position])[0] for position in positions]

"""geography.lookup.locate: regions that cover a position, by PostGIS and by the compiled indexes."""

from typing import NamedTuple

import pytest
from django.contrib.gis.geos import GEOSGeometry

from geography.coordinates import LonLat
from geography.lookup.locate import circle_shares, points_locate, position_locate
from geography.models import Region, RegionPart, Vintage
from tests.support.demo_regions import NORTH, lonlat
from tests.support.lookup_index import build_indexes


class EngineWorld(NamedTuple):
    """Vintages, and the engine that looks positions up in them."""

    vintages: dict[tuple[str, str], Vintage]
    engine: str


@pytest.fixture
def world(world, engine):
    return EngineWorld(world.vintages, engine)


def loaded_vintages(world):
    """Return the vintages, with their indexes where those are the engine."""
    if world.engine == "index":
        build_indexes(world.vintages.values())
    return world.vintages


def approximate(located):
    """Return a result with its distances as approximations."""
    distances = {name: pytest.approx(getattr(located, name), abs=1e-6) for name in ("distance_m", "distance_to_border_m")}
    return located._replace(**distances)


def locate(world, x, y, *keys, **options):
    vintages = loaded_vintages(world)
    keys = keys or (("health-regions", "2022"),)
    return position_locate(position=LonLat(*lonlat(x, y)), vintages=[vintages[key] for key in keys], **options)


def test_results_follow_the_order_of_vintages(world):
    keys = [("fsa", "2021"), ("health-regions", "2018"), ("health-regions", "2022")]
    located = locate(world, 12_000, 5_000, *keys)
    assert [item.vintage.label for item in located] == ["2021", "2018", "2022"]
    assert [item.region and item.region.code for item in located] == ["M1A", "3501", "3502"]


def test_shared_border_lists_all_and_returns_lowest_code(world):
    (located,) = locate(world, 20_000, 10_000)
    assert [region.code for region in located.covering] == ["2401", "3502", "3504"]
    assert located.region == located.covering[0]
    assert located.near == located.covering
    assert not located.certain


@pytest.mark.parametrize("metres", [-1.9, -0.5, 0.5, 1.9])
def test_position_within_two_metres_of_border_is_uncertain(world, metres):
    (located,) = locate(world, 10_000 + metres, 5_000)
    assert located.region is not None
    assert located.region.code == ("3501" if metres < 0 else "3502")
    assert [region.code for region in located.near] == ["3501", "3502"]
    assert not located.certain


@pytest.mark.parametrize("metres", [-2.5, 2.5])
def test_position_beyond_two_metres_of_border_is_certain(world, metres):
    (located,) = locate(world, 10_000 + metres, 5_000)
    assert located.certain


def test_seams_between_pieces_are_not_borders(world):
    for y in (0.0, 1_234.5, 9_999.0):
        (located,) = locate(world, 5_000, y)
        assert located.region is not None
        assert located.region.code == "3501"
    (located,) = locate(world, 5_000, 5_000)
    assert located.certain


def test_lookup_uses_published_boundaries_not_levels(world):
    RegionPart.objects.filter(region__code="3501").delete()
    Region.objects.filter(code="3501").update(geom=GEOSGeometry("MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))", 3347))
    (located,) = locate(world, 2_000, 5_000)
    assert located.region is None


def test_hole_is_covered_by_the_enclave_only(world):
    (located,) = locate(world, 15_000, 5_000)
    assert [region.code for region in located.covering] == ["3503"]


def test_edge_of_hole_belongs_to_both_regions(world):
    (located,) = locate(world, 14_000, 4_000)
    assert [region.code for region in located.covering] == ["3502", "3503"]


def test_position_north_of_60_degrees_is_covered(world):
    (located,) = locate(world, NORTH[0] + 1, NORTH[1] + 50_000)
    assert located.region is not None
    assert located.region.code == "6101"


@pytest.mark.parametrize("position", [LonLat(180, -90), LonLat(-180, 90), LonLat(0, 0), LonLat(-52, 41), LonLat(-142, 90)])
def test_position_outside_canada_is_not_covered(world, position):
    result = position_locate(position=position, vintages=list(world.vintages.values()))
    assert all(item.region is None and item.certain for item in result)


def test_lookup_takes_no_query_or_one_for_each_vintage(world, engine, django_assert_num_queries):
    vintages = [item for item in loaded_vintages(world).values() if item.status == "published"]
    positions = [LonLat(*lonlat(x, 5_000)) for x in (2_000, 12_000, 25_000)]
    with django_assert_num_queries(0 if engine == "index" else len(vintages)):
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
def test_neighbour_is_the_nearest_other_region(world, x, y, code, metres):
    (located,) = locate(world, x, y, borders=[True])
    assert located.neighbour is not None
    assert located.neighbour.code == code
    # A projected metre differs from a ground metre by some per cent here.
    assert located.distance_to_border_m == pytest.approx(metres, rel=0.05, abs=1e-6)


def test_equidistant_neighbour_has_the_lower_code(world):
    # North of the vertex shared by 2401, 3502 and 3504.
    (located,) = locate(world, 20_000, 10_500, borders=[True])
    assert located.neighbour.code == "2401"


def test_isolated_region_has_no_neighbour_nearby(world):
    (located,) = locate(world, NORTH[0] + 50_000, NORTH[1] + 50_000, borders=[True])
    assert located.neighbour.code == "3504"
    assert located.distance_to_border_m == pytest.approx(2_364_026, abs=1)


def test_single_region_has_no_neighbour(world):
    (located,) = locate(world, 2_000, 5_000, ("health-regions", "demo"), borders=[True])
    assert located.region.code == "3501"
    assert (located.neighbour, located.distance_to_border_m) == (None, None)


@pytest.mark.parametrize(("limit", "match"), [(5_000, "nearest"), (900, "none"), (0, "none")])
def test_max_distance_limits_the_nearest_region(world, limit, match):
    (located,) = locate(world, -1_000, 5_000, max_distance_m=limit)
    assert located.match == match
    assert (located.region and located.region.code) == ("3501" if match == "nearest" else None)


def test_accuracy_extends_the_near_regions(world):
    for accuracy, near in (
        # The position is 500 m from 3503 and 3,500 m from 3501; the radius is 1.5 times the accuracy.
        (30, ["3502"]),
        (320, ["3502"]),
        (370, ["3502", "3503"]),
        (2_000, ["3502", "3503"]),
        (2_600, ["3501", "3502", "3503"]),
    ):
        (located,) = locate(world, 13_500, 5_000, accuracy_m=accuracy)
        assert [region.code for region in located.near] == near
        assert located.certain == (len(near) == 1)


def test_batch_equals_single_lookups(world):
    vintages = [loaded_vintages(world)["health-regions", "2022"], loaded_vintages(world)["fsa", "2021"]]
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

    def locate_batch(batch):
        return points_locate(positions=batch, vintages=vintages, max_distance_m=5_000.0, borders=[True, False])

    together = locate_batch(positions)
    for batch, position in zip(together, positions, strict=True):
        assert [approximate(item) for item in batch] == list(locate_batch([position])[0])
    assert [item[0].region and item[0].region.code for item in together[:6]] == ["3501", "3501", "3501", "3503", None, "2401"]
    assert together[-2][0].match == "none"


def test_empty_batch_returns_no_results(world):
    assert points_locate(positions=[], vintages=[loaded_vintages(world)["fsa", "2021"]]) == []


@pytest.mark.parametrize(
    ("x", "metres", "shares"),
    [(2_000, 100, {"3501": 1.0}), (10_000, 100, {"3501": 0.5, "3502": 0.5}), (0, 100, {"3501": 0.5}), (-3_000, 100, {})],
)
def test_circle_shares_per_region(world, x, metres, shares):
    vintage = loaded_vintages(world)["health-regions", "2022"]
    result = circle_shares(position=LonLat(*lonlat(x, 5_000)), radius_m=metres, vintage=vintage)
    assert result == pytest.approx(shares, abs=1e-3)


def test_position_outside_canada_takes_no_query(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        position_locate(position=LonLat(0, 0), vintages=list(world.vintages.values()))


def test_lookup_without_vintages_takes_no_query(world, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert position_locate(position=LonLat(-79, 43), vintages=[]) == ()


def set_misfit(world, metres, *codes):
    """Set the misfit of the borders of some health regions of 2022."""
    vintage = world.vintages["health-regions", "2022"]
    vintage.regions.update(misfit_m=0)
    vintage.regions.filter(code__in=codes).update(misfit_m=metres)
    vintage.misfit_m = metres
    vintage.save()


@pytest.mark.parametrize(
    ("x", "accuracy", "certain"),
    [
        # 3502 begins at x = 10,000; a projected metre differs from a ground metre by some per cent.
        (9_650, 0, False),
        (9_500, 0, True),
        (9_500, 120, False),
        (9_300, 120, True),
        # The misfit of the covering region counts, not that of its neighbour.
        (10_100, 0, True),
    ],
)
@pytest.mark.parametrize("border", [True, False])
def test_misfit_makes_positions_near_border_uncertain(world, x, accuracy, certain, border):
    set_misfit(world, 400.0, "3501")
    (located,) = locate(world, x, 8_000, accuracy_m=accuracy, borders=[border])
    assert located.certain == certain
    assert located.uncertainty_m == max(1.5 * accuracy, 2) + (400 if x < 10_000 else 0)
    assert [region.code for region in located.near] == (["3501", "3502"] if not certain else [located.region.code])


@pytest.mark.parametrize(("limit", "certain"), [(0, False), (5_000, False)])
def test_misfit_makes_positions_outside_uncertain(world, limit, certain):
    set_misfit(world, 400.0, "3501")
    (located,) = locate(world, -200, 5_000, max_distance_m=limit)
    assert (located.match, located.certain) == ("nearest" if limit else "none", certain)
    (located,) = locate(world, -900, 5_000)
    assert (located.match, located.certain) == ("none", True)


def test_batch_with_misfit_equals_single_lookups(world):
    set_misfit(world, 400.0, "3501", "3503")
    vintage = loaded_vintages(world)["health-regions", "2022"]
    positions = [LonLat(*lonlat(x, y)) for x in range(-1_000, 21_000, 370) for y in (100, 5_000, 9_900)]

    def locate_batch(batch):
        return points_locate(positions=batch, vintages=[vintage], max_distance_m=500.0, borders=[True])

    for (together,), position in zip(locate_batch(positions), positions, strict=True):
        assert approximate(together) == locate_batch([position])[0][0]

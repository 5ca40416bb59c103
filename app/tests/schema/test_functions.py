"""Functions of schema geo: same results as the API, no error on hostile input."""

from datetime import date
from typing import Any

import pytest
from django.db import connection

from geography.coordinates import LonLat
from geography.errors import NothingPublished, NoVintage
from geography.lookup.locate import position_locate
from geography.queries.overlaps import fsa_health_regions
from geography.vintages.resolve import vintage_in_force
from tests.support.demo_regions import NORTH, World, lonlat

pytestmark = pytest.mark.django_db

DAYS = [date(2004, 1, 1), date(2010, 1, 1), date(2018, 1, 1), date(2021, 12, 31), date(2022, 1, 1), date(2030, 1, 1)]
NAN, INFINITY = float("nan"), float("inf")


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        result: list[tuple[Any, ...]] = cursor.fetchall()
    return result


def at(x: float, y: float, day: date | None = None, function: str = "health_region_at") -> list[tuple[Any, ...]]:
    lon, lat = lonlat(x, y)
    column = "hruid" if function == "health_region_at" else "cfsauid"
    if day is None:
        return rows(f"SELECT {column}, certain FROM geo.{function}(%s, %s)", lon, lat)
    return rows(f"SELECT {column}, certain FROM geo.{function}(%s, %s, %s)", lon, lat, day)


def test_position_inside_has_its_region(world: World) -> None:
    assert at(2_000, 5_000) == [("3501", True)]
    assert at(-5_000, 3_000) == [("3501", True)], "an island"
    assert at(15_000, 5_000) == [("3503", True)], "an enclave"
    assert at(2_000, 5_000, function="fsa_at") == [("M5V", True)]


def test_seam_between_pieces_is_not_a_border(world: World) -> None:
    assert at(5_000, 5_000) == [("3501", True)]


def test_shared_border_returns_lowest_code_uncertain(world: World) -> None:
    assert at(10_000, 5_000) == [("3501", False)]
    assert at(10_000.0009, 5_000) == [("3501", False)], "within a millimetre of it"
    assert at(10_000.01, 5_000) == [("3502", False)], "within two metres of it"
    assert at(10_003, 5_000) == [("3502", True)]
    assert at(20_000, 10_000) == [("2401", False)], "where three meet"


def test_position_off_the_coast_has_no_region(world: World) -> None:
    assert at(-1, 5_000) == []
    assert at(-0.0009, 5_000) == [("3501", True)], "the edge is a millimetre wide"


def test_at_selects_the_vintage_in_force_on_that_day(world: World) -> None:
    assert at(12_000, 5_000, date(2020, 6, 1)) == [("3501", True)]
    assert at(12_000, 5_000, date(2023, 6, 1)) == [("3502", True)]
    assert at(12_000, 5_000, date(1990, 1, 1)) == []


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("coverage", ["health-regions", "fsa"])
def test_vintages_at_equals_the_service(world: World, coverage: str, day: date) -> None:
    try:
        expected = [(vintage_in_force(coverage=coverage, at=day).pk,)]
    except (NoVintage, NothingPublished):
        expected = []
    assert rows("SELECT vintage_id FROM geo.vintages_at(%s) WHERE coverage = %s", day, coverage) == expected


@pytest.mark.parametrize("x", [-1, 0, 1, 4_999.9995, 8_000, 9_998.5, 9_999.9995, 10_000, 10_000.5, 13_000, 19_999, 30_001])
@pytest.mark.parametrize("y", [0, 5_000, 9_999.9995, 10_000])
def test_region_functions_equal_the_service(world: World, x: float, y: float) -> None:
    vintages = [vintage_in_force(coverage=item) for item in ("health-regions", "fsa")]
    region, fsa = position_locate(position=LonLat(*lonlat(x, y)), vintages=vintages)
    for located, function in ((region, "health_region_at"), (fsa, "fsa_at")):
        expected = [(located.region.code, located.certain)] if located.match == "covers" and located.region else []
        assert at(x, y, function=function) == expected


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        (None, None),
        (None, 45.0),
        (-75.0, None),
        (NAN, 45.0),
        (-75.0, NAN),
        (INFINITY, 45.0),
        (-75.0, -INFINITY),
        (-75.0, 95.0),
        (45.0, -75.0),
        (1e308, -1e308),
        (0.0, 0.0),
        (-180.0, 90.0),
    ],
)
@pytest.mark.parametrize("function", ["health_region_at", "fsa_at"])
def test_invalid_position_has_no_region(world: World, function: str, lon: Any, lat: Any) -> None:
    assert rows(f"SELECT * FROM geo.{function}(%s, %s)", lon, lat) == []


def test_hostile_days_and_coverages_have_no_rows(world: World) -> None:
    lon, lat = lonlat(2_000, 5_000)
    for day in ("-infinity", "4713-01-01 BC", None):
        assert rows("SELECT * FROM geo.health_region_at(%s, %s, %s::date)", lon, lat, day) == []
    assert len(rows("SELECT * FROM geo.health_region_at(%s, %s, 'infinity')", lon, lat)) == 1
    for coverage in (None, "", "nothing", "fsa'; drop view geo.fsa"):
        assert rows("SELECT * FROM geo.region_at(%s, %s, %s)", coverage, lon, lat) == []


@pytest.mark.parametrize(("metres", "certain"), [(-350, False), (-450, True), (350, True)])
def test_misfit_makes_a_border_uncertain(world: World, metres: float, certain: bool) -> None:
    vintage = world.vintages["health-regions", "2022"]
    vintage.regions.filter(code="3501").update(misfit_m=380)
    vintage.misfit_m = 380
    vintage.save()
    assert at(10_000 + metres, 5_000) == [("3501" if metres < 0 else "3502", certain)]
    (locate,) = position_locate(position=LonLat(*lonlat(10_000 + metres, 5_000)), vintages=[vintage])
    assert locate.certain == certain


def test_different_provinces_are_uncertain(world: World) -> None:
    world.vintages["fsa", "2021"].regions.filter(code="M5V").update(pruid="24")
    assert at(2_000, 5_000) == [("3501", False)]
    assert at(2_000, 5_000, function="fsa_at") == [("M5V", False)]
    assert at(15_000, 5_000) == [("3503", True)], "where no FSA is"


def test_tolerances_are_in_ground_metres(world: World) -> None:
    """North of 60 and in the south of the map a projected metre differs from a ground metre by up to 7 %."""
    vintage = world.vintages["health-regions", "2022"]
    requests = [NORTH[0] + offset for offset in (-0.00105, -0.00102, -0.00098, -0.0005, 0.5)]
    for x in requests:
        lon, lat = lonlat(x, NORTH[1] + 50_000)
        (locate,) = position_locate(position=LonLat(lon, lat), vintages=[vintage])
        covered = [locate.region.code] if locate.region else []
        assert [code for (code,) in rows("SELECT hruid FROM geo.health_region_at(%s, %s)", lon, lat)] == covered
    seen = set()
    for step in range(60):
        lon, lat = lonlat(10_000 + 1.85 + step * 0.005, 5_000)
        (locate,) = position_locate(position=LonLat(lon, lat), vintages=[vintage])
        assert rows("SELECT certain FROM geo.health_region_at(%s, %s)", lon, lat) == [(locate.certain,)]
        seen.add(locate.certain)
    assert seen == {True, False}


@pytest.mark.parametrize("code", ["M1A", "m1a", " M1A 1A1", "m1a1a1"])
def test_health_regions_of_fsa_equal_the_service(world: World, code: str) -> None:
    result = rows("SELECT hruid, share_of_fsa FROM geo.health_regions_of_fsa(%s)", code)
    fsa, region = (vintage_in_force(coverage=item) for item in ("fsa", "health-regions"))
    service = fsa_health_regions(code="M1A", fsa_vintage=fsa, health_region_vintage=region, level=None)
    assert result == [(overlap.region.code, overlap.share_of_fsa) for overlap in service.overlaps]
    assert [code for code, _ in result] == ["3502", "3501"]


def test_unknown_fsa_has_no_health_regions(world: World) -> None:
    for code in (None, "", "K1A", "é", "M1", "M" * 10_000, "'; --"):
        assert rows("SELECT * FROM geo.health_regions_of_fsa(%s)", code) == []
    assert rows("SELECT hruid FROM geo.health_regions_of_fsa('M1A', '2020-06-01')") == []
    assert rows("SELECT hruid FROM geo.health_regions_of_fsa('M1A', '2021-06-01')") == [("3501",)]


def test_empty_database_has_no_rows(db: None) -> None:
    for statement in (
        "geo.health_region_at(-75, 45)",
        "geo.fsa_at(-75, 45)",
        "geo.health_regions_of_fsa('K0A')",
        "geo.vintages_at('2022-01-01')",
        "geo.health_regions",
        "geo.fsa",
        "geo.regions",
        "geo.fsa_health_regions",
    ):
        assert rows(f"SELECT * FROM {statement}") == []


def test_functions_are_stable_parallel_safe_and_inlinable() -> None:
    result = rows(
        "SELECT proname, provolatile, proparallel, prosecdef, proisstrict, proconfig, prosqlbody IS NOT NULL FROM pg_proc"
        " WHERE pronamespace = 'geo'::regnamespace"
    )
    assert len(result) == 7
    for name, *properties in result:
        assert properties == ["s", "s", False, False, None, True], name

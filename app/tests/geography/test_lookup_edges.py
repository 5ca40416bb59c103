"""Lookups at the edges of Canada and at the pole, by PostGIS and by the compiled indexes."""

import math
from datetime import date

import numpy as np
import pytest
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db import connection

from geography.coordinates import LonLat
from geography.lookup.locate import points_locate, position_locate
from geography.models import Region, RegionPart
from tests.support.demo_regions import make_vintage
from tests.support.lookup_index import build_index

pytestmark = pytest.mark.usefixtures("engine")

# Regions at each edge of Canada's box, two of them as close to the pole as in Statistics Canada's digital files.
EDGES = {
    "6001": [(-141.0, 69.0), (-140.0, 69.0), (-140.0, 69.6), (-141.0, 69.6)],
    "1011": [(-53.0, 47.0), (-52.2, 47.0), (-52.2, 48.0), (-53.0, 48.0)],
    "3501": [(-82.8, 41.2), (-82.0, 41.2), (-82.0, 42.0), (-82.8, 42.0)],
    "6101": [(-136.5, 83.0), (-110.0, 83.0), (-110.0, 89.9995), (-136.5, 89.9995)],
    "6201": [(-110.0, 83.0), (-60.0, 83.0), (-60.0, 89.9995), (-110.0, 89.9995)],
}


@pytest.fixture
def edges(world, engine):
    """Return a vintage of EDGES, drawn along meridians and parallels."""
    vintage = make_vintage("health-regions", "edges", date(2023, 1, 1))
    for code, corners in EDGES.items():
        ring = Polygon([*corners, corners[0]], srid=4326)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ST_AsHEXEWKB(ST_Transform(ST_Segmentize(%s::geometry, 0.05), 3347))", [ring.hexewkb.decode()]
            )
            geom = GEOSGeometry(cursor.fetchone()[0])
        region = Region.objects.create(
            vintage=vintage,
            code=code,
            name_en=code,
            name_fr=code,
            pruid=code[:2],
            geom=MultiPolygon(geom, srid=3347),
            area_km2=1,
            extent=list(ring.extent),
            rep_point=ring.point_on_surface,
            search_text=code,
        )
        RegionPart.objects.create(region=region, vintage=vintage, geom=geom)  # type: ignore[misc] # it is a polygon
    if engine == "index":
        build_index(vintage)
    return vintage


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (-142.01, 69.5, "6001"),
        (-51.99, 47.5, "1011"),
        (-82.4, 40.95, "3501"),
        (-140.0, 89.99, "6101"),
        (-50.0, 89.99, "6201"),
        (50.0, 89.99, "6201"),
    ],
)
def test_position_outside_canada_box_finds_nearest_region(edges, lon, lat, code):
    position = LonLat(lon, lat)
    (result,) = position_locate(position=position, vintages=[edges], accuracy_m=50_000)
    assert (result.match, result.certain) == ("none", False)
    assert code in [region.code for region in result.near]
    (result,) = position_locate(position=position, vintages=[edges], max_distance_m=50_000)
    assert result.match == "nearest"
    assert result.region is not None
    assert result.region.code == code
    assert result.distance_m is not None
    assert 0 < result.distance_m < 50_000


@pytest.mark.parametrize("lon", [-180.0, -110.0, 0.0, 88.2, 123.0])
def test_pole_is_the_same_place_at_every_longitude(edges, lon):
    (result,) = position_locate(position=LonLat(lon, 90.0), vintages=[edges], max_distance_m=5_000, accuracy_m=100)
    assert result.match == "nearest"
    assert [region.code for region in result.near] == ["6101", "6201"]
    # The regions end 0.0005 degrees short of the pole.
    assert result.distance_m == pytest.approx(55.8, abs=0.5)


@pytest.mark.parametrize("position", [LonLat(-146, 69.5), LonLat(-48, 47.5), LonLat(-82.4, 39.9), LonLat(120, 80)])
def test_position_beyond_any_accuracy_takes_no_query(edges, position, django_assert_num_queries):
    with django_assert_num_queries(0):
        (result,) = position_locate(position=position, vintages=[edges], accuracy_m=50_000, max_distance_m=50_000)
    assert (result.match, result.certain) == ("none", True)


def test_sector_is_covered_up_to_the_pole(edges):
    """Positions within 10 km of the pole and around the 84th parallel, the former edge of the box of Canada."""
    random = np.random.default_rng(90)
    lons = random.uniform(-136.4, -60.1, 400)
    lats = np.concatenate((90 - 10 ** random.uniform(-3.25, -1.05, 200), random.normal(84, 0.001, 200)))
    positions = [LonLat(*pair) for pair in zip(lons.tolist(), lats.tolist(), strict=True)]
    results = [value for (value,) in points_locate(positions=positions, vintages=[edges], borders=[True])]
    assert [value.region and value.region.code for value in results] == [
        "6101" if lon < -110 else "6201" for lon in lons.tolist()
    ]
    # The expected distance is that to the meridian of 110 degrees west.
    for position, value in zip(positions, results, strict=True):
        if value.neighbour and abs(position.lon + 110) < 60 and position.lat < 89.99:
            expected = 6_357_000 * math.cos(math.radians(position.lat)) * math.sin(math.radians(abs(position.lon + 110)))
            assert value.distance_to_border_m == pytest.approx(expected, rel=0.03, abs=1)
    assert [value for (value,) in points_locate(positions=positions[:40], vintages=[edges], accuracy_m=2_000)] == [
        position_locate(position=position, vintages=[edges], accuracy_m=2_000)[0] for position in positions[:40]
    ]


@pytest.mark.parametrize("accuracy", [50.0, 2_000.0])
def test_accuracy_near_the_pole_is_in_ground_metres(edges, accuracy):
    """A projected metre is 1.3 to 3 ground metres there."""
    for lat in (89.0, 89.9, 89.99):
        for factor, near in ((1.4, 2), (1.6, 1)):
            # Longitude at that distance east of the meridian between the two regions.
            lon = -110 + math.degrees(math.asin(min(accuracy * factor / (6_357_000 * math.sin(math.radians(90 - lat))), 1)))
            if not -110 < lon < -70:
                continue
            (result,) = position_locate(position=LonLat(lon, lat), vintages=[edges], accuracy_m=accuracy)
            assert result.region is not None
            assert (result.region.code, len(result.near)) == ("6201", near)

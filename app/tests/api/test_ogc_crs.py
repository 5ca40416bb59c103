"""OGC API - Features, part 2: the abstract test suite of OGC 18-058r1 (Annex A), Coordinate Reference Systems by Reference.

Each test has the identifier of the abstract test that it ports. The engine of the tests is pyproj, on its own PROJ.
"""

import json
import math
from urllib.parse import urlsplit

import pytest
from pyproj import Transformer
from shapely.geometry import box, shape

from geography.models import Region
from tests.support.demo_regions import ORIGIN, lonlat

pytestmark = pytest.mark.django_db

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CODES = {CRS84: "OGC:CRS84", **{f"{EPSG}{code}": f"EPSG:{code}" for code in (4326, 3857, 3347)}}
COLLECTIONS = ("fsa", "health-regions")
ITEMS = "/ogc/collections/{}/items"


@pytest.fixture(autouse=True)
def regions(world):
    """Insert the demo regions."""
    return world


def collections(get):
    """Return every collection object, from the list and by itself."""
    return [*get("/ogc/collections").json()["collections"], *(get(f"/ogc/collections/{name}").json() for name in COLLECTIONS)]


def in_crs(crs, x, y):
    """Return an offset of the demo regions as a position in a CRS, in the axis order of its authority."""
    return Transformer.from_crs("EPSG:3347", CODES[crs]).transform(ORIGIN[0] + x, ORIGIN[1] + y)


def ids(response):
    assert response.status_code == 200, response.content
    return [feature["id"] for feature in response.json()["features"]]


def test_crs_crs_uri(get):
    for collection in collections(get):
        for uri in (*collection["crs"], collection["storageCrs"]):
            assert urlsplit(uri).scheme == "http"
            assert uri in CODES


def test_crs_default_crs(get):
    assert all(CRS84 in collection["crs"] for collection in collections(get))


def test_crs_storage_crs(get):
    assert {collection["storageCrs"] for collection in collections(get)} == {f"{EPSG}3347"}
    assert all(collection["storageCrs"] in collection["crs"] for collection in collections(get))


@pytest.mark.parametrize("name", COLLECTIONS)
@pytest.mark.parametrize("crs", CODES)
def test_crs_crs_parameter(get, name, crs):
    code = "M5V" if name == "fsa" else "3501"
    for path in (ITEMS.format(name), f"{ITEMS.format(name)}/{code}"):
        response = get(path, crs=crs)
        assert response.status_code == 200
        assert response.headers["Content-Crs"] == f"<{crs}>"
        # A 304 names the CRS, too.
        again = get(path, crs=crs, headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.headers["Content-Crs"]) == (304, f"<{crs}>")


@pytest.mark.parametrize("path", [ITEMS.format("fsa"), f"{ITEMS.format('fsa')}/M5V"])
def test_crs_crs_parameter_default(get, path):
    response = get(path)
    assert response.headers["Content-Crs"] == f"<{CRS84}>"
    assert response.json()["type"] == ("Feature" if path.endswith("M5V") else "FeatureCollection")


@pytest.mark.parametrize("crs", ["EPSG:3347", f"{EPSG}3978", f"{EPSG}3347/", "x", "urn:ogc:def:crs:EPSG::3347"])
@pytest.mark.parametrize("path", [ITEMS.format("fsa"), f"{ITEMS.format('fsa')}/M5V"])
def test_crs_crs_parameter_invalid(get, assert_problem, path, crs):
    body = assert_problem(get(path, crs=crs), 400, "parameter-invalid", parameter="crs")
    assert f"{EPSG}3347" in body["hint"]


@pytest.mark.parametrize("name", COLLECTIONS)
@pytest.mark.parametrize("crs", CODES)
def test_crs_crs_parameter_transform(get, name, crs):
    listed = {feature["id"]: shape(feature["geometry"]) for feature in get(ITEMS.format(name)).json()["features"]}
    to_lambert = Transformer.from_crs(CODES[crs], "EPSG:3347")
    from_degrees = Transformer.from_crs(CODES[CRS84], "EPSG:3347")
    for feature in get(ITEMS.format(name), crs=crs).json()["features"]:
        geometry = shape(feature["geometry"])
        if crs == f"{EPSG}3347":
            # The default CRS has more vertices, on edges that are straight here and curved there.
            assert geometry.area == pytest.approx(
                Region.objects.get(code=feature["id"], vintage__label__in=("2021", "2022")).geom.area
            )
            continue
        for (x, y), (lon, lat) in zip(
            *(part.geoms[0].exterior.coords for part in (geometry, listed[feature["id"]])), strict=True
        ):
            assert math.dist(to_lambert.transform(x, y), from_degrees.transform(lon, lat)) < 0.2


@pytest.mark.parametrize("name", COLLECTIONS)
def test_epsg_3347_is_bit_for_bit_as_stored(get, name):
    features = get(ITEMS.format(name), crs=f"{EPSG}3347").json()["features"]
    for feature in features:
        stored = Region.objects.get(
            code=feature["id"], vintage__label=feature["properties"]["vintage"], vintage__coverage__slug=name
        )
        assert json.loads(json.dumps(stored.geom.coords)) == feature["geometry"]["coordinates"]
    assert len(features) > 4


@pytest.mark.parametrize("digits", [0.1 + 0.2, 1 / 3, 9.3e-10, 123.456789012345678])
def test_epsg_3347_has_every_bit_of_a_coordinate(get, digits):
    region = Region.objects.get(code="3501", vintage__label="2022")
    region.geom = region.geom.clone()
    moved = [[[(x + digits, y + digits) for x, y in ring] for ring in polygon] for polygon in region.geom.coords]
    region.geom = type(region.geom)(*[type(region.geom[0])(*polygon) for polygon in moved], srid=3347)
    region.save()
    feature = get(f"{ITEMS.format('health-regions')}/3501", crs=f"{EPSG}3347").json()
    assert feature["geometry"]["coordinates"] == json.loads(json.dumps(moved))


@pytest.mark.parametrize("crs", CODES)
@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        (((1_000, 1_000), (2_000, 2_000)), ["3501"]),
        (((9_000, 1_000), (11_000, 2_000)), ["3501", "3502"]),
        (((-7_000, -1_000), (31_000, 21_000)), ["2401", "3501", "3502", "3503", "3504"]),
        (((14_500, 4_500), (14_500, 4_500)), ["3503"]),
        (((40_000, 1_000), (41_000, 2_000)), []),
    ],
)
def test_crs_bbox_crs_parameter(get, crs, corners, expected):
    box_text = ",".join(repr(number) for corner in corners for number in in_crs(crs, *corner))
    response = get(ITEMS.format("health-regions"), bbox=box_text, **{"bbox-crs": crs})
    assert ids(response) == expected
    lower, upper = (in_crs(crs, *corner) for corner in corners)
    window = box(*lower, *upper).buffer(1e-3 if crs == f"{EPSG}3347" else 1e-6)
    for feature in get(ITEMS.format("health-regions"), bbox=box_text, crs=crs, **{"bbox-crs": crs}).json()["features"]:
        geometry = shape(feature["geometry"])
        assert geometry.intersects(window)


def test_crs_bbox_crs_parameter_default(get):
    box_text = ",".join(repr(number) for corner in ((9_000, 1_000), (11_000, 2_000)) for number in lonlat(*corner))
    assert ids(get(ITEMS.format("health-regions"), bbox=box_text)) == ids(
        get(ITEMS.format("health-regions"), bbox=box_text, **{"bbox-crs": CRS84})
    )


def test_crs_bbox_crs_parameter_invalid(get, assert_problem):
    response = get(ITEMS.format("fsa"), bbox="1,2,3,4", **{"bbox-crs": f"{EPSG}3978"})
    assert_problem(response, 400, "parameter-invalid", parameter="bbox-crs")


@pytest.mark.parametrize(
    ("crs", "text", "count"),
    [
        (f"{EPSG}4326", "-90,-180,90,180", 6),
        # Across the antimeridian, latitude first.
        (f"{EPSG}4326", "-90,100,90,-50", 6),
        (f"{EPSG}3857", "-1e9,-1e9,1e9,1e9", 6),
        (f"{EPSG}3857", "-1e300,-1e300,1e300,1e300", 6),
        (f"{EPSG}3347", "-1e300,-1e300,1e300,1e300", 6),
        (f"{EPSG}3347", "-1e9,-1e9,0,1e9", 0),
    ],
)
def test_large_boxes(get, crs, text, count):
    assert len(ids(get(ITEMS.format("health-regions"), bbox=text, **{"bbox-crs": crs}))) == count


@pytest.mark.parametrize(
    ("crs", "text"),
    [
        (f"{EPSG}4326", "-75,45,-74,146,1,2,3"),
        # Longitude first is no latitude.
        (f"{EPSG}4326", "-141,42,-52,83"),
        (f"{EPSG}3857", "2,2,1,3"),
        (f"{EPSG}3347", "2,2,1,3"),
        (f"{EPSG}3347", "1,2,3,inf"),
    ],
)
def test_invalid_boxes(get, assert_problem, crs, text):
    response = get(ITEMS.format("fsa"), bbox=text, **{"bbox-crs": crs})
    assert_problem(response, 400, "coordinate-invalid", parameter="bbox")

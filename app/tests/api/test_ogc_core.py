"""OGC API - Features, part 1: the abstract test suite of OGC 17-069r4 (Annex A) for Core and GeoJSON.

Each test has the identifier of the abstract test that it ports, without the word `conf`. Not applicable: HTML and GML.
"""

import re
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from tests.support.demo_regions import lonlat
from tests.support.oapif import follow, validate

pytestmark = pytest.mark.django_db

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
COLLECTIONS = ("fsa", "health-regions")
ITEMS = "/ogc/collections/{}/items"


@pytest.fixture(autouse=True)
def regions(world):
    """Insert the demo regions."""
    return world


@pytest.fixture
def api(get):
    """Return the OpenAPI document."""
    return get("/ogc/api").json()


def link(body, rel):
    (found_link,) = [item for item in body["links"] if item["rel"] == rel]
    return found_link


def assert_links(body):
    assert all(item["rel"] and item["type"] and urlsplit(item["href"]).scheme for item in body["links"])


def parameter(api, name):
    """Return the definition of a parameter of the items, without a reference."""
    path = "/collections/fsa/items"
    definitions = [
        api["components"]["parameters"][item["$ref"].rpartition("/")[2]] for item in api["paths"][path]["get"]["parameters"]
    ]
    (definition,) = [item for item in definitions if item["name"] == name]
    return definition


def ids(response):
    assert response.status_code == 200, response.content
    return [feature["id"] for feature in response.json()["features"]]


def test_core_http(get):
    assert get("/ogc/collections/nothing").status_code == 404
    assert get("/ogc").headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/ogc", "/ogc/"])
def test_core_root_op_and_root_success(get, api, path):
    body = get(path).json()
    validate(api, "landingPage", body)
    assert_links(body)
    assert {item["rel"] for item in body["links"]} == {"self", "service-desc", "service-doc", "conformance", "data"}
    for rel in ("service-desc", "service-doc", "conformance", "data"):
        assert follow(get, link(body, rel)["href"]).status_code == 200


def test_core_api_definition_op_and_success(get):
    target = link(get("/ogc").json(), "service-desc")
    response = follow(get, target["href"])
    assert response.headers["Content-Type"] == target["type"] == "application/vnd.oai.openapi+json;version=3.0"


def test_core_conformance_op_and_success(get, api):
    body = get("/ogc/conformance").json()
    validate(api, "confClasses", body)
    assert {f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "geojson")} <= set(
        body["conformsTo"]
    )


def test_core_fc_md_op_success_and_links(get, api):
    body = get("/ogc/collections").json()
    validate(api, "collections", body)
    assert_links(body)
    assert follow(get, link(body, "self")["href"]).json() == body


def test_core_fc_md_items_and_items_links(get):
    collections = get("/ogc/collections").json()["collections"]
    assert [collection["id"] for collection in collections] == sorted(COLLECTIONS)
    for collection in collections:
        assert_links(collection)
        assert ids(follow(get, link(collection, "items")["href"]))


def test_core_fc_md_extent(get):
    (collection,) = [item for item in get("/ogc/collections").json()["collections"] if item["id"] == "health-regions"]
    (box,) = collection["extent"]["spatial"]["bbox"]
    west, south = lonlat(-6_000, 2_000)
    assert box[0] <= west
    assert box[1] <= south
    assert collection["extent"]["spatial"]["crs"] == CRS84
    assert collection["extent"]["temporal"]["interval"] == [["2005-01-01T00:00:00Z", None]]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_core_sfc_md_op_and_success(get, api, name):
    listed = {item["id"]: item for item in get("/ogc/collections").json()["collections"]}
    body = get(f"/ogc/collections/{name}").json()
    validate(api, "collection", body)
    assert body == listed[name]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_core_fc_op_and_fc_response(get, api, name):
    response = get(ITEMS.format(name))
    assert response.headers["Content-Type"] == "application/geo+json"
    validate(api, "featureCollectionGeoJSON", response.json())


def test_core_fc_bbox_definition(api):
    definition = parameter(api, "bbox")
    assert (definition["in"], definition["required"], definition["style"], definition["explode"]) == (
        *("query", False, "form", False),
    )
    schema = definition["schema"]
    assert (schema["type"], schema["minItems"], schema["maxItems"], schema["items"]) == ("array", 4, 6, {"type": "number"})


@pytest.mark.parametrize(
    ("corners", "heights", "expected"),
    [
        (((1_000, 1_000), (2_000, 2_000)), False, ["3501"]),
        (((9_000, 1_000), (11_000, 2_000)), False, ["3501", "3502"]),
        (((9_000, 1_000), (11_000, 2_000)), True, ["3501", "3502"]),
        (((14_500, 4_500), (15_000, 5_000)), False, ["3503"]),
        (((40_000, 1_000), (41_000, 2_000)), False, []),
    ],
)
def test_core_fc_bbox_response(get, corners, heights, expected):
    (west, south), (east, north) = (lonlat(*corner) for corner in corners)
    numbers = (west, south, -10, east, north, 10) if heights else (west, south, east, north)
    assert ids(get(ITEMS.format("health-regions"), bbox=",".join(map(repr, numbers)))) == expected


@pytest.mark.parametrize(
    ("box", "count"),
    [
        ("-180,-90,180,90", 6),
        # Across the antimeridian: from Asia to the meridian of the demo regions, and around the other side.
        ("100,-90,-50,90", 6),
        ("-50,-90,-140,90", 0),
        # Valid, and far from Canada.
        ("45,-75,46,-74", 0),
    ],
)
def test_core_fc_bbox_response_of_large_boxes(get, box, count):
    assert len(ids(get(ITEMS.format("health-regions"), bbox=box))) == count


def test_core_fc_limit_definition(api):
    definition = parameter(api, "limit")
    assert (definition["in"], definition["required"], definition["style"], definition["explode"]) == (
        *("query", False, "form", False),
    )
    assert definition["schema"] == {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("4", 4), ("1000", 6), ("9999", 6), ("10000", 6), ("9" * 30, 6)])
def test_core_fc_limit_response(get, limit, count):
    body = get(ITEMS.format("health-regions"), limit=limit).json()
    assert (len(body["features"]), body["numberReturned"], body["numberMatched"]) == (count, count, 6)


def test_core_fc_time_definition(api):
    definition = parameter(api, "datetime")
    assert (definition["in"], definition["required"], definition["style"], definition["explode"], definition["schema"]) == (
        *("query", False, "form", False, {"type": "string"}),
    )


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("2022-06-01T00:00:00Z", "2022"),
        ("2018-06-01T12:00:00.5Z", "2018"),
        ("2018-06-01", "2018"),
        # The first and the last day of 2018.
        ("2018-01-01T00:00:00Z", "2018"),
        ("2021-12-31T23:59:59Z", "2018"),
        ("2022-01-01T01:00:00+03:00", "2018"),
        ("2017-12-31T00:00:00Z", "demo"),
        # An interval in the past: its last day; with today in it: today.
        ("2018-06-01T00:00:00Z/2019-01-01T00:00:00Z", "2018"),
        ("2018-06-01T00:00:00Z/2023-01-01T00:00:00Z", "2022"),
        ("2018-06-01T00:00:00Z/..", "2022"),
        ("2018-06-01T00:00:00Z/", "2022"),
        ("../2019-01-01T00:00:00Z", "2018"),
        ("/2019-01-01T00:00:00Z", "2018"),
        ("../..", "2022"),
        ("/", "2022"),
        # As QGIS writes open ends.
        ("0000-01-01T00:00:00Z/2019-01-01T00:00:00Z", "2018"),
        ("2018-06-01T00:00:00Z/9999-12-31T00:00:00Z", "2022"),
        ("2999-01-01T00:00:00Z/..", "2022"),
        ("2004-01-01T00:00:00Z", None),
        ("../2004-12-31T00:00:00Z", None),
    ],
)
def test_core_fc_time_response(get, text, label):
    body = get(ITEMS.format("health-regions"), datetime=text).json()
    assert {feature["properties"]["vintage"] for feature in body["features"]} == ({label} if label else set())
    assert body["numberMatched"] == body["numberReturned"] == len(body["features"])
    # Only features whose validity meets the interval.
    first, last = (re.search(r"\d{4}-\d\d-\d\d", end) for end in (*text.split("/"), text)[:2])
    for feature in body["features"]:
        start, end = feature["properties"]["valid_from"], feature["properties"]["valid_to"]
        # An instant in another time zone can be the day after in UTC.
        assert "+" in text or last is None or start <= last[0]
        assert "+" in text or first is None or end is None or first[0] < end


@pytest.mark.parametrize(
    "parameters",
    [
        *({"limit": value} for value in ("0", "-1", "x", "1.5", "", "0" * 30, "١٢٣٤٥")),
        *(
            {"bbox": value}
            for value in ("1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan", "0,91,1,92", "-181,0,0,1", "1,9,2,8", "")
        ),
        *({"datetime": value} for value in ("x", "2022", "..", "2022-13-01", "a/b/c", "2023-01-01/2022-01-01", "")),
        *({"offset": value} for value in ("-1", "x")),
        *({"f": value} for value in ("xml", "html")),
        {"province": "XX"},
        {"datetime": "2022-06-01", "vintage": "2022"},
    ],
    ids=str,
)
def test_core_query_param_invalid(get, parameters):
    response = get(ITEMS.format("health-regions"), **parameters)
    assert response.status_code == 400, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["parameter"] in parameters


@pytest.mark.parametrize("path", ["/ogc", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/fsa"])
def test_core_query_param_unknown(get, assert_problem, path):
    assert_problem(get(path, colour="red"), 400, "parameter-invalid", parameter="colour")
    for target in (ITEMS.format("fsa"), f"{ITEMS.format('fsa')}/M5V"):
        assert_problem(get(target, colour="red"), 400, "parameter-invalid", parameter="colour")


def test_core_fc_links_and_rel_type(get):
    response = get(ITEMS.format("health-regions"), limit=2, province="ON")
    assert_links(response.json())
    assert ids(follow(get, link(response.json(), "self")["href"])) == ids(response)


def test_core_fc_time_stamp(get):
    stamp = datetime.fromisoformat(get(ITEMS.format("fsa")).json()["timeStamp"])
    assert abs((datetime.now(stamp.tzinfo) - stamp).total_seconds()) < 600


def test_core_fc_number_matched_and_returned(get):
    body = get(ITEMS.format("health-regions"), limit=2, province="ON").json()
    assert (body["numberMatched"], body["numberReturned"], len(body["features"])) == (4, 2, 2)


@pytest.mark.parametrize(("name", "code"), [("health-regions", "3501"), ("fsa", "M5V")])
def test_core_f_op_success_and_links(get, api, name, code):
    response = get(f"{ITEMS.format(name)}/{code}")
    assert response.headers["Content-Type"] == "application/geo+json"
    body = response.json()
    validate(api, "featureGeoJSON", body)
    assert_links(body)
    assert follow(get, link(body, "self")["href"]).json() == body
    assert follow(get, link(body, "collection")["href"]).json()["id"] == name
    (listed,) = [feature for feature in get(ITEMS.format(name)).json()["features"] if feature["id"] == code]
    assert listed.items() <= body.items()


def test_core_crs84(get):
    (feature,) = get(ITEMS.format("fsa"), code="M5V").json()["features"]
    lon, lat = feature["geometry"]["coordinates"][0][0][0]
    assert -80 < lon < -70
    assert 40 < lat < 60


def test_geojson_definition_and_content(get):
    for path in (ITEMS.format("fsa"), f"{ITEMS.format('fsa')}/M5V"):
        assert get(path, headers={"Accept": "application/geo+json"}).headers["Content-Type"] == "application/geo+json"
        # `f` counts more than Accept.
        assert get(path, headers={"Accept": "text/html"}, f="json").headers["Content-Type"] == "application/geo+json"

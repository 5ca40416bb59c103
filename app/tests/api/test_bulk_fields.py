"""`fields` of POST /locate: the named columns only, in every format, with the values of the whole answer."""

import csv
import io
import json

import pytest

from api.requests.parameters import LOCATED_COLUMNS
from tests.support.demo_regions import lonlat
from tests.support.lookup_index import build_indexes

HERE, SEA, FAR = lonlat(2_000, 5_000), lonlat(-1_000, 5_000), (0.0, 0.0)
POSITIONS = [HERE, lonlat(10_000, 5_000), SEA, FAR]


@pytest.fixture(params=["tables", "index"], autouse=True)
def engine(request, world):
    if request.param == "index":
        build_indexes(world.vintages.values())


@pytest.fixture
def post(client):
    def send(path, body, content_type="application/json", accept="*/*"):
        body = body if isinstance(body, str) else json.dumps(body)
        response = client.post(path, body, content_type=content_type, headers={"Accept": accept})
        assert response.status_code == 200, response.content
        return b"".join(response) if response.streaming else response.content

    return send


def columns(result):
    """Return the columns of a whole result."""
    region, fsa, province = result["health_region"] or {}, result["fsa"] or {}, result["province"] or {}
    named = {"hruid": region.get("hruid"), "hr_name": region.get("name"), "cfsauid": fsa.get("cfsauid")}
    same = {name: result[name] for name in ("match", "certain", "distance_to_border_m")}
    return named | {"pruid": province.get("pruid")} | same


@pytest.mark.parametrize("query", ["lang=en", "lang=fr&max_distance=5000", "accuracy=500"])
def test_columns_equal_the_whole_results(post, assert_schema, query):
    body = {"points": [{"id": number, "lon": lon, "lat": lat} for number, (lon, lat) in enumerate(POSITIONS)]}
    whole = json.loads(post(f"/locate?{query}", body))["results"]
    fields = json.loads(post(f"/locate?{query}&fields={','.join(LOCATED_COLUMNS)}", body))
    assert_schema("LocatedMany", fields)
    assert fields["results"] == [{"id": result["id"], "status": "ok", **columns(result)} for result in whole]


@pytest.mark.parametrize("name", LOCATED_COLUMNS)
def test_a_column_alone_has_the_same_values(post, name):
    whole = json.loads(post("/locate", POSITIONS))["results"]
    fields = json.loads(post(f"/locate?fields={name}", POSITIONS))["results"]
    assert fields == [{"status": "ok", name: columns(result)[name]} for result in whole]


def test_failed_items_keep_status_and_detail(post):
    (result,) = json.loads(post("/locate?fields=hruid", ["x"]))["results"]
    assert [*result] == ["status", "detail", "hint"]


def test_csv_has_the_named_columns(post):
    text = "hruid,lat,lon\n" + "".join(f"mine,{lat},{lon}\n" for lon, lat in POSITIONS) + "mine,x,y\n"
    header, *rows = csv.reader(io.StringIO(post("/locate?fields=certain,hruid", text, "text/csv").decode(), newline=""))
    assert header == ["hruid", "lat", "lon", "geo_hruid", "geo_certain", "geo_status"]
    _, *whole = csv.reader(io.StringIO(post("/locate", text, "text/csv").decode(), newline=""))
    assert rows == [[*row[:4], row[8], row[10]] for row in whole]


def test_ndjson_and_geojson_have_the_named_members(post):
    line = post("/locate?fields=cfsauid", "[{!r}, {!r}]\n".format(*HERE), "application/x-ndjson")
    assert json.loads(line) == {"status": "ok", "cfsauid": "M5V"}
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": HERE}, "properties": {"cfsauid": "mine"}}
    body = json.loads(post("/locate?fields=cfsauid", {"features": [feature]}, accept="application/geo+json"))
    properties = body["features"][0]["properties"]
    assert properties == {"cfsauid": "mine", "geo_status": "ok", "geo_cfsauid": "M5V"}


@pytest.mark.parametrize("fields", ["hruid,name", "", "distance_m"])
def test_unknown_fields_are_refused(client, assert_problem, fields):
    response = client.post(f"/locate?fields={fields}", "[]", content_type="application/json")
    assert_problem(response, 400, "parameter-invalid", parameter="fields")

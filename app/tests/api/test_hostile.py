"""Hostile input: 200 or a problem document with a 4xx status, never a 5xx."""

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.requests import models
from api.requests.parser import RequestParser
from tests.support import demo_regions as worlds

SPECS: dict[str, RequestParser[Any]] = {
    "/health-regions": models.HEALTH_REGIONS,
    "/health-regions/3501": models.HEALTH_REGION,
    "/health-regions/3501/fsa": models.HEALTH_REGION_FSAS,
    "/fsa": models.FSAS,
    "/fsa/M5V": models.FSA,
    "/fsa/M5V/boundary": models.FSA_BOUNDARY,
    "/locate": models.LOCATE,
    "/vintages": models.PLAIN,
}
PATHS = ["/fsa/{}", "/fsa/{}/boundary", "/health-regions/{}", "/health-regions/{}/fsa", "/coverages/{}/regions", "/{}"]
REQUIRED = {"/locate": worlds.position(2_000, 5_000)}

SQL = [
    "' OR '1'='1",
    "1; DROP TABLE region",
    "1) UNION SELECT version()--",
    "$$;SELECT pg_sleep(9)$$",
    "\\'; --",
    "%(lon)s",
    "{0}",
]
NUMBERS = [
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "1e999",
    "-1e999",
    "1_0",
    "0x10",
    "٣",
    "1,5",
    "--1",
    "+-1",
    "1e",
    "",
    " ",
    "9" * 60,
]
BYTES = ["%00", "a%00b", "%ff", "%c3", "%ed%a0%80", "%f8%88%80%80%80", "%e2%80", "%1b[2J"]


def fields(path):
    return [param.name for param in SPECS[path].query]


FIELDS = [(path, name) for path in SPECS for name in fields(path)]

pytestmark = pytest.mark.usefixtures("world")
hostile = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def assert_status(response, statuses=(200, 400, 404)):
    assert response.status_code in statuses, (response.status_code, response.content[:300])
    if response.status_code != 200:
        assert response.headers["Content-Type"] == "application/problem+json"
        body = response.json()
        assert body["title"]
        assert body["detail"]


@pytest.mark.parametrize("path", SPECS)
def test_sql_injection_is_plain_text(get, path):
    for name, text in product(fields(path), SQL):
        response = get(path, **REQUIRED.get(path, {}) | {name: text})
        assert_status(response)
        # Only q accepts any text.
        assert response.status_code != 200 or name == "q"


@pytest.mark.parametrize("name", ["lat", "lon", "lng", "accuracy", "max_distance"])
def test_non_numbers_get_400(get, name):
    for text in NUMBERS:
        value = REQUIRED["/locate"] | {name: text}
        if name == "lng":
            del value["lon"]
        response = get("/locate", **value)
        assert_status(response, (400,))
        # lng is another name of lon.
        expected = "lon" if name == "lng" and text.strip() else name
        assert response.json()["parameter"] == expected, text


def test_float_accuracy_is_accepted(get):
    for text in ("35.12345678901234", "1e-07", "3.5e1", "0", "50000.0"):
        assert get("/locate", **REQUIRED["/locate"], accuracy=text).status_code == 200


@pytest.mark.parametrize("path", SPECS)
def test_invalid_bytes_in_query_get_4xx(client, path):
    for name, text in product(fields(path), BYTES):
        join = "&".join(f"{key}={value}" for key, value in REQUIRED.get(path, {}).items() if key != name)
        assert_status(client.get(f"{path}?{join}&{name}={text}"), (400, 404))


@pytest.mark.parametrize("path", PATHS)
def test_invalid_bytes_in_path_get_4xx(client, path):
    for text in [*BYTES, "..%2f..%2fetc", "%2e%2e", "a" * 5_000, "'; DROP TABLE region --"]:
        assert_status(client.get(path.format(text)), (400, 404))


def test_invalid_parameter_name_gets_400(client):
    for name in ("%ff", "%00", "lat%00", "q[]", "q%5B%5D", "a" * 10_000, "lat%20"):
        response = client.get(f"/health-regions?{name}=1")
        assert_status(response, (400,))
        assert len(response.content) < 1_000


def test_post_to_get_route_gets_405(client):
    for content_type in ("application/xml", "text/plain", "multipart/form-data; boundary=x", "nonsense", ""):
        assert_status(client.generic("POST", "/vintages", b"\xff\x00", content_type=content_type), (405,))


@hostile
@given(field=st.sampled_from(FIELDS), text=st.text(max_size=250))
def test_fuzzed_parameter_values_get_200_or_4xx(client, field, text):
    path, name = field
    assert_status(client.get(path, REQUIRED.get(path, {}) | {name: text}))


@hostile
@given(path=st.sampled_from(PATHS), text=st.text(min_size=1, max_size=60))
def test_fuzzed_paths_cause_no_5xx(client, path, text):
    from urllib.parse import quote

    assert_status(client.get(path.format(quote(text, safe=""))), (200, 302, 400, 404))


@hostile
@given(query=st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")))
def test_fuzzed_query_strings_get_200_or_4xx(client, query):
    assert_status(client.generic("GET", "/health-regions", QUERY_STRING=query))


@hostile
@given(header=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=80))
def test_fuzzed_accept_headers_get_200_or_406(client, header):
    response = client.get("/vintages", headers={"Accept": header, "Accept-Language": header})
    assert_status(response, (200, 406))


@hostile
@given(lat=st.floats(), lon=st.floats())
def test_fuzzed_coordinates_get_200_or_400(client, lat, lon):
    assert_status(client.get("/locate", {"lat": repr(lat), "lon": repr(lon)}), (200, 400))

"""OGC API - Features, part 1: abstract tests of OGC 17-069r4 (Annex A) for OpenAPI 3.0, named as in `test_ogc_core`."""

import re

import pytest
from drf_spectacular.validation import validate_schema

from tests.support.oapif import follow, validate

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture
def api(get):
    """Return the OpenAPI document."""
    return get("/ogc/api").json()


def test_oas30_definition_1_and_2(api):
    assert re.fullmatch(r"3\.0\.\d", api["openapi"])
    validate_schema(api)
    assert {"info", "paths", "servers"} <= api.keys()


def test_oas30_oas_impl_and_completeness(get, api):
    (server,) = api["servers"]
    for path, operations in api["paths"].items():
        response = follow(get, f"{server['url']}{path}".replace("{featureId}", "M5V" if "/fsa/" in path else "3501"))
        assert response.status_code == 200
        assert response.headers["Content-Type"] in operations["get"]["responses"]["200"]["content"]
        assert {"400", "default"} <= operations["get"]["responses"].keys()
    operation_ids = [operations["get"]["operationId"] for operations in api["paths"].values()]
    assert len(set(operation_ids)) == len(operation_ids)


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/ogc/collections/parishes", "coverage-unknown"),
        ("/ogc/collections/parishes/items", "coverage-unknown"),
        ("/ogc/collections/fsa/items/M9Z", "region-unknown"),
        ("/ogc/collections/fsa/items?vintage=1999", "vintage-unknown"),
    ],
)
def test_oas30_exceptions_codes(client, api, assert_problem, path, slug):
    body = assert_problem(client.get(path), 404, slug)
    validate(api, "exception", body)


def test_oas30_security(api):
    # No resource needs an authorization.
    assert api["security"] == []

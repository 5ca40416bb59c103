"""Parameter `fields`: selection of feature properties."""

import pytest

from api.requests.parameters import PROPERTY_NAMES

LIST_ROUTES = {"/health-regions": "hruid", "/fsa": "cfsauid", "/coverages/health-regions/regions": "code"}
REGION_ROUTES = {"/health-regions/3501": "hruid", "/fsa/M5V/boundary": "cfsauid", "/coverages/fsa/regions/M5V": "code"}
CASES = list((LIST_ROUTES | REGION_ROUTES).items())
COMPONENTS = {
    "/health-regions": "HealthRegionCollection",
    "/fsa": "FsaCollection",
    "/coverages/health-regions/regions": "RegionCollection",
    "/health-regions/3501": "HealthRegionFeature",
    "/fsa/M5V/boundary": "FsaFeature",
    "/coverages/fsa/regions/M5V": "RegionFeature",
}

pytestmark = pytest.mark.usefixtures("world")


def features_of(response):
    assert response.status_code == 200, response.content
    body = response.json()
    return body.get("features", [body])


@pytest.mark.parametrize(("path", "code"), CASES)
class TestFields:
    def test_without_fields_every_property_is_returned(self, get, path, code):
        for feature in features_of(get(path)):
            assert tuple(feature["properties"]) == (code, *PROPERTY_NAMES)

    def test_fields_selects_properties(self, get, assert_schema, path, code):
        response = get(path, fields=f"name_fr, {code.upper()}", lang="fr")
        assert_schema(COMPONENTS[path], response.json())
        for whole, part in zip(features_of(get(path, lang="fr")), features_of(response), strict=True):
            assert list(part["properties"]) == [code, "name_fr"]
            assert part == whole | {"properties": {name: whole["properties"][name] for name in part["properties"]}}

    def test_fields_accepts_each_property_alone(self, get, path, code):
        for name in (code, *PROPERTY_NAMES):
            assert {tuple(feature["properties"]) for feature in features_of(get(path, fields=name, detail="none"))} == {(name,)}

    def test_misspelt_field_gets_a_suggestion(self, get, assert_problem, path, code):
        response = get(path, fields=f"{code},name_rf")
        body = assert_problem(response, 400, "parameter-invalid", parameter="fields", hint="Did you mean name_fr?")
        assert "name_rf" in body["detail"]
        french = assert_problem(get(path, fields="zzz", lang="fr"), 400, "parameter-invalid", parameter="fields")
        assert code in french["hint"]
        assert "zzz" in french["detail"]
        assert "property" not in french["detail"]

    @pytest.mark.parametrize("value", ["", ",", "name,", "name,,pruid", "geometry", "x" * 100_000, "name;pruid"])
    def test_invalid_fields_get_400(self, get, assert_problem, path, code, value):
        assert_problem(get(path, fields=value), 400, "parameter-invalid", parameter="fields")

    def test_fields_are_part_of_etag_and_cache_key(self, get, path, code):
        requests = [{}, {"fields": "name"}, {"fields": "name_en"}]
        tags = {get(path, **request).headers["ETag"] for request in requests}
        assert len(tags) == len(requests)
        for request in requests:
            assert get(path, **request).content == get(path, **request).content
        assert tuple(features_of(get(path, fields="name"))[0]["properties"]) == ("name",)


@pytest.mark.parametrize("path", REGION_ROUTES)
def test_field_order_does_not_change_region_etag(get, path):
    item, other = get(path, fields="name,pruid"), get(path, fields="pruid, NAME,name")
    assert (item.headers["ETag"], item.content) == (other.headers["ETag"], other.content)


@pytest.mark.parametrize("path", LIST_ROUTES)
def test_next_page_keeps_fields(get, path):
    body = get(path, fields="name", limit=1).json()
    (href,) = [link["href"] for link in body["links"] if link["rel"] == "next"]
    assert tuple(features_of(get(href))[0]["properties"]) == ("name",)

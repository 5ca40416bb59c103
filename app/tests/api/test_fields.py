"""`fields`: which properties of a region are sent."""

import pytest

from api.requests.parameters import PROPERTY_NAMES

LISTS = {"/health-regions": "hruid", "/fsa": "cfsauid", "/coverages/health-regions/regions": "code"}
ONES = {"/health-regions/3501": "hruid", "/fsa/M5V/boundary": "cfsauid", "/coverages/fsa/regions/M5V": "code"}
CASES = list((LISTS | ONES).items())
COMPONENTS = {
    "/health-regions": "HealthRegionCollection",
    "/fsa": "FsaCollection",
    "/coverages/health-regions/regions": "RegionCollection",
    "/health-regions/3501": "HealthRegionFeature",
    "/fsa/M5V/boundary": "FsaFeature",
    "/coverages/fsa/regions/M5V": "RegionFeature",
}

pytestmark = pytest.mark.usefixtures("world")


def sent(response):
    assert response.status_code == 200, response.content
    body = response.json()
    return body.get("features", [body])


@pytest.mark.parametrize(("path", "code"), CASES)
class TestFields:
    def test_without_it_every_property_is_there(self, get, path, code):
        for feature in sent(get(path)):
            assert tuple(feature["properties"]) == (code, *PROPERTY_NAMES)

    def test_those_named_come_as_they_are_and_no_others(self, get, assert_schema, path, code):
        response = get(path, fields=f"name_fr, {code.upper()}", lang="fr")
        assert_schema(COMPONENTS[path], response.json())
        for whole, part in zip(sent(get(path, lang="fr")), sent(response), strict=True):
            assert list(part["properties"]) == [code, "name_fr"]
            assert part == whole | {"properties": {name: whole["properties"][name] for name in part["properties"]}}

    def test_any_of_them_can_be_alone(self, get, path, code):
        for name in (code, *PROPERTY_NAMES):
            assert {tuple(feature["properties"]) for feature in sent(get(path, fields=name, detail="none"))} == {(name,)}

    def test_a_misspelt_one_gets_a_suggestion(self, get, assert_problem, path, code):
        response = get(path, fields=f"{code},name_rf")
        body = assert_problem(response, 400, "parameter-invalid", parameter="fields", hint="Did you mean name_fr?")
        assert "name_rf" in body["detail"]
        french = assert_problem(get(path, fields="zzz", lang="fr"), 400, "parameter-invalid", parameter="fields")
        assert code in french["hint"]
        assert "zzz" in french["detail"]
        assert "property" not in french["detail"]

    @pytest.mark.parametrize("value", ["", ",", "name,", "name,,pruid", "geometry", "x" * 100_000, "name;pruid"])
    def test_what_names_nothing_is_refused(self, get, assert_problem, path, code, value):
        assert_problem(get(path, fields=value), 400, "parameter-invalid", parameter="fields")

    def test_is_in_the_etag_and_in_the_key_of_what_is_kept(self, get, path, code):
        requests = [{}, {"fields": "name"}, {"fields": "name_en"}]
        tags = {get(path, **request).headers["ETag"] for request in requests}
        assert len(tags) == len(requests)
        for request in requests:
            assert get(path, **request).content == get(path, **request).content
        assert tuple(sent(get(path, fields="name"))[0]["properties"]) == ("name",)


@pytest.mark.parametrize("path", ONES)
def test_how_the_names_are_ordered_makes_no_difference_to_one_region(get, path):
    item, other = get(path, fields="name,pruid"), get(path, fields="pruid, NAME,name")
    assert (item.headers["ETag"], item.content) == (other.headers["ETag"], other.content)


@pytest.mark.parametrize("path", LISTS)
def test_the_next_page_has_the_same_properties(get, path):
    body = get(path, fields="name", limit=1).json()
    (href,) = [link["href"] for link in body["links"] if link["rel"] == "next"]
    assert tuple(sent(get(href))[0]["properties"]) == ("name",)

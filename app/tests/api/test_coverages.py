"""GET /coverages, /coverages/{coverage}/regions and /coverages/{coverage}/regions/{code}."""

from datetime import date

import pytest

from geography.models import Coverage
from tests.support import demo_regions as worlds
from tests.support.demo_regions import Place, position


@pytest.fixture
def districts(world):
    """Add a third coverage to the world: two districts, the second of them in two provinces."""
    Coverage.objects.create(slug="districts", name_en="Districts", name_fr="Districts municipaux")
    vintage = worlds.make_vintage("districts", "2020", date(2020, 1, 1), region_count=2)
    places = (
        Place("W-1", "35", ((0, 0, 10_000, 10_000),), name_en="Western", name_fr="Ouest-de-l'Étang"),
        Place("E.2", "", ((10_000, 0, 30_000, 10_000),), name_en="Eastern", name_fr="Est"),
    )
    worlds.add_places(vintage, places)
    return vintage


def codes(response):
    assert response.status_code == 200, response.content
    return [feature["id"] for feature in response.json()["features"]]


def test_coverages_lists_every_published_coverage(get, districts, assert_schema):
    body = get("/coverages").json()
    assert_schema("CoverageList", body)
    shown = {coverage["coverage"]: (coverage["vintage"]["label"], coverage["vintages"]) for coverage in body["coverages"]}
    assert shown == {
        "districts": ("2020", ["2020"]),
        "fsa": ("2021", ["extract", "2021", "demo"]),
        "health-regions": ("2022", ["2022", "2018", "demo"]),
    }


def test_coverage_name_follows_lang(get, districts):
    item = get("/coverages", lang="fr").json()["coverages"][0]
    assert (item["name"], item["name_en"]) == ("Districts municipaux", "Districts")


def test_coverage_of_extracts_needs_a_vintage_label(get, districts, assert_problem):
    districts.extract = True
    districts.save()
    assert get("/coverages").json()["coverages"][0]["vintage"] is None
    assert_problem(get("/coverages/districts/regions"), 503, "nothing-published")
    assert codes(get("/coverages/districts/regions", vintage="2020")) == ["E.2", "W-1"]


def test_coverages_is_empty_before_first_publication(get, db):
    assert get("/coverages").json() == {"coverages": []}


def test_coverage_links_lead_to_its_regions(get, districts):
    for coverage in get("/coverages").json()["coverages"]:
        for link in coverage["links"]:
            assert codes(get(link["href"]))


def test_coverage_regions_are_a_feature_collection(get, districts, assert_schema):
    response = get("/coverages/districts/regions")
    assert codes(response) == ["E.2", "W-1"]
    assert_schema("RegionCollection", response.json())
    assert response.json()["vintage"]["coverage"] == "districts"
    properties = response.json()["features"][1]["properties"]
    assert (properties["code"], properties["name_fr"], properties["pruid"]) == ("W-1", "Ouest-de-l'Étang", "35")


def test_region_of_several_provinces_has_no_pruid(get, districts, assert_schema):
    body = get("/coverages/districts/regions/E.2").json()
    assert_schema("RegionFeature", body)
    assert (body["properties"]["pruid"], body["properties"]["province"]) == (None, None)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"q": "etang"}, ["W-1"]),
        ({"province": "ON"}, ["W-1"]),
        (position(5_000, 5_000), ["W-1"]),
        (position(10_000, 5_000), ["E.2", "W-1"]),
        (position(5_000, 50_000), []),
        ({"at": "2019-12-31"}, None),
        ({"limit": "1", "offset": "1"}, ["W-1"]),
    ],
)
def test_layer_parameters_apply_to_coverage_regions(get, districts, assert_problem, parameters, expected):
    response = get("/coverages/districts/regions", **parameters)
    if expected is None:
        assert_problem(response, 404, "no-vintage", parameter="at")
    else:
        assert codes(response) == expected


@pytest.mark.parametrize("code", ["W-1", "w-1", "2020A0011W-1"])
def test_region_is_found_by_code_or_dguid(get, districts, assert_schema, code):
    body = get(f"/coverages/districts/regions/{code}").json()
    assert_schema("RegionFeature", body)
    assert body["id"] == "W-1"


@pytest.mark.parametrize(
    ("generic", "named"),
    [
        ("/coverages/health-regions/regions", "/health-regions"),
        ("/coverages/health-regions/regions/3501", "/health-regions/3501"),
        ("/coverages/fsa/regions", "/fsa"),
        ("/coverages/fsa/regions/M5V", "/fsa/M5V/boundary"),
    ],
)
def test_generic_and_named_routes_return_the_same_regions(get, world, generic, named):
    item, other = get(generic).json(), get(named).json()
    pairs = zip(item.get("features", [item]), other.get("features", [other]), strict=True)
    for generic_feature, named_feature in pairs:
        assert generic_feature["geometry"] == named_feature["geometry"]
        code = generic_feature["properties"].pop("code")
        assert code in (named_feature["properties"].pop("hruid", None), named_feature["properties"].pop("cfsauid", None))
        assert generic_feature["properties"] == named_feature["properties"]
    assert item["vintage"] == other["vintage"]


@pytest.mark.parametrize("coverage", ["parishes", "Fsa%20x", "x" * 41, "1st", "%00", "é"])
@pytest.mark.parametrize("rest", ["regions", "regions/1"])
def test_unknown_coverage_gets_404(get, world, assert_problem, coverage, rest):
    assert_problem(get(f"/coverages/{coverage}/{rest}"), 404, "coverage-unknown", parameter="coverage")


def test_unknown_coverage_with_vintage_gets_404(get, world, assert_problem):
    assert_problem(get("/coverages/parishes/regions", vintage="2022"), 404, "coverage-unknown")


@pytest.mark.parametrize("code", ["3599", "x" * 22, "%00", "a\u200bb", "%20"])
def test_unknown_region_gets_404(get, districts, assert_problem, code):
    assert_problem(get(f"/coverages/districts/regions/{code}"), 404, "region-unknown")


def test_unknown_region_hint_names_its_vintage(get, districts, assert_problem):
    later = worlds.make_vintage("districts", "2024", date(2024, 1, 1))
    worlds.add_places(later, (Place("N-9", "35", ((0, 0, 1_000, 1_000),)),))
    problem = assert_problem(get("/coverages/districts/regions/W-1"), 404, "region-unknown")
    assert problem["hint"] == "It is in vintage 2020."
    (other,) = problem["elsewhere"]
    assert get(other["href"]).json()["properties"]["code"] == other["code"] == "W-1"
    assert "page" not in other


def test_known_coverage_without_vintage_gets_503(get, db, assert_problem):
    assert_problem(get("/coverages/fsa/regions"), 503, "nothing-published")

"""GET /health-regions/{id}/neighbours, and the same for any coverage."""

import pytest

from geography.vintages import catalogue

pytestmark = pytest.mark.usefixtures("related")


def borders(body):
    return [(feature["id"], round(feature["properties"]["border_km"])) for feature in body["features"]]


class TestNeighboursOfHealthRegion:
    def test_neighbours_are_ordered_by_border_length(self, get, assert_schema):
        response = get("/health-regions/3502/neighbours")
        body = response.json()
        assert response.headers["Content-Type"] == "application/geo+json"
        assert_schema("HealthRegionNeighbours", body)
        assert sorted(borders(body)) == [("2401", 10), ("3501", 10), ("3503", 8), ("3504", 10)]
        lengths = [feature["properties"]["border_km"] for feature in body["features"]]
        assert lengths == sorted(lengths, reverse=True)
        assert (body["region"]["hruid"], body["tolerance_m"]) == ("3502", 0.001)

    def test_border_length_is_symmetric(self, get):
        for feature in get("/health-regions/3502/neighbours", detail="none").json()["features"]:
            back = get(f"/health-regions/{feature['id']}/neighbours", detail="none").json()["features"]
            (there,) = (item["properties"]["border_km"] for item in back if item["id"] == "3502")
            assert there == feature["properties"]["border_km"]

    def test_regions_that_meet_at_a_point_are_neighbours(self, get):
        assert ("3504", 0) in borders(get("/health-regions/3501/neighbours").json())

    def test_island_has_no_neighbours(self, get, assert_schema):
        body = get("/health-regions/6101/neighbours").json()
        assert_schema("HealthRegionNeighbours", body)
        assert (body["features"], body["number_matched"], body["tolerance_m"]) == ([], 0, None)
        assert "bbox" not in body

    def test_neighbours_depend_on_the_vintage(self, get):
        assert borders(get("/health-regions/3501/neighbours", vintage="2018").json()) == [("2401", 10)]
        assert borders(get("/health-regions/3501/neighbours", at="2019-05-01").json()) == [("2401", 10)]

    def test_dguid_detail_and_lang_are_accepted(self, get):
        body = get("/health-regions/2022A00073503/neighbours", detail="none", lang="fr").json()
        (only,) = body["features"]
        assert (only["id"], only["geometry"], only["properties"]["name"]) == (
            "3502",
            None,
            "Circonscription sanitaire de l'Est",
        )

    def test_unknown_region_hint_names_its_vintage(self, get, assert_problem):
        assert_problem(get("/health-regions/3599/neighbours"), 404, "region-unknown", parameter="id")
        body = assert_problem(get("/health-regions/3504/neighbours", vintage="2018"), 404, "region-unknown")
        assert body["hint"] == "It is in vintage 2022."

    def test_cached_catalogue_leaves_two_queries(self, get, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
        get("/health-regions/3501/neighbours")
        with django_assert_num_queries(2):
            get("/health-regions/3502/neighbours")


def test_neighbours_of_any_coverage(get, assert_schema, assert_problem):
    body = get("/coverages/fsa/regions/m1a/neighbours").json()
    assert_schema("RegionNeighbours", body)
    assert {code for code, _ in borders(body)} == {"M5V", "P0L"}
    assert body["region"]["code"] == "M1A"
    assert_problem(get("/coverages/parishes/regions/1/neighbours"), 404, "coverage-unknown", parameter="coverage")
    assert_problem(get("/coverages/fsa/regions/M9Z/neighbours"), 404, "region-unknown")

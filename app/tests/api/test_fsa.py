"""GET /fsa, /fsa/{code} and /fsa/{code}/boundary."""

import pytest

from geography.models import Overlap

pytestmark = pytest.mark.usefixtures("world")


def shares(body):
    return [(feature["id"], feature["properties"]["share_of_fsa"]) for feature in body["features"]]


class TestHealthRegionsOfFsa:
    def test_health_regions_are_ordered_by_share(self, get, assert_schema):
        response = get("/fsa/M1A")
        body = response.json()
        assert response.headers["Content-Type"] == "application/geo+json"
        assert_schema("FsaHealthRegions", body)
        assert shares(body) == [("3502", 0.6), ("3501", 0.4)]
        assert body["fsa"] == {
            "code": "M1A",
            "is_split": True,
            "province": {"pruid": "35", "abbreviation": "ON", "name": "Ontario", "name_en": "Ontario", "name_fr": "Ontario"},
            "given": "fsa",
            "used": "M1A",
            "ordered_by": "area",
            "people_basis": None,
            "share_outside": 0.0,
            "warnings": [],
            "slivers_left_out": 0,
            "artefacts": [],
        }
        east = body["features"][0]["properties"]
        assert east["area_km2"] == pytest.approx(30)
        assert east["share_of_region"] == pytest.approx(30 / 96, abs=1e-6)
        assert east["region_area_km2"] == pytest.approx(96)

    @pytest.mark.parametrize("basis", ["blocks", "postal_codes"])
    def test_people_decide_the_order_where_known(self, get, assert_schema, basis):
        overlaps = Overlap.objects.filter(fsa__code="M1A", fsa_vintage__label="2021", health_region_vintage__label="2022")
        overlaps.filter(health_region__code="3501").update(share_of_people=0.9, people_basis=basis)
        overlaps.filter(health_region__code="3502").update(share_of_people=0.1, people_basis=basis)
        body = get("/fsa/M1A").json()
        assert_schema("FsaHealthRegions", body)
        assert shares(body) == [("3501", 0.4), ("3502", 0.6)]
        assert [feature["properties"]["share_of_people"] for feature in body["features"]] == [0.9, 0.1]
        assert (body["fsa"]["ordered_by"], body["fsa"]["people_basis"]) == ("people", basis)
        assert ("GeoNames" in body["attribution"]) == (basis == "postal_codes")
        page = get("/fsa/M1A.html").content.decode()
        assert page.index("West Health Unit") < page.index("East Health Unit")
        assert ("census blocks" in page, "positions of postal codes" in page) == (basis == "blocks", basis == "postal_codes")
        assert "not of population" not in page

    def test_slivers_are_omitted_and_counted(self, get):
        Overlap.objects.filter(fsa__code="M1A", health_region__code="3501", share_of_fsa=0.4).update(share_of_fsa=0.0009)
        body = get("/fsa/M1A").json()
        assert shares(body) == [("3502", 0.6)]
        assert body["fsa"]["is_split"] is False
        assert body["fsa"]["slivers_left_out"] == 1
        assert body["fsa"]["share_outside"] == pytest.approx(0.3991)

    def test_artefacts_are_omitted_and_listed(self, get, assert_schema):
        overlap = Overlap.objects.filter(fsa__code="M1A", health_region__code="3501", share_of_fsa=0.4)
        overlap.update(share_of_fsa=0.02, artefact="sliver", width_m=180.5)
        body = get("/fsa/M1A").json()
        assert_schema("FsaHealthRegions", body)
        assert shares(body) == [("3502", 0.6)]
        assert (body["fsa"]["is_split"], body["fsa"]["slivers_left_out"]) == (False, 0)
        (artefact,) = body["fsa"]["artefacts"]
        assert (artefact["hruid"], artefact["kind"], artefact["share_of_fsa"], artefact["width_m"]) == (
            "3501",
            "sliver",
            0.02,
            180.5,
        )
        of_region = get("/health-regions/3501/fsa").json()
        assert_schema("HealthRegionFsas", of_region)
        assert [feature["id"] for feature in of_region["features"]] == ["M5V"]
        assert [item["cfsauid"] for item in of_region["health_region"]["artefacts"]] == ["M1A"]

    def test_share_outside_comes_from_the_union(self, get):
        Overlap.objects.filter(fsa__code="M1A").update(share_outside=0.0182)
        assert get("/fsa/M1A").json()["fsa"]["share_outside"] == 0.0182

    def test_fsa_inside_one_health_region_is_not_split(self, get):
        body = get("/fsa/M5V").json()
        assert shares(body) == [("3501", 1.0)]
        assert body["fsa"]["is_split"] is False

    def test_shares_depend_on_both_vintages(self, get):
        body = get("/fsa/M1A", vintage="2018").json()
        assert shares(body) == [("3501", 1.0)]
        assert (body["vintage"]["label"], body["fsa_vintage"]["label"]) == ("2018", "2021")

    def test_fsa_vintage_parameter_selects_the_fsa_vintage(self, get):
        body = get("/fsa/M5V", fsa_vintage="extract").json()
        assert (body["fsa_vintage"]["label"], body["fsa_vintage"]["representation"]) == ("extract", "cartographic")

    def test_vintages_without_overlap_return_no_features(self, get, assert_schema):
        body = get("/fsa/M5V", fsa_vintage="demo").json()
        assert_schema("FsaHealthRegions", body)
        assert body["features"] == []
        assert body["fsa"]["is_split"] is False

    def test_demo_vintages_carry_a_notice(self, get):
        body = get("/fsa/M5V", at="2010-01-01").json()
        assert body["demo"] is True
        assert body["notice"].startswith("Demonstration boundaries")
        assert body["fsa_vintage"]["demo"] is True

    def test_detail_selects_the_geometry(self, get):
        assert get("/fsa/M5V", detail="none").json()["features"][0]["geometry"] is None
        assert get("/fsa/M5V").json()["features"][0]["geometry"]["type"] == "MultiPolygon"


class TestFsaSyntax:
    @pytest.mark.parametrize("code", ["M5V", "m5v", " m5v ", "m-5v", "M5V-", "M\u00a05V"])
    def test_fsa_spelling_variants_are_accepted(self, get, code):
        body = get(f"/fsa/{code}").json()
        assert (body["fsa"]["code"], body["fsa"]["given"], body["fsa"]["used"]) == ("M5V", "fsa", "M5V")

    @pytest.mark.parametrize("code", ["M5V3L9", "m5v 3l9", "m5v-3l9", "M5V–3L9"])
    def test_postal_code_is_reduced_to_its_fsa(self, get, code):
        response = get(f"/fsa/{code}")
        body = response.json()
        assert (body["fsa"]["given"], body["fsa"]["used"]) == ("postal_code", "M5V")
        assert b"3L9" not in response.content.upper()

    @pytest.mark.parametrize(
        "code",
        ["W1A", "Z1A", "D1A", "F1A", "I1A", "O1A", "Q1A", "U1A", "M1D", "M1F", "M1I", "M1O", "M1Q", "M1U", "5MV", "MMV", "M55"],
    )
    def test_impossible_letter_is_fsa_malformed(self, get, assert_problem, code):
        assert_problem(get(f"/fsa/{code}"), 400, "fsa-malformed", parameter="code")

    @pytest.mark.parametrize("code", ["M", "M5", "M5VV", "M5V3L", "M5V3L99", "M٥V", "M5V%00", "%00", "🍁", "---", "M5V;3L9"])
    @pytest.mark.parametrize("path", ["/fsa/{}", "/fsa/{}/boundary"])
    def test_other_text_is_fsa_malformed(self, get, assert_problem, path, code):
        assert_problem(get(path.format(code)), 400, "fsa-malformed", parameter="code")

    @pytest.mark.parametrize(("code", "meant"), [("MOV", "M0V"), ("MIV", "M1V"), ("8IA", "B1A"), ("m5v 3lo", "M5V")])
    def test_look_alike_gets_a_hint(self, get, assert_problem, code, meant):
        assert_problem(get(f"/fsa/{code}"), 400, "fsa-malformed", hint=f"Did you mean {meant}?")

    def test_huge_code_gets_a_short_400(self, get, assert_problem):
        response = get("/fsa/" + "M" * 1_000_000)
        assert_problem(response, 400, "fsa-malformed")
        assert len(response.content) < 1_000


class TestFsaWithoutBoundary:
    @pytest.mark.parametrize("path", ["/fsa/K1A", "/fsa/K1A/boundary", "/fsa/k1a 0b1"])
    def test_valid_fsa_without_boundary_gets_404(self, get, assert_problem, path):
        body = assert_problem(get(path), 404, "fsa-without-boundary", parameter="code")
        assert body["fsa"]["code"] == "K1A"
        assert [province["abbreviation"] for province in body["fsa"]["provinces"]] == ["ON"]

    @pytest.mark.parametrize(("code", "letters"), [("X0A", ["NU"]), ("X0G", ["NT"]), ("X9X", ["NT", "NU"])])
    def test_letter_x_belongs_to_two_territories(self, get, assert_problem, code, letters):
        body = assert_problem(get(f"/fsa/{code}"), 404, "fsa-without-boundary")
        assert [province["abbreviation"] for province in body["fsa"]["provinces"]] == letters

    def test_problem_lists_neighbouring_codes(self, get, assert_problem):
        assert assert_problem(get("/fsa/M1B"), 404, "fsa-without-boundary")["fsa"]["neighbours"] == ["M1A", "M5V"]
        assert assert_problem(get("/fsa/M9Z"), 404, "fsa-without-boundary")["fsa"]["neighbours"] == ["M5V"]
        assert assert_problem(get("/fsa/V5K"), 404, "fsa-without-boundary")["fsa"]["neighbours"] == []


class TestFsasOfHealthRegion:
    def test_fsas_are_ordered_by_code(self, get, assert_schema):
        body = get("/health-regions/3501/fsa").json()
        assert_schema("HealthRegionFsas", body)
        assert shares(body) == [("M1A", 0.4), ("M5V", 1.0)]
        assert body["health_region"]["hruid"] == "3501"
        assert (body["vintage"]["label"], body["fsa_vintage"]["label"]) == ("2022", "2021")

    def test_shares_agree_with_the_fsa_route(self, get):
        for feature in get("/health-regions/3501/fsa", detail="none").json()["features"]:
            (there,) = (
                item["properties"]
                for item in get(f"/fsa/{feature['id']}", detail="none").json()["features"]
                if item["id"] == "3501"
            )
            here = feature["properties"]
            assert all(here[key] == there[key] for key in ("share_of_fsa", "share_of_region", "area_km2"))

    def test_slivers_are_omitted_and_counted(self, get):
        Overlap.objects.filter(fsa__code="M1A", health_region__code="3501").update(share_of_fsa=0.0009)
        body = get("/health-regions/3501/fsa").json()
        assert [feature["id"] for feature in body["features"]] == ["M5V"]
        assert body["health_region"]["slivers_left_out"] == 1

    def test_unknown_health_region_gets_404(self, get, assert_problem):
        assert_problem(get("/health-regions/3599/fsa"), 404, "region-unknown", parameter="id")

    def test_request_without_cache_takes_seven_queries(self, plain_client, django_assert_num_queries):
        with django_assert_num_queries(7):
            plain_client.get("/health-regions/3501/fsa")


class TestFsaBoundary:
    def test_boundary_is_the_fsa_feature(self, get, assert_schema):
        body = get("/fsa/m5v 3l9/boundary").json()
        assert_schema("FsaFeature", body)
        assert (body["id"], body["properties"]["cfsauid"], body["vintage"]["coverage"]) == ("M5V", "M5V", "fsa")

    def test_vintage_parameter_selects_the_fsa_vintage(self, get, assert_problem):
        assert get("/fsa/M5V/boundary", vintage="extract").json()["vintage"]["label"] == "extract"
        assert_problem(get("/fsa/M5V/boundary", fsa_vintage="extract"), 400, "parameter-invalid", parameter="fsa_vintage")


class TestFsaLayer:
    def test_layer_holds_every_fsa_in_force(self, get, assert_schema):
        body = get("/fsa").json()
        assert_schema("FsaCollection", body)
        assert [feature["id"] for feature in body["features"]] == ["G7H", "M1A", "M5V", "P0L", "X1A"]

    def test_layer_accepts_filter_parameters(self, get):
        body = get("/fsa", province="ON", q="m5v", detail="none", limit=1).json()
        assert [feature["id"] for feature in body["features"]] == ["M5V"]

    def test_extract_needs_its_vintage_label(self, get):
        assert get("/fsa", vintage="extract").json()["vintage"]["extract"] is True
        assert get("/fsa").json()["vintage"]["extract"] is False

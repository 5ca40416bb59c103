"""GET /locate: the health region and the FSA that cover a position."""

import json

import pytest
from django.db import connection

from geography.models import Region
from geography.vintages import catalogue
from tests.support.demo_regions import NORTH, lonlat, position
from tests.support.lookup_index import build_indexes


def locate(get, x, y, **params):
    """Return the body of /locate for an offset; max_distance is 0 unless a test sets it."""
    response = get("/locate", **position(x, y), **({"max_distance": "0"} | params))
    assert response.status_code == 200, response.content
    return response.json()


@pytest.fixture(params=["tables", "index"])
def engine(request, world):
    """Use PostGIS (tables) or the compiled indexes (index) for lookups; return which of the two."""
    if request.param == "index":
        build_indexes(world.vintages.values())
    return request.param


def codes(body):
    result = body["properties"]
    return tuple(result[name] and result[name][code] for name, code in (("health_region", "hruid"), ("fsa", "cfsauid")))


@pytest.mark.usefixtures("engine")
class TestCovers:
    @pytest.mark.parametrize(
        ("place", "x", "y", "expected"),
        [
            ("inside", 2_000, 5_000, ("3501", "M5V")),
            ("on an artificial seam between pieces", 5_000, 3_000, ("3501", "M5V")),
            ("in the hole", 15_000, 5_000, ("3503", None)),
            ("beside the hole", 13_500, 5_000, ("3502", None)),
            ("on the island", -5_000, 3_000, ("3501", None)),
            ("between island and mainland", -2_000, 3_000, (None, None)),
            ("north of 60 degrees", NORTH[0] + 50_000, NORTH[1] + 50_000, ("6101", "X1A")),
        ],
    )
    def test_position_far_from_borders_is_certain(self, get, place, x, y, expected):
        body = locate(get, x, y)
        assert codes(body) == expected
        assert body["properties"]["certain"] is True
        assert body["properties"]["match"] == ("covers" if expected[0] else "none")

    @pytest.mark.parametrize(
        ("place", "x", "y", "expected"),
        [
            ("shared border", 10_000, 5_000, "3501"),
            ("shared vertex of three", 10_000, 10_000, "3501"),
            ("shared vertex where a lower code comes last", 20_000, 10_000, "2401"),
            ("border of the hole", 14_000, 5_000, "3502"),
        ],
    )
    def test_shared_border_matches_lowest_code_uncertain(self, get, place, x, y, expected):
        body = locate(get, x, y)
        assert codes(body)[0] == expected
        assert body["properties"]["certain"] is False
        assert body["properties"]["health_region"]["certain"] is False

    def test_position_near_a_border_is_uncertain(self, get):
        body = locate(get, 10_001, 5_000)
        assert codes(body)[0] == "3502"
        assert body["properties"]["certain"] is False

    def test_offshore_beyond_two_metres_matches_none_certain(self, get):
        body = locate(get, -2.5, 5_000)
        assert body["properties"]["match"] == "none"
        assert body["properties"]["certain"] is True
        assert body["properties"]["health_region"] is None
        assert body["properties"]["province"] is None

    def test_offshore_within_two_metres_matches_none_uncertain(self, get):
        body = locate(get, -1, 5_000)
        assert body["properties"]["match"] == "none"
        assert body["properties"]["certain"] is False

    def test_fsa_border_leaves_the_health_region_certain(self, get):
        body = locate(get, 8_000, 5_000)
        assert codes(body) == ("3501", "M1A")
        assert body["properties"]["certain"] is True
        assert body["properties"]["fsa"]["certain"] is False

    @pytest.mark.parametrize(("lat", "lon"), [("-90", "180"), ("90", "-180"), ("0", "0"), ("-0.0", "-0.0"), ("48.85", "2.35")])
    def test_position_outside_canada_matches_none(self, get, lat, lon):
        response = get("/locate", lat=lat, lon=lon)
        assert response.status_code == 200
        assert response.json()["properties"]["match"] == "none"
        assert response.json()["properties"]["certain"] is True


@pytest.mark.usefixtures("engine")
class TestNearest:
    @pytest.mark.parametrize(
        ("place", "x", "y", "neighbour", "metres"),
        [
            ("inside", 2_000, 5_000, "3502", 8_000),
            ("in the hole, the region around it", 15_000, 5_000, "3502", 1_000),
            ("around the hole, the enclave", 13_500, 5_000, "3503", 500),
            ("on an island, not its own mainland", -5_000, 3_000, "3502", 15_000),
            ("near a corner", 19_000, 9_500, "3504", 500),
        ],
    )
    def test_neighbour_is_the_nearest_other_region(self, get, place, x, y, neighbour, metres):
        result = locate(get, x, y)["properties"]
        assert result["neighbour"]["hruid"] == neighbour
        # A projected metre differs from a ground metre by some per cent here; the response has ground metres.
        assert result["distance_to_border_m"] == pytest.approx(metres, rel=0.05)
        assert result["distance_m"] == 0

    def test_distance_is_measured_on_the_ellipsoid(self, get):
        lon, lat = lonlat(2_000, 5_000)
        border_lon, border_lat = lonlat(10_000, 5_000)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ST_Distance(ST_MakePoint(%s, %s)::geography, ST_MakePoint(%s, %s)::geography)",
                [lon, lat, border_lon, border_lat],
            )
            (expected,) = cursor.fetchone()
        assert locate(get, 2_000, 5_000)["properties"]["distance_to_border_m"] == pytest.approx(expected, abs=0.1)

    def test_position_off_the_coast_matches_nearest(self, get, assert_schema):
        body = locate(get, -1_000, 5_000, max_distance="5000")
        assert_schema("Located", body)
        result = body["properties"]
        assert (result["match"], result["health_region"]["hruid"], result["fsa"]["cfsauid"]) == ("nearest", "3501", "M5V")
        assert result["distance_m"] == pytest.approx(1_000, rel=0.05)
        assert result["certain"] is False
        assert result["neighbour"] is None
        assert result["distance_to_border_m"] is None

    def test_default_max_distance_is_five_kilometres(self, get):
        near, far = (get("/locate", **position(x, 5_000)).json()["properties"]["match"] for x in (-8_000, -13_000))
        assert (near, far) == ("nearest", "none")

    def test_position_beyond_max_distance_matches_none(self, get):
        assert locate(get, -1_000, 5_000, max_distance="900")["properties"]["match"] == "none"


@pytest.mark.usefixtures("engine")
class TestAccuracy:
    def test_accuracy_lists_candidates_with_share_of_circle(self, get, assert_schema):
        body = locate(get, 9_900, 5_000, accuracy="200")
        assert_schema("Located", body)
        result = body["properties"]
        assert [item["hruid"] for item in result["candidates"]] == ["3501", "3502"]
        assert sum(item["share_of_circle"] for item in result["candidates"]) == pytest.approx(1, abs=1e-5)
        # The border is 100 m from the centre of a circle with a radius of 300 m.
        assert result["candidates"][0]["share_of_circle"] == pytest.approx(0.708, abs=0.01)
        assert (result["accuracy_m"], result["uncertainty_m"]) == (200, 300)
        assert [reason["type"] for reason in result["reasons"]] == ["border"]
        assert result["certain"] is False
        assert result["health_region"]["hruid"] == "3501"

    def test_single_candidate_is_certain(self, get):
        result = locate(get, 9_900, 5_000, accuracy="35")["properties"]
        assert [(item["hruid"], item["share_of_circle"]) for item in result["candidates"]] == [("3501", 1.0)]
        assert result["certain"] is True
        assert (result["uncertainty_m"], result["reasons"]) == (52.5, [])

    def test_share_of_circle_excludes_the_sea(self, get):
        result = locate(get, 1, 5_000, accuracy="1000")["properties"]
        assert [item["hruid"] for item in result["candidates"]] == ["3501"]
        assert result["candidates"][0]["share_of_circle"] == pytest.approx(0.5, abs=0.01)

    def test_candidates_exist_where_nothing_covers(self, get):
        result = locate(get, -100, 5_000, accuracy="150")["properties"]
        assert (result["match"], result["certain"]) == ("none", False)
        assert [item["hruid"] for item in result["candidates"]] == ["3501"]

    def test_zero_accuracy_allows_for_the_datum_shift(self, get):
        result = locate(get, 9_999, 5_000, accuracy="0")["properties"]
        assert [item["hruid"] for item in result["candidates"]] == ["3501", "3502"]

    def test_pieces_of_a_region_are_one_candidate(self, get):
        result = locate(get, 5_000, 5_000, accuracy="1000")["properties"]
        assert [(item["hruid"], item["share_of_circle"]) for item in result["candidates"]] == [("3501", 1.0)]

    def test_position_outside_canada_has_no_candidates(self, get):
        assert get("/locate", lat="0", lon="0", accuracy="50000").json()["properties"]["candidates"] == []

    def test_accuracy_query_count(self, plain_client, engine, django_assert_num_queries):
        # The other queries read the published vintages and the reused codes: tests disable the catalogue cache.
        with django_assert_num_queries(6 if engine == "index" else 9):
            plain_client.get("/locate", position(2_000, 5_000) | {"accuracy": "35", "max_distance": "0"})

    @pytest.mark.parametrize("name", ["accuracy", "max_distance"])
    @pytest.mark.parametrize("bad", ["-1", "50001", "nan", "inf", "1e9", "35 m", "", "0x10", "٣", "9" * 50])
    def test_invalid_accuracy_or_max_distance_gets_400(self, get, assert_problem, name, bad):
        assert_problem(get("/locate", **position(0, 0), **{name: bad}), 400, "parameter-invalid", parameter=name)


@pytest.mark.usefixtures("engine")
class TestReasons:
    @pytest.fixture
    def reload_indexes(self, world, engine):
        """Return a function that recompiles the indexes after a change."""

        def read():
            catalogue.clear()
            if engine == "index":
                build_indexes([world.vintages["health-regions", "2022"], world.vintages["fsa", "2021"]])

        return read

    @pytest.fixture
    def conflict(self, world, reload_indexes):
        """Put the FSA in Quebec and the health region in Ontario, as vintages with different borders do."""
        Region.objects.filter(vintage=world.vintages["fsa", "2021"], code="M5V").update(pruid="24")
        reload_indexes()

    def test_reason_province_names_both_provinces(self, get, assert_schema, conflict):
        body = locate(get, 2_000, 5_000)
        assert_schema("Located", body)
        result = body["properties"]
        assert (result["certain"], result["health_region"]["certain"], result["fsa"]["certain"]) == (False, False, False)
        assert result["reasons"] == [
            {
                "type": "province",
                "detail": "The health region is in Ontario and the FSA in Quebec: "
                "the two vintages draw the border differently.",
            }
        ]

    def test_reasons_are_translated(self, get, conflict):
        (reason,) = locate(get, 2_000, 5_000, lang="fr")["properties"]["reasons"]
        assert reason["type"] == "province"
        assert "Québec" in reason["detail"]
        assert "The health region" not in reason["detail"]

    def test_reason_edition_names_the_misfitting_vintage(self, get, world, reload_indexes):
        vintage = world.vintages["health-regions", "2022"]
        vintage.regions.update(misfit_m=300)
        vintage.misfit_m = 300
        vintage.save()
        reload_indexes()
        result = locate(get, 9_800, 5_000)["properties"]
        assert (result["certain"], result["uncertainty_m"]) == (False, 302)
        assert [reason["type"] for reason in result["reasons"]] == ["border", "edition"]
        assert "2022" in result["reasons"][1]["detail"]
        assert locate(get, 9_000, 5_000)["properties"]["reasons"] == []

    def test_reason_nearest_where_nothing_covers(self, get):
        assert [reason["type"] for reason in locate(get, -1_000, 5_000, max_distance="5000")["properties"]["reasons"]] == [
            "nearest"
        ]

    def test_bulk_results_have_the_same_reasons(self, client, conflict):
        lon, lat = lonlat(2_000, 5_000)

        def post(body, media_type):
            response = client.post("/locate", body, content_type=media_type)
            return b"".join(response).decode()

        (result,) = json.loads(post(json.dumps({"points": [[lon, lat]]}), "application/json"))["results"]
        assert (result["certain"], [reason["type"] for reason in result["reasons"]]) == (False, ["province"])
        assert ",false," in post(f"lat,lon\n{lat},{lon}\n", "text/csv").splitlines()[1]


@pytest.mark.usefixtures("world")
class TestLocateResponse:
    def test_response_is_a_point_with_both_vintages(self, get, assert_schema):
        lon, lat = lonlat(2_000, 5_000)
        body = locate(get, 2_000, 5_000)
        assert_schema("Located", body)
        assert body["geometry"] == {"type": "Point", "coordinates": [lon, lat]}
        assert (body["vintage"]["coverage"], body["vintage"]["label"]) == ("health-regions", "2022")
        assert (body["fsa_vintage"]["coverage"], body["fsa_vintage"]["label"]) == ("fsa", "2021")
        assert body["properties"]["health_region"]["vintage"] == "2022"
        assert body["properties"]["province"]["abbreviation"] == "ON"
        assert body["attribution"] == "Source: health-regions 2022\nSource: fsa 2021"
        assert body["demo"] is False
        assert "notice" not in body

    def test_response_without_match_has_the_vintages(self, get, assert_schema):
        body = get("/locate", lat="0", lon="0").json()
        assert_schema("Located", body)
        assert body["vintage"]["label"] == "2022"

    def test_province_comes_from_fsa_without_health_region(self, get, world):
        world.vintages["health-regions", "2022"].regions.filter(code="3501").delete()
        assert locate(get, 2_000, 5_000)["properties"]["province"]["pruid"] == "35"

    def test_demo_vintage_carries_a_notice(self, get, assert_schema):
        body = locate(get, 2_000, 5_000, at="2010-06-01")
        assert_schema("Located", body)
        assert body["demo"] is True
        assert body["notice"] == "Demonstration boundaries: approximate, not for decisions."
        assert body["properties"]["health_region"]["demo"] is True

    def test_one_demo_vintage_makes_the_response_demo(self, get):
        body = locate(get, 2_000, 5_000, at="2019-06-01")
        assert (body["vintage"]["demo"], body["fsa_vintage"]["demo"], body["demo"]) == (False, True, True)

    def test_lng_is_an_alias_of_lon(self, get):
        lon, lat = lonlat(2_000, 5_000)
        assert get("/locate", lat=lat, lng=lon).json()["properties"]["health_region"]["hruid"] == "3501"

    def test_vintage_and_fsa_vintage_select_vintages(self, get):
        body = locate(get, 12_000, 5_000, vintage="2018", fsa_vintage="extract")
        assert codes(body) == ("3501", None)
        assert body["fsa_vintage"]["extract"] is True

    def test_cached_catalogue_leaves_one_query_for_each_vintage(self, get, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
        locate(get, 2_000, 5_000)
        with django_assert_num_queries(2):
            locate(get, 2_001, 5_000)

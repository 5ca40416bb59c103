"""GET /locate: which health region and FSA cover a position."""

import pytest

from tests.world import NORTH, lonlat, position


def ask(get, x, y, **params):
    response = get("/locate", **position(x, y), **params)
    assert response.status_code == 200, response.content
    return response.json()


def codes(body):
    found = body["properties"]
    return tuple(found[name] and found[name][code] for name, code in (("health_region", "hruid"), ("fsa", "cfsauid")))


@pytest.mark.usefixtures("world")
class TestWhereItLies:
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
    def test_a_position_finds_its_region_with_certainty(self, get, place, x, y, expected):
        body = ask(get, x, y)
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
    def test_on_a_shared_border_the_lowest_code_wins_and_is_not_certain(self, get, place, x, y, expected):
        body = ask(get, x, y)
        assert codes(body)[0] == expected
        assert body["properties"]["certain"] is False
        assert body["properties"]["health_region"]["certain"] is False

    def test_a_position_near_a_border_is_covered_but_not_certain(self, get):
        body = ask(get, 10_001, 5_000)
        assert codes(body)[0] == "3502"
        assert body["properties"]["certain"] is False

    def test_two_metres_offshore_nothing_covers_and_that_is_certain(self, get):
        body = ask(get, -2.5, 5_000)
        assert body["properties"]["match"] == "none"
        assert body["properties"]["certain"] is True
        assert body["properties"]["health_region"] is None
        assert body["properties"]["province"] is None

    def test_one_metre_offshore_nothing_covers_but_that_is_not_certain(self, get):
        body = ask(get, -1, 5_000)
        assert body["properties"]["match"] == "none"
        assert body["properties"]["certain"] is False

    def test_a_border_of_fsas_only_leaves_the_health_region_certain(self, get):
        body = ask(get, 8_000, 5_000)
        assert codes(body) == ("3501", "M1A")
        assert body["properties"]["certain"] is True
        assert body["properties"]["fsa"]["certain"] is False

    @pytest.mark.parametrize(("lat", "lon"), [("-90", "180"), ("90", "-180"), ("0", "0"), ("-0.0", "-0.0"), ("48.85", "2.35")])
    def test_far_away_nothing_matches_and_nothing_breaks(self, get, lat, lon):
        response = get("/locate", lat=lat, lon=lon)
        assert response.status_code == 200
        assert response.json()["properties"]["match"] == "none"
        assert response.json()["properties"]["certain"] is True


@pytest.mark.usefixtures("world")
class TestTheAnswer:
    def test_is_a_geojson_point_with_both_vintages(self, get, assert_schema):
        lon, lat = lonlat(2_000, 5_000)
        body = ask(get, 2_000, 5_000)
        assert_schema("Located", body)
        assert body["geometry"] == {"type": "Point", "coordinates": [lon, lat]}
        assert (body["vintage"]["coverage"], body["vintage"]["label"]) == ("health-regions", "2022")
        assert (body["fsa_vintage"]["coverage"], body["fsa_vintage"]["label"]) == ("fsa", "2021")
        assert body["properties"]["health_region"]["vintage"] == "2022"
        assert body["properties"]["province"]["abbreviation"] == "ON"
        assert body["attribution"] == "Source: health-regions 2022\nSource: fsa 2021"
        assert body["demo"] is False
        assert "notice" not in body

    def test_without_a_match_keeps_the_vintages(self, get, assert_schema):
        body = get("/locate", lat="0", lon="0").json()
        assert_schema("Located", body)
        assert body["vintage"]["label"] == "2022"

    def test_takes_the_province_from_the_fsa_where_no_health_region_covers(self, get, world):
        world.vintages["health-regions", "2022"].regions.filter(code="3501").delete()
        assert ask(get, 2_000, 5_000)["properties"]["province"]["pruid"] == "35"

    def test_of_a_demo_vintage_says_so(self, get, assert_schema):
        body = ask(get, 2_000, 5_000, at="2010-06-01")
        assert_schema("Located", body)
        assert body["demo"] is True
        assert body["notice"] == "Demonstration boundaries: approximate, not for decisions."
        assert body["properties"]["health_region"]["demo"] is True

    def test_is_a_demo_when_only_one_of_the_two_vintages_is(self, get):
        body = ask(get, 2_000, 5_000, at="2019-06-01")
        assert (body["vintage"]["demo"], body["fsa_vintage"]["demo"], body["demo"]) == (False, True, True)

    def test_takes_lng_for_lon(self, get):
        lon, lat = lonlat(2_000, 5_000)
        assert get("/locate", lat=lat, lng=lon).json()["properties"]["health_region"]["hruid"] == "3501"

    def test_takes_a_label_for_each_coverage(self, get):
        body = ask(get, 12_000, 5_000, vintage="2018", fsa_vintage="extract")
        assert codes(body) == ("3501", None)
        assert body["fsa_vintage"]["extract"] is True

    def test_takes_three_queries(self, get, django_assert_num_queries):
        with django_assert_num_queries(3):
            ask(get, 2_000, 5_000)


@pytest.mark.usefixtures("world")
class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "bad", ["nan", "NaN", "inf", "-inf", "Infinity", "1e999", "1_0", "٤٥", "0x10", "12,5", "4" * 41, "x"]
    )
    @pytest.mark.parametrize("name", ["lat", "lon"])
    def test_what_is_no_number(self, get, assert_problem, name, bad):
        response = get("/locate", **({"lat": "45", "lon": "-75"} | {name: bad}))
        assert_problem(response, 400, "coordinate-invalid", parameter=name)

    @pytest.mark.parametrize(("lat", "lon", "name"), [("95", "-75", "lat"), ("-90.1", "0", "lat"), ("45", "-181", "lon")])
    def test_what_is_out_of_range(self, get, assert_problem, lat, lon, name):
        assert_problem(get("/locate", lat=lat, lon=lon), 400, "coordinate-invalid", parameter=name)

    @pytest.mark.parametrize(
        ("lat", "lon", "hint"),
        [
            ("43.65", "79.38", "Did you mean lat=43.65&lon=-79.38?"),
            ("-79.38", "43.65", "Did you mean lat=43.65&lon=-79.38?"),
            ("79.38", "43.65", "Did you mean lat=43.65&lon=-79.38?"),
            ("-123.1", "49.2", "Did you mean lat=49.2&lon=-123.1?"),
        ],
    )
    def test_swapped_and_unsigned_pairs_with_what_was_meant(self, get, assert_problem, lat, lon, hint):
        assert_problem(get("/locate", lat=lat, lon=lon), 400, "coordinate-invalid", hint=hint)

    @pytest.mark.parametrize("params", [{"lat": "45"}, {"lon": "-75"}, {}])
    def test_half_a_position(self, get, assert_problem, params):
        body = assert_problem(get("/locate", **params), 400, "parameter-invalid")
        assert body["parameter"] not in params

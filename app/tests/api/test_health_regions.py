"""GET /health-regions and /health-regions/{id}."""

import pytest
import requests

from tests.support.demo_regions import NORTH, lonlat, position

ALL = ["2401", "3501", "3502", "3503", "3504", "6101"]

pytestmark = pytest.mark.usefixtures("world")


def ids(response):
    assert response.status_code == 200, response.content
    return [feature["id"] for feature in response.json()["features"]]


def box(x1, y1, x2, y2):
    """Return the `bbox` parameter of two corners, given as offsets."""
    (west, south), (east, north) = lonlat(x1, y1), lonlat(x2, y2)
    return f"{west!r},{south!r},{east!r},{north!r}"


class TestHealthRegionList:
    def test_list_holds_regions_in_force_ordered_by_code(self, get, assert_schema):
        response = get("/health-regions")
        body = response.json()
        assert response.headers["Content-Type"] == "application/geo+json"
        assert_schema("HealthRegionCollection", body)
        assert ids(response) == ALL
        assert (body["number_matched"], body["number_returned"]) == (6, 6)
        assert body["vintage"]["label"] == "2022"
        assert body["links"] == [{"rel": "self", "type": "application/geo+json", "href": "/health-regions"}]

    def test_list_bbox_covers_all_features(self, get):
        body = get("/health-regions").json()
        boxes = [feature["bbox"] for feature in body["features"]]
        assert body["bbox"] == [f(side) for f, side in zip((min, min, max, max), zip(*boxes, strict=True), strict=True)]

    def test_feature_properties(self, get):
        saguenay = get("/health-regions").json()["features"][0]
        assert saguenay["properties"] | {"area_km2": None} == {
            "hruid": "2401",
            "dguid": "2022A00072401",
            "name": "Région du Saguenay—Lac-Saint-Jean",
            "name_en": "Région du Saguenay—Lac-Saint-Jean",
            "name_fr": "Région du Saguenay—Lac-Saint-Jean",
            "pruid": "24",
            "province": {"pruid": "24", "abbreviation": "QC", "name": "Quebec", "name_en": "Quebec", "name_fr": "Québec"},
            "population": None,
            "land_area_km2": None,
            "area_km2": None,
            "vintage": "2022",
            "warnings": [],
        }
        assert saguenay["properties"]["area_km2"] == pytest.approx(100)

    def test_geometry_keeps_holes_and_islands(self, get):
        west, east = get("/health-regions", province="ON").json()["features"][:2]
        assert [len(polygon) for polygon in west["geometry"]["coordinates"]] == [1, 1]
        assert [len(polygon) for polygon in east["geometry"]["coordinates"]] == [2]

    @pytest.mark.parametrize(("province", "expected"), [("24", ["2401"]), ("QC", ["2401"]), ("nt", ["6101"]), ("NU", [])])
    def test_province_filter_accepts_pruid_or_abbreviation(self, get, province, expected):
        assert ids(get("/health-regions", province=province)) == expected

    @pytest.mark.parametrize("province", ["99", "Ontario", "X", "٣٥"])
    def test_unknown_province_gets_400(self, get, assert_problem, province):
        body = assert_problem(get("/health-regions", province=province), 400, "parameter-invalid", parameter="province")
        assert "ON (35)" in body["detail"]

    @pytest.mark.parametrize(
        ("q", "expected"),
        [
            ("saguenay", ["2401"]),
            ("SAGUENAY LAC", ["2401"]),
            ("lac-saint-jean region", ["2401"]),
            ("Saguenay—Lac", ["2401"]),
            ("re\u0301gion", ["2401"]),
            ("health unit", ["3501", "3502", "3503", "3504"]),
            ("circonscription ouest", ["3501"]),
            ("oeuvre", ["3504"]),
            ("Œuvre", ["3504"]),
            ("6101", ["6101"]),
            ("nowhere", []),
            ("REGION DU SAGUENAY\u2011LAC\u2010SAINT\u2013JEAN", ["2401"]),
            ("Circonscription sanitaire de l\u2019Ouest", ["3501"]),
            ("circonscription sanitaire de louest", ["3501"]),
            ("circonscription sanitaire de l'ouest", ["3501"]),
            ("\u0153uvre du haut", ["3504"]),
            ("health\tunit\u00a0", ["3501", "3502", "3503", "3504"]),
            ("' OR 1=1 --", ["6101"]),
        ],
    )
    def test_q_ignores_accents_case_and_dashes(self, get, q, expected):
        assert ids(get("/health-regions", q=q)) == expected

    @pytest.mark.parametrize("q", ["健康", "ᓄᓇᕗᑦ", "---", "%", "_", "' -- ;", "health\x00unit", "\ufffd", "a" * 101])
    def test_unsearchable_q_gets_400(self, get, assert_problem, q):
        assert_problem(get("/health-regions", q=q), 400, "parameter-invalid", parameter="q")

    def test_filters_are_combined(self, get):
        assert ids(get("/health-regions", province="ON", q="west", **position(2_000, 2_000))) == ["3501"]
        assert ids(get("/health-regions", province="QC", q="west")) == []

    def test_empty_list_has_no_bbox(self, get, assert_schema):
        body = get("/health-regions", q="nowhere").json()
        assert_schema("HealthRegionCollection", body)
        assert "bbox" not in body
        assert body["features"] == []
        assert body["vintage"]["label"] == "2022"

    @pytest.mark.parametrize(
        ("x", "y", "expected"),
        [(2_000, 2_000, ["3501"]), (20_000, 10_000, ["2401", "3502", "3504"]), (-3_000, 3_000, [])],
    )
    def test_position_filter_returns_covering_regions(self, get, x, y, expected):
        assert ids(get("/health-regions", **position(x, y))) == expected

    @pytest.mark.parametrize("value", ["lat", "lon"])
    def test_lat_or_lon_alone_gets_400(self, get, assert_problem, value):
        missing = {"lat": "lon", "lon": "lat"}[value]
        assert_problem(get("/health-regions", **{value: "45"}), 400, "parameter-invalid", parameter=missing)


class TestBbox:
    @pytest.mark.parametrize(
        ("corners", "expected"),
        [
            ((1_000, 1_000, 2_000, 2_000), ["3501"]),
            ((14_500, 4_500, 15_500, 5_500), ["3503"]),
            ((9_000, 4_000, 11_000, 6_000), ["3501", "3502"]),
            ((2_000, 2_000, 2_000, 2_000), ["3501"]),
            ((-20_000, 5_000, -20_000, 5_000), []),
            ((40_000, 0, 41_000, 1_000), []),
        ],
    )
    def test_bbox_returns_intersecting_regions(self, get, corners, expected):
        assert ids(get("/health-regions", bbox=box(*corners))) == expected

    def test_touching_bbox_intersects(self, get):
        west, south = lonlat(-1_000, 0)
        east, north = lonlat(0, 5_000)
        assert "3501" in ids(get("/health-regions", bbox=f"{west!r},{south!r},{east!r},{north!r}"))

    @pytest.mark.parametrize("text", ["-180,-90,180,90", "-142,41,-52,84"])
    def test_world_bbox_returns_all_regions(self, get, text):
        assert ids(get("/health-regions", bbox=text)) == ALL

    def test_bbox_across_the_antimeridian(self, get):
        north = lonlat(NORTH[0] + 50_000, NORTH[1] + 50_000)
        assert ids(get("/health-regions", bbox=f"170,60,{north[0]!r},80")) == ["6101"]
        assert ids(get("/health-regions", bbox="170,60,-170,80")) == []

    @pytest.mark.parametrize(
        "text", ["0,0,1,1", "-142,41,-142,41", "-141,60,-141,84", "-180,-90,-180,-90", "180,90,180,90", "0,-90,0,90"]
    )
    def test_bbox_elsewhere_returns_no_regions(self, get, text):
        assert ids(get("/health-regions", bbox=text)) == []

    @pytest.mark.parametrize(
        "text",
        ["nan,nan,nan,nan", "-80,43,-79,inf", "1,2,3", "1,2,3,4,5", "a,b,c,d", "-80,43,,44", ",,,", "-181,0,0,1", "0,0,0,91"],
    )
    def test_invalid_bbox_gets_400(self, get, assert_problem, text):
        assert_problem(get("/health-regions", bbox=text), 400, "coordinate-invalid", parameter="bbox")

    def test_reversed_latitudes_get_a_hint(self, get, assert_problem):
        hint = "Did you mean -80,43,-79,44?"
        assert_problem(get("/health-regions", bbox="-80,44,-79,43"), 400, "coordinate-invalid", hint=hint)


class TestDetail:
    def decimals(self, feature):
        return max(len(str(number).partition(".")[2]) for number in feature["geometry"]["coordinates"][0][0][0])

    @pytest.mark.parametrize(("detail", "decimals"), [("low", 3), ("medium", 4), ("high", 5), ("full", 6)])
    def test_detail_selects_the_stored_level(self, get, detail, decimals):
        assert self.decimals(get("/health-regions", detail=detail).json()["features"][1]) <= decimals
        assert self.decimals(get("/health-regions/3501", detail=detail).json()) == decimals

    def test_default_detail_of_list_and_region(self, get):
        for path, detail in (("/health-regions", "low"), ("/health-regions/3501", "high")):
            default, named = get(path).json(), get(path, detail=detail).json()
            assert default | {"links": None} == named | {"links": None}

    @pytest.mark.parametrize("path", ["/health-regions", "/health-regions/3501"])
    def test_detail_none_omits_the_geometry(self, get, path):
        body = get(path, detail="none").json()
        feature = body.get("features", [body])[0]
        assert feature["geometry"] is None
        assert len(feature["bbox"]) == 4

    def test_unknown_detail_gets_400(self, get, assert_problem):
        assert_problem(get("/health-regions", detail="ultra"), 400, "parameter-invalid", parameter="detail")


class TestPaging:
    def follow(self, get, body, rel):
        return next((get(link["href"]).json() for link in body["links"] if link["rel"] == rel), None)

    def test_next_and_prev_links_visit_every_region(self, get):
        body, seen = get("/health-regions", limit=4, detail="none").json(), []
        while body:
            assert body["number_matched"] == 6
            seen += [feature["id"] for feature in body["features"]]
            last, body = body, self.follow(get, body, "next")
        assert seen == ALL
        assert [feature["id"] for feature in self.follow(get, last, "prev")["features"]] == ALL[:4]

    def test_next_link_keeps_filters_and_pins_vintage(self, get):
        body = get("/health-regions", province="ON", limit=1, at="2022-06-01").json()
        href = next(link["href"] for link in body["links"] if link["rel"] == "next")
        assert href == "/health-regions?limit=1&province=ON&vintage=2022&offset=1"
        assert self.follow(get, body, "next")["features"][0]["id"] == "3502"

    def test_offset_beyond_the_end_is_empty(self, get):
        body = get("/health-regions", limit=4, offset=100).json()
        assert (body["number_matched"], body["number_returned"]) == (6, 0)
        assert [feature["id"] for feature in self.follow(get, body, "prev")["features"]] == ALL[2:]
        assert self.follow(get, body, "next") is None

    def test_self_link_encodes_any_text(self, get):
        body = get("/health-regions", q="région & lac", limit=1, detail="none").json()
        assert self.follow(get, body, "self") == body

    @pytest.mark.parametrize("limit", ["0", "-1", "2001", "1e3", "1.0", "+1", "9" * 100, "１"])
    def test_invalid_limit_gets_400(self, get, assert_problem, limit):
        assert_problem(get("/health-regions", limit=limit), 400, "parameter-invalid", parameter="limit")

    @pytest.mark.parametrize("detail", ["none", "low", "medium", "high", "full"])
    def test_no_limit_returns_the_whole_layer(self, get, detail):
        response = get("/health-regions", detail=detail)
        body = response.json()
        assert len(body["features"]) == body["number_returned"] == body["number_matched"] > 2
        assert [link["rel"] for link in body["links"]] == ["self"]
        assert 'rel="next"' not in response.headers.get("Link", "")

    @pytest.mark.parametrize("query", [{}, {"province": "35"}, {"q": "unit"}])
    def test_link_header_equals_body_links(self, get, query):
        whole = get("/health-regions", detail="none", **query).json()["features"]
        seen, address = [], "/health-regions"
        response = get(address, detail="none", limit=1, **query)
        for _ in range(20):
            for encoding in ("gzip", "identity"):  # cached or not, the Link header is the same
                again = get(
                    response.request["PATH_INFO"] + "?" + response.request["QUERY_STRING"],
                    headers={"Accept-Encoding": encoding},
                )
                assert again.headers.get("Link") == response.headers.get("Link")
            body = response.json()
            seen += body["features"]
            links = requests.utils.parse_header_links(response.headers["Link"])
            pages = {link["rel"]: link["url"] for link in links if link["rel"] in ("next", "prev")}
            assert pages == {item["rel"]: item["href"] for item in body["links"] if item["rel"] != "self"}
            if "next" not in pages:
                break
            response = get(pages["next"])
        assert seen == whole

    def test_offset_without_limit_returns_the_rest(self, get):
        codes = [feature["id"] for feature in get("/health-regions", detail="none").json()["features"]]
        body = get("/health-regions", detail="none", offset=1).json()
        assert [item["id"] for item in body["features"]] == codes[1:]
        (before,) = [link["href"] for link in body["links"] if link["rel"] == "prev"]
        assert [item["id"] for item in get(before).json()["features"]] == codes[:1]

    def test_layer_over_size_limit_names_the_download(self, get, assert_problem, settings):
        settings.LAYER_MAX_MB = 0
        problem = assert_problem(get("/health-regions", detail="full"), 400, "parameter-invalid", parameter="detail")
        assert "/downloads/health-regions/2022/health-regions-2022-full.geojson" in problem["hint"]
        assert get("/health-regions", detail="none").status_code == 200

    @pytest.mark.parametrize("offset", ["-1", "1000001", "x"])
    def test_invalid_offset_gets_400(self, get, assert_problem, offset):
        assert_problem(get("/health-regions", offset=offset), 400, "parameter-invalid", parameter="offset")


class TestHealthRegion:
    @pytest.mark.parametrize("region_id", ["3501", "2022A00073501", "2022a00073501", " 3501"])
    def test_health_region_is_found_by_hruid_or_dguid(self, get, assert_schema, region_id):
        body = get(f"/health-regions/{region_id}").json()
        assert_schema("HealthRegionFeature", body)
        assert (body["id"], body["vintage"]["label"], body["licence"]) == ("3501", "2022", "Open Licence")

    def test_vintage_parameter_changes_the_boundary(self, get):
        now, before = get("/health-regions/3501").json(), get("/health-regions/3501", vintage="2018").json()
        assert before["bbox"][2] > now["bbox"][2]
        assert (before["properties"]["name"], before["properties"]["vintage"]) == ("Whole Health Unit", "2018")

    @pytest.mark.parametrize(
        "region_id", ["3599", "9999", "350", "35011", "٣٥٠١", "2022A00079999", "M5V", "null", "3501'--", "%00", "3" * 100_000]
    )
    def test_unknown_health_region_gets_404(self, get, assert_problem, region_id):
        assert_problem(get(f"/health-regions/{region_id}"), 404, "region-unknown", parameter="id")

    def test_unknown_health_region_hint_names_its_vintage(self, get, assert_problem):
        body = assert_problem(get("/health-regions/3502", vintage="2018"), 404, "region-unknown", parameter="id")
        assert body["hint"] == "It is in vintage 2022."


class TestQueryCounts:
    @pytest.mark.parametrize(
        ("path", "params", "queries"),
        [
            ("/health-regions", {"detail": "none"}, 5),
            ("/health-regions", {"detail": "low"}, 5),
            ("/health-regions", {"bbox": "-180,-90,180,90", "q": "unit", "province": "ON"}, 5),
            ("/health-regions", position(2_000, 2_000), 6),
            ("/health-regions/3501", {}, 5),
            ("/fsa", {"detail": "high"}, 5),
            ("/fsa/M1A", {}, 6),
            ("/fsa/M1A", {"detail": "none"}, 6),
            ("/fsa/M1A/boundary", {}, 5),
            ("/vintages", {}, 1),
            ("/livez", {}, 0),
        ],
    )
    def test_route_takes_constant_number_of_queries(self, plain_client, django_assert_num_queries, path, params, queries):
        with django_assert_num_queries(queries):
            assert plain_client.get(path, params).status_code == 200

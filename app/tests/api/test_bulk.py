"""Bulk lookups, POST /locate and POST /fsa: results in the order of the items, a status for each."""

import csv
import io
import json
from typing import Any

import pytest

from api.http.concurrency import bulk
from geography.models import Overlap
from geography.vintages import catalogue
from tests.support.demo_regions import lonlat
from tests.support.lookup_index import build_indexes

HERE, BORDER, SEA = lonlat(2_000, 5_000), lonlat(10_000, 5_000), lonlat(-40_000, 5_000)


@pytest.fixture(params=["tables", "index"])
def engine(request, world):
    if request.param == "index":
        build_indexes(world.vintages.values())


@pytest.fixture
def post(client):
    def send(path, body, content_type="application/json", accept="*/*"):
        if not isinstance(body, bytes | str):
            body = json.dumps(body)
        response = client.post(path, body, content_type=content_type, headers={"Accept": accept})
        response.body = b"".join(response) if response.streaming else response.content
        return response

    return send


def results(response):
    assert response.status_code == 200, response.body
    return json.loads(response.body)["results"]


def rows(response, delimiter=","):
    assert response.status_code == 200, response.body
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.body.decode(), newline=""), delimiter=delimiter))


class TestBulkLocate:
    def test_results_equal_single_requests_in_order(self, engine, get, post, assert_schema):
        positions = [HERE, BORDER, SEA, (0.0, 0.0), lonlat(-1_000, 5_000), lonlat(15_000, 5_000)]
        response = post("/locate?accuracy=35", {"points": positions})
        assert_schema("LocatedMany", json.loads(response.body))
        located = results(response)
        for (lon, lat), result in zip(positions, located, strict=True):
            alone = get("/locate", lat=repr(lat), lon=repr(lon), accuracy="35").json()["properties"]
            assert result == {"status": "ok", **alone}

    def test_body_states_vintages_and_licence_once(self, world, get, post):
        response = post("/locate", {"points": []})
        alone = get("/locate", lat="0", lon="0")
        body = json.loads(response.body)
        assert body.pop("results") == []
        assert body == {name: value for name, value in alone.json().items() if name not in ("type", "geometry", "properties")}
        assert response.headers.get("Link") == alone.headers.get("Link")

    def test_invalid_position_does_not_fail_the_others(self, world, post):
        result = results(post("/locate", {"points": [HERE, [HERE[1], HERE[0]], "x", [1], {"lat": 95, "lon": -80}, None, HERE]}))
        assert [item["status"] for item in result] == ["ok", *["coordinate-invalid"] * 5, "ok"]
        assert result[1]["hint"].startswith("Did you mean lat=")
        assert result[0] == result[-1]

    @pytest.mark.parametrize(
        "point",
        [
            list(HERE),
            [*HERE, 76.5],
            {"lat": HERE[1], "lon": HERE[0]},
            {"Latitude": str(HERE[1]), "LNG": str(HERE[0])},
            {"y": HERE[1], "x": HERE[0]},
            {"type": "Point", "coordinates": list(HERE)},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": list(HERE)}},
        ],
    )
    def test_point_formats_are_accepted(self, world, post, point):
        (result,) = results(post("/locate", [point]))
        assert result["health_region"]["hruid"] == "3501"

    @pytest.mark.parametrize(
        "point",
        [
            [True, False],
            {"lat": [1], "lon": {}},
            {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
            {"geometry": None},
            [1, 2, 3, 4],
            {"lat": "nan", "lon": "-80"},
            {"lat": 1e308, "lon": -1e308},
        ],
    )
    def test_unreadable_point_is_coordinate_invalid(self, world, post, point):
        (result,) = results(post("/locate", [point]))
        assert result["status"] == "coordinate-invalid"
        assert result["detail"]

    def test_ids_of_any_type_are_returned(self, world, post):
        ids = [7, "a", {"b": [1]}, 0, False]
        result = results(post("/locate", {"points": [{"id": item, "lat": HERE[1], "lon": HERE[0]} for item in ids]}))
        assert [item["id"] for item in result] == ids

    def test_geojson_features_keep_id_and_properties(self, world, post, assert_schema):
        features: list[dict[str, Any]] = [
            {"type": "Feature", "id": 1, "geometry": {"type": "Point", "coordinates": list(HERE)}, "properties": {"name": "é"}},
            {"type": "Feature", "geometry": None, "properties": None},
        ]
        response = post("/locate", {"type": "FeatureCollection", "features": features}, "application/geo+json")
        assert response.headers["Content-Type"] == "application/geo+json"
        body = json.loads(response.body)
        assert_schema("LocatedFeatures", body)
        first, second = body["features"]
        assert (first["id"], first["geometry"]) == (1, features[0]["geometry"])
        assert (first["properties"]["name"], first["properties"]["health_region"]["hruid"]) == ("é", "3501")
        assert (second["geometry"], second["properties"]["status"]) == (None, "coordinate-invalid")

    def test_multipoint_is_accepted(self, world, post):
        response = post("/locate", {"type": "MultiPoint", "coordinates": [HERE, BORDER]}, accept="application/json")
        assert [result["certain"] for result in results(response)] == [True, False]

    def test_ndjson_request_gets_ndjson_response(self, world, post):
        lines = [json.dumps(HERE), "", json.dumps({"id": 9, "lat": BORDER[1], "lon": BORDER[0]}), "{broken", '"text"']
        response = post("/locate", "\n".join(lines), "application/x-ndjson")
        assert response.headers["Content-Type"] == "application/x-ndjson"
        result = [json.loads(line) for line in response.body.splitlines()]
        assert [item["status"] for item in result] == ["ok", "ok", "parameter-invalid", "coordinate-invalid"]
        assert result[1]["id"] == 9

    def test_chunks_form_one_json_document(self, world, post, monkeypatch):
        for name in ("CHUNK", "CHUNK_IN_MEMORY"):
            monkeypatch.setattr(f"api.bulk.positions.{name}", 3)
        for count in (2, 3, 4, 7):
            assert len(results(post("/locate", {"points": [HERE] * count}))) == count

    def test_chunk_takes_one_query_for_each_vintage(self, world, post, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
        results(post("/locate", {"points": [HERE]}))
        with django_assert_num_queries(3):  # two for the chunk, one for the body: the vintages still exist
            results(post("/locate", {"points": [HERE, BORDER, SEA] * 100}))

    @pytest.mark.parametrize("query", ["vintage=2018", "at=2019-01-01", "lang=fr", "max_distance=0", "accuracy=1000"])
    def test_query_parameters_apply_as_in_single_request(self, world, get, post, query):
        lon, lat = lonlat(-1_000, 5_000)
        (result,) = results(post(f"/locate?{query}", [[lon, lat]]))
        alone = get(f"/locate?lat={lat!r}&lon={lon!r}&{query}").json()["properties"]
        assert result == {"status": "ok", **alone}

    def test_lang_fr_translates_names_and_details(self, world, post):
        result = results(post("/locate?lang=fr", [HERE, "x"]))
        assert result[0]["health_region"]["name"] == "Circonscription sanitaire de l'Ouest"
        assert "position" in result[1]["detail"]
        assert result[1]["detail"] != results(post("/locate", ["x"]))[0]["detail"]


class TestBulkCsv:
    def test_response_has_input_columns_and_result_columns(self, world, post):
        text = f'name,LAT,note,Lng\r\n"A, ""b""",{HERE[1]},é,{HERE[0]}\r\n,{BORDER[1]},"two\nlines",{BORDER[0]}\r\n'
        header, first, second = rows(post("/locate", text, "text/csv"))
        result_columns = ["hruid", "hr_name", "cfsauid", "pruid", "match", "certain", "distance_to_border_m", "status"]
        assert header == ["name", "LAT", "note", "Lng", *result_columns]
        assert first[:4] == ['A, "b"', str(HERE[1]), "é", str(HERE[0])]
        assert first[4:10] == ["3501", "West Health Unit", "M5V", "35", "covers", "true"]
        assert float(first[10]) == pytest.approx(8_000, rel=0.05)
        assert second[2] == "two\nlines"
        assert (second[4], second[9], second[11]) == ("3501", "false", "ok")

    def test_semicolons_and_decimal_commas_are_accepted(self, world, post):
        text = f"\ufefflat;lon\n{str(HERE[1]).replace('.', ',')};{str(HERE[0]).replace('.', ',')}\n"
        header, row = rows(post("/locate", text, "text/csv; charset=utf-8"), ";")
        assert header[0] == "lat"
        assert row[2] == "3501"

    def test_tab_delimiter_is_accepted(self, world, post):
        assert rows(post("/locate", f"y\tx\n{HERE[1]}\t{HERE[0]}\n", "text/csv"), "\t")[1][2] == "3501"

    def test_invalid_rows_keep_their_position(self, world, post):
        text = f"lat,lon\n{HERE[1]},{HERE[0]}\n\nx,y\n1\n1,2,3\n{HERE[1]},{HERE[0]}\n"
        result = rows(post("/locate", text, "text/csv"))[1:]
        statuses = ["ok", "coordinate-invalid", "parameter-invalid", "parameter-invalid", "ok"]
        assert [row[-1] for row in result] == statuses
        assert {len(row) for row in result} == {10}
        assert result[3][:2] == ["1", "2,3"]

    def test_header_alone_returns_header_alone(self, world, post):
        assert len(rows(post("/locate", "lat,lon\n", "text/csv"))) == 1

    def test_accept_converts_between_csv_and_json(self, world, post):
        text = f"lat,lon\n{HERE[1]},{HERE[0]}\n"
        (result,) = results(post("/locate", text, "text/csv", accept="application/json"))
        assert result["health_region"]["hruid"] == "3501"
        header, row = rows(post("/locate", {"points": [{"id": 5, "lat": HERE[1], "lon": HERE[0]}]}, accept="text/csv"))
        assert (header[0], row[0], row[1]) == ("id", "5", "3501")

    @pytest.mark.parametrize(
        ("text", "detail"),
        [
            ("\n", "lat"),
            ("a,b\n1,2\n", "lat"),
            ("lat,lat,lon\n1,2,3\n", "more than one"),
            ('lat,lon\n"1,2\n', "not valid CSV"),
            (b"lat,lon,n\n1,2,\xe9\n", "not valid UTF-8"),
        ],
    )
    def test_unreadable_csv_is_body_invalid(self, world, post, assert_problem, text, detail):
        response = post("/locate", text, "text/csv")
        assert detail in assert_problem(response, 400, "body-invalid")["detail"]

    def test_nul_character_makes_its_row_invalid(self, world, post):
        _, *results_by_line = rows(post("/locate", b"lat,lon\n1,\x00\n43,-79\n", "text/csv"))
        assert [row[-1] for row in results_by_line] == ["coordinate-invalid", "ok"]


class TestBulkErrors:
    @pytest.mark.parametrize("path", ["/locate", "/fsa"])
    @pytest.mark.parametrize(
        "body", [b" ", b"{", b"\xff", b"null", b"1", b'{"points": 1}', b'{"codes": {}}', b"[" * 100_000, b"NaN", b'{"a": []}']
    )
    def test_body_without_items_is_body_invalid(self, world, post, assert_problem, path, body):
        assert_problem(post(path, body), 400, "body-invalid")

    @pytest.mark.parametrize("content_type", ["text/html", "multipart/form-data; boundary=x", "application/xml", ""])
    def test_unknown_content_type_gets_415(self, world, post, assert_problem, content_type):
        assert "text/csv" in assert_problem(post("/locate", b"x", content_type), 415, "media-type-unknown")["hint"]

    def test_unsupported_accept_gets_406(self, world, post, assert_problem):
        assert_problem(post("/locate", [], accept="text/html"), 406, "not-acceptable")
        assert_problem(post("/fsa", {"codes": []}, accept="application/geo+json"), 406, "not-acceptable")

    def test_too_many_items_get_413(self, world, post, assert_problem, monkeypatch):
        monkeypatch.setattr("api.bulk.parsers.ITEMS_MAX", 3)
        assert len(results(post("/locate", [HERE] * 3))) == 3
        assert_problem(post("/locate", [HERE] * 4), 413, "body-too-large")
        assert_problem(post("/locate", "1\n" * 4, "application/x-ndjson"), 413, "body-too-large")
        assert_problem(post("/locate", "lat,lon\n" + "1,2\n" * 4, "text/csv"), 413, "body-too-large")

    def test_too_many_bytes_get_413(self, world, post, assert_problem, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
        assert_problem(post("/locate", [HERE] * 50), 413, "body-too-large")

    @pytest.mark.parametrize("query", ["accuracy=50001", "lat=45", "limit=1", "vintage=2018&at=2019-01-01"])
    def test_invalid_parameters_get_400(self, world, post, assert_problem, query):
        assert_problem(post(f"/locate?{query}", []), 400, "parameter-invalid")

    def test_accuracy_limits_the_number_of_positions(self, world, post, assert_problem):
        assert len(results(post("/locate?accuracy=1001", [HERE] * 100))) == 100
        assert len(results(post("/locate?accuracy=1000", [HERE] * 101))) == 101
        assert_problem(post("/locate?accuracy=1001", [HERE] * 101), 400, "parameter-invalid", parameter="accuracy")

    @pytest.mark.parametrize("engine", ["memory"], indirect=True)
    def test_concurrency_limit_gets_503(self, engine, post, assert_problem, settings):
        settings.BULK_AT_ONCE = 1
        many = [HERE] * 5_000
        with bulk.acquire():
            assert_problem(post("/locate", many), 503, "too-many-at-once")
            assert len(results(post("/locate", [HERE]))) == 1  # a small request takes no slot
        assert len(results(post("/locate", many))) == 5_000
        assert bulk.taken == 0

    def test_concurrency_slot_is_released_after_errors(self, world, post, settings):
        settings.BULK_AT_ONCE = 1
        post("/locate", b"{")
        post("/locate", b"x", "text/html")
        post("/locate", [HERE])
        post("/locate", b"{" * 70_000)
        assert bulk.taken == 0

    def test_database_unavailable_gets_503_without_partial_body(self, world, post, assert_problem, monkeypatch):
        from django.db import OperationalError

        def fail(*args, **kwargs):
            raise OperationalError("gone")

        monkeypatch.setattr("geography.lookup.postgis.PostgisLocator.locate", fail)
        for content_type, body in (("application/json", [HERE]), ("text/csv", f"lat,lon\n{HERE[1]},{HERE[0]}\n")):
            assert_problem(post("/locate", body, content_type), 503, "database-away")
        assert bulk.taken == 0


@pytest.mark.usefixtures("world")
class TestBulkFsa:
    def test_results_equal_single_requests_in_order(self, get, post, assert_schema):
        values = ["M1A", "m5v 3l9", "G7H", "K1A", "M1A"]
        response = post("/fsa", {"codes": values})
        assert_schema("FsaMany", json.loads(response.body))
        located = results(response)
        assert [result["status"] for result in located] == ["ok", "ok", "ok", "fsa-without-boundary", "ok"]
        for code, result in zip(values[:3], located, strict=False):
            alone = get(f"/fsa/{code}", detail="none").json()
            assert result["fsa"] == alone["fsa"]
            assert [(item["hruid"], item["share_of_fsa"]) for item in result["health_regions"]] == [
                (feature["id"], feature["properties"]["share_of_fsa"]) for feature in alone["features"]
            ]
        assert [health_region["hruid"] for health_region in located[0]["health_regions"]] == ["3502", "3501"]

    def test_malformed_fsa_does_not_fail_the_others(self, post):
        result = results(post("/fsa", ["M5V", "MOV", 7, {"code": "D1A"}, {"name": "M5V"}]))
        assert [item["status"] for item in result] == ["ok", *["fsa-malformed"] * 4]
        assert result[1]["hint"] == "Did you mean M0V?"

    def test_csv_row_has_largest_and_all_health_regions(self, post):
        header, first, second = rows(post("/fsa", "patient,Postal Code\n1,M1A 1A1\n2,K1A\n", "text/csv"))
        columns = ["used", "is_split", "hruid", "hr_name", "share_of_fsa", "hruids", "share_of_people", "ordered_by"]
        assert header == ["patient", "Postal Code", *columns, "status"]
        assert first == ["1", "M1A 1A1", "M1A", "true", "3502", "East Health Unit", "0.6", "3502 3501", "", "area", "ok"]
        assert second == ["2", "K1A", *[""] * 8, "fsa-without-boundary"]

    def test_csv_row_has_the_region_with_most_people(self, post):
        overlaps = Overlap.objects.filter(fsa__code="M1A", fsa_vintage__label="2021", health_region_vintage__label="2022")
        overlaps.filter(health_region__code="3501").update(share_of_people=0.9, people_basis="postal_codes")
        overlaps.filter(health_region__code="3502").update(share_of_people=0.1, people_basis="postal_codes")
        _, row = rows(post("/fsa", "fsa\nM1A\n", "text/csv"))
        assert row == ["M1A", "M1A", "true", "3501", "West Health Unit", "0.4", "3501 3502", "0.9", "people", "ok"]

    def test_chunk_takes_one_query(self, post, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
        results(post("/fsa", ["M1A"]))
        with django_assert_num_queries(3):  # one for the chunk, two for the body: attribution, and the vintages still exist
            results(post("/fsa", ["M1A", "M5V", "G7H", "P0L"] * 50))

    def test_vintage_parameter_selects_the_vintage(self, post):
        (result,) = results(post("/fsa?vintage=2018", ["M1A"]))
        assert [health_region["hruid"] for health_region in result["health_regions"]] == ["3501"]

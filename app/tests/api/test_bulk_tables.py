"""CSV bodies of POST /locate and POST /fsa: column names, delimiters, rows, encodings, characters."""

import csv
import io
import json

import pytest

from tests.support.demo_regions import lonlat
from tests.support.lookup_index import build_indexes

LON, LAT = lonlat(2_000, 5_000)  # in 3501
ELSEWHERE = lonlat(11_000, 2_000)  # in 3502
ADDED = ["hruid", "hr_name", "cfsauid", "pruid", "match", "certain", "distance_to_border_m", "status"]


@pytest.fixture
def post(world, client):
    def send(text, *, path="/locate", charset="", accept="*/*", encoding="utf-8"):
        body = text if isinstance(text, bytes) else text.encode(encoding)
        content_type = f"text/csv; charset={charset}" if charset else "text/csv"
        # client.post() would decode bytes by the charset.
        response = client.generic("POST", path, body, content_type=content_type, headers={"Accept": accept})
        response.body = b"".join(response) if response.streaming else response.content
        return response

    return send


@pytest.fixture
def in_memory(world):
    """Look positions up in the compiled indexes, as production does."""
    build_indexes(world.vintages.values())


@pytest.fixture
def table(post):
    def send(text, *, delimiter=",", **options):
        response = post(text, **options)
        assert response.status_code == 200, response.body
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(io.StringIO(response.body.decode(), newline=""), delimiter=delimiter))

    return send


class TestResultColumnNames:
    @pytest.mark.parametrize("name", ["status", "Pruid", " HRUID", "match", "certain", "hr_name"])
    def test_name_collision_prefixes_all_columns_with_geo(self, table, name):
        (row,) = table(f"{name},lat,lon\nmine,{LAT},{LON}\n")
        assert row[name] == "mine"
        assert list(row) == [name, "lat", "lon", *(f"geo_{item}" for item in ADDED)]
        assert (row["geo_hruid"], row["geo_status"]) == ("3501", "ok")

    def test_prefix_is_numbered_when_a_response_is_resent(self, post, table):
        text = f"lat,lon\n{LAT},{LON}\n"
        for _ in range(2):
            text = post(text).body.decode()
        (row,) = table(text)
        assert (row["status"], row["geo_status"], row["geo2_status"], row["geo2_hruid"]) == ("ok", "ok", "ok", "3501")

    def test_columns_without_collision_have_no_prefix(self, table):
        assert list(table(f"lat,lon\n{LAT},{LON}\n")[0])[2:] == ADDED

    def test_geojson_properties_are_not_overwritten(self, world, client):
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [LON, LAT]},
            "properties": {"status": "Resolved", "match": 7},
        }
        plain = feature | {"properties": {"name": "a"}}
        body = json.dumps({"type": "FeatureCollection", "features": [plain, feature]})
        first, second = client.post("/locate", body, content_type="application/geo+json").json()["features"]
        assert (second["properties"]["status"], second["properties"]["match"]) == ("Resolved", 7)
        assert (second["properties"]["geo_status"], second["properties"]["geo_match"]) == ("ok", "covers")
        assert first["properties"]["geo_status"] == "ok"  # one prefix for the whole response

    def test_csv_fields_become_geojson_properties(self, post):
        response = post(f"name,status,lat,lon\nA,open,{LAT},{LON}\n", accept="application/geo+json")
        (feature,) = json.loads(response.body)["features"]
        assert {name: feature["properties"][name] for name in ("name", "status", "lat")} == {
            "name": "A",
            "status": "open",
            "lat": str(LAT),
        }
        assert feature["properties"]["geo_health_region"]["hruid"] == "3501"


class TestInputColumns:
    @pytest.mark.parametrize(
        ("lat", "lon"),
        [
            ("lat", "lon"),
            ("LATITUDE", "LONGITUDE"),
            ("stop_lat", "stop_lon"),
            ("decimalLatitude", "decimalLongitude"),
            ("Latitude (°)", "Longitude (°)"),
            ("gps_lat", "gps_long"),
            ("y", "x"),
            ("lat", "x"),
        ],
    )
    def test_common_column_names_are_recognized(self, table, lat, lon):
        (row,) = table(f'"{lat}","{lon}"\n{LAT},{LON}\n')
        assert row["hruid"] == "3501"

    def test_latitude_longitude_columns_precede_x_y(self, table):
        (row,) = table(f"X,Y,NAME,LATITUDE,LONGITUDE\n-8189774.1,5701123.2,A,{LAT},{LON}\n")
        assert (row["X"], row["hruid"]) == ("-8189774.1", "3501")

    def test_lat_column_and_lon_column_select_columns(self, table):
        text = f"lat,lon,home_lat,home_lon\n{ELSEWHERE[1]},{ELSEWHERE[0]},{LAT},{LON}\n"
        assert table(text)[0]["hruid"] == "3502"
        assert table(text, path="/locate?lat_column=home_lat&lon_column=Home_Lon")[0]["hruid"] == "3501"

    def test_lat_column_alone_is_enough(self, table):
        text = f"north,lon\n{LAT},{LON}\n"
        assert table(text, path="/locate?lat_column=north")[0]["hruid"] == "3501"

    def test_code_column_selects_the_fsa_column(self, table):
        text = "code,postal_code,other\nx,M5V 3L9,M1A\n"
        assert table(text, path="/fsa")[0]["used"] == "M5V"
        assert table(text, path="/fsa?code_column=other")[0]["used"] == "M1A"

    def test_missing_column_problem_lists_the_columns(self, post, assert_problem):
        problem = assert_problem(post("name,breite,länge\n"), 400, "body-invalid")
        assert "latitude" in problem["detail"]
        assert "name, breite, länge" in problem["hint"]
        assert "lat_column" in problem["hint"]
        problem = assert_problem(post("a,b\n", path="/locate?lon_column=c"), 400, "parameter-invalid", parameter="lon_column")
        assert "a, b" in problem["hint"]

    def test_duplicate_column_is_body_invalid(self, post, assert_problem):
        assert "lat" in assert_problem(post("lat,lat,lon\n1,2,3\n"), 400, "body-invalid")["detail"]

    def test_lat_column_with_json_gets_400(self, world, client, assert_problem):
        response = client.post("/locate?lat_column=a", "[]", content_type="application/json")
        assert_problem(response, 400, "parameter-invalid", parameter="lat_column")


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_delimiter_is_detected_outside_quotes(self, table, delimiter):
        header = delimiter.join(["id", '"Name, legal; full\t|, as registered"', "lat", "lon"])
        text = f'{header}\r\n1{delimiter}"A, B; C"{delimiter}{str(LAT).replace(".", ",") if delimiter != "," else LAT}'
        (row,) = table(f"{text}{delimiter}{LON}\r\n", delimiter=delimiter)
        assert (row["hruid"], row["Name, legal; full\t|, as registered"]) == ("3501", "A, B; C")

    @pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n"])
    def test_sep_line_declares_the_delimiter(self, table, first):
        (row,) = table(f"{first}a,b;lat;lon\n1,5;{LAT};{LON}\n", delimiter=";")
        assert (row["a,b"], row["hruid"]) == ("1,5", "3501")

    def test_header_with_line_break_is_parsed(self, table):
        (row,) = table(f'"Name\nin full";lat;lon\nA;{LAT};{LON}\n', delimiter=";")
        assert (row["Name\nin full"], row["hruid"]) == ("A", "3501")

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_endings_are_accepted(self, table, end):
        assert [row["hruid"] for row in table(f"{end}lat,lon{end}{LAT},{LON}{end}{end}{LAT},{LON}")] == ["3501", "3501"]


class TestRows:
    def test_row_longer_than_header_is_invalid_but_complete(self, table):
        (row,) = table(f'address,lat,lon,note\n12 Made-up Street, Ottawa,{LAT},{LON},"keep, me"\n')
        assert row["status"] == "parameter-invalid"
        assert next(csv.reader([row["note"]])) == [str(LON), "keep, me"]
        assert None not in row

    def test_trailing_empty_fields_are_accepted(self, table):
        (row,) = table(f"lat,lon\n{LAT},{LON},,,\n")
        assert (row["hruid"], row["status"]) == ("3501", "ok")

    def test_short_row_with_coordinates_is_accepted(self, table):
        (row,) = table(f"lat,lon,note,more\n{LAT},{LON}\n")
        assert (row["hruid"], row["note"], row["more"]) == ("3501", "", "")

    def test_short_row_without_coordinates_is_invalid(self, table):
        first, second = table(f"name,lat,lon\nA,{LAT}\nB,{LAT},{LON}\n")
        assert (first["name"], first["status"], second["status"]) == ("A", "parameter-invalid", "ok")

    def test_wide_header_with_short_rows_gets_413(self, post, assert_problem, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
        text = "lat,lon" + "," * 9_998 + "\n" + "0\n" * 10_000
        assert_problem(post(text), 413, "body-too-large")

    def test_row_with_too_many_fields_gets_413(self, post, assert_problem):
        problem = assert_problem(post("lat,lon\n1,2\n" + "," * 70_000), 413, "body-too-large")
        assert "line 3" in problem["detail"]
        assert_problem(post("lat,lon" + "," * 70_000), 400, "body-invalid")

    def test_long_text_field_is_accepted(self, table):
        text = "POLYGON((" + "-79.1 43.2," * 20_000 + "))"
        (row,) = table(f'wkt,lat,lon\n"{text}",{LAT},{LON}\n')
        assert (row["wkt"], row["hruid"]) == (text, "3501")

    @pytest.mark.parametrize("good", [0, 12_000])
    def test_csv_syntax_error_states_its_line(self, in_memory, post, assert_problem, good):
        text = 'lat,lon,"n\nm"\n' + f'{LAT},{LON},"two\nlines"\n' * good + f'{LAT},{LON},"x" y\n'
        problem = assert_problem(post(text), 400, "body-invalid")
        assert f"line {3 + 2 * good} " in problem["detail"]

    def test_too_many_rows_get_413(self, post, assert_problem):
        assert_problem(post("fsa\n" + "M5V\n" * 100_001, path="/fsa"), 413, "body-too-large")


class TestEncodings:
    TEXT = f"name,lat,lon\nMontréal œ,{LAT},{LON}\n"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_byte_order_mark_selects_the_encoding(self, table, encoding):
        body = self.TEXT.encode(encoding)
        if encoding.endswith("-be"):
            body = b"\xfe\xff" + body
        assert table(body)[0]["name"] == "Montréal œ"

    @pytest.mark.parametrize("charset", ["windows-1252", "CP1252", "iso-8859-1", "iso-8859-15", "UTF-16LE", "utf-8", '"UTF-8"'])
    def test_charset_parameter_selects_the_encoding(self, table, charset):
        codec = {"iso-8859-1": "cp1252"}.get(charset, charset.strip('"'))
        assert table(self.TEXT.encode(codec), charset=charset)[0]["name"] == "Montréal œ"

    def test_decoding_error_states_its_line(self, post, assert_problem):
        problem = assert_problem(
            post(f"name,lat,lon\nA,{LAT},{LON}\n".encode() * 2 + b"Montr\xe9al,1,2\n"), 400, "body-invalid"
        )
        assert "UTF-8" in problem["detail"]
        assert "line 5" in problem["detail"]
        assert "charset=windows-1252" in problem["hint"]
        assert_problem(post(b"\xff\xfel\x00a"[:-1]), 400, "body-invalid")
        assert_problem(post(b"lat,lon,\x81", charset="windows-1252"), 400, "body-invalid")

    @pytest.mark.parametrize("charset", ["klingon", "zip", "utf-7", "idna"])
    def test_unknown_charset_gets_415(self, post, assert_problem, charset):
        assert "windows-1252" in assert_problem(post("lat,lon\n", charset=charset), 415, "media-type-unknown")["hint"]

    @pytest.mark.parametrize("media_type", ["application/json", "application/geo+json", "application/x-ndjson"])
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_json_with_byte_order_mark_is_accepted(self, world, client, media_type, encoding):
        body = f'[{{"id": "é", "lat": {LAT}, "lon": {LON}}}]'
        if media_type.endswith("ndjson"):
            body = body[1:-1] + "\n"
        response = client.post("/locate", body.encode(encoding), content_type=media_type, headers={"Accept": "text/csv"})
        (row,) = csv.DictReader(io.StringIO(response.content.decode(), newline=""))
        assert (row["id"], row["hruid"]) == ("é", "3501")


class TestCharacters:
    @pytest.mark.parametrize("minus", list("−‐‑‒–—―﹣－"))
    def test_unicode_minus_signs_are_accepted(self, table, minus):
        (row,) = table(f"lat,lon\n{LAT},{minus}{abs(LON)}\n")
        assert (row["lon"], row["hruid"]) == (f"{minus}{abs(LON)}", "3501")

    @pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\u00a0", "\u00ad", "\u2060", "\u200e", "\u202f", "\t"])
    def test_invisible_characters_are_ignored(self, table, hidden):
        (row,) = table(f'lat,lon,fsa\n"{hidden}{LAT}{hidden}",{LON},x\n')
        assert row["hruid"] == "3501"
        (row,) = table(f'"fsa{hidden}"\n"{hidden}M5V{hidden}"\n', path="/fsa")
        assert row["used"] == "M5V"

    def test_full_width_characters_are_accepted(self, table):
        assert table("fsa\nＭ５Ｖ　３Ｌ９\n", path="/fsa")[0]["used"] == "M5V"
        full = str(LAT).translate({ord(item): ord(item) + 0xFEE0 for item in "0123456789."})
        assert table(f"lat,lon\n{full},{LON}\n")[0]["hruid"] == "3501"

    @pytest.mark.parametrize("text", ["45²", "٤٥", "४५", "½", "4\u20035"])
    def test_other_digits_are_coordinate_invalid(self, table, text):
        (row,) = table(f"lat,lon\n{text},{LON}\n")
        assert row["status"] == "coordinate-invalid"

"""GET /locate: invalid, swapped and missing coordinates, and coordinates out of range."""

import pytest


@pytest.mark.usefixtures("world")
class TestInvalidCoordinates:
    @pytest.mark.parametrize(
        "bad", ["nan", "NaN", "inf", "-inf", "Infinity", "1e999", "1_0", "٤٥", "0x10", "12,5", "4" * 41, "x"]
    )
    @pytest.mark.parametrize("name", ["lat", "lon"])
    def test_non_numeric_coordinate_gets_400(self, get, assert_problem, name, bad):
        response = get("/locate", **({"lat": "45", "lon": "-75"} | {name: bad}))
        assert_problem(response, 400, "coordinate-invalid", parameter=name)

    @pytest.mark.parametrize(("lat", "lon", "name"), [("95", "-75", "lat"), ("-90.1", "0", "lat"), ("45", "-181", "lon")])
    def test_out_of_range_coordinate_gets_400(self, get, assert_problem, lat, lon, name):
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
    def test_swapped_or_unsigned_pair_gets_a_hint(self, get, assert_problem, lat, lon, hint):
        assert_problem(get("/locate", lat=lat, lon=lon), 400, "coordinate-invalid", hint=hint)

    @pytest.mark.parametrize("params", [{"lat": "45"}, {"lon": "-75"}, {}])
    def test_missing_coordinate_gets_400(self, get, assert_problem, params):
        body = assert_problem(get("/locate", **params), 400, "parameter-invalid")
        assert body["parameter"] not in params

"""geography.coordinates: parsing of positions and bounding boxes."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geography.coordinates import Bbox, LonLat, parse_bbox, parse_position
from geography.errors import CoordinateInvalid

NO_NUMBERS = [
    "",
    " ",
    "x",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "1e999",
    "1_0",
    "٤٥",
    "0x1p3",
    "1,5",
    "1 2",
    "--1",
    "4" * 41,
]


def outcome(parse):
    """Return what the parser returns, or the error that it documents; anything else it raises fails the test."""
    try:
        return parse()
    except CoordinateInvalid as error:
        return error


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        ("43.6426", "-79.3871", LonLat(-79.3871, 43.6426)),
        (" 43.6426 ", "-79.3871", LonLat(-79.3871, 43.6426)),
        ("4.36426e1", "-.793871E2", LonLat(-79.3871, 43.6426)),
        ("+43", "-79", LonLat(-79, 43)),
        ("-90", "180", LonLat(180, -90)),
        ("90", "-180", LonLat(-180, 90)),
    ],
)
def test_position_is_longitude_first(lat, lon, expected):
    assert parse_position(lat=lat, lon=lon) == expected


def test_minus_zero_is_zero():
    position = parse_position(lat="-0.0", lon="-0.0")
    assert [math.copysign(1, number) for number in position] == [1, 1]


@pytest.mark.parametrize("bad", NO_NUMBERS)
def test_non_finite_number_error_names_the_parameter(bad):
    for name in ("lat", "lon"):
        with pytest.raises(CoordinateInvalid) as caught:
            parse_position(**({"lat": "45", "lon": "-75"} | {name: bad}))
        assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("lat", "lon", "name"), [("90.0001", "0", "lat"), ("-91", "0", "lat"), ("0", "180.1", "lon"), ("0", "-181", "lon")]
)
def test_out_of_range_error_names_the_parameter(lat, lon, name):
    with pytest.raises(CoordinateInvalid) as caught:
        parse_position(lat=lat, lon=lon)
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("lat", "lon"), [("45.4", "75.7"), ("-75.7", "45.4"), ("75.7", "45.4"), ("-123.1", "45.4"), ("123.1", "45.4")]
)
def test_swapped_and_unsigned_pairs_get_a_hint(lat, lon):
    with pytest.raises(CoordinateInvalid) as caught:
        parse_position(lat=lat, lon=lon)
    hint = caught.value.hint
    assert hint is not None
    assert str(hint).startswith("Did you mean lat=45.4&lon=-")


@pytest.mark.parametrize(("lat", "lon"), [("0", "0"), ("-33.9", "18.4"), ("48.85", "2.35"), ("20", "-156")])
def test_position_outside_canada_is_valid(lat, lon):
    assert parse_position(lat=lat, lon=lon) == LonLat(float(lon), float(lat))


NUMBERS = st.one_of(
    st.text(), st.floats().map(repr), st.floats(-200, 200).map(str), st.integers().map(str), st.sampled_from(NO_NUMBERS)
)


@given(NUMBERS, NUMBERS)
@example("9" * 40, "1e-400")
def test_fuzzed_text_is_a_position_or_coordinate_invalid(lat, lon):
    result = outcome(lambda: parse_position(lat=lat, lon=lon))
    if isinstance(result, CoordinateInvalid):
        assert result.parameter in ("lat", "lon")
    else:
        assert -180 <= result.lon <= 180
        assert -90 <= result.lat <= 90


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-80,43,-79,44", Bbox(-80, 43, -79, 44)),
        (" -80 , 43 , -79 , 44 ", Bbox(-80, 43, -79, 44)),
        ("-80,43,-80,43", Bbox(-80, 43, -80, 43)),
        ("170,50,-130,60", Bbox(170, 50, -130, 60)),
        ("-180,-90,180,90", Bbox(-180, -90, 180, 90)),
    ],
)
def test_bbox_is_west_south_east_north(text, expected):
    assert parse_bbox(text) == expected


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "nan,1,2,3", "1,2,inf,4", "-181,0,0,0", "0,0,0,91", "0,2,0,1", ",,,", "a"]
)
def test_invalid_bbox_is_coordinate_invalid(text):
    with pytest.raises(CoordinateInvalid) as caught:
        parse_bbox(text)
    assert caught.value.parameter == "bbox"


def test_reversed_latitudes_get_a_hint():
    with pytest.raises(CoordinateInvalid) as caught:
        parse_bbox("-80,44,-79,43")
    assert str(caught.value.hint) == "Did you mean -80,43,-79,44?"


@given(st.one_of(st.text(), st.lists(NUMBERS, min_size=3, max_size=5).map(",".join)))
def test_fuzzed_text_is_a_bbox_or_coordinate_invalid(text):
    result = outcome(lambda: parse_bbox(text))
    if isinstance(result, CoordinateInvalid):
        assert result.parameter == "bbox"
    else:
        assert result.south <= result.north
        assert all(math.isfinite(side) for side in result)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("43,-80,44,-79", "-80,43,-79,44"),
        ("45,-100,50,-95", "-100,45,-95,50"),
        ("43.5,-79.7,43.9,-79.1", "-79.7,43.5,-79.1,43.9"),
    ],
)
def test_latitude_first_bbox_gets_a_hint(text, meant):
    with pytest.raises(CoordinateInvalid) as refused:
        parse_bbox(text)
    assert refused.value.parameter == "bbox"
    assert meant in str(refused.value.hint)


@pytest.mark.parametrize(
    "text", ["-80,43,-79,44", "-180,-90,180,90", "0,0,10,10", "170,41,-52,84", "10,50,12,52", "-80,-44,-79,-43"]
)
def test_bbox_anywhere_is_valid(text):
    assert ",".join(f"{side:g}" for side in parse_bbox(text)) == text


@pytest.mark.parametrize(("lat", "lon"), [("４５．５", "−７３．６"), ("\u200b45.5", "\u00a0−73.6\ufeff"), ("45.5", "–73.6")])
def test_full_width_and_invisible_characters_are_accepted(lat, lon):
    assert parse_position(lat=lat, lon=lon) == LonLat(-73.6, 45.5)

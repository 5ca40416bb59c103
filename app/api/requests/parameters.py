"""Request parameters: meaning, schema and validator of each. Text comes in, a typed value or an error goes out."""

from dataclasses import replace

from api.http.language import LANGUAGES
from api.requests.parser import VALUE_MAX_CHARACTERS, Parameter
from api.requests.validators import (
    LABEL_MAX_CHARACTERS,
    SEARCH_MAX_CHARACTERS,
    TEXT_PATTERN,
    read_checksum,
    read_choice,
    read_coverage,
    read_day,
    read_file_name,
    read_label,
    read_metres,
    read_names,
    read_region_code,
    read_region_id,
    read_search,
    read_tile_number,
    read_whole_number,
)
from geography.codes import FSA_PATTERN, PROVINCES, parse_fsa, parse_province
from geography.constants import (
    ACCURACY_MAX_M,
    ACCURACY_OF_MANY_MAX_M,
    CHANGE_KINDS,
    INACCURATE_MAX,
    LEVEL_NAMES,
    LEVELS,
    NEAREST_DEFAULT_M,
    NEAREST_MAX_M,
    TILE_ZOOM_MAX,
)
from geography.coordinates import parse_bbox

OFFSET_MAX = 1_000_000
# The properties of a region as a feature, beside its code.
PROPERTY_NAMES = (
    "dguid",
    "name",
    "name_en",
    "name_fr",
    "pruid",
    "province",
    "population",
    "land_area_km2",
    "area_km2",
    "vintage",
    "warnings",
)
LIMIT_MAX = 2_000
CHANGES_MAX = 1_000


REGION_ID = Parameter(
    "id", read_region_id, "HRUID (four digits) or DGUID of a health region.", {"type": "string"}, "3595", required=True
)
COVERAGE = Parameter(
    "coverage", read_coverage, "Name of a coverage, as `/coverages` lists them.", {"type": "string"}, "fsa", required=True
)
TILE = tuple(
    Parameter(name, read_tile_number(name), description, {"type": "integer", "minimum": 0} | more, example, required=True)
    for name, description, more, example in (
        ("z", "Zoom.", {"maximum": TILE_ZOOM_MAX}, 6),
        ("x", "Column, counted from the west.", {}, 17),
        ("y", "Row, counted from the north.", {}, 23),
    )
)
VINTAGE_SCHEMA = {"type": "string", "maxLength": LABEL_MAX_CHARACTERS, "pattern": TEXT_PATTERN}
VINTAGE_LABEL = Parameter(
    "label", read_label("label"), "Label of a vintage of the coverage.", VINTAGE_SCHEMA, "2021-demo", required=True
)
FROM_LABEL = replace(
    VINTAGE_LABEL, name="a", read=read_label("a"), description="Label of the vintage to begin with.", example="2018"
)
TO_LABEL = replace(
    VINTAGE_LABEL,
    name="b",
    read=read_label("b"),
    description="Label of the vintage to end with; it may be the earlier one.",
    example="2022",
)
FILE = Parameter(
    "file", read_file_name, "Name of a file, as `/downloads` lists it.", {"type": "string"}, "fsa-2021-demo.csv", required=True
)
CHECKSUM = Parameter(
    "sha256",
    read_checksum,
    "How the file's SHA-256 begins, 16 characters at least.",
    {"type": "string", "pattern": "^[0-9a-f]{16,64}$"},
    "3ef631806b8053bc",
    required=True,
)
REGION_CODE = Parameter(
    "code", read_region_code, "Code of a region of the coverage, or its DGUID.", {"type": "string"}, "M5V", required=True
)
FSA_CODE = Parameter(
    "code",
    parse_fsa,
    "An FSA, or a full postal code, of which only the FSA is used. Case, spaces and hyphens do not matter.",
    {"type": "string", "pattern": FSA_PATTERN},
    "M5V",
    required=True,
)
LANG = Parameter(
    "lang",
    read_choice("lang", LANGUAGES),
    "Language of `name`, `notice` and `attribution`. Goes before Accept-Language.",
    {"type": "string", "enum": list(LANGUAGES)},
    "fr",
)
VINTAGE = Parameter(
    "vintage",
    read_label("vintage"),
    "Label of the health-region vintage that answers. Without it the one in force (today, or on the day `at`).",
    VINTAGE_SCHEMA,
    "2022",
)
FSA_VINTAGE = replace(
    VINTAGE,
    name="fsa_vintage",
    read=read_label("fsa_vintage"),
    description="Label of the FSA vintage that answers. Without it the one in force (today, or on the day `at`).",
    example="2021",
)
VINTAGE_OF_COVERAGE = replace(
    VINTAGE,
    description="Label of the coverage's vintage that answers. Without it the one in force (today, or on the day `at`).",
    example="2021",
)
VINTAGE_OF_FSA = replace(VINTAGE, description=FSA_VINTAGE.description, example="2021")
AT = Parameter(
    "at",
    read_day,
    "A calendar day: every vintage used is the one in force then. Not together with the label of a vintage.",
    {"type": "string", "format": "date"},
    "2022-12-01",
)
PROVINCE = Parameter(
    "province",
    parse_province,
    "Only regions of this province or territory: two letters or PRUID.",
    {"type": "string", "enum": [text for province in PROVINCES for text in (province.abbreviation, province.pruid)]},
    "ON",
)
SEARCH = Parameter(
    "q",
    read_search,
    "Words that all occur in the English or French name or in the code. Case, accents, hyphens and dashes do not matter.",
    {"type": "string", "maxLength": SEARCH_MAX_CHARACTERS, "pattern": TEXT_PATTERN},
    "saguenay lac",
)
BBOX = Parameter(
    "bbox",
    parse_bbox,
    "Only regions that intersect this box: west,south,east,north in WGS 84 degrees (RFC 7946). West greater than east "
    "crosses the antimeridian.",
    {"type": "string", "pattern": r"^[^,]+,[^,]+,[^,]+,[^,]+$"},
    "-79.7,43.5,-79.1,43.9",
)
# A position needs both of its numbers, so they stay text until the route's own builder puts them together.
LAT = Parameter("lat", str, "Latitude, WGS 84 decimal degrees.", {"type": "number", "minimum": -90, "maximum": 90}, 43.6426)
LON = Parameter(
    "lon",
    str,
    "Longitude, WGS 84 decimal degrees, negative in Canada. `lng` is read as the same.",
    {"type": "number", "minimum": -180, "maximum": 180},
    -79.3871,
    aliases=("lng",),
)
ACCURACY = Parameter(
    "accuracy",
    read_metres("accuracy", ACCURACY_MAX_M),
    "How far off the position may be, in metres: the radius that it is within in 95 of 100 cases, as W3C Geolocation "
    "reports it. The answer then lists every health region within 1.5 times that radius (`uncertainty_m`, which also takes in "
    "how far the region's border may be off) as `candidates`, and `certain` is true only where there is one.",
    {"type": "number", "minimum": 0, "maximum": ACCURACY_MAX_M},
    35,
)
ACCURACY_OF_MANY = replace(
    ACCURACY,
    description=f"{ACCURACY.description} Over {ACCURACY_OF_MANY_MAX_M:g} m only for up to {INACCURATE_MAX} positions.",
)
MAX_DISTANCE = Parameter(
    "max_distance",
    read_metres("max_distance", NEAREST_MAX_M),
    "Where no region covers the position, how far away the nearest one may be to be the answer, in metres.",
    {"type": "number", "minimum": 0, "maximum": NEAREST_MAX_M, "default": NEAREST_DEFAULT_M},
    NEAREST_DEFAULT_M,
    default=NEAREST_DEFAULT_M,
)
DETAIL_LOW = Parameter(
    "detail",
    read_choice("detail", ("none", *LEVEL_NAMES)),
    "How finely boundaries are drawn; `none` leaves them out. How far a line may be off: "
    + ", ".join(f"`{level.name}` {level.tolerance_m:g} m" for level in LEVELS)
    + ", which is as published.",
    {"type": "string", "enum": ["none", *LEVEL_NAMES], "default": "low"},
    "low",
    default="low",
)
DETAIL_HIGH = replace(DETAIL_LOW, schema=DETAIL_LOW.schema | {"default": "high"}, example="high", default="high")


def fields_of(code_name: str) -> Parameter:
    """Return the parameter that chooses the properties of regions whose code is called so."""
    known_values = (code_name, *PROPERTY_NAMES)
    join = "|".join(known_values)
    return Parameter(
        "fields",
        read_names("fields", known_values),
        f"Only these properties, with commas between them: {', '.join(f'`{name}`' for name in known_values)}. "
        "Without it all of them. `id`, `bbox` and `geometry` are always there.",
        {"type": "string", "maxLength": VALUE_MAX_CHARACTERS, "pattern": f"^({join})(,({join}))*$"},
        f"{code_name},name",
    )


LIMIT = Parameter(
    "limit",
    read_whole_number("limit", 1, LIMIT_MAX),
    'At most this many regions; without it all of them. Where more follow, `Link: rel="next"` and `links` lead to them.',
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
    100,
)
LAT_COLUMN = Parameter(
    "lat_column",
    str.strip,
    "Name of the CSV column that holds the latitude. Without it the likeliest: `lat`, `latitude`, `decimalLatitude`, "
    "`stop_lat` …, `y`, in this order. Case and punctuation do not matter.",
    {"type": "string", "maxLength": VALUE_MAX_CHARACTERS, "pattern": TEXT_PATTERN},
    "LATITUDE",
)
LON_COLUMN = replace(
    LAT_COLUMN,
    name="lon_column",
    description="Name of the CSV column that holds the longitude. Without it the likeliest: `lon`, `lng`, `long`, `longitude`, "
    "`decimalLongitude`, `stop_lon` …, `x`, in this order. Case and punctuation do not matter.",
    example="LONGITUDE",
)
CODE_COLUMN = replace(
    LAT_COLUMN,
    name="code_column",
    description="Name of the CSV column that holds the FSA or postal code. Without it the likeliest: `fsa`, `cfsauid`, `rta`, "
    "`postal_code`, `code_postal` …, `code`, in this order. Case and punctuation do not matter.",
    example="postal_code",
)
KIND = Parameter(
    "kind",
    read_choice("kind", CHANGE_KINDS),
    "Only regions that this became of, one word.",
    {"type": "string", "enum": list(CHANGE_KINDS)},
    "split",
)
CODE = Parameter(
    "code",
    read_region_code,
    "Only regions with this code, in either vintage.",
    {"type": "string", "pattern": TEXT_PATTERN},
    "4704",
)
CHANGES_LIMIT = Parameter(
    "limit",
    read_whole_number("limit", 1, CHANGES_MAX),
    "At most this many regions.",
    {"type": "integer", "minimum": 1, "maximum": CHANGES_MAX, "default": CHANGES_MAX},
    100,
    default=CHANGES_MAX,
)
OFFSET = Parameter(
    "offset",
    read_whole_number("offset", 0, OFFSET_MAX),
    "Leave out this many regions, in the order of their codes.",
    {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX, "default": 0},
    0,
    default=0,
)

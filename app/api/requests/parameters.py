"""Request parameters: description, JSON Schema and validator of each."""

from dataclasses import replace

from api.http.language import LANGUAGES
from api.requests.parser import VALUE_MAX_CHARACTERS, Parameter
from api.requests.validators import (
    LABEL_MAX_CHARACTERS,
    SEARCH_MAX_CHARACTERS,
    SLUG_PATTERN,
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
# Properties of a region feature, apart from its code.
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
    "coverage",
    read_coverage,
    "Name of a coverage, as listed by `/coverages`.",
    {"type": "string", "pattern": SLUG_PATTERN},
    "fsa",
    required=True,
)
TILE = tuple(
    Parameter(name, read_tile_number(name), description, {"type": "integer", "minimum": 0} | more, example, required=True)
    for name, description, more, example in (
        ("z", "Zoom level.", {"maximum": TILE_ZOOM_MAX}, 6),
        ("x", "Tile column, from west to east.", {}, 17),
        ("y", "Tile row, from north to south (XYZ scheme).", {}, 23),
    )
)
VINTAGE_SCHEMA = {"type": "string", "maxLength": LABEL_MAX_CHARACTERS, "pattern": TEXT_PATTERN}
VINTAGE_LABEL = Parameter(
    "label", read_label("label"), "Label of a vintage of the coverage.", VINTAGE_SCHEMA, "2021-demo", required=True
)
FROM_LABEL = replace(
    VINTAGE_LABEL, name="a", read=read_label("a"), description="Label of the vintage to compare from.", example="2018"
)
TO_LABEL = replace(
    VINTAGE_LABEL,
    name="b",
    read=read_label("b"),
    description="Label of the vintage to compare to; it may be earlier than `a`.",
    example="2022",
)
FILE = Parameter(
    "file", read_file_name, "File name, as listed by `/downloads`.", {"type": "string"}, "fsa-2021-demo.csv", required=True
)
CHECKSUM = Parameter(
    "sha256",
    read_checksum,
    "SHA-256 checksum of the file, or its first 16 or more hexadecimal digits.",
    {"type": "string", "pattern": "^[0-9a-f]{16,64}$"},
    "3ef631806b8053bc",
    required=True,
)
REGION_CODE = Parameter(
    "code", read_region_code, "Code or DGUID of a region of the coverage.", {"type": "string"}, "M5V", required=True
)
FSA_CODE = Parameter(
    "code",
    parse_fsa,
    "FSA or full postal code; only the FSA is used. Case, spaces and hyphens are ignored.",
    {"type": "string", "pattern": FSA_PATTERN},
    "M5V",
    required=True,
)
LANG = Parameter(
    "lang",
    read_choice("lang", LANGUAGES),
    "Language of `name`, `notice`, `attribution` and error messages. Takes precedence over Accept-Language.",
    {"type": "string", "enum": list(LANGUAGES)},
    "fr",
)
VINTAGE = Parameter(
    "vintage",
    read_label("vintage"),
    "Label of the health-region vintage. Defaults to the vintage in force today, or on the date `at`.",
    VINTAGE_SCHEMA,
    "2022",
)
FSA_VINTAGE = replace(
    VINTAGE,
    name="fsa_vintage",
    read=read_label("fsa_vintage"),
    description="Label of the FSA vintage. Defaults to the vintage in force today, or on the date `at`.",
    example="2021",
)
VINTAGE_OF_COVERAGE = replace(
    VINTAGE,
    description="Label of the coverage's vintage. Defaults to the vintage in force today, or on the date `at`.",
    example="2021",
)
VINTAGE_OF_FSA = replace(VINTAGE, description=FSA_VINTAGE.description, example="2021")
AT = Parameter(
    "at",
    read_day("at"),
    "Date, YYYY-MM-DD. Uses the vintages in force on that day. Cannot be combined with a vintage label.",
    {"type": "string", "format": "date"},
    "2022-12-01",
)
PROVINCE = Parameter(
    "province",
    parse_province,
    "Return only regions of this province or territory: two-letter abbreviation or PRUID.",
    {"type": "string", "enum": [text for province in PROVINCES for text in (province.abbreviation, province.pruid)]},
    "ON",
)
SEARCH = Parameter(
    "q",
    read_search,
    "Search words; all must occur in the English or French name or in the code. Case, accents and hyphens are ignored.",
    {"type": "string", "maxLength": SEARCH_MAX_CHARACTERS, "pattern": TEXT_PATTERN},
    "saguenay lac",
)
BBOX = Parameter(
    "bbox",
    parse_bbox,
    "Return only regions that intersect this box: west,south,east,north in WGS 84 degrees (RFC 7946). A box with west greater "
    "than east crosses the antimeridian.",
    {"type": "string", "pattern": r"^[^,]+,[^,]+,[^,]+,[^,]+$"},
    "-79.7,43.5,-79.1,43.9",
)
# lat and lon are validated as a pair (geography.coordinates.parse_position), so both stay text here.
LAT = Parameter("lat", str, "Latitude in WGS 84 decimal degrees.", {"type": "number", "minimum": -90, "maximum": 90}, 43.6426)
LON = Parameter(
    "lon",
    str,
    "Longitude in WGS 84 decimal degrees, negative in Canada. `lng` is an alias.",
    {"type": "number", "minimum": -180, "maximum": 180},
    -79.3871,
    aliases=("lng",),
)
ACCURACY = Parameter(
    "accuracy",
    read_metres("accuracy", ACCURACY_MAX_M),
    "Accuracy of the position in metres: the radius of the 95 % confidence circle, as W3C Geolocation reports it. The response "
    "then lists as `candidates` every health region within `uncertainty_m` (1.5 times this radius, plus the misfit of the "
    "region's borders), and `certain` is true only with a single candidate.",
    {"type": "number", "minimum": 0, "maximum": ACCURACY_MAX_M},
    35,
)
ACCURACY_OF_MANY = replace(
    ACCURACY,
    description=f"{ACCURACY.description} Above {ACCURACY_OF_MANY_MAX_M:g} m, at most {INACCURATE_MAX} positions per request.",
)
MAX_DISTANCE = Parameter(
    "max_distance",
    read_metres("max_distance", NEAREST_MAX_M),
    "Maximum distance, in metres, to the nearest region that is returned if no region covers the position.",
    {"type": "number", "minimum": 0, "maximum": NEAREST_MAX_M, "default": NEAREST_DEFAULT_M},
    NEAREST_DEFAULT_M,
    default=NEAREST_DEFAULT_M,
)
DETAIL_LOW = Parameter(
    "detail",
    read_choice("detail", ("none", *LEVEL_NAMES)),
    "Level of detail of the geometry; `none` omits it. Maximum displacement of a line: "
    + ", ".join(f"`{level.name}` {level.tolerance_m:g} m" for level in LEVELS)
    + " (as published).",
    {"type": "string", "enum": ["none", *LEVEL_NAMES], "default": "low"},
    "low",
    default="low",
)
DETAIL_HIGH = replace(DETAIL_LOW, schema=DETAIL_LOW.schema | {"default": "high"}, example="high", default="high")


def fields_of(code_name: str) -> Parameter:
    """Return the `fields` parameter for regions whose code property is `code_name`."""
    names = (code_name, *PROPERTY_NAMES)
    return _fields(names, "Defaults to all. `id`, `bbox` and `geometry` are always returned.", f"{code_name},name")


def _fields(names: tuple[str, ...], rest: str, example: str) -> Parameter:
    alternatives = "|".join(names)
    return Parameter(
        "fields",
        read_names("fields", names),
        f"Comma-separated list of the properties to return: {', '.join(f'`{name}`' for name in names)}. {rest}",
        {"type": "string", "maxLength": VALUE_MAX_CHARACTERS, "pattern": f"^({alternatives})(,({alternatives}))*$"},
        example,
    )


# Names of the CSV columns of a bulk lookup of positions, and of the members with `fields`.
LOCATED_COLUMNS = ("hruid", "hr_name", "cfsauid", "pruid", "match", "certain", "distance_to_border_m")
LOCATED_FIELDS = _fields(
    LOCATED_COLUMNS,
    "`id` and `status` are always returned. By default CSV has all of them, and other formats have the properties of a single "
    "lookup, about 800 bytes a position. Without `distance_to_border_m` a request takes half the time.",
    "hruid,cfsauid,certain",
)


LIMIT = Parameter(
    "limit",
    read_whole_number("limit", 1, LIMIT_MAX),
    'Maximum number of regions per page. Defaults to all. `links` and the Link header (`rel="next"`) lead to the next page.',
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
    100,
)
LAT_COLUMN = Parameter(
    "lat_column",
    str.strip,
    "Name of the CSV column with the latitude. Detected by default: `lat`, `latitude`, `decimalLatitude`, `stop_lat` …, `y`, "
    "in this order. Case and punctuation are ignored.",
    {"type": "string", "maxLength": VALUE_MAX_CHARACTERS, "pattern": TEXT_PATTERN},
    "LATITUDE",
)
LON_COLUMN = replace(
    LAT_COLUMN,
    name="lon_column",
    description="Name of the CSV column with the longitude. Detected by default: `lon`, `lng`, `long`, `longitude`, "
    "`decimalLongitude`, `stop_lon` …, `x`, in this order. Case and punctuation are ignored.",
    example="LONGITUDE",
)
CODE_COLUMN = replace(
    LAT_COLUMN,
    name="code_column",
    description="Name of the CSV column with the FSA or postal code. Detected by default: `fsa`, `cfsauid`, `rta`, "
    "`postal_code`, `code_postal` …, `code`, in this order. Case and punctuation are ignored.",
    example="postal_code",
)
KIND = Parameter(
    "kind",
    read_choice("kind", CHANGE_KINDS),
    "Return only regions with this kind of change.",
    {"type": "string", "enum": list(CHANGE_KINDS)},
    "split",
)
CODE = Parameter(
    "code",
    read_region_code,
    "Return only regions with this code in either vintage.",
    {"type": "string", "pattern": TEXT_PATTERN},
    "4704",
)
CHANGES_LIMIT = Parameter(
    "limit",
    read_whole_number("limit", 1, CHANGES_MAX),
    "Maximum number of regions.",
    {"type": "integer", "minimum": 1, "maximum": CHANGES_MAX, "default": CHANGES_MAX},
    100,
    default=CHANGES_MAX,
)
OFFSET = Parameter(
    "offset",
    read_whole_number("offset", 0, OFFSET_MAX),
    "Number of regions to skip, in the order of their codes.",
    {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX, "default": 0},
    0,
    default=0,
)

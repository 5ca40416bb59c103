"""The only parser of what a URL says. Text comes in, typed values or an error that names the parameter go out.

A `Param` holds how one value is read and how it is documented; a `Spec` holds the parameters of one route. The OpenAPI
document is rendered from the same objects (api.openapi), so that the two cannot drift apart.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from django.http import QueryDict

from api.language import LANGUAGES
from api.readers import (
    LABEL_MAX_CHARACTERS,
    SEARCH_MAX_CHARACTERS,
    TEXT_PATTERN,
    choice,
    is_broken,
    metres,
    read_checksum,
    read_coverage,
    read_day,
    read_file_name,
    read_label,
    read_region_code,
    read_region_id,
    read_search,
    tile_number,
    too_long,
    whole_number,
)
from geography.codes import FSA_PATTERN, PROVINCES, parse_fsa, parse_province
from geography.conf import (
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
from geography.errors import ParameterInvalid
from geography.messages import Message

VALUE_MAX_CHARACTERS = 200
OFFSET_MAX = 1_000_000
# How many regions one answer may hold. The lighter levels send a national layer at once; ten regions of the fullest can
# be 100 MB.
LIMIT_MAX = {"none": 2_000, "low": 2_000, "medium": 2_000, "high": 500, "full": 10}
CHANGES_MAX = 1_000

Query = TypeVar("Query")
Values = Mapping[str, Any]

_SYNONYMS = {
    "latitude": "lat",
    "longitude": "lon",
    "long": "lon",
    "date": "at",
    "search": "q",
    "page": "offset",
    "radius": "accuracy",
}


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: how it is read and how it is documented.

    Attributes:
        read: turns the text into a value; raises InvalidInput or NotFound.
        schema: JSON Schema of the value, for the OpenAPI document.
        aliases: other names that are read as this one.
        default: the value where the parameter is not given.
    """

    name: str
    read: Callable[[str], Any]
    description: str
    schema: dict[str, Any]
    example: Any
    required: bool = False
    aliases: tuple[str, ...] = ()
    default: Any = None


@dataclass(frozen=True, slots=True)
class Spec(Generic[Query]):
    """What one route takes.

    Attributes:
        build: turns the values by parameter name into the route's query object; may raise InvalidInput too.
        path: the parameters in the path.
        query: those after the question mark.
    """

    build: Callable[[Values], Query]
    path: tuple[Param, ...] = ()
    query: tuple[Param, ...] = ()

    def parse(self, query: QueryDict, path: Mapping[str, str]) -> Query:
        """Return the route's typed query.

        Raises: InvalidInput for a parameter that is unknown, repeated, empty, too long or of the wrong form;
        NotFound for a path that cannot name anything.
        """
        given = self._given(query)
        values = {one.name: one.read(path[one.name]) for one in self.path}
        for param in self.query:
            name = next((name for name in (param.name, *param.aliases) if name in given), None)
            if name is not None:
                values[param.name] = _read(param, name, given[name])
            elif param.required:
                raise ParameterInvalid(Message("%(name)s is required.", name=param.name), parameter=param.name)
            else:
                values[param.name] = param.default
        return self.build(values)

    def _given(self, query: QueryDict) -> dict[str, str]:
        known = {name: param for param in self.query for name in (param.name, *param.aliases)}
        given: dict[str, str] = {}
        seen: set[str] = set()
        for name, texts in query.lists():
            if name not in known:
                raise _unknown(name, list(known))
            if len(texts) > 1 or known[name].name in seen:
                raise ParameterInvalid(Message("%(name)s is given more than once.", name=name), parameter=name)
            seen.add(known[name].name)
            given[name] = str(texts[0])
        return given


def _read(param: Param, name: str, text: str) -> Any:
    if not text.strip():
        raise ParameterInvalid(
            Message("%(name)s has no value.", name=name),
            parameter=name,
            hint=Message("Leave it out, or give it a value."),
        )
    if is_broken(text):
        raise ParameterInvalid(
            Message("%(name)s holds characters that no text has.", name=name),
            parameter=name,
            hint=Message("Values are UTF-8, percent-encoded, without control characters."),
        )
    if len(text) > VALUE_MAX_CHARACTERS:
        raise ParameterInvalid(too_long(name, VALUE_MAX_CHARACTERS), parameter=name)
    return param.read(text)


def _unknown(name: str, known: list[str]) -> ParameterInvalid:
    shown = name[:40]
    like = _SYNONYMS.get(shown.casefold())
    close = [like] if like in known else difflib.get_close_matches(shown.casefold(), known, n=1)
    hint = (
        Message("Did you mean %(meant)s?", meant=str(close[0]))
        if close
        else Message("Known here are %(known)s.", known=sorted(known))
    )
    return ParameterInvalid(Message("There is no parameter '%(name)s' here.", name=shown), parameter=shown, hint=hint)


REGION_ID = Param(
    "id", read_region_id, "HRUID (four digits) or DGUID of a health region.", {"type": "string"}, "3595", required=True
)
COVERAGE = Param(
    "coverage", read_coverage, "Name of a coverage, as `/coverages` lists them.", {"type": "string"}, "fsa", required=True
)
TILE = tuple(
    Param(name, tile_number(name), description, {"type": "integer", "minimum": 0} | more, example, required=True)
    for name, description, more, example in (
        ("z", "Zoom.", {"maximum": TILE_ZOOM_MAX}, 6),
        ("x", "Column, counted from the west.", {}, 17),
        ("y", "Row, counted from the north.", {}, 23),
    )
)
VINTAGE_LABEL = Param(
    "label", read_label("label"), "Label of a vintage of the coverage.", {"type": "string"}, "2021-demo", required=True
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
FILE = Param(
    "file", read_file_name, "Name of a file, as `/downloads` lists it.", {"type": "string"}, "fsa-2021-demo.csv", required=True
)
CHECKSUM = Param(
    "sha256",
    read_checksum,
    "How the file's SHA-256 begins, 16 characters at least.",
    {"type": "string", "pattern": "^[0-9a-f]{16,64}$"},
    "3ef631806b8053bc",
    required=True,
)
REGION_CODE = Param(
    "code", read_region_code, "Code of a region of the coverage, or its DGUID.", {"type": "string"}, "M5V", required=True
)
FSA_CODE = Param(
    "code",
    parse_fsa,
    "An FSA, or a full postal code, of which only the FSA is used. Case, spaces and hyphens do not matter.",
    {"type": "string", "pattern": FSA_PATTERN},
    "M5V",
    required=True,
)
LANG = Param(
    "lang",
    choice("lang", LANGUAGES),
    "Language of `name`, `notice` and `attribution`. Goes before Accept-Language.",
    {"type": "string", "enum": list(LANGUAGES)},
    "fr",
)
VINTAGE = Param(
    "vintage",
    read_label("vintage"),
    "Label of the health-region vintage that answers. Without it the one in force (today, or on the day `at`).",
    {"type": "string", "maxLength": LABEL_MAX_CHARACTERS, "pattern": TEXT_PATTERN},
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
AT = Param(
    "at",
    read_day,
    "A calendar day: every vintage used is the one in force then. Not together with the label of a vintage.",
    {"type": "string", "format": "date"},
    "2022-12-01",
)
PROVINCE = Param(
    "province",
    parse_province,
    "Only regions of this province or territory: two letters or PRUID.",
    {"type": "string", "enum": [text for one in PROVINCES for text in (one.abbreviation, one.pruid)]},
    "ON",
)
SEARCH = Param(
    "q",
    read_search,
    "Words that all occur in the English or French name or in the code. Case, accents, hyphens and dashes do not matter.",
    {"type": "string", "maxLength": SEARCH_MAX_CHARACTERS, "pattern": TEXT_PATTERN},
    "saguenay lac",
)
BBOX = Param(
    "bbox",
    parse_bbox,
    "Only regions that intersect this box: west,south,east,north in WGS 84 degrees (RFC 7946). West greater than east "
    "crosses the antimeridian.",
    {"type": "string", "pattern": r"^[^,]+,[^,]+,[^,]+,[^,]+$"},
    "-79.7,43.5,-79.1,43.9",
)
# A position needs both of its numbers, so they stay text until the route's own builder puts them together.
LAT = Param("lat", str, "Latitude, WGS 84 decimal degrees.", {"type": "number", "minimum": -90, "maximum": 90}, 43.6426)
LON = Param(
    "lon",
    str,
    "Longitude, WGS 84 decimal degrees, negative in Canada. `lng` is read as the same.",
    {"type": "number", "minimum": -180, "maximum": 180},
    -79.3871,
    aliases=("lng",),
)
ACCURACY = Param(
    "accuracy",
    metres("accuracy", ACCURACY_MAX_M),
    "How far off the position may be, in metres. The answer then lists every health region within that radius as "
    "`candidates`, and `certain` is true only where there is one.",
    {"type": "number", "minimum": 0, "maximum": ACCURACY_MAX_M},
    35,
)
ACCURACY_OF_MANY = replace(
    ACCURACY,
    description=f"{ACCURACY.description} Over {ACCURACY_OF_MANY_MAX_M:g} m only for up to {INACCURATE_MAX} positions.",
)
MAX_DISTANCE = Param(
    "max_distance",
    metres("max_distance", NEAREST_MAX_M),
    "Where no region covers the position, how far away the nearest one may be to be the answer, in metres.",
    {"type": "number", "minimum": 0, "maximum": NEAREST_MAX_M, "default": NEAREST_DEFAULT_M},
    NEAREST_DEFAULT_M,
    default=NEAREST_DEFAULT_M,
)
DETAIL_LOW = Param(
    "detail",
    choice("detail", ("none", *LEVEL_NAMES)),
    "How finely boundaries are drawn; `none` leaves them out. How far a line may be off: "
    + ", ".join(f"`{level.name}` {level.tolerance_m:g} m" for level in LEVELS)
    + ", which is as published.",
    {"type": "string", "enum": ["none", *LEVEL_NAMES], "default": "low"},
    "low",
    default="low",
)
DETAIL_HIGH = replace(DETAIL_LOW, schema=DETAIL_LOW.schema | {"default": "high"}, example="high", default="high")
LIMIT = Param(
    "limit",
    whole_number("limit", 1, max(LIMIT_MAX.values())),
    "At most this many regions. The default is the most there can be: "
    + ", ".join(f"{most} with detail={detail}" for detail, most in LIMIT_MAX.items())
    + ".",
    {"type": "integer", "minimum": 1, "maximum": max(LIMIT_MAX.values())},
    100,
)
KIND = Param(
    "kind",
    choice("kind", CHANGE_KINDS),
    "Only regions that this became of, one word.",
    {"type": "string", "enum": list(CHANGE_KINDS)},
    "split",
)
CODE = Param(
    "code",
    read_region_code,
    "Only regions with this code, in either vintage.",
    {"type": "string"},
    "4704",
)
CHANGES_LIMIT = Param(
    "limit",
    whole_number("limit", 1, CHANGES_MAX),
    "At most this many regions.",
    {"type": "integer", "minimum": 1, "maximum": CHANGES_MAX, "default": CHANGES_MAX},
    100,
    default=CHANGES_MAX,
)
OFFSET = Param(
    "offset",
    whole_number("offset", 0, OFFSET_MAX),
    "Leave out this many regions, in the order of their codes.",
    {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX, "default": 0},
    0,
    default=0,
)

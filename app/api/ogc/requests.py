"""Requests of OGC API - Features: parameters, typed queries and parsers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from api.ogc.crs import DEFAULT_URI, URIS, CrsReader
from api.requests.models import PlainQuery, VintageQuery
from api.requests.parameters import COVERAGE, LANG, OFFSET, PROVINCE, REGION_CODE, VINTAGE_OF_COVERAGE
from api.requests.parser import Parameter, RequestParser, Values
from api.requests.validators import LABEL_MAX_CHARACTERS, read_choice, read_instant, read_whole_number
from geography.codes import Province, normal_code
from geography.constants import CRS84
from geography.coordinates import Bbox, LambertBox, parse_bbox_in
from geography.errors import ParameterInvalid
from geography.translation import Message

LIMIT_DEFAULT = 100
# GDAL and QGIS request pages of 1,000.
LIMIT_MAX = 1_000
_LOAD_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Interval:
    """Days of a `datetime`, both inclusive, in UTC; None for an open end. An instant is an interval of one day."""

    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionQuery(PlainQuery):
    """One collection by the name of its coverage."""

    collection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureQuery(VintageQuery):
    """One feature by code or DGUID, in a CRS of `geography.queries.geometry_stream.CRSS`."""

    collection: str
    feature_id: str
    crs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsQuery(VintageQuery):
    """A page of features.

    Attributes:
        interval: days of `datetime`; None: the vintage with `label`, or in force today.
        load: beginning of the `load_id` of the vintage that a link to a page continues; None on a first page.
        limit: 1 to `LIMIT_MAX`.
    """

    collection: str
    crs: str
    bbox: Bbox | LambertBox | None
    interval: Interval | None
    province: Province | None
    code: str | None
    load: str | None
    limit: int
    offset: int


def _read_datetime(text: str) -> Interval:
    """Return the days of an instant or of an interval with `/`, whose ends can be open: `..` or empty (OGC 17-069r4, 7.15.4).

    Raises: ParameterInvalid.
    """
    read = read_instant("datetime")
    # QGIS begins an interval without a start in the year 0000, which Python's calendar lacks.
    ends = [None if end in ("", "..") or end.startswith("0000-") else read(end).date() for end in text.strip().split("/")]
    if len(ends) > 2 or ends == [None]:
        raise ParameterInvalid(
            Message("datetime must be an instant, or an interval of two instants with a slash."), parameter="datetime"
        )
    first, last = ends[0], ends[-1]
    if first is not None and last is not None and first > last:
        raise ParameterInvalid(Message("The interval of datetime ends before it starts."), parameter="datetime")
    return Interval(first, last)


def _read_limit(text: str) -> int:
    """Return the page size; a number above `LIMIT_MAX`, of any length, is `LIMIT_MAX` (OGC 17-069r4, 7.15.2)."""
    if re.fullmatch("0*[1-9][0-9]{4,}", text):
        return LIMIT_MAX
    return min(read_whole_number("limit", 1, 9_999)(text), LIMIT_MAX)


def _read_load(text: str) -> str:
    if len(text) != _LOAD_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise ParameterInvalid(Message("load comes from a link to a page; do not change it."), parameter="load")
    return text


def load_of(load_id: Any) -> str:
    """Return the value of `load` for the `load_id` of a vintage."""
    return str(load_id)[:_LOAD_DIGITS]


def format_of(*names: str) -> Parameter:
    """Return the parameter `f` of a resource in these formats, the default first."""
    return Parameter(
        "f",
        read_choice("f", names),
        "Format of the response. Takes precedence over the Accept header.",
        {"type": "string", "enum": list(names)},
        names[0],
    )


_URI_SCHEMA: dict[str, Any] = {"type": "string", "format": "uri", "enum": list(URIS), "default": DEFAULT_URI}
F_JSON = format_of("json")
F_ITEMS = format_of("json", "geojson")
COLLECTION = replace(COVERAGE, name="collectionId", description="Name of a collection.")
FEATURE_ID = replace(REGION_CODE, name="featureId", description="Code or DGUID of a region.")
CRS_PARAMETER = Parameter(
    "crs",
    CrsReader("crs"),
    "CRS of the coordinates. EPSG:3347 returns the boundaries as published, bit for bit. EPSG:4326 has the latitude first.",
    _URI_SCHEMA,
    DEFAULT_URI,
    default=CRS84,
)
BBOX_CRS = replace(CRS_PARAMETER, name="bbox-crs", read=CrsReader("bbox-crs"), description="CRS of `bbox`.", default=CRS84)
BBOX = Parameter(
    "bbox",
    str,
    "Return only features that intersect this box: two corners in the axis order of `bbox-crs`. With six numbers each corner "
    "has a height, which is ignored. In degrees, a west that is greater than the east crosses the antimeridian.",
    {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
    [-79.7, 43.5, -79.1, 43.9],
)
DATETIME = Parameter(
    "datetime",
    _read_datetime,
    "Instant (RFC 3339) or interval, `first/last`, with `..` or nothing for an open end. Selects the vintage in force at the "
    "instant; of an interval, that of the day nearest to today. Without `datetime`: the vintage in force today.",
    {"type": "string"},
    "2022-12-01T00:00:00Z",
)
LIMIT = Parameter(
    "limit",
    _read_limit,
    f"Maximum number of features on a page. Greater values are limited to {LIMIT_MAX}. A page with large geometries can have "
    "fewer features; the link `next` leads to the following ones.",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    LIMIT_DEFAULT,
    default=LIMIT_DEFAULT,
)
CODE = Parameter(
    "code",
    normal_code,
    "Return only the feature with this code.",
    {"type": "string"},
    "3595",
)
LOAD = Parameter(
    "load",
    _read_load,
    "Load of the vintage that `next` and `prev` continue, so that a publication in between mixes no two states.",
    {"type": "string", "pattern": f"^[0-9a-f]{{{_LOAD_DIGITS}}}$"},
    "0a1b2c3d",
)
VINTAGE = replace(
    VINTAGE_OF_COVERAGE,
    description="Label of the vintage. Cannot be combined with `datetime`.",
    schema={"type": "string", "maxLength": LABEL_MAX_CHARACTERS},
)
OF_PAGES = (OFFSET, VINTAGE, LOAD)


def _plain(values: Values) -> PlainQuery:
    return PlainQuery(lang=values["lang"])


def _collection(values: Values) -> CollectionQuery:
    return CollectionQuery(lang=values["lang"], collection=values["collectionId"])


def _feature(values: Values) -> FeatureQuery:
    return FeatureQuery(
        lang=values["lang"],
        label=values["vintage"],
        fsa_label=None,
        at=None,
        collection=values["collectionId"],
        feature_id=values["featureId"],
        crs=values["crs"],
    )


def _items(values: Values) -> ItemsQuery:
    if values["datetime"] is not None and values["vintage"] is not None:
        raise ParameterInvalid(
            Message("datetime cannot be combined with %(name)s.", name="vintage"),
            parameter="datetime",
            hint=Message("Choose the vintage by label or by date, not both."),
        )
    return ItemsQuery(
        lang=values["lang"],
        label=values["vintage"],
        fsa_label=None,
        at=None,
        collection=values["collectionId"],
        crs=values["crs"],
        bbox=None if values["bbox"] is None else parse_bbox_in(values["bbox"], values["bbox-crs"]),
        interval=values["datetime"],
        province=values["province"],
        code=values["code"],
        load=values["load"],
        limit=values["limit"],
        offset=values["offset"],
    )


def _parser(build: Callable[[Values], Any], *query: Parameter, path: tuple[Parameter, ...] = ()) -> RequestParser[Any]:
    return RequestParser(build, path=path, query=(*query, LANG))


PLAIN: RequestParser[PlainQuery] = _parser(_plain, F_JSON)
ONE_COLLECTION: RequestParser[CollectionQuery] = _parser(_collection, F_JSON, path=(COLLECTION,))
ITEMS: RequestParser[ItemsQuery] = _parser(
    _items,
    *(LIMIT, BBOX, BBOX_CRS, CRS_PARAMETER, DATETIME, CODE, PROVINCE, *OF_PAGES, F_ITEMS),
    path=(COLLECTION,),
)
FEATURE: RequestParser[FeatureQuery] = _parser(_feature, CRS_PARAMETER, VINTAGE, F_ITEMS, path=(COLLECTION, FEATURE_ID))

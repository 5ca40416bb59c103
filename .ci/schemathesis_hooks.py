"""Schemathesis hooks: rules between parameters, which an OpenAPI document cannot express.

Cases generated as valid are corrected here, so that the check that valid requests are accepted applies to all of them.
"""

import json
from typing import Any

import schemathesis
from schemathesis.core import NotSet
from schemathesis.generation.modes import GenerationMode

from geography.coordinates import parse_bbox, parse_position
from geography.errors import CoordinateInvalid
from geography.normalize import normalize
from indicators.measures import MEASURES

_COLUMNS = {"lat_column", "lon_column", "code_column"}


def _looks_swapped(query: Any) -> bool:
    try:
        parse_position(lat=str(query["lat"]), lon=str(query["lon"]))
    except CoordinateInvalid as error:
        return error.hint is not None
    return False


def _is_box(text: Any) -> bool:
    try:
        parse_bbox(str(text))
    except CoordinateInvalid:
        return False
    return True


@schemathesis.hook
def before_call(context: Any, case: Any, **kwargs: Any) -> None:
    """Remove or correct parameters of a valid case that conflict with each other; lead links to pages to their JSON."""
    for name, value in (case.path_parameters or {}).items():
        if isinstance(value, str):
            case.path_parameters[name] = value.removesuffix(".html")
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if case.path == "/now":
        _choose_place(case)
    query = case.query
    if not query:
        return
    if {"vintage", "fsa_vintage"} & query.keys():
        query.pop("at", None)
    for name, partner in (("lat", "lon"), ("lon", "lat")):
        if name in query and partner not in query:
            del query[name]
    if "lat" in query and "lon" in query and _looks_swapped(query):
        query.update(lat="43.65", lon="-79.38")
    if "from" in query and "to" in query and query["to"] < query["from"]:
        query["from"], query["to"] = query["to"], query["from"]
    if "bbox" in query and not _is_box(query["bbox"]):
        query["bbox"] = "-79.7,43.5,-79.1,43.9"
    if "q" in query and not normalize(str(query["q"])):
        query["q"] = "toronto"
    for column in _COLUMNS & query.keys():
        if case.media_type == "text/csv":
            query[column] = column.removesuffix("_column")  # as in the header of _TEXTS
        else:
            del query[column]
    # The measures of an indicator depend on its kind; its catalogue entry lists them.
    indicator = (case.path_parameters or {}).get("id")
    if indicator in ("cases", "deaths") and query.get("measure") not in {None, *MEASURES["cumulative"]}:
        query["measure"] = "rate_7d"


def _choose_place(case: Any) -> None:
    """Leave a request of /now with a position or an FSA, not both and not neither."""
    place = case.query if case.method.upper() == "GET" else case.body
    if not isinstance(place, dict):
        if case.method.upper() != "GET":
            return
        place = case.query = {}
    if "fsa" in place:
        for name in ("lat", "lon", "accuracy"):
            place.pop(name, None)
    elif not {"lat", "lon"} <= place.keys() or _looks_swapped(place):
        place.update(lat=43.65, lon=-79.38)


# Bodies that schemathesis cannot generate, since it treats text formats as plain strings. Negative cases are sent unchanged.
_TEXTS = {
    "text/csv": "name,lat,lon,code\nCN Tower,43.6426,-79.3871,M5V\n,46.81,-71.21,\n",
    "application/x-ndjson": '{"id": 1, "lat": 43.6426, "lon": -79.3871, "code": "M5V"}\n',
}


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out bodies of text formats that are no text: as text they are lines, each of which has an answer of its own."""
    return case.media_type not in _TEXTS or isinstance(case.body, str | bytes | NotSet)


@schemathesis.serializer(*_TEXTS)
def text_body(context: Any, value: Any) -> bytes:
    """Return the body of a text format: a valid one for a positive case."""
    case = context.case
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        return _TEXTS[case.media_type].encode()
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@schemathesis.serializer("application/geo+json")
def geojson_body(context: Any, value: Any) -> bytes:
    """Return GeoJSON as it is sent."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()

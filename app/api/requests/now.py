"""Parameters, request model and parsers of /now."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.http.body_errors import BodyInvalid, BodyTooLarge
from api.requests.models import VintageQuery
from api.requests.parameters import ACCURACY, FSA_CODE, FSA_VINTAGE, LANG, LAT, LON, VINTAGE
from api.requests.parser import RequestParser, Values
from geography.codes import FsaInput, parse_fsa
from geography.coordinates import LonLat, parse_position
from geography.errors import GeographyError, ParameterInvalid
from geography.translation import Message

BODY_MAX_BYTES = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class NowQuery(VintageQuery):
    """A position or an FSA; the other is None. `accuracy_m` is None without the parameter, and for an FSA."""

    position: LonLat | None
    accuracy_m: float | None
    fsa: FsaInput | None


def _read_fsa(text: str) -> FsaInput:
    try:
        return parse_fsa(text)
    except GeographyError as error:
        error.parameter = "fsa"
        raise


_FSA = replace(
    FSA_CODE,
    name="fsa",
    read=_read_fsa,
    description=f"Instead of a position: {FSA_CODE.description}",
    example="K0A",
    required=False,
)
_ACCURACY = replace(
    ACCURACY,
    description="Accuracy of the position in metres: the radius of the 95 % confidence circle, as W3C Geolocation reports it. "
    "Every other health region within 1.5 times this radius is in `also_possible`.",
)


def _now(values: Values) -> NowQuery:
    lat, lon, fsa = values["lat"], values["lon"], values["fsa"]
    if fsa is not None and (lat, lon, values["accuracy"]) != (None, None, None):
        raise ParameterInvalid(Message("A position and an FSA cannot be combined."), parameter="fsa")
    if fsa is None and (lat is None or lon is None):
        raise ParameterInvalid(
            Message("lat and lon are required, or fsa."), parameter="lon" if lon is None and lat is not None else "lat"
        )
    return NowQuery(
        lang=values["lang"],
        label=values["vintage"],
        fsa_label=values["fsa_vintage"],
        at=None,
        position=None if fsa is not None else parse_position(lat=lat, lon=lon),
        accuracy_m=values["accuracy"],
        fsa=fsa,
    )


_OPTIONS = (VINTAGE, FSA_VINTAGE, LANG)
NOW = RequestParser(_now, query=(LAT, LON, _ACCURACY, _FSA, *_OPTIONS))
# Parameters in the URL of a POST: never the position.
NOW_OPTIONS: RequestParser[Values] = RequestParser(lambda values: values, query=_OPTIONS)
_BODY_MEMBERS = ("lat", "lon", "lng", "accuracy", "fsa")


def parse_body(options: Mapping[str, Sequence[str]], content: bytes) -> NowQuery:
    """Return the query of a POST: its position or FSA is in the body, everything else in the URL.

    Args:
        options: all values of each parameter in the URL.
        content: a JSON object with `lat`, `lon` and `accuracy`, or `fsa`.

    Raises: BodyTooLarge; BodyInvalid for another body; InvalidInput as `RequestParser.parse`.
    """
    NOW_OPTIONS.parse(options, {})
    if len(content) > BODY_MAX_BYTES:
        raise BodyTooLarge(Message("The body is limited to %(most)s bytes.", most=BODY_MAX_BYTES))
    return NOW.parse({**options, **{name: [text] for name, text in _members(content).items()}}, {})


def _members(content: bytes) -> dict[str, str]:
    """Return the members of the body as texts, without those that are null."""
    try:
        body: Any = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise BodyInvalid(Message("The body is not valid JSON.")) from None
    if not isinstance(body, dict) or not body.keys() <= set(_BODY_MEMBERS):
        raise BodyInvalid(
            Message("The body must be an object with the members lat and lon, or fsa."),
            hint=Message("With a position, accuracy is possible too. All other parameters belong in the URL."),
        )
    members = {name: value for name, value in body.items() if value is not None}
    for name, value in members.items():
        if not isinstance(value, str):
            raise BodyInvalid(Message("%(name)s must be a number or a text.", name=name))
    return members

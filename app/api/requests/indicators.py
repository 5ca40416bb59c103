"""Parameters of the routes about indicators, and the typed query of each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from api.requests.models import PlainQuery
from api.requests.parameters import COVERAGE, LANG, REGION_CODE, REGION_ID, VINTAGE, VINTAGE_OF_COVERAGE, VINTAGE_SCHEMA
from api.requests.parser import Parameter, RequestParser, Values
from api.requests.validators import read_choice, read_coverage, read_day
from geography.errors import InvalidInput, ParameterInvalid
from geography.translation import Message
from indicators.errors import IndicatorUnknown
from indicators.measures import MEASURES

MEASURE_NAMES = tuple(dict.fromkeys(name for names in MEASURES.values() for name in names))
FREQUENCIES = ("day", "week")
PLACES_MAX = 40
SLUG_MAX_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorQuery(PlainQuery):
    """One indicator by name."""

    indicator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapQuery(IndicatorQuery):
    """One measure of all places on one day; None stands for the default of the indicator."""

    measure: str | None
    day: date | None
    coverage: str | None
    label: str | None
    values_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeQuery(IndicatorQuery):
    """One measure of all places on all days; None stands for the default of the indicator."""

    measure: str | None
    frequency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery(CubeQuery):
    """One measure of some places over time; without a first or last day from the beginning or to the end."""

    places: tuple[str, ...]
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionIndicatorsQuery(PlainQuery):
    """The latest values of one region; `coverage` is None on the route of health regions."""

    coverage: str | None
    region_id: str
    label: str | None


def _read_indicator(text: str) -> str:
    slug = text.strip().lower()
    if not slug or len(slug) > SLUG_MAX_CHARACTERS or not slug.isprintable():
        raise IndicatorUnknown(Message("No indicator can have this name."), parameter="id")
    return slug


def _day_of(parameter: str) -> Callable[[str], date]:
    def reader(text: str) -> date:
        try:
            return read_day(text)
        except InvalidInput:
            raise ParameterInvalid(
                Message("%(name)s is a calendar day, YYYY-MM-DD.", name=parameter), parameter=parameter
            ) from None

    return reader


def _read_places(text: str) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    if not 1 <= len(keys) <= PLACES_MAX:
        raise ParameterInvalid(
            Message("place is 1 to %(most)s places with commas between them.", most=PLACES_MAX),
            parameter="place",
            hint=Message("The cube has all places at once."),
        )
    return keys


INDICATOR = Parameter(
    "id", _read_indicator, "Name of an indicator, as `/indicators` lists them.", {"type": "string"}, "cases", required=True
)
MEASURE = Parameter(
    "measure",
    read_choice("measure", MEASURE_NAMES),
    "`rate_7d`: new in the 7 days that end with the last report, per 100,000 inhabitants; `new_7d`: the same as a number; "
    "`new_1d`: since the report before; `cumulative`; `value`: as published. The default is the first of the indicator's own.",
    {"type": "string", "enum": list(MEASURE_NAMES)},
    "rate_7d",
)
ON = Parameter(
    "on",
    _day_of("on"),
    "Calendar day. The default is the last on which the country is complete.",
    {"type": "string", "format": "date"},
    "2022-01-08",
)
FROM = Parameter("from", _day_of("from"), "First calendar day.", {"type": "string", "format": "date"}, "2021-12-01")
TO = Parameter("to", _day_of("to"), "Last calendar day.", {"type": "string", "format": "date"}, "2022-02-28")
FREQUENCY = Parameter(
    "freq",
    read_choice("freq", FREQUENCIES),
    "`day`, or `week`: the Saturdays. The default is `week` for the measures of 7 days, else `day`.",
    {"type": "string", "enum": list(FREQUENCIES)},
    "week",
)
PLACES = Parameter(
    "place",
    _read_places,
    f"Up to {PLACES_MAX} places with commas between them: codes of regions, provinces by two letters, `CA`, and `NS-9999` for "
    "what Nova Scotia assigned to no region.",
    {"type": "string"},
    "3595,ON,CA",
    required=True,
)
FIELDS = Parameter(
    "fields", read_choice("fields", ("v",)), "`v`: only the value of each region.", {"type": "string", "enum": ["v"]}, "v"
)
COVERAGE_OF_MAP = replace(
    COVERAGE,
    required=False,
    read=read_coverage,
    description="Coverage whose regions are wanted. The default is the one that the indicator is reported by.",
    example="covid-reporting-regions",
)
VINTAGE_OF_MAP = replace(
    VINTAGE,
    description="Label of the coverage's vintage. The default is the one that the indicator is reported by, or in force.",
    schema=VINTAGE_SCHEMA,
    example="2020-08",
)


def _map(values: Values) -> MapQuery:
    return MapQuery(
        lang=values["lang"],
        indicator=values["id"],
        measure=values["measure"],
        day=values["on"],
        coverage=values["coverage"],
        label=values["vintage"],
        values_only=values["fields"] == "v",
    )


def _series(values: Values) -> SeriesQuery:
    first, last = values["from"], values["to"]
    if first is not None and last is not None and last < first:
        raise ParameterInvalid(Message("to is before from."), parameter="to")
    return SeriesQuery(
        lang=values["lang"],
        indicator=values["id"],
        measure=values["measure"],
        frequency=values["freq"],
        places=values["place"],
        first=first,
        last=last,
    )


def _region(values: Values) -> RegionIndicatorsQuery:
    region_id: Any = values["id"] if "id" in values else values["code"]
    return RegionIndicatorsQuery(
        lang=values["lang"], coverage=values.get("coverage"), region_id=region_id, label=values["vintage"]
    )


ONE_INDICATOR = RequestParser(
    lambda values: IndicatorQuery(lang=values["lang"], indicator=values["id"]), path=(INDICATOR,), query=(LANG,)
)
MAP = RequestParser(_map, path=(INDICATOR,), query=(ON, MEASURE, COVERAGE_OF_MAP, VINTAGE_OF_MAP, FIELDS, LANG))
CUBE = RequestParser(
    lambda values: CubeQuery(lang=values["lang"], indicator=values["id"], measure=values["measure"], frequency=values["freq"]),
    path=(INDICATOR,),
    query=(MEASURE, FREQUENCY, LANG),
)
SERIES = RequestParser(_series, path=(INDICATOR,), query=(PLACES, FROM, TO, FREQUENCY, MEASURE, LANG))
HEALTH_REGION_INDICATORS = RequestParser(_region, path=(REGION_ID,), query=(VINTAGE, LANG))
COVERAGE_REGION_INDICATORS = RequestParser(_region, path=(COVERAGE, REGION_CODE), query=(VINTAGE_OF_COVERAGE, LANG))

"""Parameters, request models and parsers of the indicator routes."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from api.requests.models import PlainQuery
from api.requests.parameters import (
    CHECKSUM,
    COVERAGE,
    FILE,
    LANG,
    REGION_CODE,
    REGION_ID,
    VINTAGE,
    VINTAGE_OF_COVERAGE,
    VINTAGE_SCHEMA,
)
from api.requests.parser import VALUE_MAX_CHARACTERS, Parameter, RequestParser, Values
from api.requests.validators import (
    list_pattern,
    read_choice,
    read_coverage,
    read_day,
    read_instant,
)
from geography.errors import ParameterInvalid
from geography.translation import Message
from indicators.errors import IndicatorUnknown
from indicators.measures import MEASURES
from indicators.models import PlaceKind

MEASURE_NAMES = tuple(dict.fromkeys(name for names in MEASURES.values() for name in names))
FREQUENCIES = ("day", "week")
PLACES_MAX = 40
SLUG_MAX_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorQuery(PlainQuery):
    """One indicator by name."""

    indicator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorDownloadQuery(IndicatorQuery):
    """A file of an indicator; `sha256` is None if the URL does not pin the content."""

    file: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfQuery(IndicatorQuery):
    """Values of an indicator as of an instant; None is now."""

    as_of: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapQuery(AsOfQuery):
    """One measure of all places on one day; None selects the default of the indicator."""

    measure: str | None
    day: date | None
    coverage: str | None
    label: str | None
    weights: str | None
    values_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeQuery(AsOfQuery):
    """One measure of all places on all days; None selects the default of the indicator, and all kinds of places."""

    measure: str | None
    frequency: str | None
    kind: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery(AsOfQuery):
    """One measure of up to `PLACES_MAX` places over time; None as `first` or `last` leaves that end of the series open."""

    measure: str | None
    frequency: str | None
    places: tuple[str, ...]
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionIndicatorsQuery(PlainQuery):
    """The latest values of one region; `coverage` is None on the health-region route."""

    coverage: str | None
    region_id: str
    label: str | None


def _read_indicator(text: str) -> str:
    slug = text.strip().lower()
    if not slug or len(slug) > SLUG_MAX_CHARACTERS or not slug.isprintable():
        raise IndicatorUnknown(Message("This is not a valid indicator name."), parameter="id")
    return slug


def _read_places(text: str) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    if not 1 <= len(keys) <= PLACES_MAX:
        raise ParameterInvalid(
            Message("place must be a comma-separated list of 1 to %(most)s places.", most=PLACES_MAX),
            parameter="place",
            hint=Message("/indicators/{id}/cube returns all places."),
        )
    return keys


INDICATOR = Parameter(
    "id", _read_indicator, "Id of an indicator, as listed by `/indicators`.", {"type": "string"}, "cases", required=True
)
_FILE = replace(FILE, example="cases.csv")
MEASURE = Parameter(
    "measure",
    read_choice("measure", MEASURE_NAMES),
    "`rate_7d`: new in the 7 days up to the last report, per 100,000 inhabitants; `new_7d`: the same as a count; `new_1d`: new "
    "since the previous report; `cumulative`: total; `value`: as published. Defaults to the indicator's `default_measure`.",
    {"type": "string", "enum": list(MEASURE_NAMES)},
    "rate_7d",
)
ON = Parameter(
    "on",
    read_day("on"),
    "Date, YYYY-MM-DD. Defaults to the latest day with a complete national figure.",
    {"type": "string", "format": "date"},
    "2022-01-08",
)
FROM = Parameter(
    "from", read_day("from"), "First day, YYYY-MM-DD, inclusive.", {"type": "string", "format": "date"}, "2021-12-01"
)
TO = Parameter("to", read_day("to"), "Last day, YYYY-MM-DD, inclusive.", {"type": "string", "format": "date"}, "2022-02-28")
FREQUENCY = Parameter(
    "freq",
    read_choice("freq", FREQUENCIES),
    "`day`, or `week` (one value per week, on Saturday). Defaults to `week` for 7-day measures, otherwise to `day`.",
    {"type": "string", "enum": list(FREQUENCIES)},
    "week",
)
PLACES = Parameter(
    "place",
    _read_places,
    f"Comma-separated list of up to {PLACES_MAX} places: region codes, two-letter province codes, `CA`, and codes such as "
    "`NS-9999` for figures that a province assigned to no region.",
    {"type": "string", "maxLength": VALUE_MAX_CHARACTERS, "pattern": list_pattern(PLACES_MAX)},
    "3595,ON,CA",
    required=True,
)
KIND = Parameter(
    "kind",
    read_choice("kind", tuple(PlaceKind.values)),
    "Kind of the returned places. Defaults to all: regions or sites, parts assigned to no region, provinces, the country.",
    {"type": "string", "enum": list(PlaceKind.values)},
    "region",
)
FIELDS = Parameter(
    "fields",
    read_choice("fields", ("v",)),
    "`v` returns only the value of each region.",
    {"type": "string", "enum": ["v"]},
    "v",
)
COVERAGE_OF_MAP = replace(
    COVERAGE,
    required=False,
    read=read_coverage,
    description="Coverage of the returned regions. Defaults to the coverage in which the indicator is reported.",
    example="covid-reporting-regions",
)
VINTAGE_OF_MAP = replace(
    VINTAGE,
    description="Label of a vintage of the coverage. Defaults to the vintage in which the indicator is reported, otherwise to "
    "the one in force.",
    schema=VINTAGE_SCHEMA,
    example="2020-08",
)


WEIGHTS = Parameter(
    "weights",
    read_choice("weights", ("people",)),
    "`people` estimates figures of regions of another vintage that no declared relation gives: counts are divided by where "
    "people live. These have `method` `weighted` and `status` `estimated`. By default such regions have no value.",
    {"type": "string", "enum": ["people"]},
    "people",
)
AS_OF = Parameter(
    "as_of",
    read_instant("as_of"),
    "Answer as of this instant: with the last issue that the source had published then. RFC 3339 with a time zone, such as "
    "`2022-10-07T18:00:00Z`, or a date, which means the end of that day in UTC. Defaults to now.",
    {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]},
    "2022-11-16T23:30:00Z",
)


def _map(values: Values) -> MapQuery:
    return MapQuery(
        lang=values["lang"],
        indicator=values["id"],
        as_of=values["as_of"],
        measure=values["measure"],
        day=values["on"],
        coverage=values["coverage"],
        label=values["vintage"],
        weights=values["weights"],
        values_only=values["fields"] == "v",
    )


def _series(values: Values) -> SeriesQuery:
    first, last = values["from"], values["to"]
    if first is not None and last is not None and last < first:
        raise ParameterInvalid(Message("to must not be before from."), parameter="to")
    return SeriesQuery(
        lang=values["lang"],
        indicator=values["id"],
        as_of=values["as_of"],
        measure=values["measure"],
        frequency=values["freq"],
        places=values["place"],
        first=first,
        last=last,
    )


def _download(values: Values) -> IndicatorDownloadQuery:
    return IndicatorDownloadQuery(lang=values["lang"], indicator=values["id"], file=values["file"], sha256=values.get("sha256"))


def _region(values: Values) -> RegionIndicatorsQuery:
    region_id: Any = values["id"] if "id" in values else values["code"]
    return RegionIndicatorsQuery(
        lang=values["lang"], coverage=values.get("coverage"), region_id=region_id, label=values["vintage"]
    )


ONE_INDICATOR = RequestParser(
    lambda values: IndicatorQuery(lang=values["lang"], indicator=values["id"]), path=(INDICATOR,), query=(LANG,)
)
DOWNLOAD = RequestParser(_download, path=(INDICATOR, _FILE), query=(LANG,))
PINNED_DOWNLOAD = RequestParser(_download, path=(INDICATOR, CHECKSUM, _FILE), query=(LANG,))
MAP = RequestParser(_map, path=(INDICATOR,), query=(ON, MEASURE, COVERAGE_OF_MAP, VINTAGE_OF_MAP, WEIGHTS, FIELDS, AS_OF, LANG))
CUBE = RequestParser(
    lambda values: CubeQuery(
        lang=values["lang"],
        indicator=values["id"],
        as_of=values["as_of"],
        measure=values["measure"],
        frequency=values["freq"],
        kind=values["kind"],
    ),
    path=(INDICATOR,),
    query=(MEASURE, FREQUENCY, KIND, AS_OF, LANG),
)
SERIES = RequestParser(_series, path=(INDICATOR,), query=(PLACES, FROM, TO, FREQUENCY, MEASURE, AS_OF, LANG))
HEALTH_REGION_INDICATORS = RequestParser(_region, path=(REGION_ID,), query=(VINTAGE, LANG))
COVERAGE_REGION_INDICATORS = RequestParser(_region, path=(COVERAGE, REGION_CODE), query=(VINTAGE_OF_COVERAGE, LANG))

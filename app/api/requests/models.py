"""Request models: the typed, immutable query of each route, and the parser that builds it."""

from dataclasses import dataclass, fields, replace
from datetime import date
from operator import attrgetter
from typing import Any

from api.requests.parameters import (
    ACCURACY,
    AT,
    BBOX,
    CHANGES_LIMIT,
    CHECKSUM,
    CODE,
    COVERAGE,
    DETAIL_HIGH,
    DETAIL_LOW,
    FILE,
    FROM_LABEL,
    FSA_CODE,
    FSA_VINTAGE,
    KIND,
    LANG,
    LAT,
    LIMIT,
    LON,
    MAX_DISTANCE,
    OFFSET,
    PROVINCE,
    REGION_CODE,
    REGION_ID,
    SEARCH,
    TILE,
    TO_LABEL,
    VINTAGE,
    VINTAGE_LABEL,
    VINTAGE_OF_COVERAGE,
    VINTAGE_OF_FSA,
    fields_of,
)
from api.requests.parser import RequestParser, Values
from geography.codes import FsaInput, Province
from geography.coordinates import Bbox, LonLat, TileAddress, parse_position
from geography.errors import ParameterInvalid
from geography.translation import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainQuery:
    """Base of all queries. `lang` is None if the Accept-Language header decides the language."""

    lang: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageQuery(PlainQuery):
    """Vintages by label, by day, or, if all are None, in force today. `fsa_label` applies to routes with two coverages."""

    label: str | None
    fsa_label: str | None
    at: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsQuery(VintageQuery):
    """A list of regions.

    Attributes:
        coverage: None on routes with a fixed coverage.
        level: level of the geometry; None for no geometry.
        fields: names of the returned properties; None for all.
        limit: maximum number of regions; None for all.
    """

    coverage: str | None
    province: Province | None
    search: str | None
    bbox: Bbox | None
    position: LonLat | None
    level: str | None
    fields: tuple[str, ...] | None
    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionQuery(VintageQuery):
    """One region by code or DGUID; `coverage`, `level` and `fields` as in `RegionsQuery`."""

    coverage: str | None
    region_id: str
    level: str | None
    fields: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FsaQuery(VintageQuery):
    """One FSA, for its boundary or its health regions; `fields` as in `RegionsQuery`."""

    fsa: FsaInput
    level: str | None
    fields: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneVintageQuery(PlainQuery):
    """One vintage by coverage and label."""

    coverage: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesQuery(PlainQuery):
    """Changes of regions between two vintages of a coverage."""

    coverage: str
    from_label: str
    to_label: str
    kind: str | None
    code: str | None
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateQuery(VintageQuery):
    """One position. `accuracy_m` is None without the parameter; the response then has no candidates."""

    position: LonLat
    accuracy_m: float | None
    max_distance_m: float


# The options of a `LocateQuery`, as a tuple: everything that the answer depends on beside the position and the language.
locate_options = attrgetter(*(field.name for field in fields(LocateQuery) if field.name not in ("position", "lang")))


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesQuery(VintageQuery):
    """A tile of a coverage; `address` is None for the TileJSON document."""

    coverage: str
    address: TileAddress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadQuery(PlainQuery):
    """A file of a vintage; `sha256` is None if the URL does not pin the content."""

    coverage: str
    label: str
    file: str
    sha256: str | None


def vintage_arguments(values: Values) -> dict[str, Any]:
    """Return the arguments of a `VintageQuery`. Raises: ParameterInvalid for a label beside a date."""
    labels = {name: values.get(name) for name in ("vintage", "fsa_vintage")}
    for name, label in labels.items():
        if label is not None and values["at"] is not None:
            raise ParameterInvalid(
                Message("at cannot be combined with %(name)s.", name=name),
                parameter="at",
                hint=Message("Choose the vintage by label or by date, not both."),
            )
    return {"lang": values["lang"], "label": labels["vintage"], "fsa_label": labels["fsa_vintage"], "at": values["at"]}


def _level(values: Values) -> str | None:
    return None if values["detail"] == "none" else values["detail"]


def _position(values: Values) -> LonLat | None:
    lat, lon = values["lat"], values["lon"]
    if lat is None and lon is None:
        return None
    if lat is None or lon is None:
        missing, present = ("lat", "lon") if lat is None else ("lon", "lat")
        raise ParameterInvalid(
            Message("%(present)s requires %(missing)s.", present=present, missing=missing), parameter=missing
        )
    return parse_position(lat=lat, lon=lon)


def _regions(values: Values) -> RegionsQuery:
    return RegionsQuery(
        **vintage_arguments(values),
        coverage=values.get("coverage"),
        province=values["province"],
        search=values["q"],
        bbox=values["bbox"],
        position=_position(values),
        level=_level(values),
        fields=values["fields"],
        limit=values["limit"],
        offset=values["offset"],
    )


def _region(values: Values) -> RegionQuery:
    region_id = values["id"] if "id" in values else values["code"]
    return RegionQuery(
        **vintage_arguments(values),
        coverage=values.get("coverage"),
        region_id=region_id,
        level=_level(values),
        fields=values.get("fields"),
    )


def _fsa(values: Values) -> FsaQuery:
    return FsaQuery(**vintage_arguments(values), fsa=values["code"], level=_level(values), fields=values.get("fields"))


def _locate(values: Values) -> LocateQuery:
    return LocateQuery(
        **vintage_arguments(values),
        position=parse_position(lat=values["lat"], lon=values["lon"]),
        accuracy_m=values["accuracy"],
        max_distance_m=values["max_distance"],
    )


def _tiles(values: Values) -> TilesQuery:
    address = TileAddress(values["z"], values["x"], values["y"]) if "z" in values else None
    return TilesQuery(**vintage_arguments(values), coverage=values["coverage"], address=address)


def _download(values: Values) -> DownloadQuery:
    return DownloadQuery(
        lang=values["lang"],
        coverage=values["coverage"],
        label=values["label"],
        file=values["file"],
        sha256=values.get("sha256"),
    )


def _one_vintage(values: Values) -> OneVintageQuery:
    return OneVintageQuery(lang=values["lang"], coverage=values["coverage"], label=values["label"])


def _changes(values: Values) -> ChangesQuery:
    names = ("lang", "coverage", "kind", "code", "limit", "offset")
    return ChangesQuery(from_label=values["a"], to_label=values["b"], **{name: values[name] for name in names})


_LIST_PARAMETERS = (PROVINCE, SEARCH, BBOX, LAT, LON, DETAIL_LOW, LIMIT, OFFSET)
_HEALTH_REGION_FIELDS, _FSA_FIELDS, _REGION_FIELDS = (fields_of(code_name) for code_name in ("hruid", "cfsauid", "code"))

PLAIN: RequestParser[PlainQuery] = RequestParser(lambda values: PlainQuery(lang=values["lang"]), query=(LANG,))
DOWNLOAD = RequestParser(_download, path=(COVERAGE, VINTAGE_LABEL, FILE), query=(LANG,))
PINNED_DOWNLOAD = RequestParser(_download, path=(COVERAGE, VINTAGE_LABEL, CHECKSUM, FILE), query=(LANG,))
HEALTH_REGIONS = RequestParser(_regions, query=(*_LIST_PARAMETERS, _HEALTH_REGION_FIELDS, VINTAGE, AT, LANG))
HEALTH_REGION = RequestParser(_region, path=(REGION_ID,), query=(DETAIL_HIGH, _HEALTH_REGION_FIELDS, VINTAGE, AT, LANG))
HEALTH_REGION_FSAS = RequestParser(_region, path=(REGION_ID,), query=(DETAIL_LOW, VINTAGE, FSA_VINTAGE, AT, LANG))
HEALTH_REGION_NEIGHBOURS = RequestParser(_region, path=(REGION_ID,), query=(DETAIL_LOW, VINTAGE, AT, LANG))
COVERAGE_REGION_NEIGHBOURS = RequestParser(
    _region, path=(COVERAGE, REGION_CODE), query=(DETAIL_LOW, VINTAGE_OF_COVERAGE, AT, LANG)
)
COVERAGE_REGIONS = RequestParser(
    _regions, path=(COVERAGE,), query=(*_LIST_PARAMETERS, _REGION_FIELDS, VINTAGE_OF_COVERAGE, AT, LANG)
)
COVERAGE_REGION = RequestParser(
    _region, path=(COVERAGE, REGION_CODE), query=(DETAIL_HIGH, _REGION_FIELDS, VINTAGE_OF_COVERAGE, AT, LANG)
)
FSAS = RequestParser(_regions, query=(*_LIST_PARAMETERS, _FSA_FIELDS, VINTAGE_OF_FSA, AT, LANG))
FSA = RequestParser(_fsa, path=(FSA_CODE,), query=(DETAIL_LOW, VINTAGE, FSA_VINTAGE, AT, LANG))
FSA_BOUNDARY = RequestParser(_fsa, path=(FSA_CODE,), query=(DETAIL_HIGH, _FSA_FIELDS, VINTAGE_OF_FSA, AT, LANG))
TILE_OF_COVERAGE = RequestParser(_tiles, path=(COVERAGE, *TILE), query=(VINTAGE_OF_COVERAGE, AT, LANG))
TILEJSON = RequestParser(_tiles, path=(COVERAGE,), query=(VINTAGE_OF_COVERAGE, AT, LANG))
LOCATE = RequestParser(
    _locate,
    query=(
        replace(LAT, required=True),
        replace(LON, required=True),
        ACCURACY,
        MAX_DISTANCE,
        VINTAGE,
        FSA_VINTAGE,
        AT,
        LANG,
    ),
)
ONE_VINTAGE = RequestParser(_one_vintage, path=(COVERAGE, VINTAGE_LABEL), query=(LANG,))
CHANGES = RequestParser(_changes, path=(COVERAGE, FROM_LABEL, TO_LABEL), query=(KIND, CODE, CHANGES_LIMIT, OFFSET, LANG))

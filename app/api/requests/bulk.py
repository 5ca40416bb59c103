"""Request models of the bulk routes."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.requests.models import VintageQuery, vintage_arguments
from api.requests.parameters import (
    ACCURACY_OF_MANY,
    AT,
    CODE_COLUMN,
    FSA_VINTAGE,
    LANG,
    LAT_COLUMN,
    LOCATED_FIELDS,
    LON_COLUMN,
    MAX_DISTANCE,
    VINTAGE,
)
from api.requests.parser import Parameter, RequestParser, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkQuery(VintageQuery):
    """Bulk request. The items are in the body; `columns` maps column parameters to the column names that the client chose."""

    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FsaManyQuery(BulkQuery):
    """Bulk lookup of FSAs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateManyQuery(BulkQuery):
    """Bulk lookup of positions.

    Attributes:
        fields: names of the returned columns, of `parameters.LOCATED_COLUMNS`; None for the default of the format.
    """

    accuracy_m: float | None
    max_distance_m: float
    fields: tuple[str, ...] | None


def _column_names(values: Values, *parameters: Parameter) -> dict[str, str]:
    return {parameter.name: values[parameter.name] for parameter in parameters if values[parameter.name] is not None}


def _locate_many(values: Values) -> LocateManyQuery:
    return LocateManyQuery(
        **vintage_arguments(values),
        accuracy_m=values["accuracy"],
        max_distance_m=values["max_distance"],
        fields=values["fields"],
        columns=_column_names(values, LAT_COLUMN, LON_COLUMN),
    )


def _fsa_many(values: Values) -> FsaManyQuery:
    return FsaManyQuery(**vintage_arguments(values), columns=_column_names(values, CODE_COLUMN))


LOCATE_MANY = RequestParser(
    _locate_many,
    query=(ACCURACY_OF_MANY, MAX_DISTANCE, LOCATED_FIELDS, LAT_COLUMN, LON_COLUMN, VINTAGE, FSA_VINTAGE, AT, LANG),
)
FSA_MANY = RequestParser(_fsa_many, query=(CODE_COLUMN, VINTAGE, FSA_VINTAGE, AT, LANG))

"""Column detection: the columns of a table, or members of a JSON object, that hold the input, by name or by rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.http.body_errors import BodyInvalid
from covidtrends_geo.bulk.column_names import NAME_MAX_CHARACTERS, indexes_by_rank, normalize_name
from geography.errors import ParameterInvalid
from geography.translation import Message

_SHOWN_NAMES_MAX = 30


@dataclass(frozen=True, slots=True)
class Column:
    """A column that an input needs.

    Attributes:
        parameter: URL parameter with which a client names the column.
        ranks: likely names, normalized (`normalize_name`), most likely first. Names of a rank pair with the names of the same
            rank of the input's other column.
    """

    parameter: str
    ranks: Sequence[Sequence[str]]


def columns_by_rank(names: Sequence[str], columns: Sequence[Column]) -> list[int] | None:
    """Return the index of each column among the names; None if a column is missing.

    Uses the first rank in which all columns are present, otherwise the best rank of each column. The first of equal names
    counts.
    """
    return indexes_by_rank(names, [column.ranks for column in columns])


def find_columns(header: Sequence[str], columns: Sequence[Column], column_names: Mapping[str, str]) -> list[int]:
    """Return the index of each column in a header.

    Args:
        column_names: column names that the client chose, by `Column.parameter`.

    Raises: ParameterInvalid for a chosen name that the header does not have; BodyInvalid for a missing or duplicate column.
    The hints list the columns of the header.
    """
    indexes = columns_by_rank(header, columns) or []
    if column_names:
        unnamed = [column for column in columns if column.parameter not in column_names]
        detected = dict(zip(unnamed, columns_by_rank(header, unnamed) or [], strict=False))
        indexes = []
        for column in columns:
            if column.parameter in column_names:
                indexes.append(_index_by_name(header, column.parameter, column_names[column.parameter]))
            elif column in detected:
                indexes.append(detected[column])
    if len(indexes) < len(columns):
        missing = next(column for column in columns if columns_by_rank(header, [column]) is None)
        raise BodyInvalid(
            Message(
                "The header has no column with one of these names: %(names)s.",
                names=[name for likely_names in missing.ranks for name in likely_names],
            ),
            hint=Message(
                "Its columns are %(columns)s. Choose one with %(parameter)s=.",
                columns=_shown_names(header),
                parameter=missing.parameter,
            ),
        )
    for column, index in zip(columns, indexes, strict=True):
        names = header if column.parameter in column_names else [normalize_name(name) for name in header]
        if names.count(names[index]) > 1:
            raise BodyInvalid(
                Message("The header has more than one column '%(name)s'.", name=header[index][:NAME_MAX_CHARACTERS]),
                hint=Message(
                    "Its columns are %(columns)s. Choose one with %(parameter)s=.",
                    columns=_shown_names(header),
                    parameter=column.parameter,
                ),
            )
    return indexes


def _index_by_name(header: Sequence[str], parameter: str, name: str) -> int:
    for form in (str.strip, normalize_name):
        indexes = [index for index, column in enumerate(header) if form(column) == form(name)]
        if indexes:
            return indexes[0]
    raise ParameterInvalid(
        Message("The header has no column '%(name)s'.", name=name[:NAME_MAX_CHARACTERS]),
        parameter=parameter,
        hint=Message("Its columns are %(columns)s.", columns=_shown_names(header)),
    )


def _shown_names(header: Sequence[str]) -> list[str]:
    more = ["…"] if len(header) > _SHOWN_NAMES_MAX else []
    return [name.strip()[:NAME_MAX_CHARACTERS] for name in header[:_SHOWN_NAMES_MAX]] + more

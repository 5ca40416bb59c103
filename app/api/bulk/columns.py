"""The columns of a table, or the members of an object, that hold a question: by the caller's choice, else by rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from api.http.body_errors import BodyInvalid
from geography.errors import ParameterInvalid
from geography.normalize import normalize
from geography.translation import Message

_NAME_MAX_CHARACTERS = 60
_SHOWN_NAMES_MAX = 30


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a question needs.

    Attributes:
        parameter: of the URL, that names it.
        ranks: the names that it can have, folded (`normalize_name`), the likeliest first; those of a rank go together with those of the
            same rank of the question's other column.
    """

    parameter: str
    ranks: Sequence[Sequence[str]]


def normalize_name(name: str) -> str:
    """Return a column's name without case, accents, spaces and punctuation: `Decimal_Latitude` is `decimallatitude`."""
    return _normalize_name(name) if len(name) <= _NAME_MAX_CHARACTERS else ""


@lru_cache(maxsize=4096)
def _normalize_name(name: str) -> str:
    return normalize(name).replace(" ", "")


def columns_by_rank(names: Sequence[str], columns: Sequence[Column]) -> list[int] | None:
    """Return where each of the columns is among names; None where one is missing.

    The first rank of which all columns are there, else the best rank of each. Of equal names the first counts.
    """
    folded = [normalize_name(name) for name in names]
    best = []
    for together in zip(*(column.ranks for column in columns), strict=True):
        places = [_first_index(folded, likely) for likely in together]
        if None not in places:
            return [place for place in places if place is not None]
    for column in columns:
        place = _first_index(folded, [name for likely in column.ranks for name in likely])
        if place is None:
            return None
        best.append(place)
    return best


def _first_index(folded: Sequence[str], likely: Sequence[str]) -> int | None:
    return next((folded.index(name) for name in likely if name in folded), None)


def find_columns(header: Sequence[str], columns: Sequence[Column], column_names: Mapping[str, str]) -> list[int]:
    """Return where each of the columns is in a header.

    Args:
        column_names: names by `Column.parameter`, as far as the caller names them.

    Raises: ParameterInvalid for a name that the header does not have, BodyInvalid where a column is missing or there twice;
    both list what the header has.
    """
    places = columns_by_rank(header, columns) or []
    if column_names:
        rest = [column for column in columns if column.parameter not in column_names]
        own = dict(zip(rest, columns_by_rank(header, rest) or [], strict=False))
        places = []
        for column in columns:
            if column.parameter in column_names:
                places.append(_index_by_name(header, column.parameter, column_names[column.parameter]))
            elif column in own:
                places.append(own[column])
    if len(places) < len(columns):
        missing = next(column for column in columns if columns_by_rank(header, [column]) is None)
        raise BodyInvalid(
            Message(
                "The header has no column with one of these names: %(wanted)s.",
                wanted=[name for likely in missing.ranks for name in likely],
            ),
            hint=Message(
                "It has %(columns)s. Name the column with %(parameter)s=.",
                columns=_shown_names(header),
                parameter=missing.parameter,
            ),
        )
    for column, place in zip(columns, places, strict=True):
        same = header if column.parameter in column_names else [normalize_name(name) for name in header]
        if same.count(same[place]) > 1:
            raise BodyInvalid(
                Message("The header has more than one column '%(name)s'.", name=header[place][:_NAME_MAX_CHARACTERS]),
                hint=Message(
                    "It has %(columns)s. Name the column with %(parameter)s=.",
                    columns=_shown_names(header),
                    parameter=column.parameter,
                ),
            )
    return places


def _index_by_name(header: Sequence[str], parameter: str, name: str) -> int:
    for same in (str.strip, normalize_name):
        places = [place for place, text in enumerate(header) if same(text) == same(name)]
        if places:
            return places[0]
    raise ParameterInvalid(
        Message("The header has no column '%(name)s'.", name=name[:_NAME_MAX_CHARACTERS]),
        parameter=parameter,
        hint=Message("It has %(columns)s.", columns=_shown_names(header)),
    )


def _shown_names(header: Sequence[str]) -> list[str]:
    more = ["…"] if len(header) > _SHOWN_NAMES_MAX else []
    return [name.strip()[:_NAME_MAX_CHARACTERS] for name in header[:_SHOWN_NAMES_MAX]] + more

"""From bytes or lines to items. A subject (`positions`, `codes`) says what a question looks like in a row and in JSON."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import chain
from typing import Any, Generic, TypeVar

import orjson

from api.bulk.errors import BodyInvalid, BodyTooLarge
from api.bulk.formats import ITEMS_MAX, Format
from geography.errors import GeographyError, ParameterInvalid
from geography.messages import Message

Question = TypeVar("Question")

# A tab or a semicolon is what spreadsheets write where the decimal sign is a comma.
_DELIMITERS = ",;\t"
_FIELD_MAX_CHARACTERS = 100_000


@dataclass(slots=True)
class Item(Generic[Question]):
    """One question of many.

    Attributes:
        question: None where `error` says what is wrong with it.
        id: what the sender calls it; None where they do not.
        row: the fields of its line, of CSV.
        properties: of a GeoJSON feature.
    """

    question: Question | None
    error: GeographyError | None = None
    id: Any = None
    row: Sequence[str] = ()
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Items(Generic[Question]):
    """What was read.

    Attributes:
        items: in the order of the body; may be an iterator.
        columns: of the header, of CSV.
        delimiter: of CSV.
    """

    items: Iterable[Item[Question]]
    columns: Sequence[str] = ()
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Subject(Generic[Question]):
    """What is asked about.

    Attributes:
        columns: for each field that a question needs, the names that its column can have, lower case.
        members: names that the list of questions can have in a JSON object.
        of_text: returns the question in the fields of a row; raises GeographyError.
        of_json: returns the question in a JSON value; raises GeographyError.
    """

    columns: Sequence[Sequence[str]]
    members: Sequence[str]
    of_text: Callable[[Sequence[str]], Question]
    of_json: Callable[[Any], Question]


def read_body(body: bytes, form: Format, subject: Subject[Question]) -> Items[Question]:
    """Read a whole body.

    Raises: BodyInvalid; BodyTooLarge beyond `ITEMS_MAX` items.
    """
    if form is Format.CSV:
        found = read_csv(StringIO(_text(body), newline=""), subject)
        found.items = _few(found.items)
        return found
    if form is Format.NDJSON:
        return Items(_few(read_lines(body.splitlines(), subject)))
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyInvalid(
            Message("The body is not JSON: line %(line)s, column %(column)s.", line=error.lineno, column=error.colno)
        ) from None
    return Items([_json_item(one, subject) for one in _few(_members(value, subject))])


def read_csv(lines: Iterable[str], subject: Subject[Question]) -> Items[Question]:
    """Read lines of CSV (RFC 4180) with a header, as they come. Empty lines are no items.

    Raises: BodyInvalid for a header without the columns that are needed, and, while the items are read, for what is no CSV.
    """
    rest = iter(lines)
    first = next(rest, "").removeprefix("\ufeff")
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(_FIELD_MAX_CHARACTERS)
    rows = _rows(csv.reader(chain([first], rest), delimiter=delimiter, strict=True))
    header = next(rows, [])
    names = [name.strip().lower() for name in header]
    places = [_place(names, column) for column in subject.columns]
    return Items(_csv_items(rows, len(header), places, subject), header, delimiter)


def read_lines(lines: Iterable[bytes], subject: Subject[Question]) -> Iterator[Item[Question]]:
    """Read lines of JSON as they come. Empty lines are no items; a line that is no JSON is an item with an error."""
    for line in lines:
        if line.strip():
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                yield Item(None, ParameterInvalid(Message("This line is not JSON.")))
            else:
                yield _json_item(value, subject)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyInvalid(
            Message("The body is not UTF-8: byte %(place)s cannot be read.", place=error.start),
            hint=Message("Save the file as UTF-8."),
        ) from None


def _few(items: Iterable[Any]) -> Iterator[Any]:
    for number, item in enumerate(items):
        if number == ITEMS_MAX:
            raise BodyTooLarge(
                Message("At most %(most)s items are answered at once.", most=ITEMS_MAX),
                hint=Message("Send them in parts, or answer a file of any size with manage.py locate."),
            )
        yield item


def _rows(reader: Any) -> Iterator[list[str]]:
    try:
        yield from (row for row in reader if row)
    except csv.Error:
        raise BodyInvalid(Message("The body is not CSV: line %(line)s cannot be read.", line=reader.line_num)) from None


def _place(names: Sequence[str], column: Sequence[str]) -> int:
    places = [place for place, name in enumerate(names) if name in column]
    if len(places) == 1:
        return places[0]
    wanted = list(column)
    if places:
        raise BodyInvalid(Message("The header has more than one column of these: %(wanted)s.", wanted=wanted))
    raise BodyInvalid(Message("The header has no column with one of these names: %(wanted)s.", wanted=wanted))


def _csv_items(
    rows: Iterable[list[str]], width: int, places: Sequence[int], subject: Subject[Question]
) -> Iterator[Item[Question]]:
    for row in rows:
        if len(row) != width:
            padded = (row + [""] * width)[:width]
            yield Item(None, ParameterInvalid(Message("This row has not as many fields as the header.")), row=padded)
            continue
        try:
            yield Item(subject.of_text([row[place] for place in places]), row=row)
        except GeographyError as error:
            yield Item(None, error, row=row)


def _members(value: Any, subject: Subject[Any]) -> Iterable[Any]:
    if isinstance(value, dict):
        for name in subject.members:
            if isinstance(value.get(name), list):
                return list(value[name])
    if isinstance(value, list):
        return value
    raise BodyInvalid(
        Message("The body holds no list of items."),
        hint=Message("It is an array, or an object with one of these: %(names)s.", names=list(subject.members)),
    )


def _json_item(value: Any, subject: Subject[Question]) -> Item[Question]:
    given = value if isinstance(value, dict) else {}
    properties = given.get("properties")
    item: Item[Question] = Item(
        None,
        id=given.get("id"),
        properties=properties if isinstance(properties, dict) and given.get("type") == "Feature" else {},
    )
    try:
        item.question = subject.of_json(value)
    except GeographyError as error:
        item.error = error
    return item

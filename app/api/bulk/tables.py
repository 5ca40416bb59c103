"""Tables as people have them: CSV (RFC 4180) with any usual delimiter, read row by row."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import chain
from typing import Any

from api.bulk.columns import columns_by_rank, find_columns
from api.bulk.items import Input, Item, Items, ItemType
from api.http.body_errors import BodyInvalid, BodyTooLarge
from geography.errors import GeographyError, ParameterInvalid
from geography.translation import Message

_DELIMITERS = ",;\t|"
# Spreadsheets write this line before the header to say which delimiter they used.
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
# Each holds memory while a row is read: spreadsheets have at most 16,384 columns.
FIELDS_MAX = 65_536
_FIELD_MAX_CHARACTERS = 1 << 20
_HEADER_MAX_CHARACTERS = 1 << 20


class _BoundedLines:
    """Lines on their way to the csv module, with a bound on the fields of one row."""

    def __init__(self, lines: Iterable[str], delimiter: str, skipped: int) -> None:
        self._lines, self._delimiter = lines, delimiter
        self.number = skipped
        self.fields = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            self.fields += line.count(self._delimiter)
            if self.fields > FIELDS_MAX:
                raise BodyTooLarge(
                    Message("A row has more than %(most)s fields: line %(line)s.", most=FIELDS_MAX, line=self.number)
                )
            yield line


def read_table(
    lines: Iterable[str], item_type: ItemType[Input], column_names: Mapping[str, str], *, padding_max: int | None = None
) -> Items[Input]:
    """Read lines of CSV with a header, as they come. Empty lines are no items.

    The delimiter is the one with which the header has the columns that are needed; a first line `sep=;` says so itself.

    Args:
        column_names: names of columns by parameter (`lat_column`), as far as the caller names them.
        padding_max: how many fields rows may lack in all, since an answer has them; None for any number.

    Raises: BodyInvalid or ParameterInvalid for a header without the columns that are needed, and, while the items are read,
    BodyInvalid for what is no CSV and BodyTooLarge.
    """
    csv.field_size_limit(_FIELD_MAX_CHARACTERS)
    rest = iter(lines)
    first = next(rest, "").removeprefix("\ufeff")
    skipped = 0
    declared = _DECLARED.fullmatch(first)
    while first and (not first.strip() or (declared and not skipped)):
        first = next(rest, "")
        skipped += 1
    head = [first]
    delimiters = declared[1] if declared else _DELIMITERS
    results = [(delimiter, header) for delimiter in delimiters if (header := _read_header(head, rest, delimiter)) is not None]
    if not results:
        raise _no_csv(skipped + 1)

    def fits(candidate: tuple[str, list[str]]) -> tuple[bool, int]:
        header = candidate[1]
        columns = [column for column in item_type.columns if column.parameter not in column_names]
        there = {name.strip() for name in header}
        named = all(name.strip() in there for name in column_names.values())
        return named and (not columns or columns_by_rank(header, columns) is not None), len(header)

    delimiter, header = max(results, key=fits)
    places = find_columns(header, item_type.columns, column_names)
    feed = _BoundedLines(chain(head, rest), delimiter, skipped)
    rows = _read_rows(feed, delimiter)
    next(rows)
    items = _items(_fit_width(rows, len(header), delimiter, padding_max), len(header), places, item_type)
    return Items(items, header, delimiter)


def _read_header(head: list[str], rest: Iterator[str], delimiter: str) -> list[str] | None:
    """Return the fields of the header, which may have line breaks; what is read for it is added to `head`."""

    def feed() -> Iterator[str]:
        yield from head
        length = sum(map(len, head))
        for line in rest:
            head.append(line)
            yield line
            length += len(line)
            if length > _HEADER_MAX_CHARACTERS:
                return

    if any(line.count(delimiter) > FIELDS_MAX for line in head):
        return None
    try:
        return next(csv.reader(feed(), delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _read_rows(feed: _BoundedLines, delimiter: str) -> Iterator[list[str]]:
    start = feed.number
    try:
        for row in csv.reader(feed, delimiter=delimiter, strict=True):
            start, feed.fields = feed.number, 0
            if row:
                yield row
    except csv.Error:
        raise _no_csv(start + 1) from None


def _no_csv(line: int) -> BodyInvalid:
    return BodyInvalid(
        Message("The body is not CSV: the row that begins in line %(line)s cannot be read.", line=line),
        hint=Message("A quote inside a quoted field is doubled, and every quoted field is closed."),
    )


def _fit_width(
    rows: Iterable[list[str]], width: int, delimiter: str, padding_max: int | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield how many fields a row has, empty ones beyond the header aside, and the row, at most as wide as the header.

    Raises: BodyTooLarge once the rows lack more than `padding_max` fields.
    """
    padding = 0
    for row in rows:
        if len(row) > width and not any(row[width:]):
            del row[width:]
        if len(row) > width:
            yield len(row), _join_surplus(row, width, delimiter)
            continue
        padding += width - len(row)
        if padding_max is not None and padding > padding_max:
            raise BodyTooLarge(Message("The rows have far fewer fields than the header."))
        yield len(row), row


def _items(
    rows: Iterable[tuple[int, list[str]]], width: int, places: Sequence[int], item_type: ItemType[Input]
) -> Iterator[Item[Input]]:
    needed = max(places) + 1
    for fields, row in rows:
        item: Item[Input] = Item(None, row=row, weight=5 * fields)
        if fields > width:
            item.error = _wrong_width(fields, width, Message("Quote fields that hold the delimiter."))
        elif fields < needed:
            item.error = _wrong_width(fields, width, Message("It ends before the columns that are needed."))
        else:
            try:
                item.input = item_type.from_fields([row[place] for place in places])
            except GeographyError as error:
                item.error = error
        yield item


def _join_surplus(row: list[str], width: int, delimiter: str) -> list[str]:
    """Return a row that is as wide as the header: its last field holds all the rest, as CSV."""
    text = StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(row[width - 1 :])
    return [*row[: width - 1], text.getvalue()]


def _wrong_width(fields: int, width: int, hint: Message) -> ParameterInvalid:
    return ParameterInvalid(
        Message("This row has %(fields)s fields, and the header has %(width)s.", fields=fields, width=width), hint=hint
    )


def pad_row(row: Sequence[Any], width: int) -> Sequence[Any]:
    """Return a row with empty fields up to a width."""
    return row if len(row) >= width else [*row, *[""] * (width - len(row))]

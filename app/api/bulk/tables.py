"""CSV reader (RFC 4180): detects delimiter and header, and yields items row by row in constant memory."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import chain
from typing import Any

from api.bulk.columns import columns_by_rank, find_columns
from api.bulk.items import Input, Item, Items, ItemType
from api.http.body_errors import BodyInvalid, BodyTooLarge
from covidtrends_geo.bulk.csv_header import FIELD_MAX_CHARACTERS, FIELDS_MAX, first_line, read_row
from geography.errors import GeographyError, ParameterInvalid
from geography.translation import Message


class _BoundedLines:
    """Lines for csv.reader, with a limit on the fields of a row. Raises: BodyTooLarge."""

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
    """Return the items of CSV lines with a header. Empty lines are skipped.

    A first line such as `sep=;` declares the delimiter. Otherwise it is the one that yields the required columns.

    Args:
        column_names: column names that the client chose, by parameter (`lat_column`).
        padding_max: maximum number of missing fields in all rows together, since the response contains them; None for no limit.

    Raises: BodyInvalid or ParameterInvalid for a header without the required columns. Iteration raises BodyInvalid for invalid
    CSV, and BodyTooLarge.
    """
    csv.field_size_limit(FIELD_MAX_CHARACTERS)
    rest = iter(lines)
    first, skipped, delimiters = first_line(rest)
    header_lines = [first]
    readings = [
        (delimiter, reading[0]) for delimiter in delimiters if (reading := read_row(header_lines, rest, delimiter)) is not None
    ]
    if not readings:
        raise _invalid_csv(skipped + 1)

    def suitability(reading: tuple[str, list[str]]) -> tuple[bool, int]:
        header = reading[1]
        columns = [column for column in item_type.columns if column.parameter not in column_names]
        header_names = {name.strip() for name in header}
        has_chosen = all(name.strip() in header_names for name in column_names.values())
        return has_chosen and (not columns or columns_by_rank(header, columns) is not None), len(header)

    delimiter, header = max(readings, key=suitability)
    indexes = find_columns(header, item_type.columns, column_names)
    feed = _BoundedLines(chain(header_lines, rest), delimiter, skipped)
    rows = _read_rows(feed, delimiter)
    next(rows)
    items = _items(_fit_width(rows, len(header), delimiter, padding_max), len(header), indexes, item_type)
    return Items(items, header, delimiter)


def _read_rows(feed: _BoundedLines, delimiter: str) -> Iterator[list[str]]:
    start = feed.number
    try:
        for row in csv.reader(feed, delimiter=delimiter, strict=True):
            start, feed.fields = feed.number, 0
            if row:
                yield row
    except csv.Error:
        raise _invalid_csv(start + 1) from None


def _invalid_csv(line: int) -> BodyInvalid:
    return BodyInvalid(
        Message("The body is not valid CSV: the row that starts at line %(line)s cannot be parsed.", line=line),
        hint=Message("Double every quote inside a quoted field, and close every quoted field."),
    )


def _fit_width(
    rows: Iterable[list[str]], width: int, delimiter: str, padding_max: int | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of fields of each row, and the row, at most as wide as the header.

    Empty fields beyond the header are dropped; others are joined into the last field.

    Raises: BodyTooLarge if the rows together lack more than `padding_max` fields.
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
            raise BodyTooLarge(Message("Too many rows have fewer fields than the header."))
        yield len(row), row


def _items(
    rows: Iterable[tuple[int, list[str]]], width: int, indexes: Sequence[int], item_type: ItemType[Input]
) -> Iterator[Item[Input]]:
    fields_min = max(indexes) + 1
    for fields, row in rows:
        item: Item[Input] = Item(None, row=row, weight=5 * fields)
        if fields > width:
            item.error = _wrong_width(fields, width, Message("Quote fields that contain the delimiter."))
        elif fields < fields_min:
            item.error = _wrong_width(fields, width, Message("The required columns are missing from this row."))
        else:
            try:
                item.input = item_type.from_fields([row[index] for index in indexes])
            except GeographyError as error:
                item.error = error
        yield item


def _join_surplus(row: list[str], width: int, delimiter: str) -> list[str]:
    """Return a row as wide as the header; its last field has the surplus fields as CSV."""
    text = StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(row[width - 1 :])
    return [*row[: width - 1], text.getvalue()]


def _wrong_width(fields: int, width: int, hint: Message) -> ParameterInvalid:
    return ParameterInvalid(
        Message("This row has %(fields)s fields, but the header has %(width)s.", fields=fields, width=width), hint=hint
    )


def pad_row(row: Sequence[Any], width: int) -> Sequence[Any]:
    """Return the row, padded with empty fields to the width."""
    return row if len(row) >= width else [*row, *[""] * (width - len(row))]

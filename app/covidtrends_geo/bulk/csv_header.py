"""Header of a CSV file (RFC 4180): detects the delimiter and the columns of the position."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from covidtrends_geo.bulk.column_names import LAT_RANKS, LON_RANKS, NAME_MAX_CHARACTERS, Ranks, indexes_by_rank, normalize_name
from covidtrends_geo.bulk.text_source import InputInvalid

_DELIMITERS = ",;\t|"
# Spreadsheets write this line before the header to declare the delimiter.
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
# Bounds the memory of a row. Spreadsheets have at most 16,384 columns.
FIELDS_MAX = 65_536
FIELD_MAX_CHARACTERS = 1 << 20
_SHOWN_NAMES_MAX = 30
_OPTIONS = ("--lat-column", "--lon-column")


@dataclass(frozen=True, slots=True)
class Header:
    """Header of a CSV file.

    Attributes:
        names: of the columns.
        lat, lon: indexes of the columns with the position.
        lines: lines before the first row of data.
    """

    names: Sequence[str]
    delimiter: str
    lat: int
    lon: int
    lines: int


def read_header(blocks: Iterator[bytes], lat_column: str | None, lon_column: str | None) -> tuple[Header, Iterator[bytes]]:
    """Return the header, and the blocks after it.

    A first line such as `sep=;` declares the delimiter. Otherwise it is the one that yields the columns of the position.

    Args:
        lat_column, lon_column: names that were chosen; None to detect.

    Raises: InputInvalid for a header without these columns, and one that is not CSV or not UTF-8.
    """
    csv.field_size_limit(FIELD_MAX_CHARACTERS)
    lines = _Lines(blocks)
    first, skipped, delimiters = first_line(lines)
    header_lines = [first]
    readings = []
    for delimiter in delimiters:
        reading = read_row(header_lines, lines, delimiter)
        if reading is not None:
            readings.append((delimiter, *reading))
    if not readings:
        raise invalid_csv(skipped + 1)
    chosen = (lat_column, lon_column)

    def suitability(reading: tuple[str, list[str], int]) -> tuple[bool, int]:
        names = reading[1]
        stripped = {name.strip() for name in names}
        ranks = [ranks for ranks, name in zip((LAT_RANKS, LON_RANKS), chosen, strict=True) if name is None]
        has_chosen = all(name.strip() in stripped for name in chosen if name is not None)
        return has_chosen and (not ranks or indexes_by_rank(names, ranks) is not None), len(names)

    delimiter, names, used = max(readings, key=suitability)
    lat, lon = _find_columns(names, chosen)
    rest = "".join(header_lines[used:]).encode()
    return Header(names, delimiter, lat, lon, skipped + used), chain([rest + lines.rest()], blocks)


def first_line(lines: Iterator[str]) -> tuple[str, int, str]:
    """Return the first line of the header, the number of lines before it, and the delimiters that it may have.

    Empty lines are skipped. A first line such as `sep=;` declares the delimiter.
    """
    first = next(lines, "").removeprefix("\ufeff")
    declared = _DECLARED.fullmatch(first)
    skipped = 0
    while first and (not first.strip() or (declared and not skipped)):
        first = next(lines, "")
        skipped += 1
    return first, skipped, declared[1] if declared else _DELIMITERS


def invalid_csv(line: int) -> InputInvalid:
    """Return the error of a row that starts at a line."""
    return InputInvalid(
        f"The file is not valid CSV: the row that starts at line {line} cannot be parsed. "
        "Double every quote inside a quoted field, and close every quoted field."
    )


class _Lines:
    """Lines of blocks with their line ends. Raises: InputInvalid for one that is not UTF-8."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._lines: list[bytes] = []
        self._number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._lines:
            self._lines = next(self._blocks).splitlines(keepends=True)[::-1]
        self._number += 1
        try:
            return self._lines.pop().decode()
        except UnicodeDecodeError:
            raise not_utf8(self._number) from None

    def rest(self) -> bytes:
        """Return the lines of the current block that were not read."""
        return b"".join(self._lines[::-1])


def not_utf8(line: int) -> InputInvalid:
    """Return the error of a line."""
    return InputInvalid(
        f"The file is not valid UTF-8: line {line} cannot be decoded. "
        "Save it as UTF-8, or name its charset with --charset, such as windows-1252."
    )


def read_row(header_lines: list[str], lines: Iterator[str], delimiter: str) -> tuple[list[str], int] | None:
    """Return the fields of the header and the number of its lines, or None if it is invalid.

    A header may span lines: those read from `lines` are appended to `header_lines`.
    """

    def feed() -> Iterator[str]:
        yield from header_lines
        length = sum(map(len, header_lines))
        for line in lines:
            header_lines.append(line)
            yield line
            length += len(line)
            if length > FIELD_MAX_CHARACTERS:
                return

    if any(line.count(delimiter) > FIELDS_MAX for line in header_lines):
        return None
    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    try:
        return next(reader, []), reader.line_num
    except csv.Error:
        return None


def _find_columns(names: list[str], chosen: Sequence[str | None]) -> list[int]:
    """Return the indexes of the latitude and the longitude. Raises: InputInvalid, with the columns of the header."""
    shown = ", ".join(name.strip()[:NAME_MAX_CHARACTERS] for name in names[:_SHOWN_NAMES_MAX])
    shown += ", …" if len(names) > _SHOWN_NAMES_MAX else ""
    columns: list[tuple[Ranks, str | None, str]] = list(zip((LAT_RANKS, LON_RANKS), chosen, _OPTIONS, strict=True))
    named = {option: _index_by_name(names, name) for _, name, option in columns if name is not None}
    for _, name, option in columns:
        if name is not None and named[option] is None:
            raise InputInvalid(f"The header has no column '{name[:NAME_MAX_CHARACTERS]}'. Its columns are {shown}.")
    unnamed = {option: ranks for ranks, name, option in columns if name is None}
    for option, ranks in unnamed.items():
        if indexes_by_rank(names, [ranks]) is None:
            likely = ", ".join(likely_name for likely_names in ranks for likely_name in likely_names)
            raise InputInvalid(
                f"The header has no column with one of these names: {likely}. Its columns are {shown}. "
                f"Choose one with {option}."
            )
    detected = zip(unnamed, indexes_by_rank(names, [*unnamed.values()]) or [], strict=True) if unnamed else ()
    index_of = {**named, **dict(detected)}
    indexes = []
    for _, name, option in columns:
        index = index_of[option] or 0
        compared = names if name is not None else [normalize_name(other) for other in names]
        if compared.count(compared[index]) > 1:
            raise InputInvalid(
                f"The header has more than one column '{names[index][:NAME_MAX_CHARACTERS]}'. Its columns are {shown}. "
                f"Choose one with {option}."
            )
        indexes.append(index)
    return indexes


def _index_by_name(names: Sequence[str], name: str) -> int | None:
    for form in (str.strip, normalize_name):
        forms = [form(other) for other in names]
        if form(name) in forms:
            return forms.index(form(name))
    return None

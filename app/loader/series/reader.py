"""CSV reader for series files, plain or compressed, long or wide: values as text with line numbers."""

import csv
import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from loader.errors import FileRefused
from loader.series.declarations import Source

_GZIP, _XZ = b"\x1f\x8b", b"\xfd7"


class Cell(NamedTuple):
    """A value of a file, as text; `issue` is empty in a file with one issue."""

    line: int
    period: str
    province: str
    place: str
    value: str
    issue: str = ""


def checksum(path: Path, source: Source) -> str:
    """Return the SHA-256 of the unpacked content of a file and of its declaration. Raises: FileRefused for a damaged file."""
    digest = hashlib.sha256(repr(source).replace(str(source.path), "").encode())
    with _unpacked(path) as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def cells(path: Path, source: Source) -> Iterator[Cell]:
    """Yield the values of a file in file order.

    Raises: FileRefused, naming the line, for a file that is not CSV with the declared columns.
    """
    with _readable(path, source) as text:
        yield from _cells(text, source, path.name)


def form_of(path: Path, source: Source) -> Source:
    """Return a source with the first of its `forms` whose columns the file has; the source itself if there is none.

    Raises: FileRefused for an unreadable file.
    """
    if not source.forms:
        return source
    with _readable(path, source) as text:
        header, _, _ = _header(text, source, path.name)
    return next((form.of(source) for form in source.forms if set(form.columns.values()) <= set(header)), source)


@contextmanager
def _readable(path: Path, source: Source) -> Iterator[io.TextIOWrapper]:
    with _unpacked(path) as binary:
        try:
            yield io.TextIOWrapper(binary, encoding=source.encoding, newline="")
        except UnicodeDecodeError as error:
            raise FileRefused(f"{path.name} is not {source.encoding} (byte {error.start}): declare its encoding.") from error
        except LookupError as error:
            raise FileRefused(f"Unknown encoding {source.encoding!r}.") from error


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file and unpack it. Raises: FileRefused for one that cannot be read, or is damaged or cut short."""
    with _open(path) as binary:
        try:
            yield binary
        except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
            raise FileRefused(f"{path.name} is damaged: {error}.") from error


def _open(path: Path) -> IO[bytes]:
    try:
        with path.open("rb") as file:
            magic = file.read(2)
        if magic == _GZIP:
            return cast("IO[bytes]", gzip.open(path, "rb"))
        return cast("IO[bytes]", lzma.open(path, "rb")) if magic == _XZ else path.open("rb")
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror}.") from error


def _header(text: io.TextIOWrapper, source: Source, name: str) -> tuple[list[str], Any, int]:
    """Return the header, the CSV reader of the rows after it, and the number of lines before it."""
    for _ in range(source.first_line - 1):
        text.readline()
    reader = csv.reader(text, delimiter=source.delimiter)
    offset = source.first_line - 1
    try:
        header = [column.strip() for column in next(reader)]
    except StopIteration:
        raise FileRefused(f"{name} is empty.") from None
    except csv.Error as error:
        raise FileRefused(f"{name} is not a CSV file: {error}.") from error
    return header, reader, offset


def _cells(text: io.TextIOWrapper, source: Source, name: str) -> Iterator[Cell]:
    header, reader, offset = _header(text, source, name)
    rows = _rows(reader, header, source, name, offset)
    yield from _long(rows, header, source, name) if source.shape == "long" else _wide(rows, header, source, name)


def _rows(
    reader: Any,
    header: list[str],
    source: Source,
    name: str,
    offset: int,
) -> Iterator[tuple[int, list[str]]]:
    width = len(header)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileRefused(f"{name}, line {reader.line_num + offset}: {error}.") from error
        if not row:
            continue
        if len(row) > width and source.surplus == "last":
            # Unquoted commas in remarks, which are the last column.
            row = [*row[: width - 1], source.delimiter.join(row[width - 1 :])]
        if len(row) != width:
            raise FileRefused(
                f"{name}, line {reader.line_num + offset}: {len(row)} fields where the header has {width}. "
                'Unquoted commas in the last column are read with surplus = "last".'
            )
        yield reader.line_num + offset, row


def _position(header: list[str], column: str, name: str) -> int:
    if header.count(column) != 1:
        columns = ", ".join(header[:20])
        problem = "has no column" if column not in header else "has more than one column"
        raise FileRefused(f"{name} {problem} {column!r}. It has: {columns}.")
    return header.index(column)


def _long(rows: Iterator[tuple[int, list[str]]], header: list[str], source: Source, name: str) -> Iterator[Cell]:
    positions = {key: _position(header, column, name) for key, column in source.columns.items()}
    conditions = [(_position(header, column, name), text) for column, text in source.where.items()]
    period, value = positions["period"], positions["value"]
    province, place, issue = (positions.get(key) for key in ("province", "place", "issue"))
    for line, row in rows:
        if any(row[index] != text for index, text in conditions):
            continue
        code = "" if place is None else row[place].strip()
        in_province, code = _split(source, code) if province is None else (row[province].strip(), code)
        yield Cell(
            line,
            row[period].strip(),
            in_province,
            code,
            row[value].strip(),
            "" if issue is None else row[issue].strip(),
        )


def _split(source: Source, text: str) -> tuple[str, str]:
    """Return province and code of a column's heading or a place's text."""
    if source.heading == "{province}-{code}":
        province, _, code = text.partition("-")
        return province, code
    return (text[:2], text[2:]) if source.heading == "{province}{code}" else (source.province, text)


def _wide(rows: Iterator[tuple[int, list[str]]], header: list[str], source: Source, name: str) -> Iterator[Cell]:
    period = _position(header, source.columns["period"], name)
    if len(set(header)) != len(header):
        duplicate = next(column for column in header if header.count(column) > 1)
        raise FileRefused(f"{name} has more than one column {duplicate!r}.")
    places = []
    for index, column in enumerate(header):
        if index == period or column in source.ignore:
            continue
        places.append((index, *_split(source, column)))
    for line, row in rows:
        for index, province, code in places:
            if row[index]:
                yield Cell(line, row[period].strip(), province, code, row[index].strip())

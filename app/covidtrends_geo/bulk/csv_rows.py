"""CSV rows: chunks of whole rows, the positions in them, and the rows with the fields of the answers.

Rows without quotes and with all fields are taken as they are, and their numbers read all at once. All others go through
Python's csv module, one by one; the output is the same.
"""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.bulk.csv_header import FIELD_MAX_CHARACTERS, FIELDS_MAX, Header, invalid_csv, not_utf8
from covidtrends_geo.bulk.layers import OK, ROW_INVALID, STATUSES, Layers, Located
from covidtrends_geo.bulk.positions import number, numbers
from covidtrends_geo.bulk.text_source import InputInvalid

_LF = 10
_PLAIN_DELIMITERS = ",;\t|"
# Most fields that the rows of a chunk of a megabyte may lack: a row is written as wide as the header.
PADDING_MAX = 1 << 22
Integers = npt.NDArray[np.int64]


class Failure(NamedTuple):
    """Reason why the rest of a chunk cannot be read: `csv`, `utf-8`, `fields` or `padding`, and the line in the chunk."""

    reason: str
    line: int

    def error(self, lines_before: int) -> InputInvalid:
        """Return the error, for a chunk that follows a number of lines."""
        line = lines_before + self.line
        if self.reason == "fields":
            return InputInvalid(f"A row has more than {FIELDS_MAX} fields: line {line}.")
        if self.reason == "padding":
            return InputInvalid(f"Too many rows have fewer fields than the header, up to line {line}.")
        return invalid_csv(line) if self.reason == "csv" else not_utf8(line)


class Rows(NamedTuple):
    """Rows of a chunk with the positions in them.

    Attributes:
        texts: each row as CSV in UTF-8, without its line end, as wide as the header.
        lon, lat: NaN for a missing number.
        invalid: whether a row has too many or too few fields.
        lines: number of lines of the chunk.
        failure: None where all rows of the chunk could be read.
        padding: number of empty fields that were added to rows with fewer fields than the header.
    """

    texts: Sequence[bytes]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    invalid: npt.NDArray[np.bool_]
    lines: int
    failure: Failure | None = None
    padding: int = 0


def whole_rows(blocks: Iterator[bytes], delimiter: str) -> Iterator[bytes]:
    """Yield blocks that end where a row ends, for blocks that end where a line ends: a quoted field may contain line ends."""
    for block in blocks:
        chunk = block
        if b'"' in block:
            feed = _Feed(block, blocks)
            try:
                for _ in csv.reader(feed, delimiter=delimiter, strict=True):
                    if not feed.lines:
                        break
            except csv.Error:
                pass  # raised again when the rows are read
            chunk = b"".join(feed.taken)
        if chunk:
            yield chunk


class _Feed:
    """Lines of as many blocks as a reader asks for. Bytes are characters here: only the marks of CSV matter."""

    def __init__(self, block: bytes, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.taken: list[bytes] = []
        self.lines: list[bytes] = []
        self._take(block)

    def _take(self, block: bytes) -> None:
        self.taken.append(block)
        self.lines = block.splitlines(keepends=True)[::-1]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self.lines:
            self._take(next(self._blocks))
        return self.lines.pop().decode("latin-1")


def read_rows(chunk: bytes, header: Header, *, padding_max: int = PADDING_MAX) -> Rows:
    """Return the rows of a chunk, and the positions in them. Empty lines are skipped.

    Args:
        padding_max: most empty fields to add to rows with fewer fields than the header; beyond it, the chunk is a failure.
    """
    if header.delimiter in _PLAIN_DELIMITERS and b'"' not in chunk:
        plain = chunk.replace(b"\r\n", b"\n") if b"\r" in chunk else chunk
        if b"\r" not in plain and (plain.isascii() or _is_utf8(plain)):
            rows = _plain_rows(plain if plain.endswith(b"\n") else plain + b"\n", header, padding_max)
            if rows is not None:
                return rows
    return _rows(chunk, header, padding_max)


def _is_utf8(chunk: bytes) -> bool:
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain_rows(chunk: bytes, header: Header, padding_max: int) -> Rows | None:
    """Return the rows of lines without quotes; None for very long lines."""
    content = np.frombuffer(chunk, dtype=np.uint8)
    ends = np.flatnonzero(content == _LF)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lines, longest = len(ends), int((ends - starts).max())
    if longest > FIELD_MAX_CHARACTERS:
        return None
    texts = chunk.split(b"\n")
    del texts[-1]
    if (ends == starts).any():
        filled = ends > starts
        starts, ends = starts[filled], ends[filled]
        texts = [text for text in texts if text]
    gaps = len(header.names) - 1
    marks = np.flatnonzero(content == ord(header.delimiter))
    places = marks.reshape(-1, gaps) if len(marks) == gaps * len(ends) else None
    clean = np.ones(len(ends), dtype=bool)
    padding = 0
    if places is None or (gaps and not ((places[:, 0] >= starts) & (places[:, -1] < ends)).all()):
        line_of = np.searchsorted(ends, marks)
        missing = gaps - np.bincount(line_of, minlength=len(ends))
        padding = int(missing.clip(0).sum())
        if padding > padding_max:
            return _too_short(lines)
        clean = missing == 0
        places = marks[clean[line_of]].reshape(-1, gaps)
    lon, lat, invalid = np.full(len(ends), np.nan), np.full(len(ends), np.nan), np.zeros(len(ends), dtype=bool)
    for values, index in ((lon, header.lon), (lat, header.lat)):
        first = starts[clean] if index == 0 else places[:, index - 1] + 1
        last = ends[clean] if index == gaps else places[:, index]
        values[clean] = numbers(chunk, content, first, last)
    for row in np.flatnonzero(np.isnan(lon) | np.isnan(lat)).tolist():
        fields = texts[row].decode().split(header.delimiter)
        texts[row], lon[row], lat[row], invalid[row] = _row(fields, header)
    return Rows(texts, lon, lat, invalid, lines, padding=padding)


def _too_short(line: int) -> Rows:
    return Rows((), np.empty(0), np.empty(0), np.empty(0, dtype=bool), line, Failure("padding", line))


def _rows(chunk: bytes, header: Header, padding_max: int) -> Rows:
    """Return the rows of any chunk, one by one."""
    csv.field_size_limit(FIELD_MAX_CHARACTERS)
    lines, rows, failure = 0, [], None
    marks = padding = 0

    def feed() -> Iterator[str]:
        nonlocal lines, marks
        for line in chunk.splitlines(keepends=True):
            lines += 1
            text = line.decode()
            marks += text.count(header.delimiter)
            if marks > FIELDS_MAX:
                raise OverflowError
            yield text

    start = 0
    try:
        for fields in csv.reader(feed(), delimiter=header.delimiter, strict=True):
            start, marks = lines, 0
            if fields:
                padding += max(0, len(header.names) - len(fields))
                if padding > padding_max:
                    return _too_short(lines)
                rows.append(_row(fields, header))
    except csv.Error:
        failure = Failure("csv", start + 1)
    except UnicodeDecodeError:
        failure = Failure("utf-8", lines)
    except OverflowError:
        failure = Failure("fields", lines)
    texts, lon, lat, invalid = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = np.array(lon, dtype=float), np.array(lat, dtype=float), np.array(invalid, dtype=bool)
    return Rows(texts, *columns, lines, failure, padding)


def _row(fields: list[str], header: Header) -> tuple[bytes, float, float, bool]:
    """Return a row as CSV, its longitude and latitude, and whether it has too many or too few fields.

    Empty fields beyond the header are dropped, others joined into the last field.
    """
    width = len(header.names)
    if len(fields) > width and not any(fields[width:]):
        del fields[width:]
    invalid = len(fields) > width or len(fields) <= max(header.lon, header.lat)
    lon, lat = (float("nan"),) * 2 if invalid else (number(fields[header.lon]), number(fields[header.lat]))
    if len(fields) > width:
        fields = [*fields[: width - 1], _csv(fields[width - 1 :], header.delimiter, end="")]
    # With an empty field at the end, so that a row of one empty field is not quoted.
    text = _csv([*fields, *[""] * (width - len(fields) + 1)], header.delimiter)[:-1]
    return text.encode(), lon, lat, invalid


def _csv(fields: Sequence[str], delimiter: str, end: str = "\r\n") -> str:
    text = StringIO()
    # Line ends of RFC 4180: a field that contains one of their characters is quoted.
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerow(fields)
    return text.getvalue().removesuffix(end)


def header_row(names: Sequence[str], delimiter: str) -> bytes:
    """Return a header as CSV with its line end."""
    return (_csv(names, delimiter) + "\r\n").encode()


def with_fields(texts: Sequence[bytes], located: Located, layers: Layers, delimiter: str) -> bytes:
    """Return rows with the fields of the answers and the status, each with its line end."""
    kinds, index = np.unique(np.where(located.status == OK, located.kind, -1), return_inverse=True)
    heads = np.array([layers.text(kind, delimiter).encode() for kind in kinds.tolist()], dtype=object)
    tails = np.array([f"{delimiter}{status}\r\n".encode() for status in STATUSES], dtype=object)
    if layers.border:
        parts: list[bytes] = [b""] * (4 * len(texts))
        metres = located.distance_to_border_m
        missing = np.isnan(metres)
        fields = ((b"%.1f " * len(metres)) % tuple(np.where(missing, 0.0, metres).tolist())).split(b" ")
        del fields[-1]
        for row in np.flatnonzero(missing).tolist():
            fields[row] = b""
        parts[2::4] = fields
        heads += delimiter.encode()
        parts[0::4], parts[1::4], parts[3::4] = texts, heads[index].tolist(), tails[located.status].tolist()
        return b"".join(parts)
    if (located.status == OK).all():
        parts = [b""] * (2 * len(texts))
        parts[0::2], parts[1::2] = texts, (heads + tails[OK])[index].tolist()
        return b"".join(parts)
    parts = [b""] * (3 * len(texts))
    parts[0::3], parts[1::3], parts[2::3] = texts, heads[index].tolist(), tails[located.status].tolist()
    return b"".join(parts)


def csv_field(text: str) -> bytes:
    """Return a field as CSV with commas."""
    return _csv([text, ""], ",")[:-1].encode()


def status_of(located: Located, invalid: npt.NDArray[np.bool_]) -> Located:
    """Return answers with the status of the rows that cannot be read."""
    return located._replace(status=np.where(invalid, ROW_INVALID, located.status).astype(np.uint8))

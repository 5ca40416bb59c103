"""Arrow IPC streams: rows of a table as one record batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, Schema
from arro3.io import write_ipc_stream

# Columns that are not texts. arro3 does not convert Python objects to dates, but casts integers and texts.
_TYPES: Mapping[str, DataType] = {
    **dict.fromkeys(("date", "from", "to", "reported_on"), DataType.date32()),
    **dict.fromkeys(("value", "count", "misplaced_share"), DataType.float64()),
    **dict.fromkeys(("population", "population_year"), DataType.int64()),
}
_TEXT = DataType.dictionary(DataType.int16(), DataType.utf8())
_EPOCH = date(1970, 1, 1).toordinal()


def stream_body(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], metadata: Mapping[str, str]) -> bytes:
    """Return rows as an Arrow IPC stream with metadata in its schema: texts in dictionaries, days as date32."""
    readers = [_reader(name) for name in columns]
    cells: list[list[Any]] = [[] for _ in columns]
    for row in rows:
        for column, read, name in zip(cells, readers, columns, strict=True):
            column.append(read(row.get(name)))
    kinds = [_TYPES.get(name, _TEXT) for name in columns]
    schema = Schema(
        [Field(name, kind) for name, kind in zip(columns, kinds, strict=True)],
        metadata={name: text for name, text in metadata.items() if text},
    )
    arrays = [_array(column, kind) for column, kind in zip(cells, kinds, strict=True)]
    body = BytesIO()
    # Not compressed: the response's Content-Encoding compresses it, and JavaScript has no decompressor for Arrow.
    write_ipc_stream(RecordBatch.from_arrays(arrays, schema=schema), body, compression=None)
    return body.getvalue()


def _reader(name: str) -> Callable[[Any], Any]:
    return _day_number if _TYPES.get(name) == DataType.date32() else _unchanged


def _day_number(day: date | None) -> int | None:
    return None if day is None else day.toordinal() - _EPOCH


def _unchanged(value: Any) -> Any:
    return value


def _array(cells: list[Any], kind: DataType) -> Array:
    if kind == DataType.date32():
        return Array(cells, DataType.int32()).cast(kind)
    return Array(cells, DataType.utf8()).cast(kind) if kind == _TEXT else Array(cells, kind)

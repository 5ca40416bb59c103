"""Parquet and Arrow IPC files as streams of batches. Needs arro3 (the extra `files`)."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import arro3.io
from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema

from covidtrends_geo.bulk.json_rows import id_text
from covidtrends_geo.bulk.text_source import InputInvalid

BATCH_ROWS = 131_072
# A writer holds a row group in memory.
_ROW_GROUP_ROWS = 2 * BATCH_ROWS
PARQUET, ARROW = "parquet", "arrow"


def read_batches(source: IO[bytes] | Path, form: str) -> RecordBatchReader:
    """Return the batches of a file or, for Arrow, of a stream. Raises: InputInvalid for another format, or a damaged file."""
    try:
        if form == PARQUET:
            if not isinstance(source, Path):
                raise InputInvalid("Parquet cannot be read from a pipe, since its directory is at the end. Pipe Arrow.")
            return arro3.io.read_parquet(source, batch_size=BATCH_ROWS)
        if isinstance(source, Path):
            with source.open("rb") as file:
                whole = file.read(6) == b"ARROW1"
            return arro3.io.read_ipc(source) if whole else arro3.io.read_ipc_stream(source)
        return arro3.io.read_ipc_stream(source)
    except BaseException as error:
        if not _is_damage(error):
            raise
        raise InputInvalid(f"The file is not valid {form}: {first_line(error)}") from None


def checked(batches: Iterable[RecordBatch], form: str) -> Iterator[RecordBatch]:
    """Yield batches. Raises: InputInvalid where the file is damaged."""
    rows = 0
    rest = iter(batches)
    while True:
        try:
            batch = next(rest)
        except StopIteration:
            return
        except BaseException as error:
            if not _is_damage(error):
                raise
            raise InputInvalid(f"The {form} file is damaged after row {rows}: {first_line(error)}") from None
        rows += batch.num_rows
        for first in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(first, min(BATCH_ROWS, batch.num_rows - first))


def _is_damage(error: BaseException) -> bool:
    """Return whether an error of arro3 means that a file is damaged: it raises any class, and panics for some."""
    if isinstance(error, InputInvalid | OSError | MemoryError):
        return False
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def first_line(error: BaseException) -> str:
    """Return the first line of the text of an error, or its class."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def write_batches(batches: Iterable[RecordBatch], schema: Schema, target: IO[bytes], form: str) -> None:
    """Write batches one by one, with one row group in memory."""
    raised: list[BaseException] = []

    def passed_on() -> Iterator[RecordBatch]:
        # arro3 wraps exceptions of the iteration.
        try:
            yield from batches
        except BaseException as error:
            raised.append(error)
            raise

    reader = RecordBatchReader.from_batches(schema, passed_on())
    try:
        if form == PARQUET:
            # Numbers such as degrees hardly repeat: a dictionary of them costs time and space.
            floats: dict[str | Sequence[str], bool] = {
                name: False for name in schema.names if DataType.is_floating(schema.field(name).type)
            }
            arro3.io.write_parquet(
                reader,
                target,
                compression="zstd(1)",
                max_row_group_size=_ROW_GROUP_ROWS,
                column_dictionary_enabled=floats,
            )
        elif target.seekable():
            arro3.io.write_ipc(reader, target, compression=None)
        else:
            arro3.io.write_ipc_stream(reader, target, compression=None)
    except BaseException:
        if raised:
            raise raised[0] from None
        raise


def text_of(batch: RecordBatch, form: str) -> bytes:
    """Return the rows of a batch as CSV without a header, or as NDJSON."""
    text = io.BytesIO()
    if form == "csv":
        arro3.io.write_csv(batch, text, header=False)
    else:
        arro3.io.write_ndjson(batch, text)
    return text.getvalue()


def text_schema(names: Sequence[str]) -> Schema:
    """Return the schema of columns of text."""
    return Schema([Field(name, DataType.utf8()) for name in names])


def text_columns(texts: Sequence[bytes], delimiter: str, width: int) -> list[Array]:
    """Return the fields of CSV rows as columns of text."""
    if not texts:
        return [Array([], type=DataType.utf8())] * width
    rows = csv.reader(io.StringIO(b"\n".join(texts).decode(), newline=""), delimiter=delimiter, strict=True)
    return [Array(column, type=DataType.utf8()) for column in zip(*rows, strict=True)]


def id_columns(ids: Sequence[Any]) -> list[Array]:
    """Return ids of JSON objects as a column of text."""
    return [Array([None if value is None else id_text(value) for value in ids], type=DataType.utf8())]


def packed(columns: Sequence[Array]) -> bytes:
    """Return columns as bytes, for another process."""
    schema = Schema([Field(str(number), column.type) for number, column in enumerate(columns)])
    content = io.BytesIO()
    arro3.io.write_ipc_stream(RecordBatch.from_arrays(columns, schema=schema), content, compression=None)
    return content.getvalue()


def unpacked(content: bytes, schema: Schema) -> Iterator[RecordBatch]:
    """Yield the columns packed by `packed`, with the names of a schema."""
    for batch in arro3.io.read_ipc_stream(io.BytesIO(content)):
        yield RecordBatch.from_arrays(batch.columns, schema=schema)

"""Download files of indicators: CSV, Parquet, Arrow IPC and wide CSV, with metadata by CSV on the Web."""

import json
from collections.abc import Sequence
from pathlib import Path

from arro3.core import Array, DataType, Field, RecordBatch, Schema
from arro3.io import write_ipc, write_parquet

from indicators.queries.catalogue import PublishedIndicator
from indicators.queries.downloads import IndicatorDownload
from loader.export.archive import archive_batch, read_archive, write_archive_csv
from loader.export.columns import Column, describe_figures, figure_columns, wide_columns
from loader.export.figure_table import FigureTable, Tables
from loader.export.metadata import indicator_metadata
from loader.export.text import write_columns, write_table

# Rows are in the order of periods: a row group covers about six months, and a filter by period skips the others.
_ROW_GROUP_ROWS = 20_000
_TYPES = {
    "date": DataType.date32(),
    "string": DataType.utf8(),
    "number": DataType.float64(),
    "integer": DataType.int64(),
}
_DICTIONARY = DataType.dictionary(DataType.int16(), DataType.utf8())


def write(download: IndicatorDownload, tables: Tables, path: Path) -> None:
    """Write a file of an indicator. Raises: Superseded if its publication is no longer the current one."""
    published = download.published
    if download.format.name == "csvw":
        describe_figures(published, figure_columns(published), ["period", "place"], path)
        return
    if download.format.name == "archive":
        _write_parquet(archive_batch(read_archive(published), indicator_metadata(published)), published, path)
        return
    if download.format.name == "archive-csv":
        write_archive_csv(read_archive(published), path)
        return
    table = tables.of(download, published)
    match download.format.name, download.measure:
        case "csv", None:
            write_columns(path, table.columns)
        case "parquet", None:
            columns = figure_columns(published)
            _write_parquet(_batch(table, published, columns, text=DataType.utf8()), published, path, _ROW_GROUP_ROWS)
        case "arrow", None:
            # Not compressed: JavaScript has no decompressor, and a file on disk can be memory-mapped.
            write_ipc(_batch(table, published, figure_columns(published), text=_DICTIONARY), path, compression=None)
        case "wide", str(measure):
            write_table(path, *table.wide(measure))
        case "wide-csvw", str(measure):
            describe_figures(published, wide_columns(published, measure, table.places), ["period"], path)
        case unknown:
            raise ValueError(f"no writer for format {unknown}")


def _write_parquet(batch: RecordBatch, published: PublishedIndicator, path: Path, row_group: int | None = None) -> None:
    """Write a Parquet file with `about`, for readers that do not know Arrow's schema.

    The keys of `about` are in one text, because the writer puts several keys in random order.
    """
    about = json.dumps(indicator_metadata(published), ensure_ascii=False)
    write_parquet(batch, path, compression="zstd(3)", key_value_metadata={"about": about}, max_row_group_size=row_group)


def _batch(table: FigureTable, published: PublishedIndicator, columns: Sequence[Column], *, text: DataType) -> RecordBatch:
    """Return the table as Arrow data with the metadata in its schema.

    Args:
        text: type of the columns of texts.
    """
    types = [text if column.datatype == "string" else _TYPES[column.datatype] for column in columns]
    arrays = [_array(table, column).cast(kind) for column, kind in zip(columns, types, strict=True)]
    fields = [Field(column.name, kind) for column, kind in zip(columns, types, strict=True)]
    return RecordBatch.from_arrays(arrays, schema=Schema(fields, metadata=indicator_metadata(published)))


def _array(table: FigureTable, column: Column) -> Array:
    """Return a column as an Arrow array, texts in a dictionary."""
    if column.name not in table.arrays:
        cells = table.columns[column.name]
        # arro3 makes no dates and dictionaries from Python objects, but casts texts to them.
        table.arrays[column.name] = (
            Array(cells, DataType.utf8()).cast(_DICTIONARY if column.datatype == "string" else DataType.date32())
            if column.datatype in ("date", "string")
            else Array(cells, _TYPES[column.datatype])
        )
    return table.arrays[column.name]

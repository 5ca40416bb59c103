"""GeoParquet: GDAL's build reads none, so it is written again as a GeoPackage, a batch of rows at a time."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arro3.core import RecordBatch, RecordBatchReader, Schema
from arro3.io import read_parquet

from loader.errors import FileRefused
from loader.source.formats import GEOPACKAGE

_BATCH_ROWS = 16
# Rows that say nothing can be packed without limit.
_MAX_ROWS = 10_000_000
# What the format implies where a file names no coordinate system.
_DEFAULT_CRS = "OGC:CRS84"


def to_geopackage(path: Path, target: Path, name: str, max_bytes: int) -> int:
    """Write the rows of a GeoParquet file into a GeoPackage and return their number.

    Raises: FileRefused for Parquet without geometry, with geometry that is not WKB, and for a file that is damaged.
    """
    import pyogrio  # noqa: PLC0415 - slow to import, and this is the only format that needs it

    rows: _Rows | None = None
    try:
        # Not the path: arro3 takes some for addresses.
        with path.open("rb") as stream:
            reader = read_parquet(stream, batch_size=_BATCH_ROWS)
            geometry, crs = _geometry(reader.schema, name)
            schema, keep = _flat(reader.schema, geometry, name)
            rows = _Rows(reader, keep, schema, max_bytes, name)
            with warnings.catch_warnings():
                # Of a file without a coordinate system: the reader asks for it.
                warnings.simplefilter("ignore", UserWarning)
                pyogrio.write_arrow(
                    RecordBatchReader.from_batches(schema, rows),
                    target,
                    layer="layer",
                    driver=GEOPACKAGE.driver,
                    geometry_name=geometry,
                    geometry_type="Unknown",
                    crs=crs,
                )
    except FileRefused:
        raise
    # Panics of the Parquet reader are no Exception of Python's own.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        # An error of ours reaches us as one of the stream.
        if rows is not None and rows.refusal is not None:
            raise rows.refusal from None
        raise FileRefused(f"{name} cannot be read as GeoParquet ({type(error).__name__}: {error}).") from error
    return rows.count


class _Rows:
    """Batches on their way, counted."""

    def __init__(self, reader: Any, keep: list[str], schema: Schema, max_bytes: int, name: str) -> None:
        self._reader, self._keep, self._schema, self._max_bytes, self._name = reader, keep, schema, max_bytes, name
        self.count = 0
        self.refusal: FileRefused | None = None

    def __iter__(self) -> Iterator[RecordBatch]:
        size = 0
        for batch in self._reader:
            self.count += batch.num_rows
            size += batch.nbytes
            if self.count > _MAX_ROWS or size > self._max_bytes:
                self.refusal = FileRefused(f"{self._name} unpacks to more than any boundary file; it looks like a bomb.")
                raise self.refusal
            yield batch.select(self._keep).with_schema(self._schema)


def _geometry(schema: Schema, name: str) -> tuple[str, str | None]:
    """Return the name of the geometry's column and its coordinate system, None where the file says that it is unknown."""
    text = (schema.metadata or {}).get(b"geo")
    if text is None:
        raise FileRefused(f"{name} is Parquet without geometry: it is no GeoParquet.")
    try:
        about = json.loads(text)
        column = about["primary_column"]
        described = about["columns"][column]
        encoding = described["encoding"]
    except (ValueError, KeyError, TypeError):
        raise FileRefused(f"{name} is no GeoParquet: what it says of its geometry cannot be read.") from None
    if column not in schema.names or encoding != "WKB":
        raise FileRefused(
            f"{name} holds its geometry as {encoding!r}, and WKB is read: write it again with the encoding WKB "
            "(geopandas: to_parquet(…, geometry_encoding='WKB'))."
        )
    crs = described.get("crs", _DEFAULT_CRS)
    return column, json.dumps(crs) if isinstance(crs, dict) else crs


def _flat(schema: Schema, geometry: str, name: str) -> tuple[Schema, list[str]]:
    """Return the schema of the columns that are no lists or structures, the geometry marked as such."""
    fields, keep = [], []
    for column in schema.names:
        field = schema.field(column)
        kind = str(field.type)
        if column == geometry:
            field = field.with_metadata({"ARROW:extension:name": "geoarrow.wkb"})
        elif any(word in kind for word in ("Struct", "List", "Map", "Union")):
            continue
        fields.append(field)
        keep.append(column)
    return Schema(fields), keep

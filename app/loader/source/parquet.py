"""Conversion of GeoParquet to GeoPackage in batches of rows: the GDAL in use has no Parquet driver."""

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
# Rows of empty values compress without limit (decompression bomb).
_MAX_ROWS = 10_000_000
# Default CRS of the format.
_DEFAULT_CRS = "OGC:CRS84"


def to_geopackage(path: Path, target: Path, name: str, max_bytes: int) -> int:
    """Write the rows of a GeoParquet file to a GeoPackage and return their number.

    Raises: FileRefused for Parquet without geometry, for geometry in another encoding than WKB, and for a damaged file.
    """
    import pyogrio  # noqa: PLC0415 - slow to import, and this is the only format that needs it

    rows: _Rows | None = None
    try:
        # A stream, not the path: arro3 reads some paths as URLs.
        with path.open("rb") as stream:
            reader = read_parquet(stream, batch_size=_BATCH_ROWS)
            geometry, crs = _geometry(reader.schema, name)
            schema, names = _flat(reader.schema, geometry, name)
            rows = _Rows(reader, names, schema, max_bytes, name)
            with warnings.catch_warnings():
                # pyogrio warns about a missing CRS; the reader handles that case.
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
    # Panics of the Parquet reader (Rust) are BaseExceptions.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        # An exception of the batch iterator arrives as an error of the stream.
        if rows is not None and rows.refusal is not None:
            raise rows.refusal from None
        raise FileRefused(f"{name} cannot be read as GeoParquet ({type(error).__name__}: {error}).") from error
    return rows.count


class _Rows:
    """Iterator of batches that counts rows and bytes, within limits."""

    def __init__(self, reader: Any, names: list[str], schema: Schema, max_bytes: int, name: str) -> None:
        self._reader, self._names, self._schema, self._max_bytes, self._name = reader, names, schema, max_bytes, name
        self.count = 0
        self.refusal: FileRefused | None = None

    def __iter__(self) -> Iterator[RecordBatch]:
        size = 0
        for batch in self._reader:
            self.count += batch.num_rows
            size += batch.nbytes
            if self.count > _MAX_ROWS or size > self._max_bytes:
                self.refusal = FileRefused(f"{self._name} exceeds the limits of rows or unpacked size.")
                raise self.refusal
            yield batch.select(self._names).with_schema(self._schema)


def _geometry(schema: Schema, name: str) -> tuple[str, str | None]:
    """Return the name of the geometry column and its CRS, None where the file declares it as unknown."""
    text = (schema.metadata or {}).get(b"geo")
    if text is None:
        raise FileRefused(f"{name} is Parquet without geometry, not GeoParquet.")
    try:
        geo = json.loads(text)
        column = geo["primary_column"]
        metadata = geo["columns"][column]
        encoding = metadata["encoding"]
    except (ValueError, KeyError, TypeError):
        raise FileRefused(f'{name} is not valid GeoParquet: its "geo" metadata cannot be read. Export it again.') from None
    if column not in schema.names or encoding != "WKB":
        raise FileRefused(
            f"{name} holds its geometry as {encoding!r}; only WKB is read. Write it again with the encoding WKB "
            "(geopandas: to_parquet(…, geometry_encoding='WKB'))."
        )
    crs = metadata.get("crs", _DEFAULT_CRS)
    return column, json.dumps(crs) if isinstance(crs, dict) else crs


def _flat(schema: Schema, geometry: str, name: str) -> tuple[Schema, list[str]]:
    """Return schema and names of the columns without lists and structures, with the geometry column marked as WKB."""
    fields, names = [], []
    for column in schema.names:
        field = schema.field(column)
        kind = str(field.type)
        if column == geometry:
            field = field.with_metadata({"ARROW:extension:name": "geoarrow.wkb"})
        elif any(nested in kind for nested in ("Struct", "List", "Map", "Union")):
            continue
        fields.append(field)
        names.append(column)
    return Schema(fields), names

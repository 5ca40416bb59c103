"""Archive of an indicator: every value of every issue, in the columns of R's epiprocess (`as_epi_archive`)."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from arro3.core import Array, DataType, Field, RecordBatch, Schema
from django.db import connection

from indicators.queries.catalogue import PublishedIndicator
from indicators.queries.extents import place_order
from loader.export.figure_table import check_current
from loader.export.text import columns_text

_RECORD = np.dtype([("day", ">i4"), ("version", ">i8"), ("value", ">f8")])
# All revisions of a series as one byte string, as in `indicators.queries.as_of`: microseconds since 1970 in UTC.
_REVISIONS_SQL = """
    SELECT v.series_id, string_agg(
        int4send(v.period - date '1970-01-01') || int8send((extract(epoch FROM i.issued_at) * 1000000)::bigint)
        || float8send(coalesce(v.value, 'NaN')), ''::bytea ORDER BY v.period, i.issued_at, i.id)
    FROM indicator_value v JOIN indicator_series s ON s.id = v.series_id JOIN indicator_issue i ON i.id = v.from_issue_id
    WHERE s.indicator_id = %s
    GROUP BY v.series_id
"""


class Archive(NamedTuple):
    """All revisions of an indicator, by place, day and version.

    Attributes:
        places: key of the place of each row.
        rows: `day` (since 1970-01-01), `version` (microseconds since 1970 in UTC) and `value` (NaN: withdrawn) of each row.
    """

    places: Sequence[str]
    rows: np.ndarray[Any, Any]


def read_archive(published: PublishedIndicator) -> Archive:
    """Return all revisions of an indicator.

    Raises: Superseded if the publication is no longer, or not throughout the read, the current one. Queries: 4.
    """
    check_current(published)
    all_series = sorted(published.indicator.series.select_related("place"), key=lambda series: place_order(series.place))
    with connection.cursor() as cursor:
        cursor.execute(_REVISIONS_SQL, [published.indicator.pk])
        records = {series_id: np.frombuffer(data, _RECORD) for series_id, data in cursor}
    check_current(published)
    stored = [series for series in all_series if series.pk in records]
    rows: np.ndarray[Any, Any] = np.concatenate([np.empty(0, _RECORD), *(records[series.pk] for series in stored)])
    return Archive([series.place.key for series in stored for _ in range(len(records[series.pk]))], rows)


def archive_batch(archive: Archive, metadata: dict[str, str]) -> RecordBatch:
    """Return an archive as Arrow data: the first three columns are the key, a withdrawn value is null."""
    rows = archive.rows
    columns = {
        "geo_value": Array(archive.places, DataType.utf8()),
        "time_value": Array(rows["day"].astype(np.int32)).cast(DataType.date32()),
        "version": Array(rows["version"].astype(np.int64)).cast(DataType.timestamp("us", tz="UTC")),
        "value": Array(_values(archive), DataType.float64()),
    }
    fields = [Field(name, array.type) for name, array in columns.items()]
    return RecordBatch.from_arrays(list(columns.values()), schema=Schema(fields, metadata=metadata))


def write_archive_csv(archive: Archive, path: Path) -> None:
    """Write an archive as gzipped CSV with the same columns: days as `2022-01-08`, versions as `2022-01-09T20:00:00Z`.

    A withdrawn value is an empty cell, which R reads as NA. The same archive gives the same bytes.
    """
    versions = archive.rows["version"].astype("datetime64[us]")
    content = columns_text(
        {
            "geo_value": archive.places,
            "time_value": np.datetime_as_string(archive.rows["day"].astype("datetime64[D]")).tolist(),
            "version": [f"{text.removesuffix('.000000')}Z" for text in np.datetime_as_string(versions)],
            "value": [int(value) if value is not None and value.is_integer() else value for value in _values(archive)],
        }
    )
    path.write_bytes(gzip.compress(content, mtime=0))


def _values(archive: Archive) -> list[float | None]:
    return [None if value != value else value for value in archive.rows["value"].tolist()]  # noqa: PLR0124 -- NaN

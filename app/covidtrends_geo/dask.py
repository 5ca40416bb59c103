"""Lookups in Dask: a map over the partitions of a data frame. The workers need this package and its dependencies."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

try:
    import fsspec
    import pandas as pd
    import pyarrow as pa
    from dask.dataframe import DataFrame
except ImportError as error:
    raise ImportError(f"covidtrends_geo.dask needs Dask (dask[dataframe]) and pyarrow: {error}") from error

from covidtrends_geo.arrow_batches import Options, added_columns, added_schema, chosen, open_verified


def locate(
    ddf: DataFrame,
    lookups: Mapping[str, str | Path],
    *,
    lon: str = "lon",
    lat: str = "lat",
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    border: bool = False,
    columns: Sequence[str] | None = None,
) -> DataFrame:
    """Return a data frame with the regions at the position of each row as added columns. Lazy: nothing is computed yet.

    Index, order and divisions stay. See `arrow_batches.added_schema` for the columns. A row without a valid position has a
    status, and is never an error.

    Args:
        lookups: lookup files by the name of the code column to add: paths that every worker can read, or URLs of fsspec
            (`s3://…`), of which each worker makes a copy.
        lon, lat: numeric columns: WGS 84 (EPSG:4326), decimal degrees.
        accuracy_m, max_distance_m, border: see `columns.locate_columns`.
        columns: names of the columns of the result, in their order, of `ddf` and added ones; None for all.

    Raises: ValueError as `added_schema` and `chosen`, and for a column that is not numeric. A file that a worker cannot use
        fails its tasks.
    """
    options = Options(lon, lat, accuracy_m, max_distance_m, border, None if columns is None else tuple(columns))
    schema = added_schema(lookups, ddf.columns, options)
    for name in (lon, lat):
        if not pd.api.types.is_numeric_dtype(ddf.dtypes[name]):
            raise ValueError(f"column {name!r} is {ddf.dtypes[name]}: convert it to float64")
    files = {code: str(path) for code, path in lookups.items()}
    return ddf.map_partitions(_located, files, options, meta=_assigned(ddf._meta, schema.empty_table(), options))


def _located(frame: pd.DataFrame, files: Mapping[str, str], options: Options) -> pd.DataFrame:
    """Return a partition with answers. Runs in the workers."""
    opened = {code: open_verified(_local(path)) for code, path in files.items()}
    lon, lat = (frame[name].to_numpy(np.float64, na_value=np.nan) for name in (options.lon, options.lat))
    schema = added_schema(files, frame.columns, options)
    return _assigned(frame, pa.table(added_columns(lon, lat, opened, options), schema=schema), options)


def _local(path: str) -> Path:
    return Path(fsspec.open_local(f"filecache::{path}") if "://" in path else path)


def _assigned(frame: pd.DataFrame, added: pa.Table, options: Options) -> pd.DataFrame:
    # As Dask reads text: without a Python object for each row.
    pandas = added.to_pandas(types_mapper={pa.string(): pd.StringDtype("pyarrow")}.get)
    frame = frame.assign(**{name: column.array for name, column in pandas.items()})
    return frame.iloc[:, chosen(list(frame.columns), options)]

"""Lookups in Spark: a map over Arrow batches, without a shuffle. For classic PySpark, Spark Connect, and Sail.

The workers need this package and its dependencies; the lookup files are sent to them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

try:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.functions import col
    from pyspark.sql.types import BooleanType, DoubleType, NumericType, StringType, StructField, StructType
except ImportError as error:
    raise ImportError(f"covidtrends_geo.spark needs PySpark (pyspark or pyspark-client) and pyarrow: {error}") from error

from covidtrends_geo.arrow_batches import Options, added_schema, chosen, located, open_verified

_TYPES = {pa.string(): StringType(), pa.bool_(): BooleanType(), pa.float64(): DoubleType()}


def locate(
    df: DataFrame,
    lookups: Mapping[str, str | Path],
    *,
    lon: str = "lon",
    lat: str = "lat",
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    border: bool = False,
    columns: Sequence[str] | None = None,
    ship: bool = True,
) -> DataFrame:
    """Return a data frame with the regions at the position of each row as added columns. Lazy: a job starts with an action.

    See `arrow_batches.added_schema` for the columns. A row without a valid position has a status, and is never an error.

    Args:
        lookups: lookup files by the name of the code column to add: `{"hruid": path, "cfsauid": path}`.
        lon, lat: numeric columns: WGS 84 (EPSG:4326), decimal degrees.
        accuracy_m, max_distance_m, border: see `columns.locate_columns`.
        columns: names of the columns of the result, in their order, of `df` and added ones; None for all. Fewer are faster:
            the others are not sent from the workers, and those of `df` not even read.
        ship: whether to send the files from this machine to the workers. False where every worker has them at these paths, on a
            mounted volume for example, and for Sail, which has no such service.

    Raises: ValueError as `added_schema` and `chosen`, and for a column that is not numeric; DamagedFile and OSError for a file
        to send. A file that a worker cannot use ends the job.
    """
    schema = df.schema
    options = Options(lon, lat, accuracy_m, max_distance_m, border, None if columns is None else tuple(columns))
    added = [StructField(field.name, _TYPES[field.type]) for field in added_schema(lookups, schema.names, options)]
    for name in (lon, lat):
        if not isinstance(schema[name].dataType, NumericType):
            raise ValueError(f"column {name!r} is {schema[name].dataType.simpleString()}: cast it to double")
    fields = [*schema.fields, *added]
    numbers = chosen([field.name for field in fields], options)
    checksums = {code: _send(df.sparkSession, Path(path)) if ship else None for code, path in lookups.items()}
    files = {code: (str(path), checksums[code]) for code, path in lookups.items()}
    if columns is not None:
        df = df.select(*(col(_quoted(name)) for name in schema.names if name in {lon, lat, *columns}))
    return df.mapInArrow(partial(_located, files, options), StructType([fields[number] for number in numbers]))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _send(session: SparkSession, path: Path) -> str:
    """Send a file to the workers, also those that start later. Return its checksum."""
    checksum = open_verified(path).metadata["sha256"]
    if hasattr(session, "sparkContext"):
        session.sparkContext.addFile(str(path))
    else:
        session.addArtifacts(str(path), file=True)
    return checksum


def _located(
    files: Mapping[str, tuple[str, str | None]], options: Options, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a partition with answers. Runs in the workers."""
    opened = {
        code: open_verified(_sent(path) if checksum else Path(path), checksum) for code, (path, checksum) in files.items()
    }
    yield from located(batches, opened, options)


def _sent(path: str) -> Path:
    from pyspark import SparkFiles  # noqa: PLC0415 - a Connect client has no such module, its workers do

    return Path(SparkFiles.get(Path(path).name))

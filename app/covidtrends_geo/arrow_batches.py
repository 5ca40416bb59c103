"""Answers of lookup files as Arrow columns, for engines that hand record batches to their workers. They bring pyarrow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from covidtrends_geo import array_file
from covidtrends_geo.answers import MATCHES
from covidtrends_geo.columns import Placed, locate_placed
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.lookup_file import LookupFile, open_file
from covidtrends_geo.quadtree import Floats

DISTANCE_MAX_M = 50_000.0
STATUSES = ("coordinate-invalid", "ok")
_OPEN_FILES = 16
# Batches are looked up together until they have this many rows or bytes: each call of the engine has a cost of its own.
_ROWS, _BYTES = 50_000, 64 * 2**20


class Options(NamedTuple):
    """Options of a lookup.

    Attributes:
        lon, lat: names of the columns with the positions.
        accuracy_m, max_distance_m, border: see `columns.locate_columns`.
        columns: names of the columns of the result, in their order; None for all of the table and all added ones.
    """

    lon: str = "lon"
    lat: str = "lat"
    accuracy_m: float = 0.0
    max_distance_m: float = 0.0
    border: bool = False
    columns: tuple[str, ...] | None = None


def added_schema(codes: Iterable[str], columns: Iterable[str], options: Options) -> pa.Schema:
    """Return the schema of the columns that a lookup adds.

    For each lookup file its code, named as its key, `match` (covers, nearest, none), `certain`, and with `options.border`
    `distance_to_border_m`; those of the second file begin with its key: `cfsauid_match`. Last comes `status`, which is `ok` or,
    for a number that is missing, not finite or out of range, and a position in Canada only with degrees swapped or a sign
    changed, `coordinate-invalid`: match is none then, and nothing is certain.

    Args:
        codes: keys of the lookup files.
        columns: names of the columns of the table with the positions.

    Raises: ValueError for options out of range, no lookup file, a column that is not there exactly once, and for a column that
        has the name of an added one, in any case of its letters.
    """
    codes, columns = list(codes), list(columns)
    for option, metres in (("accuracy_m", options.accuracy_m), ("max_distance_m", options.max_distance_m)):
        if not 0 <= metres <= DISTANCE_MAX_M:
            raise ValueError(f"{option} is {metres}: it must be 0 to {DISTANCE_MAX_M:g} metres")
    if not codes:
        raise ValueError('no lookup file: pass {"hruid": "path/to/file"}')
    for name in (options.lon, options.lat):
        if columns.count(name) != 1:
            raise ValueError(f"{columns.count(name)} columns are named {name!r}, not 1; the columns are {', '.join(columns)}")
    fields = []
    for number, code in enumerate(codes):
        prefix = f"{code}_" if number else ""
        fields += [
            pa.field(code, pa.string()),
            pa.field(f"{prefix}match", pa.string()),
            pa.field(f"{prefix}certain", pa.bool_()),
            *([pa.field(f"{prefix}distance_to_border_m", pa.float64())] if options.border else []),
        ]
    fields.append(pa.field("status", pa.string()))
    names = [name.lower() for name in [*columns, *(field.name for field in fields)]]
    for field in fields:
        if names.count(field.name.lower()) > 1:
            raise ValueError(f"there is a column {field.name!r} already: rename or drop it")
    return pa.schema(fields)


def chosen(names: Sequence[str], options: Options) -> list[int]:
    """Return the numbers of the columns of the result, among those of the table and, after them, the added ones.

    Raises: ValueError for a name in `options.columns` that is repeated or that no column has, or several, and for no name.
    """
    if options.columns is None:
        return list(range(len(names)))
    if not options.columns:
        raise ValueError("columns is empty: name one, or leave it out for all")
    for name in options.columns:
        if names.count(name) != 1 or options.columns.count(name) != 1:
            raise ValueError(
                f"columns names {name!r} {options.columns.count(name)} times, and {names.count(name)} columns have this name;"
                f" the columns are {', '.join(names)}"
            )
    return [names.index(name) for name in options.columns]


def located(batches: Iterable[pa.RecordBatch], files: Mapping[str, LookupFile], options: Options) -> Iterator[pa.RecordBatch]:
    """Yield each batch of a stream with the columns of `added_schema` after its own, or with those that the options choose.

    Batches are held, and looked up together, until they have `_ROWS` rows or `_BYTES` bytes. Positions have any numeric type;
    null is like NaN. Columns of a batch are not copied.
    """
    for group in _groups(batches):
        lon, lat = (np.concatenate([_numbers(batch.column(name)) for batch in group]) for name in (options.lon, options.lat))
        added = added_columns(lon, lat, files, options)
        of_group = group[0].schema
        fields = [*of_group, *added_schema(files, of_group.names, options)]
        numbers = chosen([field.name for field in fields], options)
        schema = pa.schema([fields[number] for number in numbers], of_group.metadata)
        first = 0
        for batch in group:
            columns = [*batch.columns, *(column.slice(first, batch.num_rows) for column in added)]
            yield pa.RecordBatch.from_arrays([columns[number] for number in numbers], schema=schema)
            first += batch.num_rows


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    rows = held = 0
    for batch in batches:
        group.append(batch)
        rows, held = rows + batch.num_rows, held + batch.nbytes
        if rows >= _ROWS or held >= _BYTES:
            yield group
            group, rows, held = [], 0, 0
    if group:
        yield group


def _numbers(column: pa.Array) -> Floats:
    numbers: Floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numbers


def added_columns(lon: Floats, lat: Floats, files: Mapping[str, LookupFile], options: Options) -> list[pa.Array]:
    """Return the columns of `added_schema` for positions in WGS 84 (EPSG:4326), decimal degrees, in the same order."""
    placed = Placed.of_plausible(lon, lat)
    located = [
        locate_placed(
            file.engine, placed, accuracy_m=options.accuracy_m, max_distance_m=options.max_distance_m, border=options.border
        )
        for file in files.values()
    ]
    # Vintages that put a position into different provinces: a border of one of them must be off.
    provinces = [
        np.array([*(region.pruid for region in file.regions), ""])[answers.region]
        for file, answers in zip(files.values(), located, strict=True)
    ]
    differ = np.zeros(len(lon), dtype=bool)
    for other in provinces[1:]:
        differ |= (provinces[0] != "") & (other != "") & (provinces[0] != other)
    columns = []
    for file, answers in zip(files.values(), located, strict=True):
        codes = pa.array([*(region.code for region in file.regions), None], pa.string())
        columns += [
            codes.take(pa.array(np.where(answers.region == NO_REGION, len(file.regions), answers.region))),
            pa.array(MATCHES).take(pa.array(answers.match)),
            pa.array(answers.certain & ~differ),
            *([pa.array(answers.distance_to_border_m, from_pandas=True)] if options.border else []),
        ]
    return [*columns, pa.array(STATUSES).take(pa.array(placed.valid.astype(np.uint8)))]


def open_verified(path: Path, sha256: str | None = None) -> LookupFile:
    """Return an open lookup file, whose content was checked against its checksum. A process opens a file once.

    Args:
        sha256: the checksum that the file must have in its metadata; None for any.

    Raises: DamagedFile for a damaged file or another checksum; OSError.
    """
    status = path.stat()
    file = _open_verified(path, status.st_ino, status.st_mtime_ns)
    if sha256 not in {None, file.metadata["sha256"]}:
        raise array_file.DamagedFile(f"{path} has the checksum {file.metadata['sha256']} instead of {sha256}")
    return file


@lru_cache(_OPEN_FILES)
def _open_verified(path: Path, inode: int, modified_ns: int) -> LookupFile:
    array_file.verify(path)
    return open_file(path)

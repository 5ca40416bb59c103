"""Tables with the Arrow interface: the columns of the answers beside those of a table. Needs arro3 (the extra `files`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from arro3.core import Array, DataType, Field, RecordBatch, Schema, Table

from covidtrends_geo.bulk.column_names import LAT_RANKS, LON_RANKS, indexes_by_rank
from covidtrends_geo.bulk.layers import STATUS, STATUSES, Layers, Located
from covidtrends_geo.bulk.names import added_names
from covidtrends_geo.bulk.positions import number

Floats = npt.NDArray[np.float64]
_TEXT = DataType.dictionary(DataType.uint16(), DataType.utf8())
_TYPES = {"certain": DataType.bool(), "distance_to_border_m": DataType.float64()}


def locate_table(table: Any, layers: Layers, *, lon: str, lat: str) -> Table:
    """Return a table with the columns of the answers after its own. See `lookup.Lookup.locate_batch`."""
    own = Table.from_arrow(table)
    chosen = chosen_columns(own.column_names, lon=lon, lat=lat)
    schema = schema_with_answers(own.schema, layers)
    batches = []
    for batch in own.to_batches():
        located = layers.locate(*(degrees(batch, index) for index in chosen))
        batches.append(with_answers(batch, located, layers, schema))
    return Table.from_batches(batches, schema=schema)


def chosen_columns(names: Sequence[str], *, lon: str | None = None, lat: str | None = None) -> tuple[int, int]:
    """Return the indexes of the columns of the longitude and the latitude; those without a name are detected.

    Raises: ValueError, with the columns of the table, for a column that is missing or there twice.
    """
    detected = indexes_by_rank(names, (LON_RANKS, LAT_RANKS))
    chosen = []
    for place, (name, what) in enumerate(((lon, "longitude"), (lat, "latitude"))):
        if name is None and detected is None:
            raise ValueError(f"no column looks like the {what}; the columns are {', '.join(names)}")
        label = names[detected[place]] if name is None and detected is not None else str(name)
        if names.count(label) != 1:
            raise ValueError(f"{names.count(label)} columns are named {label!r}, not 1; the columns are {', '.join(names)}")
        chosen.append(names.index(label))
    return chosen[0], chosen[1]


def schema_with_answers(schema: Schema, layers: Layers) -> Schema:
    """Return the schema of a table with the columns of the answers; their vintages and licences are in its metadata."""
    names = added_names(layers, schema.names)
    fields = [Field(name, _TYPES.get(kind, _TEXT)) for name, kind in zip(names, (*layers.names, STATUS), strict=True)]
    metadata = dict(schema.metadata)
    for lookup in layers.lookups:
        prefix = f"covidtrends-geo:{lookup.metadata.get('coverage', '')}:"
        metadata |= {(prefix + name).encode(): value.encode() for name, value in lookup.metadata.items()}
    return Schema([*(schema.field(index) for index in range(len(schema))), *fields], metadata=metadata)


def degrees(batch: RecordBatch, index: int) -> Floats:
    """Return a column of numbers, or of texts with numbers, as float64; NaN for null and for a text that is not a number.

    Raises: ValueError for a column of another type.
    """
    column, name = batch.column(index), batch.column_names[index]
    kind: Any = column.type
    if DataType.is_dictionary(kind):
        column = column.cast(DataType.utf8())
        kind = column.type
    is_text = any((DataType.is_string(kind), DataType.is_large_string(kind), DataType.is_string_view(kind)))
    is_number = any((DataType.is_numeric(kind), DataType.is_decimal(kind)))
    if is_text:
        return np.array([number(text or "") for text in column.to_pylist()], dtype=np.float64)
    if not is_number:
        raise ValueError(f"column {name!r} has the type {str(kind).strip()}, not numbers")
    if column.null_count:
        return np.array(column.cast(DataType.float64()).to_pylist(), dtype=np.float64)
    return column.cast(DataType.float64()).to_numpy()


def with_answers(batch: RecordBatch, located: Located, layers: Layers, schema: Schema) -> RecordBatch:
    """Return a batch with the columns of the answers after its own."""
    return RecordBatch.from_arrays([*batch.columns, *answer_columns(located, layers)], schema=schema)


def answer_columns(located: Located, layers: Layers) -> list[Array]:
    """Return the columns of the answers and the status. All but the status are null where it is not `ok`."""
    numbers, index = np.unique(np.where(located.status == 0, located.kind, -1), return_inverse=True)
    kinds = [layers.kind(number) if number >= 0 else None for number in numbers.tolist()]
    columns = []
    for name in layers.names:
        if name == "distance_to_border_m":
            columns.append(_floats(located.distance_to_border_m))
            continue
        texts = [getattr(kind, name) or None if kind else None for kind in kinds]
        if name == "certain":
            flags = [None if text is None else text == "true" for text in texts]
            columns.append(Array(flags, type=DataType.bool()).take(_numbers(index)))
            continue
        words = sorted({text for text in texts if text})
        places = {word: place for place, word in enumerate(words)} | {None: len(words)}
        dictionary = Array([*words, None], type=DataType.utf8()).cast(_TEXT)
        columns.append(dictionary.take(_numbers(np.array([places[text] for text in texts])[index])))
    statuses = Array(list(STATUSES), type=DataType.utf8()).cast(_TEXT)
    return [*columns, statuses.take(_numbers(located.status))]


def _floats(values: Floats) -> Array:
    """Return numbers as an array with null for NaN, which a cast to integers makes of it."""
    missing = np.isnan(values)
    if not missing.any():
        return Array(values)
    places = Array(np.where(missing, np.nan, np.arange(len(values)))).cast(DataType.uint32())
    return Array(values).take(places)


def _numbers(index: npt.NDArray[np.integer]) -> Array:
    return Array(index.astype(np.uint32))

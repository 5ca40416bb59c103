"""Work on one chunk: its positions located, and its rows written. Sent to every worker process."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from covidtrends_geo.bulk.csv_header import Header
from covidtrends_geo.bulk.csv_rows import Failure, csv_field, read_rows, status_of, with_fields
from covidtrends_geo.bulk.json_rows import id_text, json_lines, read_json_rows
from covidtrends_geo.bulk.layers import OK, Layers, Located, Options
from covidtrends_geo.bulk.names import added_names
from covidtrends_geo.lookup import Lookup
from covidtrends_geo.quadtree import Floats


class Written(NamedTuple):
    """Rows of a chunk with the fields of the answers.

    Attributes:
        output: in the format of the output.
        counts: number of answers of each kind (`layers.Located.kind`), or status: -1 for the first after `ok`.
        lines: of the chunk.
        failure: None where all of the chunk could be read.
    """

    output: bytes
    counts: Counter[int]
    lines: int
    failure: Failure | None = None


@dataclass(frozen=True)
class Locator:
    """Lookup files and options, opened in the process that uses them.

    Attributes:
        paths: of the lookup files, already verified.
    """

    paths: Sequence[Path]
    options: Options

    @cached_property
    def layers(self) -> Layers:
        """Return the open files."""
        return Layers([Lookup.read(path, verify=False) for path in self.paths], self.options)

    def __getstate__(self) -> dict[str, object]:
        return {"paths": self.paths, "options": self.options}

    def __call__(self, positions: tuple[Floats, Floats]) -> Located:
        """Return the answers for columns of longitudes and latitudes, small enough to be sent to another process.

        Without a search for the border the column of the distance is empty.
        """
        located = self.layers.locate(*positions)
        return located if self.layers.border else located._replace(distance_to_border_m=np.empty(0))


@dataclass(frozen=True)
class CsvWork:
    """Work on a chunk of CSV rows.

    Attributes:
        form: of the output: csv, ndjson, or columns, as `arrow_files.packed` has them.
    """

    locator: Locator
    header: Header
    form: str

    def __call__(self, chunk: bytes) -> Written:
        """Return the rows with the answers."""
        rows, layers, delimiter = read_rows(chunk, self.header), self.locator.layers, self.header.delimiter
        located = status_of(layers.locate(rows.lon, rows.lat), rows.invalid)
        if self.form == "csv":
            output = with_fields(rows.texts, located, layers, delimiter)
        elif self.form == "ndjson":
            fields = csv.reader(StringIO(b"\n".join(rows.texts).decode(), newline=""), delimiter=delimiter, strict=True)
            sent = [dict(zip(self.header.names, row, strict=True)) for row in fields] if rows.texts else []
            output = json_lines(sent, located, layers, added_names(layers, self.header.names))
        else:
            output = _packed(lambda files: files.text_columns(rows.texts, delimiter, len(self.header.names)), located, layers)
        return Written(output, counts_of(located), rows.lines, rows.failure)


@dataclass(frozen=True)
class JsonWork:
    """Work on a chunk of NDJSON lines: as `CsvWork`. Of an object, the output has its id."""

    locator: Locator
    form: str

    def __call__(self, chunk: bytes) -> Written:
        """Return the lines with the answers."""
        rows, layers = read_json_rows(chunk), self.locator.layers
        located = status_of(layers.locate(rows.lon, rows.lat), rows.invalid)
        if self.form == "csv":
            output = with_fields([csv_field(id_text(value)) for value in rows.ids], located, layers, ",")
        elif self.form == "ndjson":
            sent = [{} if value is None else {"id": value} for value in rows.ids]
            output = json_lines(sent, located, layers, added_names(layers, ["id"]))
        else:
            output = _packed(lambda files: files.id_columns(rows.ids), located, layers)
        return Written(output, counts_of(located), rows.lines, rows.failure)


def _packed(columns: Callable[[Any], Sequence[Any]], located: Located, layers: Layers) -> bytes:
    from covidtrends_geo.bulk import arrow, arrow_files  # noqa: PLC0415 - need the extra

    return arrow_files.packed([*columns(arrow_files), *arrow.answer_columns(located, layers)])


def counts_of(located: Located) -> Counter[int]:
    """Return the number of answers of each kind or status: `Written.counts`."""
    numbers, counts = np.unique(
        np.where(located.status == OK, located.kind, -located.status.astype(np.int64)), return_counts=True
    )
    return Counter(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))

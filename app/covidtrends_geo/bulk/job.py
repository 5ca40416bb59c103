"""Lookup of one input to one output, in any pair of formats."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from covidtrends_geo.bulk.checkpoint import Output, open_output
from covidtrends_geo.bulk.csv_header import read_header
from covidtrends_geo.bulk.csv_rows import header_row, whole_rows
from covidtrends_geo.bulk.layers import Layers
from covidtrends_geo.bulk.names import added_names
from covidtrends_geo.bulk.pool import in_order
from covidtrends_geo.bulk.text_source import InputInvalid, TextSource
from covidtrends_geo.bulk.work import CsvWork, JsonWork, Locator, counts_of

if TYPE_CHECKING:
    from arro3.core import RecordBatch

CSV, NDJSON, PARQUET, ARROW = FORMATS = ("csv", "ndjson", "parquet", "arrow")
_SUFFIXES = {
    ".csv": CSV,
    ".tsv": CSV,
    ".txt": CSV,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".arrow": ARROW,
    ".arrows": ARROW,
    ".feather": ARROW,
    ".ipc": ARROW,
}

# Called with the number of positions and the bytes of text input that are done.
Advance = Callable[[int, int], None]


def format_of(name: str, default: str = CSV) -> str:
    """Return the format of a file by its suffix."""
    return _SUFFIXES.get(Path(name).suffix.lower(), default)


@dataclass(frozen=True)
class Job:
    """Lookup of one input.

    Attributes:
        source: path of the input; None for standard input.
        target: path of the output; None for standard output.
        form, target_form: in `FORMATS`.
        lat_column, lon_column: names of the columns of the position; None to detect.
        charset: of CSV and NDJSON; empty for UTF-8.
        resume: whether to continue an output of CSV or NDJSON that was cut.
    """

    source: Path | None
    target: Path | None
    form: str
    target_form: str
    locator: Locator
    processes: int = 1
    lat_column: str | None = None
    lon_column: str | None = None
    charset: str = ""
    resume: bool = False

    @property
    def layers(self) -> Layers:
        """Return the open lookup files."""
        return self.locator.layers

    def signature(self) -> dict[str, Any]:
        """Return what the output depends on, apart from the content of the input."""
        return {
            "format": [self.form, self.target_form],
            "columns": [self.lat_column, self.lon_column],
            "charset": self.charset,
            "options": list(self.locator.options),
            "lookup files": [lookup.metadata.get("sha256", "") for lookup in self.layers.lookups],
        }

    def run(self, advance: Advance = lambda *_: None) -> Counter[int]:
        """Locate the input; return the number of answers of each kind or status (`work.Written.counts`).

        Raises: InputInvalid for an input that cannot be read, or not to its end; what was written before the damage stays in
        `OUT.part`, and with text `resume` continues there. OSError; pool.WorkerLost.
        """
        with ExitStack() as stack:
            text = {self.form, self.target_form} <= {CSV, NDJSON}
            source = self.source
            stream = sys.stdin.buffer if source is None else stack.enter_context(source.open("rb"))
            if text:
                output = stack.enter_context(self._output())
                self._text_to_text(stream, output, advance)
                return output.counts
            if self.form in {CSV, NDJSON}:
                return self._to_file(*self._text_batches(stream, advance))
            return self._from_arrow(stream, advance)

    @contextmanager
    def _output(self) -> Iterator[Output]:
        if self.target is None:
            output = Output(sys.stdout.buffer, None, {})
            yield output
            sys.stdout.buffer.flush()
            return
        with open_output(self.target, self.signature(), resume=self.resume) as output:
            yield output

    # Text to text: each chunk of rows is written where it was read.

    def _text_to_text(self, stream: IO[bytes], output: Output, advance: Advance) -> None:
        work, chunks, first, lines_before = self._text_work(stream)
        chunks = output.resume(chunks)
        if not output.written:
            output.write(first)
        for chunk, written in in_order(((chunk, chunk) for chunk in chunks), work, self.processes):
            error = written.failure and written.failure.error(lines_before + output.lines)
            if error:
                # Without its checksum: a resumed run reads the repaired chunk again.
                output.save()
                raise error
            output.write(written.output, chunk, counts=written.counts, lines=written.lines)
            advance(written.counts.total(), len(chunk))

    def _text_work(self, stream: IO[bytes]) -> tuple[CsvWork | JsonWork, Iterator[bytes], bytes, int]:
        """Return the work, its chunks, the beginning of the output, and the number of lines before the first chunk."""
        blocks = TextSource(stream, self.charset).blocks()
        if self.form == NDJSON:
            names = added_names(self.layers, ["id"])
            first = header_row(["id", *names], ",") if self.target_form == CSV else b""
            return JsonWork(self.locator, self.target_form), blocks, first, 0
        header, rest = read_header(blocks, self.lat_column, self.lon_column)
        names = added_names(self.layers, header.names)
        first = header_row([*header.names, *names], header.delimiter) if self.target_form == CSV else b""
        return CsvWork(self.locator, header, self.target_form), whole_rows(rest, header.delimiter), first, header.lines

    # Text to columns, and columns to anything: Arrow batches.

    def _text_batches(self, stream: IO[bytes], advance: Advance) -> tuple[Any, Iterator[tuple["RecordBatch", Counter[int]]]]:
        from covidtrends_geo.bulk import arrow, arrow_files  # noqa: PLC0415 - need the extra

        work, chunks, _, lines = self._text_work(stream)
        names = work.header.names if isinstance(work, CsvWork) else ["id"]
        schema = arrow.schema_with_answers(arrow_files.text_schema(names), self.layers)

        def batches() -> Iterator[tuple["RecordBatch", Counter[int]]]:
            before = lines
            for chunk, written in in_order(((chunk, chunk) for chunk in chunks), work, self.processes):
                if written.failure:
                    raise written.failure.error(before)
                before += written.lines
                for batch in arrow_files.unpacked(written.output, schema):
                    yield batch, written.counts
                advance(written.counts.total(), len(chunk))

        return schema, batches()

    def _from_arrow(self, stream: IO[bytes], advance: Advance) -> Counter[int]:
        from covidtrends_geo.bulk import arrow, arrow_files  # noqa: PLC0415 - need the extra

        reader = arrow_files.read_batches(self.source or stream, self.form)
        try:
            chosen = arrow.chosen_columns(reader.schema.names, lon=self.lon_column, lat=self.lat_column)
        except ValueError as error:
            raise InputInvalid(str(error)) from None
        schema = arrow.schema_with_answers(reader.schema, self.layers)

        def tasks() -> Iterator[tuple["RecordBatch", Any]]:
            for batch in arrow_files.checked(reader, self.form):
                try:
                    yield batch, tuple(arrow.degrees(batch, index) for index in chosen)
                except ValueError as error:
                    raise InputInvalid(str(error)) from None

        def batches() -> Iterator[tuple["RecordBatch", Counter[int]]]:
            for batch, located in in_order(tasks(), self.locator, self.processes):
                yield arrow.with_answers(batch, located, self.layers, schema), counts_of(located)
                advance(batch.num_rows, 0)

        return self._to_file(schema, batches())

    def _to_file(self, schema: Any, batches: Iterator[tuple["RecordBatch", Counter[int]]]) -> Counter[int]:
        from covidtrends_geo.bulk import arrow_files  # noqa: PLC0415 - needs the extra

        counts: Counter[int] = Counter()

        def counted() -> Iterator["RecordBatch"]:
            for batch, numbers in batches:
                counts.update(numbers)
                yield batch

        with ExitStack() as stack:
            part = None if self.target is None else self.target.with_name(f"{self.target.name}.part")
            target = sys.stdout.buffer if part is None else stack.enter_context(part.open("wb"))
            if part is not None:
                # A partial columnar file is useless; a complete one has been renamed.
                stack.callback(part.unlink, missing_ok=True)
            if self.target_form in {PARQUET, ARROW}:
                arrow_files.write_batches(counted(), schema, target, self.target_form)
            else:
                if self.target_form == CSV:
                    # With the line ends of arro3's rows.
                    target.write(header_row(schema.names, ",").replace(b"\r\n", b"\n"))
                for batch in counted():
                    target.write(arrow_files.text_of(batch, self.target_form))
            target.flush()
            if part is not None and self.target is not None:
                part.replace(self.target)
        return counts

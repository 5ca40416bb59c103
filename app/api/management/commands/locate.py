"""Command that locates a file of positions of any size in constant memory."""

import io
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import wrap_file

from api.bulk.charsets import CHARSETS, encoding_of, text_lines
from api.bulk.items import Items
from api.bulk.media_types import BulkFormat
from api.bulk.parsers import read_lines
from api.bulk.positions import COLUMNS, ITEM_TYPE, LAT, LON, MEMBERS, answer_positions
from api.bulk.tables import read_table
from api.bulk.writers import Layout, write_answers
from api.http.language import LANGUAGES
from api.responses.locate import LocateResponder
from geography.constants import ACCURACY_OF_MANY_MAX_M, COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, NEAREST_DEFAULT_M, NEAREST_MAX_M
from geography.errors import GeographyError
from geography.vintages.resolve import vintage_in_force


class Command(BaseCommand):
    help = (
        "Locate the positions of a file, as POST /locate does: bin/manage locate points.csv > out.csv. The file is CSV with a "
        "header (lat, lon; other columns are copied to the output) or, with the suffix .ndjson or .jsonl, NDJSON. Without a "
        "file, or with -, reads CSV from standard input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="CSV, .ndjson or .jsonl file; - for standard input.")
        parser.add_argument("--out", help="Output file; standard output by default.")
        parser.add_argument("--lat-column", help="Name of the CSV column with the latitude; detected by default.")
        parser.add_argument("--lon-column", help="Name of the CSV column with the longitude; detected by default.")
        parser.add_argument("--charset", default="", help=f"Charset of the file: {', '.join(CHARSETS)}; UTF-8 by default.")
        parser.add_argument("--vintage", help="Label of the health-region vintage; the one in force by default.")
        parser.add_argument("--fsa-vintage", help="Label of the FSA vintage; the one in force by default.")
        parser.add_argument("--at", type=date.fromisoformat, help="Date, YYYY-MM-DD: use the vintages in force on that day.")
        parser.add_argument("--lang", choices=LANGUAGES, default="en", help="Language of hr_name.")
        parser.add_argument(
            "--accuracy", type=float, help=f"Accuracy of the positions in metres, 0 to {ACCURACY_OF_MANY_MAX_M:g}."
        )
        parser.add_argument(
            "--max-distance",
            type=float,
            default=NEAREST_DEFAULT_M,
            help=f"Maximum distance to the nearest region in metres, 0 to {NEAREST_MAX_M:g} (default %(default)g).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= (options["accuracy"] or 0) <= ACCURACY_OF_MANY_MAX_M or not 0 <= options["max_distance"] <= NEAREST_MAX_M:
            raise CommandError("--accuracy or --max-distance is out of range; see --help.")
        try:
            with self._source(options["file"]) as source, _target(options["out"]) as target:
                self._answer(source, target, options)
        except GeographyError as error:
            hint = f" {error.hint}" if error.hint else ""
            raise CommandError(f"{error.message}{hint}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from None

    def _source(self, name: str) -> BinaryIO:
        return sys.stdin.buffer if name == "-" else Path(name).open("rb")

    def _answer(self, source: BinaryIO, target: IO[bytes], options: dict[str, Any]) -> None:
        vintages = {
            "vintage": vintage_in_force(coverage=COVERAGE_HEALTH_REGIONS, label=options["vintage"], at=options["at"]),
            "fsa_vintage": vintage_in_force(coverage=COVERAGE_FSA, label=options["fsa_vintage"], at=options["at"]),
        }
        answers = LocateResponder(
            vintages, options["lang"], max_distance_m=options["max_distance"], accuracy_m=options["accuracy"]
        )
        lines = options["file"].endswith((".ndjson", ".jsonl"))
        form = BulkFormat.NDJSON if lines else BulkFormat.CSV
        column_names = {column.parameter: options[column.parameter] for column in (LAT, LON) if options[column.parameter]}
        with _with_progress(source, quiet=options["verbosity"] == 0) as read:
            text = text_lines(read, encoding_of(read.peek(4)[:4], options["charset"]), newline="\n" if lines else "")
            items = Items(read_lines(text, ITEM_TYPE)) if lines else read_table(text, ITEM_TYPE, column_names)
            for chunk in write_answers(
                answer_positions(items.items, answers), form, items, Layout(COLUMNS, MEMBERS, answers.source)
            ):
                target.write(chunk)


@contextmanager
def _with_progress(source: BinaryIO, *, quiet: bool) -> Iterator[io.BufferedReader]:
    """Yield the source as a buffered reader, with a progress bar if standard error is a terminal."""
    console = Console(stderr=True)
    # A pipe has no size, so no progress bar.
    size = os.fstat(source.fileno()).st_size
    disable = quiet or not console.is_terminal or not size
    with wrap_file(source, size, description="locate", console=console, transient=True, disable=disable) as read:
        yield io.BufferedReader(read)  # type: ignore[arg-type] # it has readinto, which is sufficient


@contextmanager
def _target(name: str | None) -> Iterator[IO[bytes]]:
    """Yield the output stream. A file gets its name only after all output is written."""
    if name is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as target:
            yield target
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

"""Command that locates a file of positions of any size in constant memory, in the lookup files of published vintages."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from covidtrends_geo.array_file import DamagedFile, verify
from covidtrends_geo.bulk import command
from covidtrends_geo.bulk.pool import WorkerLost
from covidtrends_geo.bulk.text_source import InputInvalid
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.download_files import lookup_path
from geography.errors import GeographyError
from geography.lookup.compile import is_current, write_index
from geography.models import Vintage
from geography.vintages.resolve import vintage_in_force


class Command(BaseCommand):
    help = (
        "Locate the positions of a file or a folder of files, as POST /locate does: bin/manage locate points.csv > out.csv. "
        "Text has a header (lat, lon; other columns are copied to the output). Without a file, or with -, reads CSV from "
        "standard input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.add_options(parser)
        parser.add_argument(
            "--lookup", action="append", help="Lookup file of health regions or FSAs, in place of the published vintages."
        )
        parser.add_argument("--vintage", help="Label of the health-region vintage; the one in force by default.")
        parser.add_argument("--fsa-vintage", help="Label of the FSA vintage; the one in force by default.")
        parser.add_argument("--at", type=date.fromisoformat, help="Date, YYYY-MM-DD: use the vintages in force on that day.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _lookup_paths(options) as paths:
                command.run(options, paths, quiet=options["verbosity"] == 0)
        except GeographyError as error:
            hint = f" {error.hint}" if error.hint else ""
            raise CommandError(f"{error.message}{hint}") from None
        except (InputInvalid, DamagedFile, WorkerLost, OSError, ValueError) as error:
            raise CommandError(str(error)) from None


@contextmanager
def _lookup_paths(options: dict[str, Any]) -> Iterator[list[Path]]:
    """Yield the paths of the lookup files of the vintages; missing files are compiled (1 query each)."""
    if options["lookup"]:
        paths = [Path(name) for name in options["lookup"]]
        for path in paths:
            verify(path)
        yield paths
        return
    vintages = [
        vintage_in_force(coverage=COVERAGE_HEALTH_REGIONS, label=options["vintage"], at=options["at"]),
        vintage_in_force(coverage=COVERAGE_FSA, label=options["fsa_vintage"], at=options["at"]),
    ]
    with TemporaryDirectory(prefix="covidtrends-geo-locate-") as folder:
        made = [(lookup_path(vintage), vintage) for vintage in vintages]
        yield [path if _usable(path, vintage) else _written(vintage, Path(folder)) for path, vintage in made]


def _usable(path: Path, vintage: Vintage) -> bool:
    """Return whether a path is the undamaged lookup file of a vintage."""
    try:
        verify(path)
    except (OSError, DamagedFile):
        return False
    return is_current(vintage, path)


def _written(vintage: Vintage, folder: Path) -> Path:
    """Write the lookup file of a vintage; return its path. Queries: 1."""
    path = folder / lookup_path(vintage).name
    metadata = {"coverage": vintage.coverage.slug, "vintage": vintage.label, "licence": vintage.licence}
    write_index(vintage, path, metadata)
    return path

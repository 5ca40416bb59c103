"""Command that locates a file of positions of any size in constant memory, in the lookup files of published vintages."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import shapely
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from covidtrends_geo import lookup_file
from covidtrends_geo.array_file import DamagedFile, verify
from covidtrends_geo.bulk import command
from covidtrends_geo.bulk.pool import WorkerLost
from covidtrends_geo.bulk.text_source import InputInvalid
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.download_files import lookup_path
from geography.errors import GeographyError
from geography.models import Vintage
from geography.vintages.resolve import vintage_in_force

_REGIONS = """
    SELECT code, dguid, name_en, name_fr, pruid, coalesce(misfit_m, 0), ST_AsBinary(geom, 'NDR')
    FROM region WHERE vintage_id = %s ORDER BY code
"""


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
    """Yield the paths of the lookup files: those of the vintages, or new ones where there is none (one query each)."""
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
        yield [_current_path(vintage) or write_lookup(vintage, Path(folder)) for vintage in vintages]


def _current_path(vintage: Vintage) -> Path | None:
    """Return the path of the lookup file that the service made of a vintage; None without a usable one."""
    path = lookup_path(vintage)
    try:
        verify(path)
        metadata = lookup_file.open_file(path).metadata
    except (OSError, DamagedFile):
        return None
    return path if metadata.get("load") == str(vintage.load_id) else None


def write_lookup(vintage: Vintage, folder: Path) -> Path:
    """Write the lookup file of a vintage; return its path. Queries: 1."""
    path = folder / f"{vintage.coverage.slug}-{vintage.label}-lookup.safetensors"

    def regions() -> Iterator[tuple[lookup_file.Region, shapely.Geometry]]:
        with connection.cursor() as cursor:
            cursor.execute(_REGIONS, [vintage.pk])
            for *columns, wkb in cursor:
                yield lookup_file.Region(*columns), shapely.from_wkb(bytes(wkb))

    metadata = {"coverage": vintage.coverage.slug, "vintage": vintage.label, "licence": vintage.licence}
    lookup_file.write(path, regions=regions(), metadata=metadata)
    return path

"""`manage.py export`: writes the download files of vintages and indicators, for /downloads or into another folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from geography.constants import LEVEL_NAMES
from geography.download_files import DownloadFile
from geography.download_formats import FORMATS
from indicators.download_formats import FORMATS as INDICATOR_FORMATS
from indicators.download_formats import GROUP
from loader.errors import database_error_message
from loader.export import make
from loader.export.figure_table import Tables
from loader.progress import Steps


class Command(BaseCommand):
    help = (
        "Write the download files of published vintages and indicators. Without options: every missing file, for /downloads. "
        "With --out: the selected files, into a folder or a file."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vintage", action="append", default=[], metavar="COVERAGE/LABEL", help="such as fsa/2021")
        parser.add_argument("--indicator", action="append", default=[], metavar="ID", help="such as cases")
        parser.add_argument("--format", action="append", default=[], choices=list(FORMATS | INDICATOR_FORMATS))
        parser.add_argument("--level", action="append", default=[], choices=LEVEL_NAMES, help="level, for formats with levels")
        parser.add_argument("--out", type=Path, metavar="PATH", help="a folder; or, for a single file, the file")
        parser.add_argument("--again", action="store_true", help="write existing files of /downloads again")
        parser.add_argument("--list", action="store_true", help="only list the files with their state")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps(quiet=options["verbosity"] == 0)
        try:
            selected = _selected([*make.published_downloads(), *make.indicator_downloads()], options)
            if options["list"]:
                self._list(selected)
            elif options["out"]:
                self._write(selected, options["out"])
            else:
                self._make(selected, steps, again=options["again"])
        except Error as error:
            raise CommandError(database_error_message(error)) from error

    def _list(self, downloads: list[DownloadFile]) -> None:
        for download in downloads:
            size = "" if download.size is None else f"{download.size:>12,}"
            self.stdout.write(f"{download.state:<8}{size:>12}  {download.group}/{download.name}")

    def _make(self, downloads: list[DownloadFile], steps: Steps, *, again: bool) -> None:
        try:
            made = make.export(downloads, steps, again=again)
        except OSError as error:
            raise CommandError(f"The download files cannot be stored: {error}. Check DOWNLOADS_DIR.") from error
        for name in made.ready:
            self.stdout.write(f"made {name}")
        if made.failed:
            raise CommandError("\n".join(f"{name} could not be made: {why}" for name, why in made.failed.items()))

    def _write(self, downloads: list[DownloadFile], out: Path) -> None:
        one_file = len(downloads) == 1 and not out.is_dir()
        folder = out.parent if one_file else out
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tables = Tables()
            for download in downloads:
                target = out if one_file else out / download.name
                make.write_out(download, target, tables)
                self.stdout.write(str(target))
        except OSError as error:
            raise CommandError(f"Nothing can be written to {folder}: {error.strerror}.") from error


def _selected(downloads: list[DownloadFile], options: dict[str, Any]) -> list[DownloadFile]:
    """Return the downloads that match the options.

    Raises: CommandError for an unknown vintage or indicator, and for no match.
    """
    groups = dict.fromkeys(download.group for download in downloads)
    published: dict[str, list[str]] = {"vintage": [], "indicator": []}
    for group in groups:
        folder, _, name = group.partition("/")
        published["indicator" if folder == GROUP else "vintage"].append(name if folder == GROUP else group)
    for kind, names in published.items():
        for name in options[kind]:
            if name not in names:
                raise CommandError(f"No {kind} {name} is published. Published: {', '.join(names) or 'none'}.")
    wanted = {*options["vintage"], *(f"{GROUP}/{name}" for name in options["indicator"])}
    selected = [
        download
        for download in downloads
        if (not wanted or download.group in wanted)
        and (not options["format"] or download.format.name in options["format"])
        and (not options["level"] or download.level in options["level"])
    ]
    if downloads and not selected:
        raise CommandError("No such file: these vintages have none in this format and at this level (--list shows the files).")
    return selected

"""`manage.py export`: writes the download files of vintages, for /downloads or into another folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from geography.constants import LEVEL_NAMES
from geography.download_formats import FORMATS
from geography.queries.downloads import Download
from loader.errors import database_error_message
from loader.export import make
from loader.progress import Steps


class Command(BaseCommand):
    help = (
        "Write the download files of published vintages. Without options: every missing file, for /downloads. "
        "With --out: the selected files, into a folder or a file."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vintage", action="append", default=[], metavar="COVERAGE/LABEL", help="such as fsa/2021")
        parser.add_argument("--format", action="append", default=[], choices=list(FORMATS))
        parser.add_argument("--level", action="append", default=[], choices=LEVEL_NAMES, help="level, for formats with levels")
        parser.add_argument("--out", type=Path, metavar="PATH", help="a folder; or, for a single file, the file")
        parser.add_argument("--again", action="store_true", help="write existing files of /downloads again")
        parser.add_argument("--list", action="store_true", help="only list the files with their state")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps(quiet=options["verbosity"] == 0)
        try:
            selected = _selected(make.published_downloads(), options)
            if options["list"]:
                self._list(selected)
            elif options["out"]:
                self._write(selected, options["out"])
            else:
                self._make(selected, steps, again=options["again"])
        except Error as error:
            raise CommandError(database_error_message(error)) from error

    def _list(self, downloads: list[Download]) -> None:
        for download in downloads:
            size = "" if download.size is None else f"{download.size:>12,}"
            self.stdout.write(f"{download.state:<8}{size:>12}  {download.group}/{download.name}")

    def _make(self, downloads: list[Download], steps: Steps, *, again: bool) -> None:
        try:
            made = make.export(downloads, steps, again=again)
        except OSError as error:
            raise CommandError(f"The download files cannot be stored: {error}. Check DOWNLOADS_DIR.") from error
        for name in made.ready:
            self.stdout.write(f"made {name}")
        if made.failed:
            raise CommandError("\n".join(f"{name} could not be made: {why}" for name, why in made.failed.items()))

    def _write(self, downloads: list[Download], out: Path) -> None:
        one_file = len(downloads) == 1 and not out.is_dir()
        folder = out.parent if one_file else out
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for download in downloads:
                target = out if one_file else out / download.name
                make.write_out(download, target)
                self.stdout.write(str(target))
        except OSError as error:
            raise CommandError(f"Nothing can be written to {folder}: {error.strerror}.") from error


def _selected(downloads: list[Download], options: dict[str, Any]) -> list[Download]:
    """Return the downloads that match the options. Raises: CommandError for an unknown vintage, and for no match."""
    published = list(dict.fromkeys(download.group for download in downloads))
    for vintage in options["vintage"]:
        if vintage not in published:
            raise CommandError(f"No vintage {vintage} is published. Published are: {', '.join(published) or 'none'}.")
    selected = [
        download
        for download in downloads
        if (not options["vintage"] or download.group in options["vintage"])
        and (not options["format"] or download.format.name in options["format"])
        and (not options["level"] or download.level in options["level"])
    ]
    if downloads and not selected:
        raise CommandError("No such file: these vintages have none in this format and at this level (--list shows the files).")
    return selected

"""`manage.py draw_tiles`: builds the vector tiles of vintages that an earlier release loaded without tiles."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from geography.models import Status, Vintage
from geography.queries.tiles import has_tiles
from loader.errors import database_error_message
from loader.geometry.levels import DRAWINGS
from loader.geometry.rebuild_tiles import rebuild_tiles
from loader.progress import Steps


class Command(BaseCommand):
    help = "Draw the vector tiles of published vintages that have none, from their stored levels; no file is read."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vintage", action="append", default=[], metavar="COVERAGE/LABEL", help="such as fsa/2021")
        parser.add_argument("--again", action="store_true", help="rebuild existing tiles too")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps(quiet=options["verbosity"] == 0)
        try:
            for name, vintage in _selected(options["vintage"]).items():
                if has_tiles(vintage) and not options["again"]:
                    self.stdout.write(f"{name} has tiles")
                    continue
                with steps.step(f"tiles of {name}", DRAWINGS) as step:
                    rebuild_tiles(vintage, step.advance)
                self.stdout.write(f"{name}: drawn")
        except Error as error:
            raise CommandError(database_error_message(error)) from error


def _selected(names: list[str]) -> dict[str, Vintage]:
    """Return the published vintages with these names, or all without names. Raises: CommandError for an unknown name."""
    published = Vintage.objects.select_related("coverage").filter(status=Status.PUBLISHED).order_by("pk")
    by_name = {f"{vintage.coverage.slug}/{vintage.label}": vintage for vintage in published}
    for name in names:
        if name not in by_name:
            raise CommandError(f"No vintage {name} is published. Published: {', '.join(by_name) or 'none'}.")
    return {name: by_name[name] for name in names or by_name}

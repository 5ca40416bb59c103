"""`manage.py seed api --number=15`: loads seed data (fake boundaries) for development."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from loader.errors import LoadError, database_error_message
from loader.export import make
from loader.progress import Steps
from loader.seed import MOST, seed


class Command(BaseCommand):
    help = "Load fake boundaries for development, into a database without real ones."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", choices=["api"], help="app whose tables are filled: api")
        parser.add_argument("--number", type=int, default=15, help=f"number of health regions and of FSAs, 1 to {MOST} (15)")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps(quiet=options["verbosity"] == 0)
        try:
            outcomes = seed(options["number"], steps=steps)
        except LoadError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(database_error_message(error)) from error
        for outcome in outcomes:
            self.stdout.write(f"{outcome.vintage}: {outcome.vintage.region_count} fake regions, {outcome.what}.")
        for line in make.after_publication([outcome.vintage for outcome in outcomes], steps):
            self.stderr.write(self.style.WARNING(line))

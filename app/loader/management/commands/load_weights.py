"""`manage.py load_weights`: loads a file of census blocks, from which the shares of people are computed."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from loader.errors import GatesFailed, LoadError, database_error_message
from loader.pipeline import Acceptance, user_name
from loader.progress import Steps
from loader.weights import load as weights

EXIT_GATES = 2


class Command(BaseCommand):
    # A load does not need the settings of the web service to be valid.
    requires_system_checks = []
    help = "Compute shares of people from census blocks instead of postal codes. See geodata/README.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="CSV of blocks with people: DBUID, DBPOP")
        parser.add_argument(
            "--positions", type=Path, metavar="FILE", help="CSV with DARPLAT and DARPLONG by DBUID or DAUID, if FILE has none"
        )
        parser.add_argument("--remove", action="store_true", help="remove the loaded file: shares by postal codes again")
        parser.add_argument("--dry-run", action="store_true", help="run all steps, then roll back")
        parser.add_argument(
            "--accept", action="append", default=[], metavar="GATE", choices=weights.GATES, help="load although it fails"
        )
        parser.add_argument("--because", default="", metavar="WHY", help="stored with the file; needed with --accept")
        parser.add_argument("--json", action="store_true", help="print the report as JSON instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps(quiet=options["json"] or options["verbosity"] == 0)
        if options["remove"] == (options["file"] is not None):
            raise CommandError("Give a file, or --remove.")
        if options["accept"] and not options["because"].strip():
            raise CommandError("--accept needs --because: the reason is stored with the file.")
        try:
            if options["remove"]:
                removed = weights.remove(steps)
                self.stdout.write("Removed: shares come from postal codes." if removed else "No block file is loaded.")
                return
            outcome = weights.load(
                options["file"],
                positions=options["positions"],
                steps=steps,
                acceptance=Acceptance(frozenset(options["accept"]), options["because"].strip(), user_name()),
                dry_run=options["dry_run"],
            )
        except GatesFailed as error:
            raise CommandError(str(error), returncode=EXIT_GATES) from error
        except LoadError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(database_error_message(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(outcome.report, ensure_ascii=False))
            return
        report = outcome.report
        self.stdout.write(
            f"{report['file']}: {report['blocks']:,} blocks, {report['people']:,} people at {report['positions']:,} positions"
        )
        endings = {
            "loaded": "Loaded: shares of people come from blocks.",
            "unchanged": "The same file is loaded already, nothing to do.",
            "dry run": "Dry run: nothing was stored. It would be loaded.",
        }
        self.stdout.write(endings[outcome.what])

"""`manage.py load_boundaries`: loads boundary files, lists the published vintages, and rolls back a publication."""

import argparse
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from geography.models import Representation, Status, Vintage
from loader import pipeline
from loader.errors import GatesFailed, LoadError, database_error_message
from loader.export import make
from loader.pipeline import Acceptance, Outcome, user_name
from loader.progress import Steps
from loader.publication.report import as_json, as_text
from loader.source.declarations import COLUMNS, Layer, Sources, read_sources, with_options

EXIT_GATES = 2


class Command(BaseCommand):
    # A load does not need the settings of the web service to be valid.
    requires_system_checks = []
    help = "Load boundary layers: read, check, derive, verify, publish. See geodata/README.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("layers", nargs="*", metavar="LAYER", help="layers of geodata/sources.toml, in this order")
        modes = parser.add_argument_group("instead of loading").add_mutually_exclusive_group()
        modes.add_argument("--embedded", action="store_true", help="load the demonstration of coverages without vintages")
        modes.add_argument("--list", action="store_true", help="list the vintages in the database and the declared layers")
        modes.add_argument("--rollback", metavar="COVERAGE", help="roll back the last publication of a coverage")
        modes.add_argument("--prune", action="store_true", help="delete staged and retired vintages")
        parser.add_argument("--sources", type=Path, metavar="FILE", help="other declarations instead of sources.toml")
        file_options = parser.add_argument_group("the file")
        file_options.add_argument(
            "--file", type=Path, help="a file, zip or folder, instead of the layer's own; formats: geodata/README.md"
        )
        file_options.add_argument(
            "--layer-name", metavar="NAME", help="which layer (or file of a zip), where the file holds several"
        )
        file_options.add_argument("--coverage", help="for a file that no layer declares: its coverage, with the options below")
        file_options.add_argument("--vintage", help="label of the vintage in URLs")
        file_options.add_argument("--effective-from", type=_day, metavar="YYYY-MM-DD", help="first day in force")
        file_options.add_argument("--effective-to", type=_day, metavar="YYYY-MM-DD", help="first day no longer in force")
        file_options.add_argument("--representation", choices=Representation.values, help="digital: into the water")
        file_options.add_argument("--extract", action="store_true", default=None, help="the file covers a part of the country")
        file_options.add_argument(
            "--field", action="append", default=[], metavar="COLUMN=FIELD", help=f"one of {', '.join(COLUMNS)}"
        )
        file_options.add_argument("--srid", type=int, help="EPSG code, where the file declares none")
        file_options.add_argument("--encoding", help="encoding of the text, where the file declares none or a wrong one")
        file_options.add_argument("--expect-count", type=int, metavar="N", help="number of regions that the file must hold")
        for name in ("title", "title-fr", "url", "licence", "licence-url", "attribution", "attribution-fr"):
            file_options.add_argument(f"--{name}", help=argparse.SUPPRESS if name == "url" else None)
        how = parser.add_argument_group("how")
        how.add_argument("--dry-run", action="store_true", help="run all steps, then roll back")
        how.add_argument("--again", action="store_true", help="load a file that is published or staged already")
        how.add_argument("--accept", action="append", default=[], metavar="GATE", help="publish although this gate fails")
        how.add_argument("--because", default="", metavar="WHY", help="published with the vintage; needed with --accept")
        how.add_argument(
            "--by",
            default="",
            metavar="WHO",
            help="published with the vintage; by default the user's name is stored, not published",
        )
        how.add_argument("--no-downloads", action="store_true", help="do not write download files (see `manage.py export`)")
        how.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
        how.add_argument("--json", action="store_true", help="print the report as JSON instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = Steps(quiet=options["verbosity"] == 0)
        _check_options(options)
        try:
            if options["list"]:
                self._list(read_sources(options["sources"]))
            elif options["rollback"]:
                self._roll_back(options, steps)
            elif options["prune"]:
                for name in pipeline.prune(steps):
                    self.stdout.write(f"deleted {name}")
                with suppress(OSError):  # files that cannot be deleted are harmless
                    make.delete_stale()
            else:
                acceptance = _acceptance(options)
                layers = _layers(options, read_sources(options["sources"]))
                if len(layers) > 1 and (options["json"] or options["report"]):
                    raise CommandError("--json and --report go with one layer at a time.")
                for layer in layers:
                    self._load(layer, acceptance, options, steps)
                if options["embedded"]:
                    pipeline.complete(steps)
        except GatesFailed as error:
            raise CommandError(str(error), returncode=EXIT_GATES) from error
        except LoadError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(database_error_message(error)) from error

    def _load(self, layer: Layer, acceptance: Acceptance, options: dict[str, Any], steps: Steps) -> None:
        steps.say(f"{layer.coverage.slug} {layer.vintage} ({layer.name})")
        steps.seconds.clear()
        try:
            outcome = pipeline.load(
                layer, steps=steps, acceptance=acceptance, dry_run=options["dry_run"], again=options["again"]
            )
        except GatesFailed as error:
            self._report(error.report, options)
            raise
        self._report(outcome.report, options)
        details = not (options["json"] or options["verbosity"] == 0)
        if outcome.what == "unchanged":
            if details:
                self.stdout.write(f"{outcome.vintage}: the same file is published already, nothing to do.")
            return
        if details:
            self.stdout.write(as_text(outcome.report))
        stops = _stops(outcome, acceptance)
        if stops:
            raise CommandError(f"Dry run: nothing was stored. It would stop at: {', '.join(stops)}.", returncode=EXIT_GATES)
        if details:
            self.stdout.write(_ending(outcome))
        if outcome.what == "published":
            self._downloads([outcome.vintage], options, steps)

    def _report(self, report: Mapping[str, Any], options: dict[str, Any]) -> None:
        if options["report"]:
            try:
                options["report"].write_text(as_json(report) + "\n", encoding="utf-8")
            except OSError as error:
                raise CommandError(f"The report cannot be written to {options['report']}: {error.strerror}.") from error
        if options["json"]:
            self.stdout.write(as_json(report))

    def _list(self, sources: Sources) -> None:
        self.stdout.write("In the database:")
        vintages = Vintage.objects.select_related("coverage").order_by("coverage__slug", "-effective_from", "-pk")
        for vintage in vintages:
            notes = ", ".join(name for name in ("demo", "extract") if getattr(vintage, name))
            self.stdout.write(
                f"  {vintage.coverage.slug:<16}{vintage.label:<32}{vintage.status:<11}from {vintage.effective_from}  "
                f"{vintage.region_count:>6} regions  {vintage.representation:<13}{notes}"
            )
        if not vintages:
            self.stdout.write("  nothing")
        self.stdout.write("Layers that are declared:")
        for layer in sources.layers.values():
            where = "in the repository" if layer.path else "downloaded" if layer.url else "needs --file"
            self.stdout.write(f"  {layer.name:<36}{layer.coverage.slug:<16}{layer.vintage:<20}{where}")

    def _roll_back(self, options: dict[str, Any], steps: Steps) -> None:
        last, restored = pipeline.roll_back(options["rollback"], steps)
        self.stdout.write(f"{last} is retired.")
        for vintage in restored:
            self.stdout.write(f"{vintage} is published again.")
        self._downloads(restored, options, steps)

    def _downloads(self, vintages: list[Vintage], options: dict[str, Any], steps: Steps) -> None:
        if not options["no_downloads"]:
            for line in make.after_publication(vintages, steps):
                self.stderr.write(self.style.WARNING(line))


def _check_options(options: dict[str, Any]) -> None:
    """Raise CommandError for options that conflict, so that none is ignored silently."""
    instead = next((name for name in ("embedded", "list", "rollback", "prune") if options[name]), None)
    if instead and (options["layers"] or options["file"] or options["coverage"]):
        raise CommandError(f"--{instead} takes no layer and no file.")
    if options["report"] and not options["report"].parent.is_dir():
        raise CommandError(f"The report cannot be written: there is no folder {options['report'].parent}.")
    if instead in ("list", "rollback", "prune"):
        useless = next((name for name in ("dry_run", "again", "accept", "report", "json") if options[name]), None)
        if useless:
            raise CommandError(f"--{useless.replace('_', '-')} does not go with --{instead}.")


def _layers(options: dict[str, Any], sources: Sources) -> list[Layer]:
    """Return the layers to load. Raises: CommandError for options that conflict."""
    if options["embedded"]:
        published = set(Vintage.objects.filter(status=Status.PUBLISHED).values_list("coverage__slug", flat=True))
        return [layer for layer in sources.layers.values() if layer.embedded and layer.coverage.slug not in published]
    columns = dict(_field(text) for text in options["field"])
    changes = {
        "path": options["file"],
        "vintage": options["vintage"],
        "effective_from": options["effective_from"],
        "effective_to": options["effective_to"],
        "representation": Representation(options["representation"]) if options["representation"] else None,
        "extract": options["extract"],
        "srid": options["srid"],
        "encoding": options["encoding"],
        "layer_name": options["layer_name"],
        "expected_count": options["expect_count"],
        "columns": columns or None,
        "title_en": options["title"],
        "title_fr": options["title_fr"] or options["title"],
        "url": options["url"],
        "licence": options["licence"],
        "licence_url": options["licence_url"],
        "attribution_en": options["attribution"],
        "attribution_fr": options["attribution_fr"] or options["attribution"],
    }
    if options["coverage"]:
        return [_ad_hoc(options, changes, sources)]
    layers = [sources.layer(name) for name in options["layers"]]
    if not layers:
        raise CommandError("Name a layer (--list shows them), or --coverage with --file for any other file.")
    if len(layers) > 1 and any(value is not None for value in changes.values()):
        raise CommandError("Options about the file go with one layer at a time.")
    if options["extract"] and options["expect_count"] is None:
        # The expected count is that of the whole country.
        layers = [replace(layer, expected_count=None) for layer in layers]
    return [with_options(layer, **changes) for layer in layers]


def _ad_hoc(options: dict[str, Any], changes: dict[str, Any], sources: Sources) -> Layer:
    if options["layers"]:
        raise CommandError("--coverage is for a file without a declared layer: leave the name of the layer out.")
    missing = [name for name in ("file", "vintage", "effective_from", "representation") if not options[name]]
    if missing:
        raise CommandError(f"--coverage also needs --{missing[0].replace('_', '-')}.")
    title = options["title"] or options["file"].name
    table = {"title_en": title, "title_fr": title} | {key: value for key, value in changes.items() if value is not None}
    count = table.pop("expected_count", None)
    return sources.ad_hoc(options["coverage"], table | ({"expect": {"count": count}} if count is not None else {}))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2022-12-01") from None


def _field(text: str) -> tuple[str, tuple[str, ...]]:
    column, _, name = text.partition("=")
    if column not in COLUMNS or not name:
        raise CommandError(f"--field takes COLUMN=FIELD, where COLUMN is one of {', '.join(COLUMNS)}.")
    return column, (name,)


def _acceptance(options: dict[str, Any]) -> Acceptance:
    if options["accept"] and not options["because"].strip():
        raise CommandError("--accept needs --because: the reason is published with the vintage.")
    gates, because, by = frozenset(options["accept"]), options["because"].strip(), options["by"].strip()
    return Acceptance(gates, because, by or user_name(), named=bool(by))


def _stops(outcome: Outcome, acceptance: Acceptance) -> list[str]:
    """Return the failed gates of a dry run that would stop a load."""
    if outcome.what != "dry run":
        return []
    failed = [gate for gate in outcome.report["gates"] if not gate["passed"]]
    return [gate["name"] for gate in failed if not gate["acceptable"] or gate["name"] not in acceptance.gates]


def _ending(outcome: Outcome) -> str:
    if outcome.what == "dry run":
        return "Dry run: nothing was stored. It would be published."
    lines = [f"{outcome.vintage} is published."]
    if outcome.vintage.extract:
        lines.append(f"It is an extract: it answers only requests that name it ({outcome.vintage.label}).")
    if outcome.retired:
        lines.append(f"Retired: {', '.join(outcome.retired)}.")
    return " ".join(lines)

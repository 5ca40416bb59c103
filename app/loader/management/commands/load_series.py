"""`manage.py load_series`: loads series of health indicators, lists the published issues, and rolls back an issue."""

import argparse
import json
import shlex
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from indicators.models import Indicator, Issue, IssueStatus
from loader.errors import GatesFailed, LoadError, database_error_message
from loader.export import make
from loader.pipeline import user_name
from loader.progress import Steps
from loader.series import pipeline
from loader.series.declarations import GATES, Source, read_series
from loader.series.issue_files import parse_instant

EXIT_GATES = 2


class Command(BaseCommand):
    # A load does not need the settings of the web service to be valid.
    requires_system_checks = []
    help = "Load series of health indicators: read, check, publish. See geodata/README.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="sources of geodata/series.toml")
        modes = parser.add_argument_group("instead of loading").add_mutually_exclusive_group()
        modes.add_argument("--embedded", action="store_true", help="load the embedded series that are not loaded yet")
        modes.add_argument("--list", action="store_true", help="list the declared sources and their published issues")
        modes.add_argument("--rollback", metavar="NAME", help="roll back the last issue of a source")
        parser.add_argument("--sources", type=Path, metavar="FILE", help="other declarations instead of series.toml")
        parser.add_argument("--file", type=Path, help="the file, instead of the declared one")
        parser.add_argument(
            "--issues", type=Path, metavar="PATH", help="load many issues in time order: a folder, or a file with their changes"
        )
        parser.add_argument(
            "--issued-at",
            type=_instant,
            metavar="TIME",
            help="publication time at the source, with a time zone; with --issues: the only issue that --accept is for",
        )
        parser.add_argument("--dry-run", action="store_true", help="run all steps, then roll back")
        parser.add_argument(
            "--accept", action="append", default=[], metavar="GATE", choices=GATES, help="publish although it fails"
        )
        parser.add_argument("--because", default="", metavar="WHY", help="stored with the issue; needed with --accept")
        parser.add_argument("--by", default="", metavar="WHO", help="stored with the issue; by default the user's name")
        parser.add_argument("--no-downloads", action="store_true", help="do not write download files (see `manage.py export`)")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
        parser.add_argument("--json", action="store_true", help="print the report as JSON instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accept"] and not options["because"].strip():
            raise CommandError("--accept needs --because: the reason is stored with the issue.")
        try:
            sources = read_series(options["sources"])
            if options["list"]:
                self._list(sources)
            elif options["rollback"]:
                issue = pipeline.roll_back(_named(sources, options["rollback"]))
                self.stdout.write(f"{issue.source}: the issue of {issue.issued_at:%Y-%m-%d %H:%M %Z} is rolled back.")
                self._downloads(issue.indicator.slug, options)
            elif options["issues"]:
                self._load_issues(sources, options)
            else:
                for source in self._selected(sources, options):
                    self._load(source, options)
        except GatesFailed as error:
            raise CommandError(str(error), returncode=EXIT_GATES) from error
        except LoadError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(database_error_message(error)) from error

    def _selected(self, sources: dict[str, Source], options: dict[str, Any]) -> list[Source]:
        if options["embedded"]:
            loaded = set(Indicator.objects.filter(issues__status=IssueStatus.PUBLISHED).values_list("source", flat=True))
            return [source for source in sources.values() if source.embedded and source.name not in loaded]
        if not options["names"]:
            raise CommandError("Name a source (--list shows them).")
        if len(options["names"]) > 1 and (options["file"] or options["issued_at"]):
            raise CommandError("--file and --issued-at go with one source at a time.")
        return [_named(sources, name) for name in options["names"]]

    def _load_issues(self, sources: dict[str, Source], options: dict[str, Any]) -> None:
        if len(options["names"]) != 1 or options["file"] or options["dry_run"]:
            raise CommandError("--issues goes with the name of one source, without --file and --dry-run.")
        accepted_at = options["issued_at"]
        if accepted_at and not options["accept"]:
            raise CommandError("--issued-at goes with --issues to name the issue that --accept is for.")
        source = _named(sources, options["names"][0])
        counts: Counter[str] = Counter()
        reports = []
        accepted = False
        try:
            for content, outcome in pipeline.load_issues(
                source,
                options["issues"],
                acceptance=_acceptance(options),
                accepted_at=accepted_at,
                declarations=options["sources"],
            ):
                counts[outcome.what] += 1
                accepted = accepted or (content.issued_at == accepted_at and outcome.what == "published")
                failed = [gate for gate in outcome.report.get("gates", ()) if not gate["passed"]]
                if outcome.what == "held" or (outcome.what == "published" and failed):
                    reports.append(outcome.report)
                if options["verbosity"] and outcome.what != "unchanged":
                    detail = "; ".join(f"{gate['name']} ({', '.join(gate['listed'][:2]) or gate['detail']})" for gate in failed)
                    self.stdout.write(f"  {content.issued_at:%Y-%m-%d %H:%M:%S %Z}  {outcome.what:<10}{detail}")
        except GatesFailed as error:
            self._report(error.report, options)
            raise
        finally:
            summary = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
            self.stdout.write(f"{source.name}: {sum(counts.values())} issues: {summary or 'none'}.")
            if counts["published"]:
                self._downloads(source.indicator, options)
        self._write_report(reports, options)
        if accepted_at and not accepted:
            raise CommandError(f"No issue of {accepted_at:%Y-%m-%d %H:%M:%S %Z} was published by this run.")
        if counts["held"]:
            raise CommandError(f"{counts['held']} issues are held. {_advice(source, options)}".strip(), returncode=EXIT_GATES)

    def _load(self, source: Source, options: dict[str, Any]) -> None:
        acceptance = _acceptance(options)
        try:
            outcome = pipeline.load(
                source,
                path=options["file"],
                issued_at=options["issued_at"],
                acceptance=acceptance,
                dry_run=options["dry_run"],
                declarations=options["sources"],
            )
        except GatesFailed as error:
            self._report(error.report, options)
            advice = "" if options["dry_run"] else _advice(source, options, error.report["sha256"])
            raise CommandError(f"{error} {advice}".strip(), returncode=EXIT_GATES) from error
        if outcome.what == "unchanged":
            self.stdout.write(f"{source.name}: the same file is published already, nothing to do.")
            return
        self._report(outcome.report, options)
        ending = "Dry run: nothing was stored. It would be published." if outcome.what == "dry run" else "Published."
        if not options["json"]:
            self.stdout.write(f"{source.name}: {ending}")
        if outcome.what == "published":
            self._downloads(source.indicator, options)

    def _downloads(self, indicator: str, options: dict[str, Any]) -> None:
        if not options["no_downloads"]:
            for line in make.after_issue(indicator, Steps(quiet=options["verbosity"] == 0)):
                self.stderr.write(self.style.WARNING(line))

    def _report(self, report: Any, options: dict[str, Any]) -> None:
        self._write_report(report, options)
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        elif options["verbosity"]:
            self.stdout.write("\n".join(_lines(report)))

    def _write_report(self, report: Any, options: dict[str, Any]) -> None:
        if options["report"]:
            try:
                options["report"].write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            except OSError as error:
                raise CommandError(f"The report cannot be written to {options['report']}: {error.strerror}.") from error

    def _list(self, sources: dict[str, Source]) -> None:
        published = {indicator.source: indicator for indicator in Indicator.objects.all()}
        for source in sources.values():
            indicator = published.get(source.name)
            last = indicator and indicator.issues.filter(status=IssueStatus.PUBLISHED).order_by("-issued_at", "-pk").first()
            state = f"issue of {last.issued_at:%Y-%m-%d %H:%M %Z}" if last else "not loaded"
            issues = pipeline.held_issues(source)
            if issues:
                gates = ", ".join(_failed_gates(issues[-1]))
                state += f", {len(issues)} later held by gates since {issues[0].issued_at:%Y-%m-%d %H:%M %Z} ({gates})"
            where = "in the repository" if source.path else "needs --file"
            self.stdout.write(f"  {source.name:<32}{source.indicator:<28}{where:<20}{state}")


def _named(sources: dict[str, Source], name: str) -> Source:
    if name not in sources:
        raise CommandError(f"Unknown source {name!r}: series.toml declares {', '.join(sources)}.")
    return sources[name]


def _failed_gates(issue: Issue) -> list[str]:
    return [gate["name"] for gate in issue.report["gates"] if not gate["passed"]]


def _advice(source: Source, options: dict[str, Any], sha256: str | None = None) -> str:
    """Return the effect of held issues for readers, and the command that ends it; empty if none is held.

    Args:
        sha256: of the issue to publish; None: the first of those held, since those after it are then compared with it.
    """
    issues = pipeline.held_issues(source)
    issue = next((issue for issue in issues if sha256 in (None, issue.sha256)), None)
    if issue is None:
        return ""
    command = ["bin/manage", "load_series", source.name]
    if options["sources"]:
        command += ["--sources", str(options["sources"])]
    if options["issues"]:
        command += ["--issues", str(options["issues"]), "--issued-at", issue.issued_at.isoformat()]
    elif options["file"]:
        command += ["--file", str(options["file"])]
    for gate in _failed_gates(issue):
        command += ["--accept", gate]
    number = f"{len(issues)} issues are" if len(issues) > 1 else "One issue is"
    return (
        f"Readers go on with the issue before, and are told so. {number} held since {issues[0].issued_at:%Y-%m-%d %H:%M %Z}; a "
        f"lasting correction holds every later issue until one is accepted. If it is right: {shlex.join(command)} --because "
        '"the reason"'
    )


def _acceptance(options: dict[str, Any]) -> pipeline.Acceptance:
    by = options["by"].strip()
    return pipeline.Acceptance(frozenset(options["accept"]), options["because"].strip(), by or user_name(), named=bool(by))


def _instant(text: str) -> datetime:
    instant = parse_instant(text)
    if instant is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time with a time zone; write 2022-11-16T23:08:20Z")
    return instant


def _lines(report: Any) -> list[str]:
    lines = [
        f"{report['file']}: {report['rows']:,} rows, {report['values']:,} values, {report['places']} places, "
        f"{report['first']} to {report['last']}"
    ]
    for gate in report["gates"]:
        mark = "pass" if gate["passed"] else "accepted" if gate["name"] in report["accepted"] else "FAIL"
        lines.append(f"  {mark:<9} {gate['name']:<16}{gate['detail']}")
        if not gate["passed"]:
            lines += [f"              {finding}" for finding in gate["listed"]]
    for change, counts in report["changes"].items():
        if counts:
            lines.append(f"  {change:<10}{sum(counts.values()):,} values in {len(counts)} places")
    return lines

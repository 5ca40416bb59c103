"""Load pipeline of a series file: read, interpret, compare, check, publish. Rollback of an issue."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from indicators.models import Indicator, Issue, IssueStatus, Place, PlaceKind, Population, Value
from loader.errors import GatesFailed, PublishError, SourceError
from loader.series import storage
from loader.series.declarations import Source
from loader.series.gates import Gate, content_gates, revision_gates
from loader.series.interpreter import Interpretation, interpret
from loader.series.notes import seed_notes
from loader.series.places import seed_places
from loader.series.reader import cells, checksum


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Accepted gates, with the reason and the name that are stored with the issue."""

    gates: frozenset[str] = frozenset()
    because: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a load: `what` is `published`, `unchanged` or `dry run`."""

    what: str
    report: Mapping[str, Any] = field(default_factory=dict)


class _DryRun(Exception):
    """Raised to roll back a dry run."""


def load(
    source: Source,
    *,
    path: Path | None = None,
    issued_at: datetime | None = None,
    acceptance: Acceptance | None = None,
    dry_run: bool = False,
    declarations: Path | None = None,
) -> Outcome:
    """Load a file as the next issue of its source, in one transaction: readers see the previous issue or this one.

    Args:
        path: file to load instead of the declared one.
        issued_at: time of publication by the source; now if unknown.
        declarations: TOML file whose places, members and notes are updated too.

    Raises: SourceError, FileRefused, GatesFailed (with the report), PublishError.
    """
    acceptance = acceptance or Acceptance()
    if path is None:
        # The declared time belongs to the declared file.
        path, issued_at = source.path, issued_at or source.issued_at
    if path is None:
        raise SourceError(f"series.{source.name} declares no file: give one with --file.")
    issued_at = issued_at or timezone.now()
    sha256 = checksum(path, source)
    report: dict[str, Any] = {}
    try:
        with _exclusive():
            indicator = _indicator(source)
            last = indicator.issues.filter(status=IssueStatus.PUBLISHED).order_by("-issued_at", "-pk").first()
            if last is not None and last.sha256 == sha256:
                return Outcome("unchanged", last.report)
            if last is not None and issued_at < last.issued_at:
                raise PublishError(f"{source.name}: issue {last.issued_at:%Y-%m-%d %H:%M %Z} is later than this one.")
            seed_places(declarations)
            seed_notes(indicator, declarations)
            interpretation = interpret(list(cells(path, source)), source, today=timezone.now().date())
            before = storage.current_values(indicator)
            rows, difference = storage.changes(before, interpretation.by_place)
            gates = [
                *content_gates(interpretation, source, _without_population(interpretation)),
                *revision_gates(interpretation, source, storage.values_in_force(before), difference),
            ]
            report |= _report(
                source,
                path=path,
                sha256=sha256,
                issued_at=issued_at,
                interpretation=interpretation,
                gates=gates,
                acceptance=acceptance,
            )
            report["changes"] = {"new": difference.new, "changed": difference.changed, "withdrawn": difference.withdrawn}
            _refuse_failed_gates(gates, acceptance, report, dry_run=dry_run)
            issue = Issue.objects.create(
                indicator=indicator,
                source=source.name,
                issued_at=issued_at,
                loaded_at=timezone.now(),
                sha256=sha256,
                file=path.name,
                status=IssueStatus.PUBLISHED,
                report=report,
            )
            storage.write(issue, rows, interpretation.by_place)
            storage.derive(indicator)
            if dry_run:
                raise _DryRun
    except _DryRun:
        return Outcome("dry run", report)
    _analyze()
    return Outcome("published", report)


def roll_back(source: Source) -> Issue:
    """Roll back the last issue of a source and return it. Raises: PublishError without a published issue."""
    with _exclusive():
        last = (
            Issue.objects.filter(indicator__slug=source.indicator, status=IssueStatus.PUBLISHED)
            .select_related("indicator")
            .order_by("-issued_at", "-pk")
            .first()
        )
        if last is None:
            raise PublishError(f"{source.name} has no published issue.")
        Value.objects.filter(from_issue=last).delete()
        Value.objects.filter(to_issue=last).update(to_issue=None)
        last.status = IssueStatus.ROLLED_BACK
        last.loaded_at = timezone.now()
        last.save(update_fields=["status", "loaded_at"])
        storage.derive(last.indicator)
        last.indicator.series.filter(first=None).delete()
    return last


@contextmanager
def _exclusive() -> Iterator[None]:
    """Open a transaction that holds the lock of series loads."""
    with transaction.atomic(), connection.cursor() as cursor:
        # A role with only SELECT cannot take this lock; it blocks neither readers nor their snapshots.
        cursor.execute(f"LOCK TABLE {connection.ops.quote_name(Issue._meta.db_table)} IN SHARE UPDATE EXCLUSIVE MODE")
        yield


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.analyze_indicators()")


def _indicator(source: Source) -> Indicator:
    existing = Indicator.objects.filter(slug=source.indicator).first()
    if existing is not None and existing.source != source.name:
        raise SourceError(f"Indicator {source.indicator} is supplied by {existing.source}: give this one another name.")
    cadence = [
        {"province": rule.province, "from": rule.start.isoformat(), "interval_days": rule.interval} for rule in source.cadence
    ]
    names = (
        *("unit", "kind", "period", "from_zero", "name_en", "name_fr", "definition_en", "definition_fr", "good_direction"),
        *("licence", "licence_url", "attribution_en", "attribution_fr"),
    )
    values = {name: getattr(source, name) for name in names}
    values |= {"source": source.name, "coverage": source.coverage, "vintage_label": source.vintage, "cadence": cadence}
    indicator, _ = Indicator.objects.update_or_create(slug=source.indicator, defaults=values)
    return indicator


def _without_population(interpretation: Interpretation) -> list[str]:
    regions: dict[int, Place] = {
        pk: stated.place for pk, stated in interpretation.by_place.items() if stated.place.kind == PlaceKind.REGION
    }
    with_population = set(Population.objects.filter(place__in=list(regions)).values_list("place_id", flat=True))
    return [place.key for pk, place in regions.items() if pk not in with_population]


def _report(
    source: Source,
    *,
    path: Path,
    sha256: str,
    issued_at: datetime,
    interpretation: Interpretation,
    gates: list[Gate],
    acceptance: Acceptance,
) -> dict[str, Any]:
    stated = [values for values in interpretation.by_place.values() if not values.derived and values.observations]
    days = [day for values in stated for day in (min(values.observations), max(values.observations))]
    return {
        "source": source.name,
        "file": path.name,
        "sha256": sha256,
        "issued_at": issued_at.isoformat(),
        "rows": interpretation.rows,
        "ignored": interpretation.ignored,
        "places": len(stated),
        "values": sum(len(values.observations) for values in stated),
        "first": min(days).isoformat() if days else None,
        "last": max(days).isoformat() if days else None,
        "gates": [gate.as_dict() for gate in gates],
        "accepted": sorted(gate.name for gate in gates if not gate.passed and gate.name in acceptance.gates),
        "because": acceptance.because,
        "by": acceptance.by,
    }


def _refuse_failed_gates(gates: list[Gate], acceptance: Acceptance, report: Mapping[str, Any], *, dry_run: bool) -> None:
    failed = [gate for gate in gates if not gate.passed and not (gate.acceptable and gate.name in acceptance.gates)]
    if not failed:
        return
    reasons = "; ".join(f"{gate.name} ({', '.join(gate.listed[:3]) or gate.detail})" for gate in failed)
    start = "Dry run: would fail at" if dry_run else "Not published:"
    raise GatesFailed(f"{start} {reasons}.", tuple(gate.name for gate in failed), report)

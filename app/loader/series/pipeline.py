"""Load pipeline of issues: read, interpret, compare, check, publish or hold. Rollback of an issue."""

import gc
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from indicators.models import Indicator, Issue, IssueStatus, PlaceKind, Population, Value
from loader.errors import GatesFailed, PublishError, SourceError
from loader.series import storage
from loader.series.declarations import Source
from loader.series.gates import Gate, content_gates, revision_gates
from loader.series.interpreter import Interpretation, PlaceValues, interpret
from loader.series.issue_files import IssueContent, file_content, issue_contents
from loader.series.notes import seed_notes
from loader.series.places import seed_places
from loader.series.suppression import suppress, without_numbers
from loader.weights.shares import complete_places


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Accepted gates, with the reason and the name that are stored with the issue.

    Attributes:
        named: False if `by` is the operating system's user name, which is private.
    """

    gates: frozenset[str] = frozenset()
    because: str = ""
    by: str = ""
    named: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a load: `what` is `published`, `unchanged`, `held` (by gates) or `dry run`."""

    what: str
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Run:
    """Options of a load, and the values of the issue that it published last: the next one is compared with them in memory."""

    acceptance: Acceptance
    declarations: Path | None
    dry_run: bool = False
    many: bool = False
    published_id: int | None = None
    values: dict[int, PlaceValues] = field(default_factory=dict)


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

    An issue that fails gates which can be accepted is stored as held, with its report and without values, if the source has a
    published issue.

    Args:
        path: file to load instead of the declared one.
        issued_at: time of publication by the source; if unknown, that of the same content held before, otherwise now.
        declarations: TOML file whose places, members and notes are updated too.

    Raises: SourceError, FileRefused, GatesFailed (with the report), PublishError.
    """
    if path is None:
        # The declared time belongs to the declared file.
        path, issued_at = source.path, issued_at or source.issued_at
    if path is None:
        raise SourceError(f"series.{source.name} declares no file: give one with --file.")
    content = file_content(path, source, issued_at or timezone.now())
    if issued_at is None:
        held = Issue.objects.filter(source=source.name, status=IssueStatus.STAGED, sha256=content.sha256).first()
        content = replace(content, issued_at=held.issued_at) if held else content
    run = _Run(acceptance or Acceptance(), declarations, dry_run)
    try:
        outcome = _load(content, run)
    except GatesFailed as error:
        if not dry_run:
            _hold(content, error.report)
        raise
    if outcome.what == "published":
        _analyze()
    return outcome


def load_issues(
    source: Source,
    path: Path,
    *,
    acceptance: Acceptance | None = None,
    accepted_at: datetime | None = None,
    declarations: Path | None = None,
) -> Generator[tuple[IssueContent, Outcome]]:
    """Load the issues of a folder or of a file with changes in time order, and yield each with its outcome.

    One transaction for each issue. An issue that fails gates which can be accepted is held, and the next is compared with the
    last published one.

    Args:
        accepted_at: time of the only issue that `acceptance` is for; None: for all.

    Raises: as `load`, for an issue that cannot be held or is older than the newest published one; the issues before it stay.
    """
    run = _Run(acceptance or Acceptance(), declarations, many=True)
    published = False
    # The garbage collector would repeatedly visit millions of values without cycles, which takes a third of the time.
    gc.disable()
    try:
        for content in issue_contents(path, source):
            run.acceptance = (acceptance or Acceptance()) if accepted_at in (None, content.issued_at) else Acceptance()
            try:
                outcome = _load(content, run)
            except GatesFailed as error:
                if not _hold(content, error.report):
                    raise
                outcome = Outcome("held", error.report)
            published = published or outcome.what == "published"
            yield content, outcome
    finally:
        gc.enable()
        if published:
            _analyze()


def _load(content: IssueContent, run: _Run) -> Outcome:
    """Load an issue in one transaction. Raises: as `load`."""
    source, report = content.source, {}
    try:
        with _exclusive():
            indicator = storage.indicator_of(source)
            last = indicator.issues.filter(status=IssueStatus.PUBLISHED).order_by("-issued_at", "-pk").first()
            if last is not None and (stored := _stored(indicator, last, content, many=run.many)) is not None:
                return stored
            # The lock prevents other loads: if an issue of this run is still the last, its values are in memory.
            again = last is not None and last.pk == run.published_id
            if not again:
                seed_places(run.declarations)
                complete_places()
                seed_notes(indicator, run.declarations)
                run.values = storage.current_values(indicator)
            interpretation = interpret(content.read(), source, today=timezone.now().date())
            if source.suppress_below:
                suppress(interpretation, source, storage.published_by_place(indicator))
            rows, difference = storage.changes(run.values, interpretation.by_place)
            gates = [
                *content_gates(interpretation, source, _without_population(interpretation)),
                *revision_gates(interpretation, source, storage.values_in_force(run.values), difference),
            ]
            report = _report(content, interpretation, gates, run.acceptance) | difference.as_dict()
            _refuse_failed_gates(gates, run.acceptance, report, dry_run=run.dry_run)
            # A new row, so that the ids of the published issues of an indicator increase with time.
            indicator.issues.filter(status=IssueStatus.STAGED, sha256=content.sha256).delete()
            issue = indicator.issues.create(
                sha256=content.sha256, status=IssueStatus.PUBLISHED, **_issue_values(content, report)
            )
            storage.write(issue, rows, interpretation.by_place)
            storage.derive(indicator, interpretation.by_place, storage.first_changes(rows) if again else None)
            if run.dry_run:
                raise _DryRun
            values = storage.with_withdrawn(run.values, interpretation.by_place)
    except _DryRun:
        return Outcome("dry run", report)
    run.published_id, run.values = issue.pk, values
    return Outcome("published", report)


def _stored(indicator: Indicator, last: Issue, content: IssueContent, *, many: bool) -> Outcome | None:
    """Return the outcome for an issue that is stored already; None for another one.

    Raises: PublishError for one that is older than the last published one.
    """
    if last.sha256 == content.sha256:
        return Outcome("unchanged", last.report)
    if content.issued_at > last.issued_at:
        return None
    older = content.issued_at < last.issued_at
    # A run over a history skips a held issue if a later issue is published.
    statuses = [IssueStatus.PUBLISHED, *([IssueStatus.STAGED] if many and older else [])]
    same = indicator.issues.filter(sha256=content.sha256, issued_at=content.issued_at, status__in=statuses)
    if (stored := same.first()) is not None:
        return Outcome("unchanged", stored.report)
    if not older:
        return None
    remedy = "load this file as the next issue" if content.source.suppress_below else "--rollback removes the later ones"
    raise PublishError(
        f"{content.source.name}: issue {last.issued_at:%Y-%m-%d %H:%M %Z} is later than this one "
        f"({content.issued_at:%Y-%m-%d %H:%M %Z}). Issues are loaded in time order; {remedy}."
    )


def _issue_values(content: IssueContent, report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source": content.source.name,
        "issued_at": content.issued_at,
        "loaded_at": timezone.now(),
        "file": content.name,
        "report": without_numbers(report) if content.source.suppress_below else report,
    }


def _hold(content: IssueContent, report: Mapping[str, Any]) -> bool:
    """Store an issue that failed gates, without its values, and return True.

    False, and nothing stored, if a failed gate cannot be accepted, or nothing is published that could answer instead.
    """
    if not all(gate["passed"] or gate["acceptable"] for gate in report["gates"]):
        return False
    with _exclusive():
        indicator = Indicator.objects.filter(slug=content.source.indicator, source=content.source.name).first()
        if indicator is None or not indicator.issues.filter(status=IssueStatus.PUBLISHED).exists():
            return False
        Issue.objects.update_or_create(
            indicator=indicator,
            sha256=content.sha256,
            status=IssueStatus.STAGED,
            defaults=_issue_values(content, report),
        )
    return True


def held_issues(source: Source) -> list[Issue]:
    """Return the held issues of a source that are later than its published one, in time order. Queries: 2."""
    issues = Issue.objects.filter(indicator__slug=source.indicator, source=source.name)
    last = issues.filter(status=IssueStatus.PUBLISHED).order_by("-issued_at", "-pk").first()
    if last is None:
        return []
    return list(issues.filter(status=IssueStatus.STAGED, issued_at__gt=last.issued_at).order_by("issued_at", "pk"))


def roll_back(source: Source) -> Issue:
    """Roll back the last issue of a source and return it.

    Raises: PublishError without a published issue, and for a source with suppression, which needs the numbers of all issues.
    """
    if source.suppress_below:
        raise PublishError(
            f"{source.name} suppresses small numbers: its issues stay, since later ones are compared with what they published. "
            "Load a corrected file, or the file before it, as the next issue instead (--accept for gates that it fails)."
        )
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
        # A series whose values are all withdrawn stays: earlier issues have values of it.
        last.indicator.series.filter(~Exists(Value.objects.filter(series=OuterRef("pk")))).delete()
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


def _without_population(interpretation: Interpretation) -> list[str]:
    places = [stated.place for stated in interpretation.by_place.values() if stated.place.kind == PlaceKind.REGION]
    with_population = set(Population.objects.filter(place__in=places).values_list("place_id", flat=True))
    return [place.key for place in places if place.pk not in with_population]


def _report(content: IssueContent, interpretation: Interpretation, gates: list[Gate], acceptance: Acceptance) -> dict[str, Any]:
    stated = [values for values in interpretation.by_place.values() if not values.derived and values.observations]
    days = [day for values in stated for day in (min(values.observations), max(values.observations))]
    return {
        "source": content.source.name,
        "file": content.name,
        "sha256": content.sha256,
        "issued_at": content.issued_at.isoformat(),
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
        "named": acceptance.named,
    }


def _refuse_failed_gates(gates: list[Gate], acceptance: Acceptance, report: Mapping[str, Any], *, dry_run: bool) -> None:
    failed = [gate for gate in gates if not gate.passed and not (gate.acceptable and gate.name in acceptance.gates)]
    if not failed:
        return
    reasons = "; ".join(f"{gate.name} ({', '.join(gate.listed[:3]) or gate.detail})" for gate in failed)
    start = "Dry run: would fail at" if dry_run else "Not published:"
    raise GatesFailed(f"{start} {reasons}.", tuple(gate.name for gate in failed), report)

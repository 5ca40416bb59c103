"""Import pipeline: read, derive, draw, relate, verify and publish a boundary file; rollback, prune, and the load lock."""

import getpass
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from geography.models import Status, Vintage
from loader.errors import FileRefused, GatesFailed, PublishError, SourceError
from loader.export.make import make_lookup
from loader.geometry.levels import DRAWINGS, build_levels
from loader.geometry.limits import box_is_in_canada, describe_limits
from loader.geometry.staging import stage
from loader.geometry.subdivide import subdivide_and_measure
from loader.progress import Steps
from loader.publication import publish as publishing
from loader.publication.gates import GATES, Gate, previous_vintage, verify, verify_rows
from loader.publication.report import build_report, compare
from loader.publication.vintage import find_published, new_vintage, requested_options
from loader.relations.build import build_relations, stored_fit
from loader.source.archive import LayerFiles, open_layer
from loader.source.declarations import Layer
from loader.source.download import download
from loader.source.reader import Header, open_reader
from loader.weights import shares as weights

_LOCK_NOT_AVAILABLE = "55P03"
_LOCK_WAIT_S = 60


def user_name() -> str:
    """Return the system's name of the user; `user N` where there is none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Failed gates that are accepted, with reason and user.

    Attributes:
        named: True where `by` was given with --by; the system's user name is stored, not published.
    """

    gates: frozenset[str] = frozenset()
    because: str = ""
    by: str = field(default_factory=user_name)
    named: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a load.

    Attributes:
        what: `published`, `unchanged` (the same file is published already) or `dry run`.
        vintage: the vintage; after a dry run it is not in the database.
        report: report of the load, as stored with the vintage.
        retired: labels of the vintages that the publication retired.
    """

    what: str
    vintage: Vintage
    report: Mapping[str, Any]
    retired: tuple[str, ...] = ()


class _DryRun(Exception):
    """Rolls back the transaction of a dry run."""


def load(
    layer: Layer, *, steps: Steps, acceptance: Acceptance | None = None, dry_run: bool = False, again: bool = False
) -> Outcome:
    """Read, check, derive, verify and publish a layer.

    Published vintages stay in place until the last transaction. A load that ends before the gates leaves nothing in the
    database. After the gates the vintage stays staged, unless a failed gate cannot be accepted; the next load of the same file
    publishes it without reading the file. A file that is published under the same label is not loaded again.

    Args:
        acceptance: gates that may fail, with the reason to store.
        dry_run: run all steps up to the gates, then roll back.
        again: load a file that is published or staged already.

    Raises: SourceError, FileRefused, GatesFailed, PublishError.
    """
    acceptance = acceptance or Acceptance()
    unknown = sorted(acceptance.gates - set(GATES))
    if unknown:
        raise SourceError(f"Unknown gate {unknown[0]!r}. Gates: {', '.join(GATES)}.")
    publishing.refuse_demo_over_real(layer.coverage.slug, demo=layer.demo)
    path = layer.path or download(layer, steps)
    with exclusive(steps), open_layer(path, layer.layer_name) as files:
        vintage = None if again or dry_run else find_published(layer, files)
        if vintage is not None and vintage.status == Status.PUBLISHED:
            return Outcome("unchanged", vintage, vintage.report)
        if vintage is None:
            try:
                vintage = _staged(layer, files, steps, dry_run=dry_run)
            except _DryRun as rolled_back:
                return rolled_back.args[0]  # type: ignore[no-any-return]
        _accept(vintage, acceptance)
        _complete(vintage, steps)
        with steps.step("publish"):
            retired = publishing.publish(vintage)
        return Outcome("published", vintage, vintage.report, tuple(former.label for former in retired))


def _staged(layer: Layer, files: LayerFiles, steps: Steps, *, dry_run: bool) -> Vintage:
    """Run all steps up to the gates in one transaction and return the staged vintage with its report.

    Raises: FileRefused; GatesFailed for a failed gate that cannot be accepted. Both roll the transaction back.
    """
    with transaction.atomic():
        vintage = new_vintage(layer, files)
        with open_reader(files, layer) as reader:
            header = reader.header
            _refuse_extent(files, header)
            with steps.step("read", header.count) as step:
                staged = stage(reader.features(), header=header, layer=layer, vintage=vintage, on_row=step.advance)
        if staged.rows == 0 and not staged.outside:
            raise FileRefused(f"{files.display_name} has no usable row: {'; '.join(staged.unusable[:3])}.")

        def report(gates: list[Gate], **measured: Any) -> dict[str, Any]:
            return build_report(
                files=files,
                header=header,
                staged=staged,
                gates=gates,
                seconds=steps.seconds,
                requested=requested_options(layer),
                field_names=layer.coverage.field_names,
                **measured,
            )

        # Gates that cannot be accepted are checked before the derivation, which can take hours.
        gates = verify_rows(staged)
        if not all(gate.passed for gate in gates):
            vintage.report = report(gates)
            _refuse(vintage, gates)
        vintage.region_count = staged.rows
        vintage.save(update_fields=["region_count"])
        with steps.step("derive", staged.rows) as step:
            subdivide_and_measure(vintage, step.advance)
        with steps.step("draw", DRAWINGS) as step:
            drawn, fit = build_levels(vintage, vertices=staged.vertices, on_level=step.advance)
        build_relations(vintage, steps, fit=fit)
        with steps.step("verify"):
            previous = previous_vintage(vintage)
            gates = verify(layer=layer, vintage=vintage, staged=staged, fit=fit, previous=previous)
        vintage.report = report(gates, fit=fit, drawn=drawn, change=compare(vintage, previous))
        vintage.save()
        if dry_run:
            raise _DryRun(Outcome("dry run", vintage, vintage.report))
        _refuse(vintage, gates)
    return vintage


def _refuse_extent(files: LayerFiles, header: Header) -> None:
    """Raise FileRefused for a file with an extent outside Canada, before its rows are processed."""
    crs = header.crs
    # In other projections the limits of Canada are no box: rows are checked one by one.
    if (crs.geographic or crs.transform is None) and not box_is_in_canada(header.extent, geographic=crs.geographic):
        west, south, east, north = header.extent
        raise FileRefused(
            f"{files.display_name} is not a file of Canada ({describe_limits()}): its "
            f"coordinates reach from ({west:,.2f}, {south:,.2f}) to ({east:,.2f}, {north:,.2f}). Remove or correct the rows "
            "outside, or load the right file."
        )


def _refuse(vintage: Vintage, gates: Sequence[Gate]) -> None:
    """Raise GatesFailed for failed gates that cannot be accepted."""
    refused = tuple(gate.name for gate in gates if not gate.passed and not gate.acceptable)
    if refused:
        raise GatesFailed(_gates_message(vintage, refused), refused, vintage.report)


def _accept(vintage: Vintage, acceptance: Acceptance) -> None:
    """Store the accepted gates in the report. Raises: GatesFailed for failed gates that are not accepted."""
    gates = vintage.report["gates"]
    failed = [gate for gate in gates if not gate["passed"]]
    missing = tuple(gate["name"] for gate in failed if gate["name"] not in acceptance.gates)
    if missing:
        raise GatesFailed(_gates_message(vintage, missing), missing, vintage.report)
    for gate in failed:
        gate["accepted"] = {
            "by": acceptance.by,
            "named": acceptance.named,
            "because": acceptance.because,
            "at": timezone.now().isoformat(),
        }
    if failed:
        vintage.save(update_fields=["report"])


def _gates_message(vintage: Vintage, names: tuple[str, ...]) -> str:
    lines = []
    can_accept = True
    for gate in vintage.report["gates"]:
        if gate["name"] in names:
            lines.append(f"gate {gate['name']}: {gate['found']}; the limit is: {gate['limit']}")
            lines += [f"    {row}" for row in gate["rows"][:10]]
            can_accept = can_accept and gate["acceptable"]
    if can_accept:
        options = " ".join(f"--accept {name}" for name in names)
        lines.append(f'{vintage} stays staged. To publish it all the same: {options} --because "…"')
    else:
        lines.append(f"{vintage} was not stored: with these rows it would give wrong answers. Correct the file.")
    return "\n".join(lines)


def _complete(vintage: Vintage, steps: Steps, *, again: bool = True) -> None:
    """Compute missing relations: with vintages published since this one was staged, or added by a later release.

    Compiles the lookup index, too, if it is missing, and computes population weights with it.

    Args:
        again: whether to compute the weights of places anew: other boundaries had this label before.
    """
    with transaction.atomic():
        build_relations(vintage, steps, fit=stored_fit(vintage))
    try:
        make_lookup(vintage, steps)
    except OSError as error:
        steps.say(f"lookup index of {vintage} not stored ({error}): PostGIS answers its lookups. Check DOWNLOADS_DIR.")
    weights.complete(vintage, steps, again=again)


def complete(steps: Steps) -> None:
    """Compute relations that published vintages lack because an earlier release loaded them."""
    with exclusive(steps):
        for vintage in Vintage.objects.select_related("coverage").filter(status=Status.PUBLISHED).order_by("pk"):
            _complete(vintage, steps, again=False)


def roll_back(coverage: str, steps: Steps) -> tuple[Vintage, list[Vintage]]:
    """Roll back the last publication of a coverage.

    Returns: the vintage that is no longer published, and those that are published again.
    Raises: PublishError where there is no publication to roll back to.
    """
    with exclusive(steps):
        last = publishing.last_published(coverage)
        for vintage in last.retirees.select_related("coverage"):
            _complete(vintage, steps)
        return last, publishing.rollback(last)


def prune(steps: Steps) -> list[str]:
    """Delete all staged and retired vintages and return their names. Holds the load lock, so that no load is running."""
    with exclusive(steps):
        return publishing.prune()


@contextmanager
def exclusive(steps: Steps) -> Iterator[None]:
    """Hold the load lock of the database, so that one load runs at a time. PostgreSQL releases it with the connection.

    It is a table lock, which read-only roles cannot take (unlike an advisory lock), held by a separate connection and
    transaction.

    Raises: PublishError after a wait of `_LOCK_WAIT_S` for another load.
    """
    deadline = time.monotonic() + _LOCK_WAIT_S
    announced = False
    with connection.cursor() as cursor:
        # PostgreSQL cancels the statement of a killed load within seconds of the lost connection.
        cursor.execute("SET client_connection_check_interval = '2s'")
    lock = connection.copy()
    try:
        while not _locked(lock):
            if not announced:
                steps.say("waiting for the load lock: another load is running")
                announced = True
            if time.monotonic() > deadline:
                raise PublishError(
                    "Another load into this database is running (load lock timeout). Try again when it has finished."
                )
            time.sleep(0.5)
        yield
    finally:
        with suppress(DatabaseError, InterfaceError):
            lock.close()


def _locked(lock: Any) -> bool:
    lock.set_autocommit(False)
    try:
        with lock.cursor() as cursor:
            cursor.execute("LOCK TABLE public.load_lock IN SHARE UPDATE EXCLUSIVE MODE NOWAIT")
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != _LOCK_NOT_AVAILABLE:
            raise
        lock.rollback()
        return False
    return True

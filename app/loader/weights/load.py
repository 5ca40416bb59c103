"""Load of a block file: read, check, store, and compute all population weights, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from covidtrends_geo.array_file import DamagedFile
from geography.codes import PROVINCES
from geography.constants import COVERAGE_HEALTH_REGIONS
from geography.models import Region, Status, Vintage
from indicators.models import BlockFile, BlockPoint
from loader.errors import GatesFailed, PublishError
from loader.pipeline import Acceptance, exclusive
from loader.progress import Steps
from loader.weights.block_file import Blocks, digest, read_blocks, read_positions
from loader.weights.shares import Located, compute_all

GATES = ("complete", "positions", "codes", "sums")
# Canada had 30 million inhabitants in 1998: a block file with fewer is incomplete.
_PEOPLE_LEAST = 30_000_000
_WITHOUT_POSITION_MOST = 0.01
# People of a region by the positions of its blocks and by the file's own codes may differ by this part.
_SUM_DIFFERENCE_MOST = 0.02
_LISTED_MAX = 10
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a load: `what` is `loaded`, `unchanged` or `dry run`; `report` as stored."""

    what: str
    report: Mapping[str, Any]


class _DryRun(Exception):
    """Rolls back the transaction of a dry run."""


def load(
    path: Path, *, positions: Path | None, steps: Steps, acceptance: Acceptance | None = None, dry_run: bool = False
) -> Outcome:
    """Load a block file in place of the former; readers see either the former or the new weights.

    The same files again have no effect. A load that ends before its transaction commits changes nothing.

    Args:
        positions: file with the positions of the dissemination areas, if the block file has none.

    Raises: FileRefused, GatesFailed (with the report), PublishError.
    """
    acceptance = acceptance or Acceptance()
    sha256 = digest([path, *([positions] if positions else [])])
    current = BlockFile.objects.first()
    if current is not None and current.sha256 == sha256:
        return Outcome("unchanged", current.report)
    with steps.step("read"):
        blocks = read_blocks(path, read_positions(positions) if positions else None)
    report: dict[str, Any] = {
        "file": path.name,
        "blocks": blocks.rows,
        "people": blocks.by_province.total(),
        "positions": len(blocks.people),
        "without_people": blocks.without_people,
    }
    try:
        with exclusive(steps), transaction.atomic(), steps.step("weights"):
            _store(blocks)
            located = _computed()
            report["gates"] = _gates(blocks, located)
            _refuse_failed_gates(report, acceptance)
            if dry_run:
                raise _DryRun
            BlockFile.objects.all().delete()
            BlockFile.objects.create(file=path.name, sha256=sha256, loaded_at=timezone.now(), report=report)
    except _DryRun:
        return Outcome("dry run", report)
    return Outcome("loaded", report)


def remove(steps: Steps) -> bool:
    """Remove the block file, so that weights come from postal codes; return whether there was one. Raises: PublishError."""
    with exclusive(steps), transaction.atomic():
        removed, _ = BlockFile.objects.all().delete()
        BlockPoint.objects.all().delete()
        _computed()
    return removed > 0


def _store(blocks: Blocks) -> None:
    BlockPoint.objects.all().delete()
    points = (BlockPoint(lon=lon, lat=lat, people=people) for (lon, lat), people in blocks.people.items() if people)
    BlockPoint.objects.bulk_create(points, batch_size=_BATCH)


def _computed() -> Located:
    """Recompute all weights and return the located points. Raises: PublishError where a lookup index is missing."""
    located = Located()
    try:
        compute_all(located)
    except (OSError, DamagedFile) as error:
        raise PublishError(f"A lookup index cannot be read ({error}): run manage.py export, then try again.") from error
    return located


def _gates(blocks: Blocks, located: Located) -> list[dict[str, Any]]:
    """Check blocks against provinces and the published vintage whose codes the file has, and return one entry for each gate."""
    people = blocks.by_province.total()
    absent = [province.abbreviation for province in PROVINCES if not blocks.by_province[province.pruid]]
    gates = [
        _gate(
            "complete",
            not absent and people >= _PEOPLE_LEAST,
            f"{people:,} people in {len(PROVINCES) - len(absent)} provinces and territories; at least {_PEOPLE_LEAST:,} in "
            f"{len(PROVINCES)}",
            absent,
        ),
        _gate(
            "positions",
            blocks.without_position <= people * _WITHOUT_POSITION_MOST,
            f"{blocks.without_position:,} people without a position; at most {_WITHOUT_POSITION_MOST:.0%}",
        ),
    ]
    vintage = (
        Vintage.objects.select_related("coverage")
        .filter(coverage__slug=COVERAGE_HEALTH_REGIONS, label=blocks.region_vintage, status=Status.PUBLISHED)
        .first()
    )
    if not blocks.by_region or vintage is None:
        return gates
    codes = set(Region.objects.filter(vintage=vintage).values_list("code", flat=True))
    unknown = sorted(set(blocks.by_region) - codes)
    gates.append(_gate("codes", not unknown, f"{len(unknown)} codes are not in {vintage}; none may be", unknown))
    by_position = dict.fromkeys(codes, 0.0)
    for code, number in zip(located.codes(vintage).tolist(), located.points.people.tolist(), strict=True):
        if code:
            by_position[code] += number
    differing = [
        f"{code}: {by_position[code]:,.0f} by position, {number:,} by code"
        for code, number in sorted(blocks.by_region.items())
        if code in codes and abs(by_position[code] - number) > number * _SUM_DIFFERENCE_MOST
    ]
    limit = f"{_SUM_DIFFERENCE_MOST:.0%}"
    detail = f"{len(differing)} regions of {vintage} differ by more than {limit} between positions and codes; none may"
    gates.append(_gate("sums", not differing, detail, differing))
    return gates


def _gate(name: str, passed: bool, detail: str, listed: list[str] | None = None) -> dict[str, Any]:
    return {"name": name, "passed": passed, "detail": detail, "listed": (listed or [])[:_LISTED_MAX]}


def _refuse_failed_gates(report: dict[str, Any], acceptance: Acceptance) -> None:
    """Store the acceptance in the report. Raises: GatesFailed for failed gates that are not accepted."""
    failed = [gate for gate in report["gates"] if not gate["passed"]]
    refused = [gate for gate in failed if gate["name"] not in acceptance.gates]
    if refused:
        lines = [f"gate {gate['name']}: {gate['detail']}" for gate in refused]
        lines += [f"    {finding}" for gate in refused for finding in gate["listed"]]
        options = " ".join(f"--accept {gate['name']}" for gate in refused)
        lines.append(f'Nothing was loaded. To load it all the same: {options} --because "…"')
        raise GatesFailed("\n".join(lines), tuple(gate["name"] for gate in refused), report)
    if failed:
        report["accepted"] = {"gates": [gate["name"] for gate in failed], "by": acceptance.by, "because": acceptance.because}

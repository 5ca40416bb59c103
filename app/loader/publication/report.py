"""Load report: text for a terminal, JSON for programs, stored with the vintage."""

import json
import resource
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from geography.models import Vintage
from loader.geometry.coverage_fit import Fit
from loader.geometry.levels import LevelResult
from loader.geometry.staging import Staged
from loader.publication.gates import Gate
from loader.source.archive import LayerFiles
from loader.source.reader import Header

_REPAIRS_MAX = 50


def build_report(
    *,
    files: LayerFiles,
    header: Header,
    staged: Staged,
    fit: Fit | None = None,
    drawn: LevelResult | None = None,
    gates: list[Gate],
    change: Mapping[str, Any] | None = None,
    seconds: Mapping[str, float],
    requested: Mapping[str, Any],
    field_names: Mapping[str, str],
) -> dict[str, Any]:
    """Return the report of a load as plain data. `fit` and `drawn` are None for a file refused before those steps."""
    return {
        "file": files.display_name,
        "sha256": files.sha256,
        "asked": dict(requested),
        "encoding": header.encoding,
        "crs": header.crs.description,
        "fields": dict(header.columns),
        "field_names": dict(field_names),
        "rows_in_file": header.count,
        "regions": staged.rows,
        "vertices": staged.vertices,
        "largest": [{"code": code, "vertices": vertices} for code, vertices in staged.largest],
        "repaired": len(staged.repairs),
        "repairs": staged.repairs[:_REPAIRS_MAX],
        "fit": fit and asdict(fit) | {"pairs": list(fit.pairs), "gaps": list(fit.gaps)},
        "drawn": drawn and asdict(drawn),
        "changes": change,
        "gates": [gate.as_dict() for gate in gates],
        "seconds": {step: round(duration, 2) for step, duration in seconds.items()},
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def compare(vintage: Vintage, previous: Vintage | None) -> dict[str, Any] | None:
    """Return the new, gone and renamed codes since the previous vintage, by code and name alone. Queries: 2."""
    if previous is None:
        return None
    before = {code: names for code, *names in previous.regions.values_list("code", "name_en", "name_fr")}
    after = {code: names for code, *names in vintage.regions.values_list("code", "name_en", "name_fr")}
    return {
        "previous": previous.label,
        "new": sorted(after.keys() - before.keys()),
        "gone": sorted(before.keys() - after.keys()),
        "renamed": sorted(code for code in before.keys() & after.keys() if before[code] != after[code]),
    }


def as_json(report: Mapping[str, Any]) -> str:
    """Return the report as indented JSON."""
    return json.dumps(report, indent=2, ensure_ascii=False, default=str)


def as_text(report: Mapping[str, Any]) -> str:
    """Return the report as text for a terminal."""
    largest = ", ".join(f"{region['code']} ({region['vertices']:,})" for region in report["largest"])
    lines = [
        f"{report['file']}: {report['regions']:,} regions of {report['rows_in_file']:,} rows, {report['vertices']:,} vertices",
        f"  read as       {report['encoding']}, {report['crs']}",
        f"  largest       {largest}",
        f"  repaired      {report['repaired']}",
        *(f"    {repair}" for repair in report["repairs"][:5]),
    ]
    levels = report["drawn"] or {}
    if levels.get("thinned_m"):
        lines.append(f"  thinned       by {levels['thinned_m']:g} m before simplification (too large for memory)")
    if levels.get("cleaned_km2"):
        lines.append(f"  cleaned       {levels['cleaned_km2']:.3g} km2 for simplification: not a valid coverage")
    for level, deviation in levels.get("deviations", {}).items():
        lines.append(
            f"  {level:<13} simplified lines up to {deviation['drawn_to_published_m']:,.0f} m ({deviation['drawn_region']}) "
            f"from published ones, published up to {deviation['published_to_drawn_m']:,.0f} m "
            f"({deviation['published_region']}) from simplified ones"
        )
    if report["changes"]:
        changes = report["changes"]
        lines.append(
            f"  since {changes['previous']:<8}"
            f"{len(changes['new'])} new, {len(changes['gone'])} gone, {len(changes['renamed'])} renamed"
        )
    lines += [
        f"  took          {sum(report['seconds'].values()):.1f} s, at most {report['memory_mb']:,} MB of memory",
        "  gates",
        *(_gate_line(gate) for gate in report["gates"]),
    ]
    return "\n".join(lines)


def _gate_line(gate: Mapping[str, Any]) -> str:
    accepted = gate.get("accepted")
    state = "pass" if gate["passed"] else "accepted" if accepted else "FAIL"
    line = f"    {state:<8}  {gate['name']:<11} {gate['found']}"
    if gate["passed"]:
        return line
    line += f"  (limit: {gate['limit']})"
    if accepted:
        line += f"\n              accepted by {accepted['by']}: {accepted['because']}"
    return line + "".join(f"\n              {row}" for row in gate["rows"][:10])

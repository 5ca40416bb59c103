"""Payloads of a vintage's load report and of the changes between two vintages."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from api.http.language import translate
from api.responses.payloads import SHARE_DECIMALS, region_names, vintage_listing
from geography import constants
from geography.translation import Message, from_data

if TYPE_CHECKING:
    from geography.models import Counterpart, Vintage
    from geography.queries.changes import Changed
    from geography.vintages.resolve import VintageReport


_REPAIR = re.compile(r"(?P<reason>[^\[;]+)(?:\[(?P<place>[^\]]*)\])?; area changed by (?P<km2>\S+) km2")
# Reasons of GEOS for an invalid polygon.
INVALID_REASONS = {
    "Ring Self-intersection": Message("A ring touches itself"),
    "Self-intersection": Message("The boundary crosses itself"),
    "Hole lies outside shell": Message("A hole is outside its polygon"),
    "Holes are nested": Message("A hole is inside another"),
    "Interior is disconnected": Message("The interior is disconnected"),
    "Nested shells": Message("A part is inside another"),
    "Duplicate Rings": Message("A ring is duplicated"),
    "Too few points in geometry component": Message("A ring has too few points"),
    "Invalid Coordinate": Message("A coordinate is not a finite number"),
    "Ring is not closed": Message("A ring is not closed"),
}


def vintage_report_payload(vintage: "Vintage", vintage_report: "VintageReport", language: str) -> dict[str, Any]:
    """Return a vintage with its load report, without the user and the machine that ran the load."""
    report = vintage_report.report
    return vintage_listing(vintage, language) | {
        "source_file": vintage.source_file.replace("\\", "/").rsplit("/", 1)[-1],
        "sha256": vintage.source_sha256,
        "loaded_at": vintage.created_at,
        "published_at": vintage.published_at,
        "rows_in_file": report.get("rows_in_file"),
        "vertices": report.get("vertices"),
        "encoding": report.get("encoding"),
        "crs": report.get("crs"),
        "gates": [_gate(gate, language) for gate in report.get("gates", ())],
        "repairs": {
            "count": len(vintage_report.repaired),
            "codes": vintage_report.repaired,
            "notes": [_note(repair, language) for repair in report.get("repairs", ())],
        },
        "levels": [
            {"level": level.name, "tolerance_m": level.tolerance_m, "vertices": level.vertices}
            for level in vintage_report.levels
        ],
        "border_tolerance_m": vintage_report.border_tolerance_m,
        "misfit_m": vintage.misfit_m,
        "compared_with": vintage_report.compared_with,
    }


def _gate(gate: Mapping[str, Any], language: str) -> dict[str, Any]:
    accepted = gate.get("accepted")
    # Reports of the first releases have no translatable messages.
    translated = {name: translate(from_data(data), language) for name, data in gate.get("said", {}).items()}
    return (
        {name: gate[name] for name in ("name", "limit", "found", "passed", "rows")}
        | translated
        | {
            "accepted": accepted
            # Without --by, `by` is the operating system's user name, which is private.
            and {"by": accepted["by"] if accepted.get("named") else None, "because": accepted["because"], "at": accepted["at"]}
        }
    )


def _note(repair: str, language: str) -> dict[str, str]:
    """Return the translation of a repair note such as `row 26 (2410): reason[place]; area changed by -0.1 km2`."""
    row, _, note = repair.partition("): ")
    if match := _REPAIR.fullmatch(note):
        reason = INVALID_REASONS.get(match["reason"]) or Message("The geometry was invalid")
        place = Message(" at x, y = %(place)s", place=match["place"].strip().replace(" ", ", ")) if match["place"] else ""
        note = translate(
            Message("%(reason)s%(place)s; the area changed by %(km2)s km2", reason=reason, place=place, km2=match["km2"]),
            language,
        )
    return {"code": row.rpartition("(")[2], "what": note}


def thresholds_payload() -> dict[str, float]:
    """Return the area shares that decide the kind of a change (geography.constants)."""
    return {
        "same": constants.CHANGE_SAME_SHARE,
        "whole": constants.CHANGE_WHOLE_SHARE,
        "main": round(constants.CHANGE_MAIN_SHARE, SHARE_DECIMALS),
        "reused": constants.CHANGE_REUSED_SHARE,
        "covered": constants.CHANGE_COVERED_SHARE,
        "covered_by_extract": constants.CHANGE_COVERED_BY_EXTRACT_SHARE,
        "sliver": constants.SLIVER_SHARE,
    }


def changed_payload(changed: "Changed", language: str) -> dict[str, Any]:
    """Return the change of a region of either vintage, with its counterparts in the other one."""
    return {
        "of": changed.side,
        **region_names(changed.region, code_name="code", language=language),
        "area_km2": changed.region.area_km2,
        "kind": changed.kind,
        "share_outside": round(changed.share_outside, SHARE_DECIMALS),
        "code_reused": changed.code_reused,
        "counterparts": [_counterpart(counterpart, language) for counterpart in changed.counterparts],
        "slivers_left_out": changed.slivers,
    }


def _counterpart(counterpart: "Counterpart", language: str) -> dict[str, Any]:
    return region_names(counterpart.other_region, code_name="code", language=language) | {
        "area_km2": counterpart.area_km2,
        "share_of_region": round(counterpart.share_of_region, SHARE_DECIMALS),
        "share_of_counterpart": round(counterpart.share_of_other, SHARE_DECIMALS),
    }

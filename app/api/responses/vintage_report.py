"""Payloads of a vintage with its load report, and of the changes between two vintages."""

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
# What GEOS says of a polygon that is not valid.
INVALID = {
    "Ring Self-intersection": Message("A ring touches itself"),
    "Self-intersection": Message("Its boundary crosses itself"),
    "Hole lies outside shell": Message("A hole lies outside"),
    "Holes are nested": Message("A hole lies in another"),
    "Interior is disconnected": Message("Its inside falls apart"),
    "Nested shells": Message("A part lies in another"),
    "Duplicate Rings": Message("A ring occurs twice"),
    "Too few points in geometry component": Message("A ring has too few points"),
    "Invalid Coordinate": Message("A coordinate is no number"),
    "Ring is not closed": Message("A ring is not closed"),
}


def vintage_report_payload(vintage: "Vintage", vintage_report: "VintageReport", language: str) -> dict[str, Any]:
    """Return an edition with all that may be told of its load: not who ran it, nor on what machine."""
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
    # What the first releases stored is in English alone.
    said = {name: translate(from_data(data), language) for name, data in gate.get("said", {}).items()}
    return (
        {name: gate[name] for name in ("name", "limit", "found", "passed", "rows")}
        | said
        | {
            "accepted": accepted
            # Without --by it is the system's user, whom nobody asked.
            and {"by": accepted["by"] if accepted.get("named") else None, "because": accepted["because"], "at": accepted["at"]}
        }
    )


def _note(repair: str, language: str) -> dict[str, str]:
    """Take `row 26 (2410): what was wrong[where]; area changed by -0.1 km2` apart."""
    where, _, what = repair.partition("): ")
    if match := _REPAIR.fullmatch(what):
        reason = INVALID.get(match["reason"]) or Message("The geometry was invalid")
        place = Message(" at x, y = %(place)s", place=match["place"].strip().replace(" ", ", ")) if match["place"] else ""
        what = translate(
            Message("%(reason)s%(place)s; the area changed by %(km2)s km2", reason=reason, place=place, km2=match["km2"]),
            language,
        )
    return {"code": where.rpartition("(")[2], "what": what}


def thresholds_payload() -> dict[str, float]:
    """Return the shares from which on a region is said to have become something (geography.constants)."""
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
    """Return a region of either vintage with what became of it."""
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
    return region_names(counterpart.other, code_name="code", language=language) | {
        "area_km2": counterpart.area_km2,
        "share_of_region": round(counterpart.share_of_region, SHARE_DECIMALS),
        "share_of_counterpart": round(counterpart.share_of_other, SHARE_DECIMALS),
    }

"""Bodies about editions: one whole, with what its load found, and what became of regions between two."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from api.bodies import SHARE_DECIMALS, region_names, vintage_listing
from geography import conf

if TYPE_CHECKING:
    from geography.models import Counterpart, Vintage
    from geography.selectors.changes import Changed
    from geography.selectors.vintages import VintageReport


def vintage_whole(vintage: "Vintage", found: "VintageReport", language: str) -> dict[str, Any]:
    """Return an edition with all that may be told of its load: not who ran it, nor on what machine."""
    report = found.report
    return vintage_listing(vintage, language) | {
        "source_file": vintage.source_file.replace("\\", "/").rsplit("/", 1)[-1],
        "sha256": vintage.source_sha256,
        "loaded_at": vintage.created_at,
        "published_at": vintage.published_at,
        "rows_in_file": report.get("rows_in_file"),
        "vertices": report.get("vertices"),
        "encoding": report.get("encoding"),
        "crs": report.get("crs"),
        "gates": [_gate(one) for one in report.get("gates", ())],
        "repairs": {
            "count": len(found.repaired),
            "codes": found.repaired,
            "notes": [_note(one) for one in report.get("repairs", ())],
        },
        "levels": [{"level": one.name, "tolerance_m": one.tolerance_m, "vertices": one.vertices} for one in found.levels],
        "border_tolerance_m": found.border_tolerance_m,
        "compared_with": found.compared_with,
    }


def _gate(gate: Mapping[str, Any]) -> dict[str, Any]:
    accepted = gate.get("accepted")
    return {name: gate[name] for name in ("name", "limit", "found", "passed", "rows")} | {
        "accepted": accepted
        # Without --by it is the system's user, whom nobody asked.
        and {"by": accepted["by"] if accepted.get("named") else None, "because": accepted["because"], "at": accepted["at"]}
    }


def _note(repair: str) -> dict[str, str]:
    """Take `row 26 (2410): what was wrong` apart."""
    where, _, what = repair.partition("): ")
    return {"code": where.rpartition("(")[2], "what": what}


def thresholds_block() -> dict[str, float]:
    """Return the shares from which on a region is said to have become something (geography.conf)."""
    return {
        "same": conf.CHANGE_SAME_SHARE,
        "whole": conf.CHANGE_WHOLE_SHARE,
        "main": round(conf.CHANGE_MAIN_SHARE, SHARE_DECIMALS),
        "reused": conf.CHANGE_REUSED_SHARE,
        "covered": conf.CHANGE_COVERED_SHARE,
        "covered_by_extract": conf.CHANGE_COVERED_BY_EXTRACT_SHARE,
        "sliver": conf.SLIVER_SHARE,
    }


def changed_block(changed: "Changed", language: str) -> dict[str, Any]:
    """Return a region of either vintage with what became of it."""
    return {
        "of": changed.side,
        **region_names(changed.region, code_name="code", language=language),
        "area_km2": changed.region.area_km2,
        "kind": changed.kind,
        "share_outside": round(changed.share_outside, SHARE_DECIMALS),
        "code_reused": changed.code_reused,
        "counterparts": [_counterpart(one, language) for one in changed.counterparts],
        "slivers_left_out": changed.slivers,
    }


def _counterpart(counterpart: "Counterpart", language: str) -> dict[str, Any]:
    return region_names(counterpart.other, code_name="code", language=language) | {
        "area_km2": counterpart.area_km2,
        "share_of_region": round(counterpart.share_of_region, SHARE_DECIMALS),
        "share_of_counterpart": round(counterpart.share_of_other, SHARE_DECIMALS),
    }

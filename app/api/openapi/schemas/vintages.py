"""Schemas of vintages and coverages."""

from api.openapi.schemas.parts import (
    COUNT,
    DAY,
    DEMO,
    LABEL,
    LINKS,
    NAMES,
    PRUID_OR_NULL,
    SHARE,
    SLUG,
    SOURCE,
    Schema,
    array,
    flag,
    named,
    number,
    or_null,
    record,
    ref,
    text,
)
from geography.constants import CHANGE_KINDS

VINTAGE: Schema = {
    "coverage": SLUG,
    "label": text("Label, for the parameters `vintage` and `fsa_vintage`."),
    "effective_from": DAY | {"description": "First day in force."},
    "effective_to": or_null(DAY | {"description": "First day no longer in force; null until a later vintage takes effect."}),
    "representation": text(
        "`digital` boundaries extend into the water, `cartographic` boundaries end at the shoreline.",
        enum=["digital", "cartographic"],
    ),
    "demo": flag("True for demonstration data: not for decisions."),
    "extract": flag("True if it covers a part of the country. An extract is only used if a request names its label."),
    **SOURCE,
    "licence_url": text("URL of the licence; empty if there is none."),
}

_LISTED: Schema = {
    **VINTAGE,
    "product": text("Title of the source product."),
    "source_url": text("URL of the source file."),
    "region_count": COUNT,
}
_GATE = record(
    {
        "name": text("Name of the gate."),
        "limit": text("Limit of the gate."),
        "found": text("Measured value."),
        "passed": flag("True if the value is within the limit."),
        "rows": array(text("Row that exceeds the limit."), description="At most 20."),
        "accepted": or_null(
            record(
                {
                    "by": or_null(text("Name of the person who accepted the result, if given.")),
                    "because": text("Reason."),
                    "at": text("Time of acceptance.", format="date-time"),
                },
                description="Acceptance of a failed gate; null if it passed.",
                name="GateAcceptance",
            )
        ),
    },
    name="Gate",
)
_ANY_NAMES = named({"code": text("Code of the region, unique within a vintage.")}) | {"pruid": PRUID_OR_NULL}
_SUMMARY: Schema = {"type": "object", "propertyNames": {"enum": list(CHANGE_KINDS)}, "additionalProperties": COUNT}

COMPONENTS: dict[str, Schema] = {
    "Vintage": record(VINTAGE, description="Vintage of the boundaries."),
    "VintageList": record(
        {"vintages": array(record(_LISTED, name="ListedVintage"))}, description="Published vintages by coverage, latest first."
    ),
    "VintageWhole": record(
        {
            **_LISTED,
            "source_file": text("Name of the source file."),
            "sha256": text("SHA-256 checksum of the source file, hexadecimal.", pattern="^[0-9a-f]{64}$"),
            "loaded_at": text("Time of loading.", format="date-time"),
            "published_at": or_null(text("Time of the last publication.", format="date-time")),
            "rows_in_file": or_null(COUNT),
            "vertices": or_null(COUNT),
            "encoding": or_null(text("Character encoding of the source file.")),
            "crs": or_null(text("Coordinate reference system of the source file.")),
            "gates": array(_GATE, description="Gates (checks before publication) with their results."),
            "repairs": record(
                {
                    "count": COUNT,
                    "codes": array(text("Code of a region with an invalid geometry in the source.")),
                    "notes": array(
                        record(
                            {
                                "code": text("Code of the region."),
                                "what": text("Reason of the repair, and change of the area."),
                            },
                            name="Repair",
                        ),
                        description="At most 50.",
                    ),
                },
                name="Repairs",
            ),
            "levels": array(
                record(
                    {
                        "level": text("Level, as in `detail`."),
                        "tolerance_m": number("Maximum displacement of a line in metres; 0 for the published boundary."),
                        "vertices": COUNT,
                    },
                    name="Level",
                )
            ),
            "border_tolerance_m": or_null(
                number("Maximum distance, in metres, between two lines that count as a common border (`neighbours`).")
            ),
            "misfit_m": or_null(
                number("Width of the widest overlap or gap between regions in metres; 0 for edge-matched boundaries.")
            ),
            "compared_with": array(LABEL, description="Labels of vintages that `changes` can compare with, latest first."),
        },
        description="A published vintage with its load report.",
    ),
    "Changes": record(
        {
            **DEMO,
            "from": ref("Vintage"),
            "to": ref("Vintage"),
            **SOURCE,
            "thresholds": record(
                {
                    "same": number("Minimum mutual share for regions to count as the same.", **SHARE),
                    "whole": number("Minimum share for a region to count as wholly inside another.", **SHARE),
                    "main": number("Minimum mutual share for a region to count as the continuation of another.", **SHARE),
                    "reused": number(
                        "Share of the larger region below which the same code counts as reused for another region.", **SHARE
                    ),
                    "covered": number("Covered share below which a region counts as new or gone.", **SHARE),
                    "covered_by_extract": number(
                        "Covered share below which a region counts as `outside` an extract.",
                        **SHARE,
                    ),
                    "sliver": number("Mutual share below which a counterpart is omitted.", **SHARE),
                },
                description="Shares that decide the kind of a change, relative to the part of a region that the other vintage "
                "covers: `share_of_region / (1 - share_outside)`.",
                name="ChangeThresholds",
            ),
            "summary": record(
                {"from": _SUMMARY, "to": _SUMMARY},
                description="Number of regions of each vintage, by kind of change.",
                name="ChangeSummary",
            ),
            "number_matched": COUNT,
            "number_returned": COUNT,
            **LINKS,
            "changes": array(
                record(
                    {
                        "of": text("Vintage of the region: `from` or `to`.", enum=["from", "to"]),
                        **_ANY_NAMES,
                        "area_km2": number("Area of the region on the ellipsoid, in km²."),
                        "kind": text("Kind of change.", enum=list(CHANGE_KINDS)),
                        "share_outside": number("Share of the region that the other vintage does not cover.", **SHARE),
                        "code_reused": flag("True if the other vintage uses the same code for another region."),
                        "counterparts": array(
                            record(
                                {
                                    **_ANY_NAMES,
                                    "area_km2": number("Area of the overlap in km²."),
                                    "share_of_region": number("Share of the region's area.", **SHARE),
                                    "share_of_counterpart": number("Share of the counterpart's area.", **SHARE),
                                },
                                name="Counterpart",
                            ),
                            description="Overlapping regions of the other vintage, largest overlap first.",
                        ),
                        "slivers_left_out": COUNT | {"description": "Number of omitted counterparts."},
                    },
                    name="Change",
                ),
                description="In the order of codes; for the same code, `from` before `to`.",
            ),
        },
        optional=("notice",),
        description="Changes of regions between two vintages.",
    ),
    "CoverageList": record(
        {
            "coverages": array(
                record(
                    {
                        "coverage": text("Name of the coverage in URLs."),
                        **NAMES,
                        "vintage": or_null(ref("Vintage")) | {"description": "Vintage in force today; null if there is none."},
                        "vintages": array(LABEL, description="Labels of all published vintages, latest first."),
                        **LINKS,
                    },
                    name="Coverage",
                )
            )
        },
        description="Coverages with a published vintage.",
    ),
}

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
    "label": text("Name for the parameters `vintage` and `fsa_vintage`."),
    "effective_from": DAY | {"description": "First day in force."},
    "effective_to": or_null(DAY | {"description": "First day no longer in force; null: until a later edition is published."}),
    "representation": text(
        "Digital boundaries run into the water, cartographic ones end at the shoreline.", enum=["digital", "cartographic"]
    ),
    "demo": flag("True for made-up boundaries: not for decisions."),
    "extract": flag("True where it covers a part of the country: it answers only to its label."),
    **SOURCE,
    "licence_url": text("Address of the licence; empty where it has none."),
}

_LISTED: Schema = {
    **VINTAGE,
    "product": text("Title of the source product."),
    "source_url": text("Where the file was published."),
    "region_count": COUNT,
}
_GATE = record(
    {
        "name": text("Name of the gate."),
        "limit": text("What it asks for."),
        "found": text("What was found."),
        "passed": flag("True where what was found is within the limit."),
        "rows": array(text("A row that breaks it."), description="At most twenty."),
        "accepted": or_null(
            record(
                {
                    "by": or_null(text("Who published all the same, where a name was given.")),
                    "because": text("Why."),
                    "at": text("When.", format="date-time"),
                },
                description="Only where it failed.",
            )
        ),
    }
)
_ANY_NAMES = named({"code": text("Code of the region; unique within a vintage only.")}) | {"pruid": PRUID_OR_NULL}
_SUMMARY: Schema = {"type": "object", "propertyNames": {"enum": list(CHANGE_KINDS)}, "additionalProperties": COUNT}

COMPONENTS: dict[str, Schema] = {
    "Vintage": record(VINTAGE, description="The edition of the boundaries that was used."),
    "VintageList": record(
        {"vintages": array(record(_LISTED))}, description="Published vintages by coverage, the latest first."
    ),
    "VintageWhole": record(
        {
            **_LISTED,
            "source_file": text("Name of the file that was read."),
            "sha256": text("SHA-256 of what was read, hexadecimal.", pattern="^[0-9a-f]{64}$"),
            "loaded_at": text("When it was read.", format="date-time"),
            "published_at": or_null(text("When it was last published.", format="date-time")),
            "rows_in_file": or_null(COUNT),
            "vertices": or_null(COUNT),
            "encoding": or_null(text("How the text of the file was read.")),
            "crs": or_null(text("Coordinate reference system of the file.")),
            "gates": array(_GATE, description="What a load must be to be published, and what this one was."),
            "repairs": record(
                {
                    "count": COUNT,
                    "codes": array(text("Code of a region whose published geometry was invalid.")),
                    "notes": array(
                        record({"code": text("Its code."), "what": text("What was wrong, and by how much the area changed.")}),
                        description="At most fifty.",
                    ),
                }
            ),
            "levels": array(
                record(
                    {
                        "level": text("A value of `detail`."),
                        "tolerance_m": number("How far a line may have moved; 0: as published."),
                        "vertices": COUNT,
                    }
                )
            ),
            "border_tolerance_m": or_null(number("How far apart lines may lie and still be one border (`neighbours`).")),
            "misfit_m": or_null(
                number("Width of the widest overlap or gap between its regions, metres; 0 where it is edge-matched.")
            ),
            "compared_with": array(LABEL, description="Vintages for `changes`, the latest first."),
        },
        description="A published vintage whole.",
    ),
    "Changes": record(
        {
            **DEMO,
            "from": ref("Vintage"),
            "to": ref("Vintage"),
            **SOURCE,
            "thresholds": record(
                {
                    "same": number("From this share up, both ways, two regions are one place.", **SHARE),
                    "whole": number("From this share up, a region lies whole in another.", **SHARE),
                    "main": number("From this share up, both ways, a region continues another.", **SHARE),
                    "reused": number("Below this share of the larger one, the same code means another place.", **SHARE),
                    "covered": number("A region covered by less than this is new or gone.", **SHARE),
                    "covered_by_extract": number("The same where the other vintage is an extract: it is `outside`.", **SHARE),
                    "sliver": number("Counterparts with less than this both ways are left out.", **SHARE),
                },
                description="Of that part of a region which the other vintage covers: `share_of_region / (1 - share_outside)`.",
            ),
            "summary": record({"from": _SUMMARY, "to": _SUMMARY}, description="How many regions of each vintage, by kind."),
            "number_matched": COUNT,
            "number_returned": COUNT,
            **LINKS,
            "changes": array(
                record(
                    {
                        "of": text("Which of the two vintages the region is of.", enum=["from", "to"]),
                        **_ANY_NAMES,
                        "area_km2": number("Area of the region, on the ellipsoid."),
                        "kind": text("What became of it, or what it came of.", enum=list(CHANGE_KINDS)),
                        "share_outside": number("Part that no region of the other vintage covers.", **SHARE),
                        "code_reused": flag("True where the other vintage has the same code for another place."),
                        "counterparts": array(
                            record(
                                {
                                    **_ANY_NAMES,
                                    "area_km2": number("Area that the two share."),
                                    "share_of_region": number("That area as a part of the region.", **SHARE),
                                    "share_of_counterpart": number("That area as a part of the counterpart.", **SHARE),
                                }
                            ),
                            description="The regions of the other vintage that it shares an area with, largest area first.",
                        ),
                        "slivers_left_out": COUNT | {"description": "How many counterparts were left out."},
                    }
                ),
                description="In the order of codes; of one code in both vintages, that of `from` first.",
            ),
        },
        optional=("notice",),
        description="What became of regions from one vintage to another.",
    ),
    "CoverageList": record(
        {
            "coverages": array(
                record(
                    {
                        "coverage": text("Name in URLs."),
                        **NAMES,
                        "vintage": or_null(ref("Vintage")) | {"description": "What answers today; null where nothing does."},
                        "vintages": array(LABEL, description="Every published vintage, the latest first."),
                        **LINKS,
                    }
                )
            )
        },
        description="Kinds of regions of which something is published.",
    ),
}

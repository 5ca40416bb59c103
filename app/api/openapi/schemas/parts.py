"""Shared parts of the schemas."""

from typing import Any

from geography.codes import PROVINCES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(properties: Schema, *, optional: tuple[str, ...] = (), description: str | None = None) -> Schema:
    """Return the schema of an object with these properties and no others; all but the optional ones are required."""
    schema: Schema = {"type": "object", "description": description} if description else {"type": "object"}
    return schema | {
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def text(description: str, **more: Any) -> Schema:
    """Return the schema of a text."""
    return {"type": "string", "description": description} | more


def or_null(schema: Schema) -> Schema:
    """Return the schema of a value that may be null instead."""
    if "type" in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def number(description: str, **more: Any) -> Schema:
    """Return the schema of a number."""
    return {"type": "number", "description": description} | more


def flag(description: str) -> Schema:
    """Return the schema of true or false."""
    return {"type": "boolean", "description": description}


def array(items: Schema, **more: Any) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items} | more


COUNT: Schema = {"type": "integer", "minimum": 0}
DAY: Schema = {"type": "string", "format": "date"}
SHARE: Schema = {"minimum": 0, "maximum": 1}
BBOX = array({"type": "number"}, minItems=4, maxItems=4, description="West, south, east, north in WGS 84 degrees.")
NAMES: Schema = {
    "name": text("Name in the language of the answer."),
    "name_en": text("English name."),
    "name_fr": text("French name."),
}
DGUID = or_null(text("Dissemination Geography Unique Identifier, where the source gives it."))
PRUID = text("Province or territory, Statistics Canada code.", enum=[province.pruid for province in PROVINCES])
# Null where a region lies in several, or where that was accepted when it was loaded.
PRUID_OR_NULL = {
    "type": ["string", "null"],
    "description": "Province or territory, Statistics Canada code; null where the region lies in several.",
    "enum": [*(province.pruid for province in PROVINCES), None],
}
HRUID = text("Code of the health region; unique within a vintage only.")
CFSAUID = text("The FSA.")
LABEL = text("Label of the vintage.")
SLUG = text(
    "What the vintage is an edition of: `health-regions`, `fsa` or another kind of region.", pattern="^[a-z][0-9a-z-]*$"
)

WARNINGS = array(
    record(
        {
            "type": text("Kind of warning: the code means another place in another vintage.", enum=["code-reused"]),
            "vintage": text("Label of that other vintage."),
            "name": text("What the place is called there, in the language of the answer."),
            "detail": text("The warning in words."),
        }
    ),
    description="What a reader of the code must know; empty for nearly every region.",
)

REGION: Schema = {
    "dguid": DGUID,
    **NAMES,
    "pruid": PRUID_OR_NULL,
    "province": or_null(ref("Province")),
    "population": or_null({"type": "integer", "description": "Inhabitants, where the source gives them."}),
    "land_area_km2": or_null(number("Land area, where the source gives it.")),
    "area_km2": number("Area of the boundary as published, on the ellipsoid."),
    "vintage": LABEL,
    "warnings": WARNINGS,
}
SHARES: Schema = {
    "share_of_fsa": number("How much of the FSA's area lies in the region.", **SHARE),
    "share_of_region": number("How much of the region's area the FSA takes up.", **SHARE),
    "area_km2": number("Area that the two share, on the ellipsoid."),
}
SLIVERS: Schema = COUNT | {"description": "How many were left out, with under 0.1 % of the FSA each."}


def artefacts(code: Schema) -> Schema:
    """Return the schema of what two vintages that draw one border differently make an FSA and a health region share."""
    return array(
        record(
            {
                **named(code),
                "kind": text(
                    "`province`: the region lies in a province that the FSA's first letter excludes; `sliver`: the two share "
                    "a strip no wider than the vintages' lines are apart.",
                    enum=["sliver", "province"],
                ),
                "share_of_fsa": number("Part of the FSA's area.", **SHARE),
                "width_m": or_null(
                    number("Metres: diameter of the largest circle within what they share; null if not measured.")
                ),
            }
        ),
        description="No statement about where people live: left out of the features and of `is_split`.",
    )


DEMO: Schema = {
    "demo": flag("True where a vintage used holds made-up boundaries."),
    "notice": text("What a reader of a demo answer must be told. Only with `demo`."),
}
SOURCE: Schema = {
    "attribution": text("Attribution to show; one a line where two vintages have their own."),
    "licence": text("Licence of the boundaries; one a line likewise."),
}
ONE_VINTAGE: Schema = {**DEMO, "vintage": ref("Vintage"), **SOURCE}
TWO_VINTAGES: Schema = {**DEMO, "vintage": ref("Vintage"), "fsa_vintage": ref("Vintage"), **SOURCE}


def feature(properties: Schema, *, chosen: bool = False) -> Schema:
    """Return the members of a region as a Feature; `chosen` where `fields` can leave any of the properties out."""
    return {
        "id": text("The region's code."),
        "type": {"const": "Feature"},
        "bbox": BBOX,
        "geometry": or_null(ref("Geometry")),
        "properties": record(
            properties,
            optional=tuple(properties) if chosen else (),
            description="All of them, unless `fields` chooses." if chosen else None,
        ),
    }


def collection(feature: Schema, members: Schema, description: str) -> Schema:
    """Return the schema of a FeatureCollection with further members."""
    envelope: Schema = {
        "type": {"const": "FeatureCollection"},
        "bbox": BBOX,
        "number_matched": COUNT,
        "number_returned": COUNT,
    }
    return record(
        envelope | members | {"features": array(record(feature))}, optional=("bbox", "notice"), description=description
    )


LINKS: Schema = {"links": array(ref("Link"))}


def named(code: Schema) -> Schema:
    """Return what names a region, under a code of this name."""
    return {**code, "dguid": DGUID, **NAMES, "pruid": PRUID}

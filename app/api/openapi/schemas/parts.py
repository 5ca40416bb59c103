"""Shared parts and builders of the schemas."""

from typing import Any

from geography.codes import PROVINCES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(
    properties: Schema, *, optional: tuple[str, ...] = (), description: str | None = None, name: str | None = None
) -> Schema:
    """Return an object schema with these properties and no others. All but the optional ones are required.

    Args:
        name: name of the component that `with_named_parts` makes of it; None for a component, or an object without a name.
    """
    schema: Schema = {"type": "object"}
    schema |= {"title": name} if name else {}
    schema |= {"description": description} if description else {}
    return schema | {
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def text(description: str, **more: Any) -> Schema:
    """Return a string schema."""
    return {"type": "string", "description": description} | more


def or_null(schema: Schema) -> Schema:
    """Return the schema, extended by null.

    References, objects with a name and enumerations become a choice: generators of clients make one type of each of these,
    but three of an enumeration with null among its values.
    """
    if "type" in schema and "enum" not in schema and "title" not in schema:
        return schema | {"type": [schema["type"], "null"]}
    description = {"description": schema["description"]} if "enum" in schema else {}
    return {
        "oneOf": [{name: value for name, value in schema.items() if name not in description}, {"type": "null"}]
    } | description


def with_named_parts(components: dict[str, Schema]) -> dict[str, Schema]:
    """Return the components, and each object with a name in them as a component of its own, with references to it.

    Raises: ValueError where two schemas have the same name.
    """
    parts: dict[str, Schema] = {}

    def replaced(schema: Any) -> Any:
        if isinstance(schema, list):
            return [replaced(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        inner = {key: replaced(value) for key, value in schema.items()}
        if schema.get("type") != "object" or "title" not in schema:
            return inner
        name = inner.pop("title")
        if name in components or parts.setdefault(name, inner) != inner:
            raise ValueError(f"two schemas have the name {name}")
        return ref(name)

    return {name: replaced(schema) for name, schema in components.items()} | parts


def number(description: str, **more: Any) -> Schema:
    """Return a number schema."""
    return {"type": "number", "description": description} | more


def flag(description: str) -> Schema:
    """Return a boolean schema."""
    return {"type": "boolean", "description": description}


def array(items: Schema, **more: Any) -> Schema:
    """Return an array schema."""
    return {"type": "array", "items": items} | more


COUNT: Schema = {"type": "integer", "minimum": 0}
DAY: Schema = {"type": "string", "format": "date"}
SHARE: Schema = {"minimum": 0, "maximum": 1}
BBOX = array({"type": "number"}, minItems=4, maxItems=4, description="West, south, east, north in WGS 84 degrees.")
NAMES: Schema = {
    "name": text("Name, in the response language."),
    "name_en": text("English name."),
    "name_fr": text("French name."),
}
DGUID = or_null(text("Dissemination Geography Unique Identifier; null if the source has none."))
PRUID = text("PRUID: Statistics Canada code of the province or territory.", enum=[province.pruid for province in PROVINCES])
# Null for a region that crosses provinces, or whose missing province was accepted at publication.
PRUID_OR_NULL = or_null(PRUID | {"description": f"{PRUID['description'][:-1]}; null if the region crosses provinces."})
HRUID = text("HRUID: code of the health region, unique within a vintage.")
CFSAUID = text("CFSAUID: code of the FSA.")
LABEL = text("Label of the vintage.")
SLUG = text("Coverage of the vintage: `health-regions`, `fsa` or another.", pattern="^[a-z][0-9a-z-]*$")

WARNINGS = array(
    record(
        {
            "type": text(
                "Kind of warning. `code-reused`: the code identifies another region in another vintage.", enum=["code-reused"]
            ),
            "vintage": text("Label of the other vintage."),
            "name": text("Name of the region in the other vintage, in the response language."),
            "detail": text("Text of the warning, in the response language."),
        },
        name="CodeWarning",
    ),
    description="Warnings about the code; empty for nearly all regions.",
)

REGION: Schema = {
    "dguid": DGUID,
    **NAMES,
    "pruid": PRUID_OR_NULL,
    "province": or_null(ref("Province")),
    "population": or_null({"type": "integer", "description": "Population; null if the source has none."}),
    "land_area_km2": or_null(number("Land area in km²; null if the source has none.")),
    "area_km2": number("Area of the published boundary on the ellipsoid, in km²."),
    "vintage": LABEL,
    "warnings": WARNINGS,
}
SHARES: Schema = {
    "share_of_people": or_null(number("Share of the FSA's people who live in the region; null if not known.", **SHARE)),
    "share_of_fsa": number("Share of the FSA's area inside the region.", **SHARE),
    "share_of_region": number("Share of the region's area inside the FSA.", **SHARE),
    "area_km2": number("Area of the overlap on the ellipsoid, in km²."),
}
SLIVERS: Schema = COUNT | {"description": "Number of omitted overlaps, each under 0.1 % of the FSA."}


def artefacts(code: Schema, name: str) -> Schema:
    """Return the schema of overlaps that exist only because two vintages draw the same border differently.

    Args:
        name: name of the schema of an overlap.
    """
    return array(
        record(
            {
                **named(code),
                "kind": text(
                    "`province`: the region is in a province that the first letter of the FSA excludes; `sliver`: the overlap "
                    "is a strip no wider than the misfit of the two vintages.",
                    enum=["sliver", "province"],
                ),
                "share_of_fsa": number("Share of the FSA's area.", **SHARE),
                "width_m": or_null(
                    number("Diameter of the largest circle inside the overlap, in metres; null if not measured.")
                ),
            },
            name=name,
        ),
        description="Overlaps caused by differences between the vintages; excluded from the features and from `is_split`.",
    )


DEMO: Schema = {
    "demo": flag("True if any vintage used is demonstration data."),
    "notice": text("Notice to display with demonstration data. Only present if `demo` is true."),
}
SOURCE: Schema = {
    "attribution": text("Attribution to display; one per line if the vintages differ."),
    "licence": text("Licence of the boundaries; one per line if the vintages differ."),
}
ONE_VINTAGE: Schema = {**DEMO, "vintage": ref("Vintage"), **SOURCE}
TWO_VINTAGES: Schema = {**DEMO, "vintage": ref("Vintage"), "fsa_vintage": ref("Vintage"), **SOURCE}


def feature(properties: Schema, name: str, *, selectable: bool = False) -> Schema:
    """Return the members of a Feature.

    Args:
        name: name of the schema of its properties.
        selectable: whether the parameter `fields` can omit any of the properties.
    """
    return {
        "id": text("Code of the region."),
        "type": {"const": "Feature"},
        "bbox": BBOX,
        "geometry": or_null(ref("Geometry")),
        "properties": record(
            properties,
            optional=tuple(properties) if selectable else (),
            description="All properties, unless `fields` selects some." if selectable else None,
            name=name,
        ),
    }


def collection(feature: Schema, name: str, members: Schema, description: str) -> Schema:
    """Return the schema of a FeatureCollection with foreign members; `name` is that of the schema of its features."""
    envelope: Schema = {
        "type": {"const": "FeatureCollection"},
        "bbox": BBOX,
        "number_matched": COUNT,
        "number_returned": COUNT,
    }
    return record(
        envelope | members | {"features": array(record(feature, name=name))},
        optional=("bbox", "notice"),
        description=description,
    )


LINKS: Schema = {"links": array(ref("Link"))}


def named(code: Schema) -> Schema:
    """Return the properties that identify a region; `code` is its code property."""
    return {**code, "dguid": DGUID, **NAMES, "pruid": PRUID}

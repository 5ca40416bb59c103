"""JSON Schema (2020-12, as in OpenAPI 3.1) of every body. The tests hold each answer against it."""

from typing import Any

from geography.codes import PROVINCES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *, optional: tuple[str, ...] = (), description: str | None = None) -> Schema:
    schema: Schema = {"type": "object", "description": description} if description else {"type": "object"}
    return schema | {
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description} | more


def _or_null(schema: Schema) -> Schema:
    if "type" in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def _number(description: str, **more: Any) -> Schema:
    return {"type": "number", "description": description} | more


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items} | more


_COUNT: Schema = {"type": "integer", "minimum": 0}
_DAY: Schema = {"type": "string", "format": "date"}
_SHARE: Schema = {"minimum": 0, "maximum": 1}
_BBOX = _list({"type": "number"}, minItems=4, maxItems=4, description="West, south, east, north in WGS 84 degrees.")
_NAMES: Schema = {
    "name": _text("Name in the language of the answer."),
    "name_en": _text("English name."),
    "name_fr": _text("French name."),
}
_DGUID = _or_null(_text("Dissemination Geography Unique Identifier, where the source gives it."))
_PRUID = _text("Province or territory, Statistics Canada code.", enum=[one.pruid for one in PROVINCES])
# Null where a region lies in several, or where that was accepted when it was loaded.
_PRUID_OR_NULL = {
    "type": ["string", "null"],
    "description": "Province or territory, Statistics Canada code; null where the region lies in several.",
    "enum": [*(one.pruid for one in PROVINCES), None],
}
_HRUID = _text("Code of the health region; unique within a vintage only.")
_CFSAUID = _text("The FSA.")
_LABEL = _text("Label of the vintage.")
_SLUG = _text(
    "What the vintage is an edition of: `health-regions`, `fsa` or another kind of region.", pattern="^[a-z][0-9a-z-]*$"
)

_REGION: Schema = {
    "dguid": _DGUID,
    **_NAMES,
    "pruid": _PRUID_OR_NULL,
    "province": _or_null(ref("Province")),
    "population": _or_null({"type": "integer", "description": "Inhabitants, where the source gives them."}),
    "land_area_km2": _or_null(_number("Land area, where the source gives it.")),
    "area_km2": _number("Area of the boundary as published, on the ellipsoid."),
    "vintage": _LABEL,
}
_SHARES: Schema = {
    "share_of_fsa": _number("How much of the FSA's area lies in the region.", **_SHARE),
    "share_of_region": _number("How much of the region's area the FSA takes up.", **_SHARE),
    "area_km2": _number("Area that the two share, on the ellipsoid."),
}
_SLIVERS: Schema = _COUNT | {"description": "How many were left out, with under 0.1 % of the FSA each."}

_DEMO: Schema = {
    "demo": _flag("True where a vintage used holds made-up boundaries."),
    "notice": _text("What a reader of a demo answer must be told. Only with `demo`."),
}
_SOURCE: Schema = {
    "attribution": _text("Attribution to show; one a line where two vintages have their own."),
    "licence": _text("Licence of the boundaries; one a line likewise."),
}
_ONE_VINTAGE: Schema = {**_DEMO, "vintage": ref("Vintage"), **_SOURCE}
_TWO_VINTAGES: Schema = {**_DEMO, "vintage": ref("Vintage"), "fsa_vintage": ref("Vintage"), **_SOURCE}


def _feature(properties: Schema) -> Schema:
    return {
        "id": _text("The region's code."),
        "type": {"const": "Feature"},
        "bbox": _BBOX,
        "geometry": _or_null(ref("Geometry")),
        "properties": _object(properties),
    }


def _collection(feature: Schema, members: Schema, description: str) -> Schema:
    envelope: Schema = {
        "type": {"const": "FeatureCollection"},
        "bbox": _BBOX,
        "number_matched": _COUNT,
        "number_returned": _COUNT,
    }
    return _object(
        envelope | members | {"features": _list(_object(feature))}, optional=("bbox", "notice"), description=description
    )


_HEALTH_REGION: Schema = {"hruid": _HRUID, **_REGION}
_FSA: Schema = {"cfsauid": _CFSAUID, **_REGION}
_ANY: Schema = {"code": _text("Code of the region; unique within a vintage only."), **_REGION}
_LINKS: Schema = {"links": _list(ref("Link"))}


def _named(code: Schema) -> Schema:
    return {**code, "dguid": _DGUID, **_NAMES, "pruid": _PRUID}


def _located(code: Schema) -> Schema:
    return _or_null(
        _object(
            {
                **_named(code),
                "match": _text("Whether it covers the position, or is the nearest one.", enum=["covers", "nearest"]),
                "certain": _flag("True where it covers, and no other of its layer is within `accuracy` (at least 2 m)."),
                "vintage": _LABEL,
                "demo": _flag("True where this layer is made up."),
            }
        )
    )


_VINTAGE: Schema = {
    "coverage": _SLUG,
    "label": _text("Name for the parameters `vintage` and `fsa_vintage`."),
    "effective_from": _DAY | {"description": "First day in force."},
    "effective_to": _or_null(_DAY | {"description": "First day no longer in force; null: until a later edition is published."}),
    "representation": _text(
        "Digital boundaries run into the water, cartographic ones end at the shoreline.", enum=["digital", "cartographic"]
    ),
    "demo": _flag("True for made-up boundaries: not for decisions."),
    "extract": _flag("True where it covers a part of the country: it answers only to its label."),
    **_SOURCE,
}

COMPONENTS: dict[str, Schema] = {
    "Province": _object(
        {"pruid": _PRUID, "abbreviation": _text("Canada Post's two letters."), **_NAMES}, description="A province or territory."
    ),
    "Link": _object(
        {
            "rel": _text("What it leads to.", enum=["self", "next", "prev", "regions"]),
            "type": _text("Its media type."),
            "href": _text("Reference, relative to the host. `next` and `prev` name the vintage.", format="uri-reference"),
        }
    ),
    "Geometry": {
        "type": "object",
        "description": "GeoJSON geometry (RFC 7946), exterior rings counter-clockwise.",
        "properties": {
            "type": {"enum": ["Polygon", "MultiPolygon"]},
            "coordinates": {"type": "array", "items": {"type": "array"}},
        },
        "required": ["type", "coordinates"],
    },
    "Vintage": _object(_VINTAGE, description="The edition of the boundaries that was used."),
    "HealthRegionFeature": _object(
        {**_feature(_HEALTH_REGION), **_ONE_VINTAGE}, optional=("notice",), description="A health region."
    ),
    "HealthRegionCollection": _collection(
        _feature(_HEALTH_REGION), {**_LINKS, **_ONE_VINTAGE}, "Health regions in the order of their codes."
    ),
    "FsaFeature": _object({**_feature(_FSA), **_ONE_VINTAGE}, optional=("notice",), description="A forward sortation area."),
    "FsaCollection": _collection(_feature(_FSA), {**_LINKS, **_ONE_VINTAGE}, "FSAs in the order of their codes."),
    "CoverageList": _object(
        {
            "coverages": _list(
                _object(
                    {
                        "coverage": _text("Name in URLs."),
                        **_NAMES,
                        "vintage": _or_null(ref("Vintage")) | {"description": "What answers today; null where nothing does."},
                        "vintages": _list(_LABEL, description="Every published vintage, the latest first."),
                        **_LINKS,
                    }
                )
            )
        },
        description="Kinds of regions of which something is published.",
    ),
    "RegionFeature": _object({**_feature(_ANY), **_ONE_VINTAGE}, optional=("notice",), description="A region of any coverage."),
    "RegionCollection": _collection(
        _feature(_ANY), {**_LINKS, **_ONE_VINTAGE}, "Regions of a coverage in the order of their codes."
    ),
    "FsaHealthRegions": _collection(
        _feature({**_HEALTH_REGION, **_SHARES, "region_area_km2": _number("Area of the whole region.")}),
        {
            "fsa": _object(
                {
                    "code": _CFSAUID,
                    "is_split": _flag("True where the FSA lies in more than one health region."),
                    "province": ref("Province"),
                    "given": _text("What the request named.", enum=["fsa", "postal_code"]),
                    "used": _text("What of it was used: the FSA."),
                    "share_outside": _number("How much of the FSA's area lies in no health region.", **_SHARE),
                    "slivers_left_out": _SLIVERS,
                }
            ),
            **_TWO_VINTAGES,
        },
        "The health regions that an FSA belongs to, largest share first.",
    ),
    "HealthRegionFsas": _collection(
        _feature({**_FSA, **_SHARES, "fsa_area_km2": _number("Area of the whole FSA.")}),
        {
            "health_region": _object(
                {
                    "hruid": _HRUID,
                    "dguid": _DGUID,
                    **_NAMES,
                    "pruid": _PRUID,
                    "slivers_left_out": _SLIVERS,
                },
                description="The health region asked for.",
            ),
            **_TWO_VINTAGES,
        },
        "The FSAs that a health region holds all or a part of, in the order of their codes.",
    ),
    "Located": _object(
        {
            "type": {"const": "Feature"},
            "geometry": _object({"type": {"const": "Point"}, "coordinates": _list({"type": "number"}, minItems=2, maxItems=2)}),
            "properties": _object(
                {
                    "match": _text(
                        "Whether a health region covers the position, or one is within `max_distance`.",
                        enum=["covers", "nearest", "none"],
                    ),
                    "certain": _flag("True where one health region covers and no other is within `accuracy` (at least 2 m)."),
                    "distance_m": _or_null(_number("Metres to the health region; 0 where it covers the position.")),
                    "distance_to_border_m": _or_null(
                        _number("Metres to the nearest other health region, where one covers the position.")
                    ),
                    "neighbour": _or_null(_object(_named({"hruid": _HRUID}), description="That other health region.")),
                    "health_region": _located({"hruid": _HRUID}),
                    "fsa": _located({"cfsauid": _CFSAUID}),
                    "province": _or_null(ref("Province")),
                    "accuracy_m": _number("As it was given."),
                    "candidates": _list(
                        _object({**_named({"hruid": _HRUID}), "share_of_circle": _number("Part of the circle.", **_SHARE)}),
                        description="Every health region within `accuracy`, the one that covers most of the circle first.",
                    ),
                },
                optional=("accuracy_m", "candidates"),
            ),
            **_TWO_VINTAGES,
        },
        optional=("notice",),
        description="The position with what covers it or is nearest.",
    ),
    "VintageList": _object(
        {
            "vintages": _list(
                _object(
                    {
                        **_VINTAGE,
                        "licence_url": _text("Address of the licence."),
                        "product": _text("Title of the source product."),
                        "source_url": _text("Where the file was published."),
                        "region_count": _COUNT,
                    }
                )
            )
        },
        description="Published vintages by coverage, the latest first.",
    ),
    "Checks": _object(
        {
            "database": _flag("True: it answered."),
            "postgis": _or_null(_text("Version of PostGIS; null where it is missing.")),
            "migrations_missing": _COUNT,
            "vintages": {
                "type": "object",
                "description": "What is in force today, by coverage; empty while migrations are missing.",
                "additionalProperties": _or_null(_object({"label": _LABEL, "demo": _flag("True for made-up boundaries.")})),
            },
        }
    ),
    "Live": _object({"status": {"const": "alive"}}, description="The process is up."),
    "Ready": _object({"status": {"const": "ready"}, "checks": ref("Checks")}, description="Every question can be answered."),
    "OpenApi": {"type": "object", "description": "The OpenAPI 3.1 document."},
    "Problem": _object(
        {
            "type": _text("Stable identifier of the kind of problem.", format="uri-reference"),
            "title": _text("The kind in words."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": _text("What is wrong with this request."),
            "parameter": _text("The parameter at fault."),
            "hint": _text("What was likely meant, or what there is."),
            "fsa": _object(
                {
                    "code": _CFSAUID,
                    "provinces": _list(ref("Province"), description="Where its letters place it; two where X is shared."),
                    "neighbours": _list(_CFSAUID, description="The FSAs before and after it, by code, that have a boundary."),
                },
                description="Only with `fsa-without-boundary`.",
            ),
            "checks": ref("Checks") | {"description": "Only with `not-ready`."},
        },
        optional=("parameter", "hint", "fsa", "checks"),
        description="RFC 9457 problem document.",
    ),
}

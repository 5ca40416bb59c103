"""Schemas of bulk requests and responses."""

from api.openapi.schemas.parts import (
    CFSAUID,
    DGUID,
    HRUID,
    NAMES,
    PRUID,
    SHARE,
    SHARES,
    SLIVERS,
    TWO_VINTAGES,
    WARNINGS,
    Schema,
    array,
    artefacts,
    flag,
    number,
    or_null,
    record,
    ref,
    text,
)
from api.openapi.schemas.positions import PROPERTIES

_ANY_ID: Schema = {"description": "Id of the item, of any type, which the response repeats."}
_LON = number("Longitude in WGS 84 decimal degrees.", minimum=-180, maximum=180)
_LAT = number("Latitude in WGS 84 decimal degrees.", minimum=-90, maximum=90)
_PAIR: Schema = {
    "type": "array",
    "prefixItems": [_LON, _LAT],
    "items": {"type": "number"},  # no further numbers: some tools require a schema for them
    "minItems": 2,
    "maxItems": 2,
    "description": "[longitude, latitude]",
}
_CODE = text("FSA or postal code.")
_STATUS = text("`ok`, or the problem type (last segment of `type`) that a single request would get.")
_ERROR: Schema = {"detail": text("Explanation of the error."), "hint": text("Suggested correction.")}


def _result(properties: Schema, name: str) -> Schema:
    # The status decides which of the properties are present.
    return record({"id": _ANY_ID, "status": _STATUS, **properties, **_ERROR}, optional=("id", *properties, *_ERROR), name=name)


# Members with `fields`; the others of `parameters.LOCATED_COLUMNS` are properties of a single lookup.
_COLUMNS: Schema = {
    name: or_null(schema)
    for name, schema in {
        "hruid": HRUID,
        "hr_name": text("Name of the health region, in the response language."),
        "cfsauid": CFSAUID,
        "pruid": PRUID,
    }.items()
}

TEXT: Schema = {"type": "string", "description": "Text, UTF-8."}

COMPONENTS: dict[str, Schema] = {
    "Point": record({"type": {"const": "Point"}, "coordinates": _PAIR}, description="GeoJSON Point in WGS 84."),
    "Positions": record(
        {
            "points": array(
                {"anyOf": [_PAIR, record({"id": _ANY_ID, "lat": _LAT, "lon": _LON}, optional=("id",), name="Position")]}
            )
        },
        description="Positions as [longitude, latitude] pairs or as objects.",
    ),
    "PositionFeatures": record(
        {
            "type": {"const": "FeatureCollection"},
            "features": array(
                record(
                    {
                        "type": {"const": "Feature"},
                        "id": _ANY_ID,
                        "geometry": ref("Point"),
                        "properties": {"type": ["object", "null"]},
                    },
                    optional=("id",),
                    name="PositionFeature",
                )
            ),
        },
        description="Positions as GeoJSON points. The response repeats their properties.",
    ),
    "Codes": record(
        {
            "codes": array(
                {
                    "anyOf": [
                        text("FSA or postal code."),
                        record({"id": _ANY_ID, "code": _CODE}, optional=("id",), name="Code"),
                    ]
                }
            )
        },
        description="FSAs or postal codes as strings or as objects.",
    ),
    "LocatedMany": record(
        {**TWO_VINTAGES, "results": array(_result(PROPERTIES | _COLUMNS, "LocatedResult"))},
        optional=("notice",),
        description="Result for each position, in the order of the request.",
    ),
    "LocatedFeatures": record(
        {
            "type": {"const": "FeatureCollection"},
            **TWO_VINTAGES,
            "features": array(
                record(
                    {
                        "type": {"const": "Feature"},
                        "id": _ANY_ID,
                        "geometry": or_null(ref("Point")),
                        "properties": {
                            "type": "object",
                            "description": "Properties of the request, `status`, and those of a single lookup or "
                            "of `fields`. If the request has a property with one of these names, all have the prefix `geo_`.",
                            # Of any type: with the prefix, `status` is a property of the request.
                            "properties": {"status": {"description": _STATUS["description"]}, "geo_status": _STATUS},
                        },
                    },
                    optional=("id",),
                    name="LocatedFeature",
                )
            ),
        },
        optional=("notice",),
        description="Result for each position as GeoJSON points, in the order of the request.",
    ),
    "FsaMany": record(
        {
            **TWO_VINTAGES,
            "results": array(
                _result(
                    {
                        "fsa": ref("Fsa"),
                        "health_regions": array(
                            record(
                                {"hruid": HRUID, "dguid": DGUID, **NAMES, "pruid": PRUID, **SHARES}, name="HealthRegionShare"
                            ),
                            description="Ordered by share of people or of area, largest first: see `ordered_by`.",
                        ),
                    },
                    "FsaResult",
                )
            ),
        },
        optional=("notice",),
        description="Health regions of each code, in the order of the request.",
    ),
    "Fsa": record(
        {
            "code": CFSAUID,
            "is_split": flag("True if the FSA overlaps more than one health region."),
            "province": ref("Province"),
            "given": text("Form of the input.", enum=["fsa", "postal_code"]),
            "used": text("Part of the input that was used: the FSA."),
            "ordered_by": text(
                "Basis of the order of the health regions: shares of people, or of area where people are not known.",
                enum=["people", "area"],
            ),
            "people_basis": or_null(
                text(
                    "Source of the shares of people: census blocks, or the positions of postal codes, which are an estimate.",
                    enum=["blocks", "postal_codes"],
                )
            ),
            "share_outside": number("Share of the FSA's area outside all health regions.", **SHARE),
            "warnings": WARNINGS,
            "slivers_left_out": SLIVERS,
            "artefacts": artefacts({"hruid": HRUID}, "HealthRegionArtefact"),
        },
        description="An FSA, and the part of the input that was used.",
    ),
}

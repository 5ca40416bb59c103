"""Schemas of bulk requests and answers."""

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
    record,
    ref,
    text,
)
from api.openapi.schemas.positions import PROPERTIES

_ANY_ID: Schema = {"description": "What the sender calls the item; it comes back. Of any type."}
_LON = number("Longitude, WGS 84 decimal degrees.", minimum=-180, maximum=180)
_LAT = number("Latitude, WGS 84 decimal degrees.", minimum=-90, maximum=90)
_PAIR: Schema = {
    "type": "array",
    "prefixItems": [_LON, _LAT],
    "minItems": 2,
    "maxItems": 2,
    "description": "Longitude, latitude.",
}
_POINT = record({"type": {"const": "Point"}, "coordinates": _PAIR})
_CODE = text("An FSA or a postal code.")
_STATUS = text("`ok`, or the kind of problem that the item alone would have been answered with.")
_WRONG: Schema = {"detail": text("What is wrong with the item."), "hint": text("What was likely meant.")}


def _result(properties: Schema) -> Schema:
    # What of the properties is there depends on the status.
    return record({"id": _ANY_ID, "status": _STATUS, **properties, **_WRONG}, optional=("id", *properties, *_WRONG))


TEXT: Schema = {"type": "string", "description": "Text, UTF-8."}

COMPONENTS: dict[str, Schema] = {
    "Positions": record(
        {"points": array({"anyOf": [_PAIR, record({"id": _ANY_ID, "lat": _LAT, "lon": _LON}, optional=("id",))]})},
        description="Positions, as pairs or as objects.",
    ),
    "PositionFeatures": record(
        {
            "type": {"const": "FeatureCollection"},
            "features": array(
                record(
                    {
                        "type": {"const": "Feature"},
                        "id": _ANY_ID,
                        "geometry": _POINT,
                        "properties": {"type": ["object", "null"]},
                    },
                    optional=("id",),
                )
            ),
        },
        description="Positions as points of GeoJSON; their properties come back beside ours.",
    ),
    "Codes": record(
        {
            "codes": array(
                {
                    "anyOf": [
                        text("An FSA or a postal code."),
                        record({"id": _ANY_ID, "code": text("The same.")}, optional=("id",)),
                    ]
                }
            )
        },
        description="FSAs or postal codes, as texts or as objects.",
    ),
    "LocatedMany": record(
        {**TWO_VINTAGES, "results": array(_result(PROPERTIES))},
        optional=("notice",),
        description="What is at each position, in the order in which they came.",
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
                        "geometry": {"oneOf": [_POINT, {"type": "null"}]},
                        "properties": {
                            "type": "object",
                            "description": "Those that came, `status`, and those of a single answer.",
                            "properties": {"status": _STATUS},
                            "required": ["status"],
                        },
                    },
                    optional=("id",),
                )
            ),
        },
        optional=("notice",),
        description="The same as points of GeoJSON.",
    ),
    "FsaMany": record(
        {
            **TWO_VINTAGES,
            "results": array(
                _result(
                    {
                        "fsa": ref("Fsa"),
                        "health_regions": array(
                            record({"hruid": HRUID, "dguid": DGUID, **NAMES, "pruid": PRUID, **SHARES}),
                            description="Largest share first.",
                        ),
                    }
                )
            ),
        },
        optional=("notice",),
        description="The health regions of each code, in the order in which they came.",
    ),
    "Fsa": record(
        {
            "code": CFSAUID,
            "is_split": flag("True where the FSA lies in more than one health region."),
            "province": ref("Province"),
            "given": text("What was named.", enum=["fsa", "postal_code"]),
            "used": text("What of it was used: the FSA."),
            "share_outside": number("How much of the FSA's area lies in no health region.", **SHARE),
            "warnings": WARNINGS,
            "slivers_left_out": SLIVERS,
            "artefacts": artefacts({"hruid": HRUID}),
        },
        description="An FSA, and what of the question was used.",
    ),
}

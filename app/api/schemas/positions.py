"""What is at a position."""

from api.schemas.parts import (
    CFSAUID,
    HRUID,
    LABEL,
    SHARE,
    TWO_VINTAGES,
    WARNINGS,
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


def _located(code: Schema) -> Schema:
    return or_null(
        record(
            {
                **named(code),
                "match": text("Whether it covers the position, or is the nearest one.", enum=["covers", "nearest"]),
                "certain": flag("True where it covers, and no other of its layer is within `accuracy` (at least 2 m)."),
                "warnings": WARNINGS,
                "vintage": LABEL,
                "demo": flag("True where this layer is made up."),
            }
        )
    )


PROPERTIES: Schema = {
    "match": text(
        "Whether a health region covers the position, or one is within `max_distance`.",
        enum=["covers", "nearest", "none"],
    ),
    "certain": flag("True where one health region covers and no other is within `accuracy` (at least 2 m)."),
    "distance_m": or_null(number("Metres to the health region; 0 where it covers the position.")),
    "distance_to_border_m": or_null(number("Metres to the nearest other health region, where one covers the position.")),
    "neighbour": or_null(record(named({"hruid": HRUID}), description="That other health region.")),
    "health_region": _located({"hruid": HRUID}),
    "fsa": _located({"cfsauid": CFSAUID}),
    "province": or_null(ref("Province")),
    "accuracy_m": number("As it was given."),
    "candidates": array(
        record({**named({"hruid": HRUID}), "share_of_circle": number("Part of the circle.", **SHARE)}),
        description="Every health region within `accuracy`, the one that covers most of the circle first.",
    ),
}
_WITH_ACCURACY = ("accuracy_m", "candidates")

COMPONENTS: dict[str, Schema] = {
    "Located": record(
        {
            "type": {"const": "Feature"},
            "geometry": record({"type": {"const": "Point"}, "coordinates": array({"type": "number"}, minItems=2, maxItems=2)}),
            "properties": record(PROPERTIES, optional=_WITH_ACCURACY),
            **TWO_VINTAGES,
        },
        optional=("notice",),
        description="The position with what covers it or is nearest.",
    ),
}

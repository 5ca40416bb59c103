"""Schemas of located positions."""

from api.openapi.schemas.parts import (
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
from api.responses.certainty import REASON_TYPES


def _located(code: Schema) -> Schema:
    return or_null(
        record(
            {
                **named(code),
                "match": text("Whether it covers the position, or is the nearest one.", enum=["covers", "nearest"]),
                "certain": flag("True where it covers and no other of its layer is so near that the position may lie in it."),
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
    "certain": flag(
        "True where one health region covers, no other is within `uncertainty_m`, and the FSA there is in the same province. "
        "With an `accuracy` that is the radius of 95 % (as W3C Geolocation reports it), fewer than 1 in 10,000 such answers "
        "within 500 m of a border name another region than that of the true position."
    ),
    "uncertainty_m": number(
        "Metres within which another health region makes the answer uncertain: 1.5 times `accuracy`, at least 2 m (between "
        "WGS 84 and NAD83), and on top of it the width of the region's overlaps and gaps in its vintage."
    ),
    "reasons": array(
        record(
            {
                "type": text(
                    "`border`: another region is within `uncertainty_m`; `edition`: the vintage's regions overlap there, or "
                    "leave gaps; `nearest`: none covers; `province`: health region and FSA are in different provinces.",
                    enum=list(REASON_TYPES),
                ),
                "detail": text("The reason in words."),
            }
        ),
        description="Why `certain` is false; empty where it is true.",
    ),
    "distance_m": or_null(number("Metres to the health region; 0 where it covers the position.")),
    "distance_to_border_m": or_null(number("Metres to the nearest other health region, where one covers the position.")),
    "neighbour": or_null(record(named({"hruid": HRUID}), description="That other health region.")),
    "health_region": _located({"hruid": HRUID}),
    "fsa": _located({"cfsauid": CFSAUID}),
    "province": or_null(ref("Province")),
    "accuracy_m": number("As it was given: the radius that the true position is within in 95 of 100 cases."),
    "candidates": array(
        record(
            {
                **named({"hruid": HRUID}),
                "share_of_circle": number(
                    "Part of the circle of `uncertainty_m` around the position; 0 where it only touches.", **SHARE
                ),
            }
        ),
        description="Every health region within `uncertainty_m`, the one that covers most of that circle first.",
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

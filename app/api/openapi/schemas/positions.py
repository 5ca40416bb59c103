"""Schemas of position lookups."""

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


def _located(code: Schema, name: str) -> Schema:
    return or_null(
        record(
            {
                **named(code),
                "match": text(
                    "`covers` if the region covers the position, `nearest` if it is the nearest one.",
                    enum=["covers", "nearest"],
                ),
                "certain": flag(
                    "True if the region covers the position, and no other region of its coverage is within the uncertainty."
                ),
                "warnings": WARNINGS,
                "vintage": LABEL,
                "demo": flag("True if this vintage is demonstration data."),
            },
            name=name,
        )
    )


PROPERTIES: Schema = {
    "match": text(
        "`covers`: a health region covers the position; `nearest`: one is within `max_distance`; `none`: neither.",
        enum=["covers", "nearest", "none"],
    ),
    "certain": flag(
        "True if a health region covers the position, no other one is within `uncertainty_m`, and the FSA is in the same "
        "province. If `accuracy` is a 95 % confidence radius, as W3C Geolocation reports it, fewer than 1 in 10,000 certain "
        "results within 500 m of a border differ from the region of the true position."
    ),
    "uncertainty_m": number(
        "Distance in metres within which another health region makes the result uncertain: 1.5 times `accuracy`, at least 2 m "
        "(difference of WGS 84 and NAD83), plus the width of the region's overlaps and gaps in its vintage."
    ),
    "reasons": array(
        record(
            {
                "type": text(
                    "`border`: another region is within `uncertainty_m`; `edition`: regions of the vintage overlap or leave "
                    "gaps there; `nearest`: no region covers the position; `province`: health region and FSA are in different "
                    "provinces.",
                    enum=list(REASON_TYPES),
                ),
                "detail": text("Explanation, in the response language."),
            },
            name="UncertaintyReason",
        ),
        description="Reasons why `certain` is false; empty if it is true.",
    ),
    "distance_m": or_null(number("Distance to the health region in metres; 0 if it covers the position.")),
    "distance_to_border_m": or_null(
        number("Distance to the nearest other health region in metres; null if no region covers the position.")
    ),
    "neighbour": or_null(record(named({"hruid": HRUID}), description="The nearest other health region.", name="NearestRegion")),
    "health_region": _located({"hruid": HRUID}, "LocatedHealthRegion"),
    "fsa": _located({"cfsauid": CFSAUID}, "LocatedFsa"),
    "province": or_null(ref("Province")),
    "accuracy_m": number("`accuracy` of the request: 95 % confidence radius in metres."),
    "candidates": array(
        record(
            {
                **named({"hruid": HRUID}),
                "share_of_circle": number(
                    "Share of the circle with radius `uncertainty_m` around the position; 0 if the region only touches it.",
                    **SHARE,
                ),
            },
            name="Candidate",
        ),
        description="All health regions within `uncertainty_m`, by `share_of_circle`, largest first.",
    ),
}
_WITH_ACCURACY = ("accuracy_m", "candidates")

COMPONENTS: dict[str, Schema] = {
    "Located": record(
        {
            "type": {"const": "Feature"},
            "geometry": ref("Point"),
            "properties": record(PROPERTIES, optional=_WITH_ACCURACY, name="LocatedProperties"),
            **TWO_VINTAGES,
        },
        optional=("notice",),
        description="The position with its health region, FSA and province.",
    ),
}

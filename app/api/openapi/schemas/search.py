"""Schemas of the search."""

from api.openapi.schemas.parts import (
    COUNT,
    HRUID,
    NAMES,
    SHARE,
    TWO_VINTAGES,
    Schema,
    array,
    flag,
    number,
    or_null,
    record,
    ref,
    text,
)

_RESULT = record(
    {
        "type": text("Kind of result.", enum=["health-region", "locality", "fsa"]),
        "code": or_null(text("HRUID or FSA; null for a locality.")),
        **NAMES,
        "province": or_null(ref("Province")),
        "position": or_null(
            array(
                {"type": "number"},
                minItems=2,
                maxItems=2,
                description="Longitude and latitude of most postal codes of a locality, WGS 84; null for regions.",
            )
        ),
        "vintage": text("Label of the health-region vintage of the codes in `health_regions`."),
        "former": flag("True for a name that only an earlier or later vintage has."),
        "health_regions": array(
            record(
                {
                    "hruid": HRUID,
                    **NAMES,
                    "share": number(
                        "Share in the region: of the postal codes of a locality, of the people of an FSA, or of its area where "
                        "people are not known.",
                        **SHARE,
                    ),
                },
                name="SearchedHealthRegion",
            ),
            description="Health regions, largest share first. Empty for an FSA without a boundary.",
        ),
        "certain": {
            "type": ["boolean", "null"],
            "description": "True if the locality or FSA lies in one health region, for a locality at a distance from its "
            "border; null for health regions.",
        },
        "href": or_null(text("Path of the page; null without one.")),
    },
    name="SearchResult",
)

COMPONENTS: dict[str, Schema] = {
    "SearchResults": record(
        {
            "used": or_null(text("FSA in `q`, if `q` is an FSA or a postal code (only the FSA is used); otherwise null.")),
            "similar": flag("True if only names with a spelling difference match."),
            "number_returned": COUNT,
            "results": array(_RESULT, description="Best match first."),
            **TWO_VINTAGES,
        },
        optional=("notice", "fsa_vintage"),
        description="Health regions, localities and FSAs that match a text.",
    )
}

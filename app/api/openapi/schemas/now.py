"""Schemas of /now."""

from api.openapi.schemas.indicators import DAY_OR_NULL, GROUP, INTERVAL, MEASURE_NAMES, METHOD, MISPLACED_SHARE, STATUS, TREND
from api.openapi.schemas.parts import COUNT, HRUID, LABEL, SHARES, Schema, array, flag, number, or_null, record, ref, text
from geography.codes import FSA_PATTERN
from geography.constants import ACCURACY_MAX_M
from indicators.queries.latest import WEEKS

_VALUE: Schema = {
    "value": {"type": ["number", "null"], "description": "Value of the measure; null if it is missing, never 0."},
    "interval": INTERVAL,
    "period": or_null(
        record({"from": DAY_OR_NULL, "to": DAY_OR_NULL}, description="First and last day of the value.", name="Period")
    ),
    "status": STATUS,
}
_WORD = or_null(
    text("Change from the previous period, in the response language: increase, decrease or no clear change; null if unknown.")
)
_INDICATOR: Schema = {
    "id": text("Id of the indicator."),
    "name": text("Name, in the response language."),
    "measure": text("Measure of `value` and `sparkline`.", enum=MEASURE_NAMES),
    "unit": text("Unit, in the response language."),
    **_VALUE,
    "method": METHOD,
    "held": ref("HeldIssues"),
    "reported_on": DAY_OR_NULL,
    "age_days": {"type": ["integer", "null"], "description": "Days from `reported_on` to today."},
    "trend": TREND,
    "likely_complete": {
        "type": ["number", "null"],
        "description": "Part of its final value that a value of this age usually has in the province, above 1 where values are "
        "usually lowered later; null without enough earlier issues.",
    },
    "sparkline": array(
        {"type": ["number", "null"]},
        maxItems=WEEKS,
        description="The measure in the last weeks, oldest first; null is missing.",
    ),
    "place": record(
        {"id": text("Place of the series."), "name": text("Name of the place, in the response language.")},
        description="With method `part_of`: the larger place whose rate, interval and trend these are.",
        name="LargerPlace",
    ),
    "population": record(
        {"people": COUNT, "year": or_null({"type": "integer"})},
        description="Population used for the rate.",
        name="PopulationOfYear",
    ),
    "group": GROUP,
    "misplaced_share": MISPLACED_SHARE,
    "ended_on": DAY_OR_NULL | {"description": "Last report, where the region stopped before its province."},
    "revised": record(
        {"times": COUNT, "last": text("Time of the last correction.", format="date-time")},
        description="Corrections of the value since it was first published.",
        name="Corrections",
    ),
    "notes": array(
        record(
            {
                "id": COUNT | {"description": "Id of the note in `notes` of `/indicators/{id}`."},
                "title": text("First words of the note."),
            },
            name="NoteTitle",
        ),
        maxItems=2,
        description="The newest remarks of the source that begin or end in the weeks of the sparkline.",
    ),
    "range": or_null(
        array(
            {"type": "number"},
            minItems=2,
            maxItems=2,
            description="With `also_possible`: the lowest and the highest value of all possible regions.",
        )
    ),
}
_OPTIONAL = (
    *("held", "reported_on", "age_days", "trend", "likely_complete", "sparkline"),
    *("place", "group", "misplaced_share", "population", "ended_on", "revised", "notes", "range"),
)
_BRIEF = array(record({"id": text("Id of the indicator."), **_VALUE, "trend": _WORD}, optional=("period",), name="BriefFigure"))
_REGION: Schema = {"hruid": HRUID, "name": text("Name, in the response language.")}
_SHARES: Schema = {name: SHARES[name] for name in ("share_of_people", "share_of_fsa")}

COMPONENTS: dict[str, Schema] = {
    "NowRequest": {
        "oneOf": [
            record(
                {
                    "lat": number("Latitude in WGS 84 decimal degrees.", minimum=-90, maximum=90),
                    "lon": number("Longitude in WGS 84 decimal degrees.", minimum=-180, maximum=180),
                    "accuracy": number("Accuracy of the position in metres.", minimum=0, maximum=ACCURACY_MAX_M),
                },
                optional=("accuracy",),
                name="NowPosition",
            ),
            record({"fsa": text("FSA or postal code.", pattern=FSA_PATTERN)}, name="NowFsa"),
        ]
    },
    "Now": record(
        {
            "region": or_null(
                record(
                    {
                        **_REGION,
                        "vintage": LABEL,
                        "match": text(
                            "`covers`, `nearest` (no region covers the position), or `overlaps` (of an FSA).",
                            enum=["covers", "nearest", "overlaps"],
                        ),
                        "certain": flag("True if no other region is possible."),
                        **_SHARES,
                    },
                    optional=tuple(_SHARES),
                    name="NowRegion",
                )
            ),
            "fsa": record(
                {
                    "code": text("The FSA."),
                    "is_split": flag("True if it lies in several health regions."),
                    "ordered_by": text("Basis of the order of its health regions, if it has several.", enum=["people", "area"]),
                    "attribution": text("Attribution of the shares of people, if their source requires one."),
                },
                optional=("ordered_by", "attribution"),
                name="FsaOfNow",
            ),
            "reasons": array(
                record(
                    {"type": text("Type of the reason."), "detail": text("Explanation, in the response language.")},
                    name="NowReason",
                ),
                description="Reasons why the region is not certain; empty if it is.",
            ),
            "indicators": array(
                record(_INDICATOR, optional=_OPTIONAL, name="NowFigure"),
                description="Indicators with a figure for the region; a null value if only its province has one.",
            ),
            "province": or_null(
                record(
                    {
                        "pruid": text("PRUID of the province."),
                        "abbreviation": text("Two letters."),
                        "name": text("Name, in the response language."),
                        "indicators": _BRIEF,
                    },
                    name="NowProvince",
                )
            ),
            "also_possible": array(
                record(
                    {
                        **_REGION,
                        "indicators": _BRIEF,
                        **_SHARES,
                        "differs": {
                            "type": ["boolean", "null"],
                            "description": "True if an indicator answers differently: only one of the two regions has a value, "
                            "the directions of the trends differ, or the intervals have nothing in common. Null without a "
                            "`region`.",
                        },
                    },
                    optional=tuple(_SHARES),
                    name="PossibleRegion",
                ),
                description="All other possible health regions; for an FSA, largest share first.",
            ),
            "as_of": or_null(text("Time of the newest issue used for the figures.", format="date-time")),
            "demo": flag("True if the boundaries are demonstration data."),
            "attribution": text("Attribution to display, of boundaries and figures."),
        },
        optional=("fsa", "reasons"),
        description="The latest figures of a health region and its province.",
    ),
}

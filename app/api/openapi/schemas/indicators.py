"""Schemas of health indicators."""

from api.openapi.schemas.parts import COUNT, DAY, NAMES, SHARE, Schema, array, flag, number, or_null, record, ref, text
from indicators.measures import MEASURES
from indicators.statistics import Direction
from indicators.statuses import ValueStatus

MEASURE_NAMES = sorted({name for names in MEASURES.values() for name in names})
_VALUE: Schema = {"type": ["number", "null"], "description": "Value of the measure; null if it is missing, never 0."}
STATUS = text(
    "Status of the value: reported, or the reason why it is missing or not as reported.",
    enum=[status.code for status in ValueStatus],
)
DAY_OR_NULL = or_null(DAY)
_VINTAGE: Schema = {
    "coverage": or_null(text("Coverage of the regions; null if the places are not regions.")),
    "vintage": or_null(text("Label of the vintage of the region codes.")),
}
METHOD = or_null(
    text("Relation of the region to the place of the series.", enum=["same", "sum", "common", "part_of", "weighted"])
)
GROUP = record(
    {"regions": array(text("Code of a region.")), "places": array(text("Code of a place."))},
    description="With method `common`: the regions that share this figure, and the places that it is computed from.",
    name="Group",
)
INTERVAL = or_null(
    array(
        {"type": ["number", "null"]},
        minItems=2,
        maxItems=2,
        description="95 % interval; a null second number means no upper end. Null if the value is not based on a count.",
    )
)
TREND = or_null(
    record(
        {
            "word": text("The direction, in the response language."),
            "direction": text(
                "`increase` or `decrease` only if the interval of the ratio excludes 1.",
                enum=[direction.value for direction in Direction],
            ),
            "ratio": {"type": ["number", "null"], "description": "Count a day by that of the period before; null after 0."},
            "interval": INTERVAL,
            "compared_with": text("First and last day of the previous period, `2022-10-27/2022-11-02`."),
        },
        name="Trend",
    )
)
MISPLACED_SHARE = number(
    "Of a computed relation: the largest part of the people of a region or place behind the figure that the other side lacks.",
    **SHARE,
)
_SOURCE: Schema = {
    "issue": ref("Issue"),
    "held": ref("HeldIssues"),
    "attribution": text("Attribution to display with the values."),
    "licence": text("Licence of the values."),
    "licence_url": text("URL of the licence."),
}
_HEAD: Schema = {
    "indicator": text("Id of the indicator."),
    "measure": text("Id of the measure.", enum=MEASURE_NAMES),
    "unit": text("Unit, in the response language."),
    "classes": or_null(array({"type": "number"}, description="Lower bounds of the map classes, fixed over time.")),
    **_SOURCE,
}
_FIGURE: Schema = {
    "v": _VALUE,
    "count": _VALUE | {"description": "Count behind a rate; negative for a correction by the source."},
    "status": STATUS,
    "method": METHOD,
    "from": DAY_OR_NULL,
    "to": DAY_OR_NULL,
    "reported_on": DAY_OR_NULL,
    "place": text("Place of the figure, if it is not the region itself."),
    "group": GROUP,
    "misplaced_share": MISPLACED_SHARE,
    "population": or_null(COUNT | {"description": "Population behind a rate."}),
    "population_year": or_null({"type": "integer", "description": "Year of the population."}),
}
_OPTIONAL = tuple(name for name in _FIGURE if name not in ("v", "status", "method"))
_RUNS = array(
    array({"type": "integer"}, minItems=2, maxItems=2),
    description="Run-length encoding: pairs of index in `statuses` and length of the run.",
)
_STEPS: Schema = {
    "freq": text("Step: day or week.", enum=["day", "week"]),
    "start": DAY_OR_NULL,
    "step_days": COUNT,
    "length": COUNT,
}
_INDICATOR: Schema = {
    "id": text("Id in URLs."),
    **NAMES,
    "definition": text("Definition, in the response language."),
    "definition_en": text("English definition."),
    "definition_fr": text("French definition."),
    "unit": text("Unit, in the response language."),
    "kind": text("Kind of values.", enum=list(MEASURES)),
    "period": text("Reporting period of a count.", enum=["day", "week"]),
    "good_direction": text("Direction of an improvement.", enum=["up", "down", "none"]),
    "measures": array(
        record(
            {
                "id": text("Id of the measure.", enum=MEASURE_NAMES),
                "name": text("Name, in the response language."),
                "unit": text("Unit."),
            },
            name="Measure",
        )
    ),
    "default_measure": text("Measure of a request without `measure`.", enum=MEASURE_NAMES),
    "classes": {"type": "object", "additionalProperties": array({"type": "number"})},
    **_VINTAGE,
    "places": COUNT | {"description": "Number of places."},
    "first": DAY_OR_NULL,
    "last": DAY_OR_NULL,
    "latest": DAY_OR_NULL | {"description": "Latest day with a complete national figure."},
    "cadence": array({"type": "object"}, description="Declared reporting days by province."),
    **_SOURCE,
    "links": array(ref("Link")),
}
_NOTE = record(
    {
        "id": COUNT | {"description": "Id of the note, until the next publication of the indicator."},
        "place": or_null(text("Place; null if the note applies everywhere.")),
        "from": DAY_OR_NULL,
        "to": DAY_OR_NULL,
        "text": text("Text of the note."),
        "language": text("Language of the text.", enum=["en", "fr"]),
        "url": or_null(text("URL of the source.")),
    },
    name="IndicatorNote",
)
_PLACE = record(
    {
        "place": text("Id in URLs."),
        "kind": text("Kind of place.", enum=["country", "province", "region", "unassigned", "site"]),
        "code": text("Code in its vintage."),
        "pruid": or_null(text("PRUID of the province.")),
        "province": or_null(text("Two-letter abbreviation of the province.")),
        **NAMES,
        "derived": flag("True for a total computed from regions."),
        "first": DAY_OR_NULL,
        "last": DAY_OR_NULL,
        "last_report": DAY_OR_NULL,
        "ended_on": DAY_OR_NULL,
        "population": {"type": "object", "additionalProperties": COUNT, "description": "Population by year, on 1 July."},
    },
    name="IndicatorPlace",
)
_STATUSES: Schema = {"statuses": array(ref("IndicatorStatus"))}


def _by_place(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


COMPONENTS: dict[str, Schema] = {
    "Issue": record(
        {
            "id": COUNT,
            "source": text("Name of the source."),
            "issued_at": text("Time of publication by the source.", format="date-time"),
            "loaded_at": text("Time of loading.", format="date-time"),
        }
    ),
    "IndicatorStatus": record(
        {
            "code": STATUS,
            "name": text("Name, in the response language."),
            "detail": text("Explanation, in the response language."),
            "name_en": text("English name."),
            "name_fr": text("French name."),
        }
    ),
    "IndicatorFigure": record(_FIGURE, optional=_OPTIONAL),
    "IndicatorList": record(
        {"indicators": array(record(_INDICATOR, optional=("held",), name="Indicator")), **_STATUSES},
        description="All loaded indicators.",
    ),
    "IndicatorDetail": record(
        _INDICATOR | {"places": array(_PLACE), "notes": array(_NOTE), **_STATUSES},
        optional=("held",),
        description="One indicator with its places and notes.",
    ),
    "IndicatorMap": record(
        {
            **_HEAD,
            "on": DAY,
            **_VINTAGE,
            "values": _by_place({"oneOf": [ref("IndicatorFigure"), {"type": ["number", "null"]}]}),
            "unassigned": _by_place(
                record(
                    _FIGURE | {"share_of_province": or_null(number("Share of the province's count."))},
                    optional=_OPTIONAL,
                    name="UnassignedFigure",
                )
            ),
            "provinces": _by_place(ref("IndicatorFigure")),
            "country": or_null(ref("IndicatorFigure")),
            **_STATUSES,
        },
        optional=(
            *("unit", "classes", "issue", "held", "attribution", "licence", "licence_url"),
            *("unassigned", "provinces", "country", "statuses"),
        ),
        description="One measure of all regions on one day; only the values with `fields=v`.",
    ),
    "IndicatorCube": record(
        {
            **_HEAD,
            **_VINTAGE,
            **_STEPS,
            "places": _by_place(array({"type": ["number", "null"]})),
            "status": _by_place(_RUNS),
            **_STATUSES,
        },
        optional=("held",),
        description="One measure of all places, with one element per step.",
    ),
    "RegionIndicators": record(
        {
            "region": record(
                {"coverage": text("Coverage."), "vintage": text("Label of the vintage."), "code": text("Code.")},
                name="RegionOfIndicators",
            ),
            "indicators": array(
                record(
                    {
                        "id": text("Id of the indicator."),
                        "name": text("Name, in the response language."),
                        "measure": text("Measure.", enum=MEASURE_NAMES),
                        "unit": text("Unit, in the response language."),
                        "on": DAY,
                        **_FIGURE,
                        "interval": INTERVAL,
                        "trend": TREND,
                        "issue": ref("Issue"),
                        "held": ref("HeldIssues"),
                        "attribution": text("Attribution to display."),
                        "licence": text("Licence."),
                    },
                    optional=(*_OPTIONAL, "held"),
                    name="LatestFigure",
                )
            ),
            **_STATUSES,
        },
        description="Latest value of every indicator for one region.",
    ),
    "IndicatorSeries": record(
        {
            **_HEAD,
            **_VINTAGE,
            **_STEPS,
            "places": _by_place(
                record(
                    {
                        "name": text("Name, in the response language."),
                        "kind": text("Kind of place."),
                        "values": array({"type": ["number", "null"]}),
                        "status": _RUNS,
                    },
                    name="PlaceSeries",
                )
            ),
            **_STATUSES,
            "notes": array(_NOTE),
        },
        optional=("held",),
        description="One measure of the requested places over time, with dated notes.",
    ),
}

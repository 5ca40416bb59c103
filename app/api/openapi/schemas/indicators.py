"""Health indicators."""

from api.openapi.schemas.parts import COUNT, DAY, NAMES, Schema, array, flag, number, or_null, record, ref, text
from indicators.measures import MEASURES
from indicators.statuses import ValueStatus

_MEASURES = sorted({name for names in MEASURES.values() for name in names})
_VALUE: Schema = {"type": ["number", "null"], "description": "The measure; null where there is none, never 0 for that."}
_STATUS = text("Why a value is there, or why not.", enum=[item.code for item in ValueStatus])
_DAY_OR_NULL = or_null(DAY)
_EDITION: Schema = {
    "coverage": or_null(text("Coverage of the regions; null where the places are of another kind.")),
    "vintage": or_null(text("Label of the vintage in which the codes mean these places.")),
}
_SOURCE: Schema = {
    "issue": ref("Issue"),
    "attribution": text("Attribution to show beside the values."),
    "licence": text("Licence of the values."),
    "licence_url": text("Address of the licence."),
}
_HEAD: Schema = {
    "indicator": text("Name of the indicator."),
    "measure": text("Name of the measure.", enum=_MEASURES),
    "unit": text("Unit in words."),
    "classes": or_null(array({"type": "number"}, description="Lower bounds of the classes of a map, fixed over time.")),
    **_SOURCE,
}
_FIGURE: Schema = {
    "v": _VALUE,
    "count": _VALUE | {"description": "Count behind a rate; negative where the source corrected itself."},
    "status": _STATUS,
    "method": or_null(
        text("How the region relates to the place of the series.", enum=["same", "sum", "part_of", "common", "weighted"])
    ),
    "from": _DAY_OR_NULL,
    "to": _DAY_OR_NULL,
    "reported_on": _DAY_OR_NULL,
    "place": text("The place that is shown, where it is not the region itself."),
    "population": or_null(COUNT | {"description": "People behind a rate."}),
    "population_year": or_null({"type": "integer", "description": "Year of that population."}),
}
_OPTIONAL = tuple(name for name in _FIGURE if name not in ("v", "status", "method"))
_RUNS = array(
    array({"type": "integer"}, minItems=2, maxItems=2), description="Runs: position in `statuses`, and how many elements."
)
_STEPS: Schema = {
    "freq": text("day or week.", enum=["day", "week"]),
    "start": _DAY_OR_NULL,
    "step_days": COUNT,
    "length": COUNT,
}
_INDICATOR: Schema = {
    "id": text("Name in URLs."),
    **NAMES,
    "definition": text("Definition in the language of the answer."),
    "definition_en": text("Definition, English."),
    "definition_fr": text("Definition, French."),
    "unit": text("Unit in words."),
    "kind": text("What the values are.", enum=list(MEASURES)),
    "period": text("Length of a count's period.", enum=["day", "week"]),
    "good_direction": text("Direction that is good.", enum=["up", "down", "none"]),
    "measures": array(record({"id": text("Name.", enum=_MEASURES), "name": text("In words."), "unit": text("Unit.")})),
    "default_measure": text("Measure of an answer that names none.", enum=_MEASURES),
    "classes": {"type": "object", "additionalProperties": array({"type": "number"})},
    **_EDITION,
    "places": COUNT | {"description": "Number of places."},
    "first": _DAY_OR_NULL,
    "last": _DAY_OR_NULL,
    "latest": _DAY_OR_NULL | {"description": "Last day on which the country is complete."},
    "cadence": array({"type": "object"}, description="Declared reporting days by province."),
    **_SOURCE,
    "links": array(ref("Link")),
}
_NOTE = record(
    {
        "place": or_null(text("Place; null: everywhere.")),
        "from": _DAY_OR_NULL,
        "to": _DAY_OR_NULL,
        "text": text("The remark."),
        "language": text("Its language.", enum=["en", "fr"]),
        "url": or_null(text("Where the source says so.")),
    }
)
_PLACE = record(
    {
        "place": text("Name in URLs."),
        "kind": text("Kind of place.", enum=["country", "province", "region", "unassigned", "site"]),
        "code": text("Code in its edition."),
        "pruid": or_null(text("Province, Statistics Canada code.")),
        "province": or_null(text("Province, two letters.")),
        **NAMES,
        "derived": flag("True for a total that is computed from regions."),
        "first": _DAY_OR_NULL,
        "last": _DAY_OR_NULL,
        "last_report": _DAY_OR_NULL,
        "ended_on": _DAY_OR_NULL,
        "population": {"type": "object", "additionalProperties": COUNT, "description": "People by year, 1 July."},
    }
)
_STATUSES: Schema = {"statuses": array(ref("IndicatorStatus"))}


def _by_place(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


COMPONENTS: dict[str, Schema] = {
    "Issue": record(
        {
            "id": COUNT,
            "source": text("Source."),
            "issued_at": text("When the source published it.", format="date-time"),
            "loaded_at": text("When it was loaded.", format="date-time"),
        }
    ),
    "IndicatorStatus": record(
        {
            "code": _STATUS,
            "name": text("In words."),
            "detail": text("Explanation."),
            "name_en": text("English words."),
            "name_fr": text("French words."),
        }
    ),
    "IndicatorFigure": record(_FIGURE, optional=_OPTIONAL),
    "IndicatorList": record(
        {"indicators": array(record(_INDICATOR)), **_STATUSES}, description="Every indicator that is loaded."
    ),
    "IndicatorDetail": record(
        _INDICATOR | {"places": array(_PLACE), "notes": array(_NOTE), **_STATUSES},
        description="One indicator with its places and notes.",
    ),
    "IndicatorMap": record(
        {
            **_HEAD,
            "on": DAY,
            **_EDITION,
            "values": _by_place({"oneOf": [ref("IndicatorFigure"), {"type": ["number", "null"]}]}),
            "unassigned": _by_place(
                record(_FIGURE | {"share_of_province": or_null(number("Part of the province's count."))}, optional=_OPTIONAL)
            ),
            "provinces": _by_place(ref("IndicatorFigure")),
            "country": or_null(ref("IndicatorFigure")),
            **_STATUSES,
        },
        optional=(
            *("unit", "classes", "issue", "attribution", "licence", "licence_url"),
            *("unassigned", "provinces", "country", "statuses"),
        ),
        description="One measure of all regions on one day; with `fields=v` only the values.",
    ),
    "IndicatorCube": record(
        {
            **_HEAD,
            **_EDITION,
            **_STEPS,
            "places": _by_place(array({"type": ["number", "null"]})),
            "status": _by_place(_RUNS),
            **_STATUSES,
        },
        description="One measure of all places, one element for each step.",
    ),
    "RegionIndicators": record(
        {
            "region": record({"coverage": text("Coverage."), "vintage": text("Label of the vintage."), "code": text("Code.")}),
            "indicators": array(
                record(
                    {
                        "id": text("Name of the indicator."),
                        "name": text("Name in the language of the answer."),
                        "measure": text("Measure.", enum=_MEASURES),
                        "unit": text("Unit in words."),
                        "on": DAY,
                        **_FIGURE,
                        "attribution": text("Attribution to show."),
                        "licence": text("Licence."),
                    },
                    optional=_OPTIONAL,
                )
            ),
            **_STATUSES,
        },
        description="The latest value of every indicator for one region.",
    ),
    "IndicatorSeries": record(
        {
            **_HEAD,
            **_EDITION,
            **_STEPS,
            "places": _by_place(
                record(
                    {
                        "name": text("Name in the language of the answer."),
                        "kind": text("Kind of place."),
                        "values": array({"type": ["number", "null"]}),
                        "status": _RUNS,
                    }
                )
            ),
            **_STATUSES,
            "notes": array(_NOTE),
        },
        description="One measure of some places, with dated notes.",
    ),
}

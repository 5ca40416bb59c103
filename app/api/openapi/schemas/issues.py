"""Schemas of issues and revisions."""

from api.openapi.schemas.parts import COUNT, DAY, Schema, array, flag, or_null, record, ref, text
from indicators.models import IssueStatus
from indicators.statuses import ValueStatus

_INSTANT = {"format": "date-time"}
_CHANGES: Schema = {
    "new": COUNT | {"description": "Values for a place and day without an earlier value."},
    "changed": COUNT | {"description": "Values that replaced others."},
    "withdrawn": COUNT | {"description": "Values of the previous issue that the issue does not contain."},
}
_ISSUE: Schema = {
    "id": COUNT,
    "source": text("Name of the source."),
    "issued_at": text("Time of publication by the source.", **_INSTANT),
    "loaded_at": text("Time of loading, or of the rollback.", **_INSTANT),
    "status": text("published, staged (held by gates, in no answer) or rolled_back.", enum=list(IssueStatus.values)),
    "file": text("Name of the file."),
    "sha256": text("SHA-256 of the content and its declaration."),
    **_CHANGES,
    "gates_failed": array(text("Name of a gate."), description="Gates that the issue failed."),
    "accepted": or_null(
        record(
            {
                "gates": array(text("Name of a gate.")),
                "because": text("Reason of the acceptance."),
                "by": or_null(text("Name of the person who accepted; null if not stated.")),
            },
            description="Acceptance of failed gates; null if there is none.",
            name="IssueAcceptance",
        )
    ),
}
_NUMBER: Schema = {"type": ["number", "null"]}

COMPONENTS: dict[str, Schema] = {
    "HeldIssues": record(
        {
            "since": text("Time of the first later issue that gates hold.", **_INSTANT),
            "number": COUNT | {"description": "Number of held issues after the published one."},
            "issue": COUNT | {"description": "Id of the last of them."},
            "issued_at": text("Time of its publication by the source.", **_INSTANT),
            "loaded_at": text("Time of its loading.", **_INSTANT),
            "gates": array(
                record(
                    {"name": text("Name of the gate."), "reason": text("Reason of the failure, in the response language.")},
                    name="HeldGate",
                ),
                description="Gates that the last held issue failed.",
            ),
            "notice": text("A notice for readers, in the response language."),
        },
        description="Held issues; present only while there are any. The values are those of the last published issue.",
    ),
    "IndicatorIssues": record(
        {
            "indicator": text("Id of the indicator."),
            "number_matched": COUNT,
            "number_returned": COUNT,
            "issues": array(record(_ISSUE, name="ListedIssue")),
            "links": array(ref("Link")),
        },
        description="Issues of an indicator, newest first.",
    ),
    "IndicatorIssueDetail": record(
        {
            "indicator": text("Id of the indicator."),
            **_ISSUE,
            "values": or_null(COUNT | {"description": "Values in the file."}),
            "first": or_null(DAY),
            "last": or_null(DAY),
            "places": array(
                record({"place": text("Place."), **_CHANGES}, name="PlaceChanges"),
                description="Numbers of changes by place; places without a change are missing.",
            ),
            "largest_change": or_null(
                record(
                    {
                        "place": text("Place."),
                        "period": DAY,
                        "before": _NUMBER,
                        "after": _NUMBER,
                    },
                    description="Value with the largest change; null if no value changed.",
                    name="LargestChange",
                )
            ),
            "gates": array(
                record(
                    {
                        "name": text("Name of the gate."),
                        "passed": flag("Whether it passed."),
                        "detail": text("Result, in English."),
                        "listed": array(text("Finding, in English.")),
                        "acceptable": flag("Whether it can be accepted with a reason."),
                    },
                    name="IssueGate",
                )
            ),
        },
        description="One issue with its changes and gates.",
    ),
    "IndicatorRevisions": record(
        {
            "indicator": text("Id of the indicator."),
            "place": text("Place."),
            "period": DAY,
            "unit": text("Unit, in the response language."),
            "revisions": array(
                record(
                    {
                        "issue": COUNT | {"description": "Id of the issue that stated the value first."},
                        "issued_at": text("Time of its publication.", **_INSTANT),
                        "superseded_at": or_null(text("Time of the issue that replaced the value; null: current.", **_INSTANT)),
                        "value": _NUMBER | {"description": "Value as published; null if it is missing or withdrawn."},
                        "status": text("Status of the value.", enum=[status.code for status in ValueStatus]),
                    },
                    name="Revision",
                )
            ),
            "statuses": array(ref("IndicatorStatus")),
        },
        description="All published values of a place and day, in order of issue.",
    ),
}

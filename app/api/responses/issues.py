"""Payloads of issues with their changes and gates, and of the revisions of a value."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from api.responses.indicators import number

if TYPE_CHECKING:
    from indicators.models import Issue
    from indicators.queries.issues import Revision

CHANGES = ("new", "changed", "withdrawn")


def issue_payload(issue: "Issue") -> dict[str, Any]:
    """Return an issue as the list shows it: numbers of changed values, and the names of failed gates."""
    report: Mapping[str, Any] = issue.report
    changes = report.get("changes", {})
    return {
        "id": issue.pk,
        "source": issue.source,
        "issued_at": issue.issued_at,
        "loaded_at": issue.loaded_at,
        "status": issue.status,
        "file": issue.file,
        "sha256": issue.sha256,
        **{name: sum(changes.get(name, {}).values()) for name in CHANGES},
        "gates_failed": [gate["name"] for gate in report.get("gates", ()) if not gate["passed"]],
        "accepted": _acceptance(report),
    }


def _acceptance(report: Mapping[str, Any]) -> dict[str, Any] | None:
    if not report.get("accepted"):
        return None
    # Without --by, `by` is the operating system's user name, which is private.
    by = report.get("by") if report.get("named") else None
    return {"gates": report["accepted"], "because": report.get("because", ""), "by": by}


def issue_detail_payload(issue: "Issue") -> dict[str, Any]:
    """Return an issue with the numbers of changed values by place, the largest change and all gates."""
    report: Mapping[str, Any] = issue.report
    changes = report.get("changes", {})
    places = sorted({place for counts in changes.values() for place in counts})
    largest = report.get("largest_change")
    return issue_payload(issue) | {
        "values": report.get("values"),
        "first": report.get("first"),
        "last": report.get("last"),
        "places": [{"place": place} | {name: changes.get(name, {}).get(place, 0) for name in CHANGES} for place in places],
        "largest_change": largest
        and {
            "place": largest["place"],
            "period": largest["period"],
            "before": number(largest["before"]),
            "after": number(largest["after"]),
        },
        "gates": [
            {name: gate[name] for name in ("name", "passed", "detail", "listed", "acceptable")}
            for gate in report.get("gates", ())
        ],
    }


def revisions_payload(revisions: "Sequence[Revision]") -> list[dict[str, Any]]:
    """Return the revisions of a value in order."""
    return [
        {
            "issue": revision.issue_id,
            "issued_at": revision.issued_at,
            "superseded_at": revision.superseded_at,
            "value": number(revision.value),
            "status": revision.status.code,
        }
        for revision in revisions
    ]

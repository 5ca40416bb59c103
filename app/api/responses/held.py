"""Notice of held issues in the reader's language: time, issue, and reason."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format, number_format
from django.utils.translation import override

from api.http.language import translate
from geography.translation import Message, Plural

if TYPE_CHECKING:
    from indicators.models import Issue
    from indicators.queries.catalogue import HeldIssues

Reason = Callable[[Mapping[str, Any], str], Message]

# Reasons of the gates that compare with the issue before, from their findings (`loader.series.findings`).
_REVISIONS: Mapping[str, Reason] = {
    "vanished": lambda finding, language: Message("no figures for %(places)s", places=_places(finding, language)),
    "ends_earlier": lambda finding, language: Plural(
        "figures end a day earlier (%(places)s)",
        "figures end up to %(count)s days earlier (%(places)s)",
        count=finding["days"],
        places=_places(finding, language),
    ),
    "national_falls": lambda finding, language: Message(
        "the total of the country falls by %(share)s %%", share=_percents(finding["share"], language)
    ),
    "region_moves": lambda finding, language: Message(
        "totals change by up to %(share)s %% (%(places)s)",
        share=_percents(finding["share"], language),
        places=_places(finding, language),
    ),
    "rewrites": lambda finding, language: Message(
        "%(share)s %% of all earlier values change (%(places)s)",
        share=_percents(finding["share"], language),
        places=_places(finding, language),
    ),
}
# Reasons without a finding: those of gates that check the content, and of reports of earlier releases.
_PLAIN: Mapping[str, Message] = {
    "codes": Message("unknown places"),
    "future": Message("days in the future"),
    "sums": Message("parts that do not add up to their total"),
    "negatives": Message("many values that fall"),
    "cadence": Message("changes on days without a report"),
    "population": Message("regions without a population"),
    "vanished": Message("missing places"),
    "ends_earlier": Message("places whose figures end earlier"),
    "national_falls": Message("a lower total of the country"),
    "region_moves": Message("regions whose totals change by much"),
    "rewrites": Message("many changes of earlier values"),
}


def held_payload(held: "HeldIssues", issue: "Issue", language: str) -> dict[str, Any]:
    """Return the member `held` of a response: first and last held issue, reason of the last, and a notice.

    Args:
        issue: the published issue, which is used instead.
    """
    reasons = [translate(_reason(gate, language), language) for gate in held.gates]
    last, shown = _instant(held.issued_at, language), _instant(issue.issued_at, language)
    if held.number == 1:
        notice = Message(
            "Newer figures, of %(last)s, are held for review: %(reasons)s. You see those of %(shown)s.",
            last=last,
            reasons=reasons,
            shown=shown,
        )
    else:
        notice = Message(
            "%(number)s newer issues, since %(first)s, are held for review; the last, of %(last)s: %(reasons)s. You see the "
            "figures of %(shown)s.",
            number=held.number,
            first=_instant(held.since, language),
            last=last,
            reasons=reasons,
            shown=shown,
        )
    return {
        "since": held.since,
        "number": held.number,
        "issue": held.issue_id,
        "issued_at": held.issued_at,
        "loaded_at": held.loaded_at,
        "gates": [{"name": gate["name"], "reason": reason} for gate, reason in zip(held.gates, reasons, strict=True)],
        "notice": translate(notice, language),
    }


def _reason(gate: Mapping[str, Any], language: str) -> Message:
    finding = gate.get("finding")
    # Without the name of a place if only computed totals are concerned.
    if finding and finding.get("places", True) and gate["name"] in _REVISIONS:
        return _REVISIONS[gate["name"]](finding, language)
    return _PLAIN.get(gate["name"], Message("the check %(gate)s", gate=gate["name"]))


def _places(finding: Mapping[str, Any], language: str) -> list[str | Message]:
    names: list[str | Message] = [place["name_fr" if language == "fr" else "name_en"] for place in finding["places"]]
    if finding["more"]:
        names.append(Plural("one more place", "%(count)s more places", count=finding["more"]))
    return names


def _percents(share: float, language: str) -> str:
    decimals = 0 if share >= 0.1 else 1
    with override(language):
        return str(number_format(round(100 * share, decimals), decimals))


def _instant(instant: datetime, language: str) -> str:
    with override(language):
        return f"{date_format(instant, 'j F Y, H:i')} UTC"

"""History of a region in words: its changes between its vintage and every other published vintage that it is compared with."""

from typing import TYPE_CHECKING, Any

from api.http.language import translate
from api.responses.region_page import SLIVER, name_of, percent
from geography.errors import VintagesNotCompared
from geography.queries.changes import changes_page
from geography.translation import Message
from geography.vintages.resolve import published_vintages

if TYPE_CHECKING:
    from geography.models import Vintage
    from geography.queries.changes import Changed

# Smallest share, of either region, from which a sentence names a counterpart.
_WORTH_A_NAME = 0.01
# A code names at most one region of each side.
_ROWS = 2

# Sentences by the kind of change, for an earlier and a later vintage; the names of the counterparts follow.
_EARLIER = {
    "kept": Message("The same region."),
    "renamed": Message("The same region with another name:"),
    "recoded": Message("The same region with another code:"),
    "moved": Message("Mostly the same region, with another border:"),
    "split": Message("A part of:"),
    "merged": Message("Several regions, or parts of them:"),
    "new": Message("No region covered this area."),
}
_LATER = _EARLIER | {
    "split": Message("Divided among:"),
    "merged": Message("Joined with others, in:"),
    "gone": Message("No region covers this area."),
}


def region_history(vintage: "Vintage", code: str, language: str) -> list[dict[str, Any]]:
    """Return one entry for each compared vintage, the latest first: label, sentence, counterparts.

    Empty for a demonstration, which is compared with nothing.

    Args:
        code: code of the region in `vintage`.

    Queries: 4 for each other published vintage of the coverage.
    """
    entries = []
    for other in published_vintages(coverage=vintage.coverage.slug):
        if other.pk == vintage.pk or other.demo or vintage.demo:
            continue
        earlier = (other.effective_from, other.pk) < (vintage.effective_from, vintage.pk)
        first, last = (other, vintage) if earlier else (vintage, other)
        try:
            page = changes_page(from_vintage=first, to_vintage=last, limit=_ROWS, code=code)
        except VintagesNotCompared:
            continue
        own_side = "to" if earlier else "from"
        change = next((row for row in page.changes if row.side == own_side), None)
        if change is not None:
            entries.append(_entry(change, other, language, earlier=earlier))
    return entries


def _entry(change: "Changed", other: "Vintage", language: str, *, earlier: bool) -> dict[str, Any]:
    sentences = _EARLIER if earlier else _LATER
    counterparts = [
        {
            "code": counterpart.other_region.code,
            "name": name_of(counterpart.other_region, language),
            # Of the area of this region.
            "share": percent(counterpart.share_of_region) if counterpart.share_of_region < 1 - SLIVER else "",
        }
        for counterpart in change.counterparts
        if max(counterpart.share_of_region, counterpart.share_of_other) >= _WORTH_A_NAME and change.kind != "kept"
    ]
    return {
        "label": other.label,
        "sentence": translate(sentences.get(change.kind, _EARLIER["moved"]), language),
        "counterparts": counterparts,
        "code_reused": change.code_reused,
    }

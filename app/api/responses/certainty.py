"""Reasons for an uncertain position, as payloads."""

from typing import Any

from api.http.language import translate
from api.responses.payloads import province_payload
from geography.lookup.locate import provinces_differ
from geography.lookup.types import Located
from geography.translation import Message

# Types of reasons, in the order of the OpenAPI document.
REASON_TYPES = ("border", "edition", "nearest", "province")


def reasons_payload(region: Located, fsa: Located, language: str) -> list[dict[str, Any]]:
    """Return the reasons why the health region at a position is uncertain; empty if it is certain.

    Args:
        region: the health region at the position; its `certain` already accounts for the province of the FSA.
        fsa: the FSA at the position.
    """
    if region.certain:
        return []
    reasons = {}
    metres = round(region.uncertainty_m, 1)
    if region.match == "nearest":
        reasons["nearest"] = Message("No health region covers the position; this is the nearest one.")
    elif region.match == "none":
        reasons["border"] = Message("A health region is within %(metres)s m of the position.", metres=metres)
    elif len(region.near) > 1:
        reasons["border"] = Message("Another health region is within %(metres)s m of the position.", metres=metres)
    misfit_m = max((near.misfit_m for near in region.near), default=0.0) if len(region.near) > 1 else 0.0
    if misfit_m:
        reasons["edition"] = Message(
            "Neighbouring regions of vintage %(vintage)s overlap or leave gaps of up to %(metres)s m here.",
            vintage=region.vintage.label,
            metres=round(misfit_m, 1),
        )
    if region.region and fsa.region and provinces_differ(region, fsa):
        reasons["province"] = Message(
            "The health region is in %(province)s and the FSA in %(other)s: the two vintages draw the border differently.",
            province=_province_name(region.region.pruid, language),
            other=_province_name(fsa.region.pruid, language),
        )
    return [{"type": name, "detail": translate(message, language)} for name, message in reasons.items()]


def _province_name(pruid: str, language: str) -> str:
    province = province_payload(pruid, language)
    return province["name"] if province else pruid

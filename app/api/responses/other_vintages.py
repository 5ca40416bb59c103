"""Addresses of a region in other vintages, for the problem of a code that the requested vintage does not have."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.errors import OtherVintage

# Path and vintage parameter of the coverages whose regions have a page.
_PAGES = {COVERAGE_HEALTH_REGIONS: ("/health-regions", "vintage"), COVERAGE_FSA: ("/fsa", "fsa_vintage")}


def other_vintages_payload(elsewhere: Iterable[OtherVintage], language: str) -> list[dict[str, Any]]:
    """Return vintage, code, names and address of each region; `page` is its HTML page, only for coverages that have pages."""
    payload = []
    for other in elsewhere:
        path, parameter = _PAGES.get(other.coverage, (f"/coverages/{quote(other.coverage)}/regions", "vintage"))
        path = f"{path}/{quote(other.code, safe='')}"
        member = {
            "vintage": other.vintage,
            "code": other.code,
            "name": other.name_fr if language == "fr" else other.name_en,
            "name_en": other.name_en,
            "name_fr": other.name_fr,
            "href": f"{path}?{urlencode({parameter: other.vintage})}",
        }
        if other.coverage in _PAGES:
            member["page"] = f"{path}.html?{urlencode({'lang': language, parameter: other.vintage})}"
        payload.append(member)
    return payload

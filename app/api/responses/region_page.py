"""Template context of the pages of health regions and FSAs, in the reader's language.

Called with the reader's language active, since numbers and dates are formatted by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from django.utils.formats import date_format, number_format

from api.http.language import LANGUAGES, translate
from api.responses.payloads import NOTICE, attribution, joined, province_payload, warnings_payload
from api.responses.region_image import HEIGHT, WIDTH
from geography.queries.changes import reused_codes
from geography.translation import Message

if TYPE_CHECKING:
    from geography.models import Vintage
    from geography.queries.neighbours import SharedBorder
    from geography.queries.overlaps import Share
    from geography.queries.region_rows import RegionRow

# Smallest meaningful difference of a share from 0 and 1: two vintages draw the same line differently.
SLIVER = 0.001
METHODS = {
    "same": Message("Reported for this region itself."),
    "sum": Message("Computed from the sum of the reporting regions that make up this region."),
    "common": Message("Figure of several regions together: the reporting regions cover the same area only as a group."),
    "part_of": Message("Rate of a larger reporting region that contains this region; its count is not divided."),
}
# Characters that could end the script element, as JSON escapes.
_SCRIPT_ESCAPES = {ord(character): f"\\u{ord(character):04X}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a page: its path, and the vintages that it names.

    Attributes:
        base_url: scheme and host of the service.
        path: path of the resource, such as `/health-regions/3595`.
        pinned: query parameters of the vintages that are not in force today. The canonical address of a page of a vintage in
            force names none, so that it stays after the next publication.
    """

    base_url: str
    path: str
    pinned: Mapping[str, str]

    def query(self, language: str) -> str:
        """Return the query string of links to pages in a language, in the same vintages."""
        return urlencode({"lang": language, **self.pinned})

    def canonical(self, language: str) -> str:
        """Return the canonical absolute URL of the page in a language:

        the `.html` address, which is a page for every client.
        """
        return f"{self.base_url}{self.path}.html?{self.query(language)}"

    def image(self) -> dict[str, Any]:
        """Return address and size of the picture for the previews of links."""
        pinned = f"?{urlencode(self.pinned)}" if self.pinned else ""
        return {"url": f"{self.base_url}{self.path}.png{pinned}", "width": WIDTH, "height": HEIGHT}

    def head(self, language: str) -> dict[str, Any]:
        """Return the values of the page's link and Open Graph elements."""
        pinned = f"?{urlencode(self.pinned)}" if self.pinned else ""
        return {
            "canonical": self.canonical(language),
            "alternates": [
                *((other, self.canonical(other)) for other in LANGUAGES),
                ("x-default", f"{self.base_url}{self.path}.html{pinned}"),
            ],
            "languages": [(other, f"?{self.query(other)}", other == language) for other in LANGUAGES],
            "query": self.query(language),
        }


def percent(share: float) -> str:
    """Return a share of 0 to 1 as a percentage; a small share is never 0 %, a share below 1 never 100 %."""
    if 0 < share < SLIVER:
        return f"< {_percent(SLIVER, 1)}"
    if 1 - SLIVER < share < 1:
        return f"> {_percent(1 - SLIVER, 1)}"
    return _percent(share, 1 if share < 0.1 or 0.9 < share < 1 else 0)


def _percent(share: float, decimals: int) -> str:
    return f"{number(share * 100, decimals)}\N{NO-BREAK SPACE}%"


def number(value: float, decimals: int = 0) -> str:
    """Return a number with the separators of the active language."""
    return str(number_format(round(value, decimals), decimals, force_grouping=True))


def area(km2: float) -> str:
    """Return an area in km²; small ones with a decimal."""
    return f"{number(km2, 1 if km2 < 100 else 0)}\N{NO-BREAK SPACE}km²"


def length(km: float) -> str:
    """Return a length in km; short ones with a decimal."""
    return f"{number(km, 1 if km < 10 else 0)}\N{NO-BREAK SPACE}km"


def day(value: date) -> str:
    """Return a day in words."""
    return str(date_format(value, "j F Y"))


def name_of(region: Any, language: str) -> str:
    """Return the name of a region in a language."""
    return str(region.name_fr if language == "fr" else region.name_en)


def region_context(
    region: "RegionRow",
    vintage: "Vintage",
    language: str,
    *,
    fsas: Sequence["Share"],
    neighbours: Sequence["SharedBorder"],
) -> dict[str, Any]:
    """Return name, facts, FSAs and neighbours of a health region."""
    other_language = "en" if language == "fr" else "fr"
    name, other_name = name_of(region, language), name_of(region, other_language)
    province = province_payload(region.pruid, language)
    description = Message(
        "Health region %(code)s, %(name)s: boundary on the map, area %(area)s, %(fsas)s postal areas (FSAs), %(neighbours)s "
        "neighbouring regions.",
        code=region.code,
        name=name,
        area=area(region.area_km2),
        fsas=len(fsas),
        neighbours=len(neighbours),
    )
    return {
        "code": region.code,
        "dguid": region.dguid,
        "description": translate(description, language),
        "name": name,
        "other_name": other_name if other_name != name else "",
        "other_language": other_language,
        "province": province["name"] if province else "",
        "area": area(region.area_km2),
        "population": None if region.population is None else number(region.population),
        "warnings": warnings_payload(region.code, reused_codes(vintage), language),
        "fsas": [
            {"code": share.region.code, "share": "" if share.share_of_fsa > 1 - SLIVER else percent(share.share_of_fsa)}
            for share in fsas
        ],
        "has_shares": any(share.share_of_fsa <= 1 - SLIVER for share in fsas),
        "neighbours": [
            {
                "code": border.neighbour.code,
                "name": name_of(border.neighbour, language),
                # Regions that meet at a point have no border to measure.
                "border": length(border.length_km) if border.length_km >= 0.05 else "",
            }
            for border in neighbours
        ],
    }


def fsa_context(
    fsa: "RegionRow",
    vintage: "Vintage",
    language: str,
    *,
    regions: Sequence["Share"],
    share_outside: float,
    neighbours: Sequence["SharedBorder"],
) -> dict[str, Any]:
    """Return code, facts, health regions with shares and neighbours of an FSA."""
    province = province_payload(fsa.pruid, language)
    names = [f"{name_of(share.region, language)} ({percent(share.share)})" for share in regions]
    description = (
        Message("Postal codes that begin with %(code)s lie in: %(regions)s.", code=fsa.code, regions=names)
        if regions
        else Message("Postal codes that begin with %(code)s.", code=fsa.code)
    )
    return {
        "code": fsa.code,
        "description": translate(description, language),
        "province": province["name"] if province else "",
        "area": area(fsa.area_km2),
        "is_split": len(regions) > 1,
        "whole": len(regions) == 1 and regions[0].share_of_fsa > 1 - SLIVER,
        "regions": [
            {
                "code": share.region.code,
                "name": name_of(share.region, language),
                "share": percent(share.share),
                "value": round(share.share, 4),
            }
            for share in regions
        ],
        "people_basis": regions[0].people_basis if regions else None,
        "share_outside": percent(share_outside) if share_outside >= SLIVER else "",
        "neighbours": [border.neighbour.code for border in neighbours],
        "warnings": warnings_payload(fsa.code, reused_codes(vintage), language),
    }


def figures_context(
    blocks: Sequence[Mapping[str, Any]], statuses: Sequence[Mapping[str, str]], language: str
) -> list[dict[str, Any]]:
    """Return the latest values of a region in words, from the blocks of `/health-regions/{id}/indicators`."""
    names = {status["code"]: status["name"] for status in statuses}
    figures = []
    for block in blocks:
        value, first, last = block["v"], block.get("from"), block.get("to")
        method = METHODS.get(block["method"] or "")
        figures.append(
            {
                "name": block["name"],
                "value": None if value is None else number(value, 0 if value == int(value) else 1),
                "unit": block["unit"],
                "count": None if block.get("count") is None else number(block["count"]),
                "status": names[block["status"]],
                "period": f"{day(first)} – {day(last)}" if first and last and first != last else day(last or block["on"]),
                "method": translate(method, language) if method else "",
                "attribution": block["attribution"],
                "held": block["held"]["notice"] if "held" in block else "",
            }
        )
    return figures


def sources(
    vintages: Sequence["Vintage"], figures: Sequence[Mapping[str, Any]], language: str, *, people: str = ""
) -> dict[str, Any]:
    """Return the vintages, attributions and the demonstration's notice of a page; `people`: attribution of shares of people."""
    texts = [*(attribution(vintage, language) for vintage in vintages), *(figure["attribution"] for figure in figures), people]
    return {
        "vintages": vintages,
        "attributions": joined(texts).splitlines(),
        "notice": translate(NOTICE, language) if any(vintage.demo for vintage in vintages) else "",
    }


def structured_data(context: Mapping[str, Any], extent: Sequence[float], *, url: str, kind: str) -> str:
    """Return the description of a region for search engines: JSON-LD in the words of schema.org, safe in a script element.

    Args:
        extent: west, south, east, north, degrees.
        kind: schema.org type, `AdministrativeArea` or `Place`.
    """
    west, south, east, north = (round(side, 4) for side in extent)
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": kind,
        "name": context.get("name") or context["code"],
        "identifier": context["code"],
        "url": url,
        # schema.org: two points, each latitude and longitude.
        "geo": {"@type": "GeoShape", "box": f"{south} {west} {north} {east}"},
    }
    if context.get("other_name"):
        data["alternateName"] = context["other_name"]
    country: dict[str, Any] = {"@type": "Country", "name": "Canada"}
    if context["province"]:
        country = {"@type": "AdministrativeArea", "name": context["province"], "containedInPlace": country}
    data["containedInPlace"] = country
    return orjson.dumps(data).decode().translate(_SCRIPT_ESCAPES)

"""Payload builders shared by responses: vintages, provinces, feature collections, pagination links.

Feature collections have foreign members, which RFC 7946, section 6.1, allows.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from api.http.language import translate
from api.http.links import web_address
from api.requests.parameters import LIMIT_MAX
from geography.codes import PROVINCE_BY_PRUID
from geography.translation import Message

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from covidtrends_geo.lookup_file import Region as IndexedRegion
    from geography.codes import FsaInput
    from geography.lookup.types import Located
    from geography.models import Region, Vintage
    from geography.queries.changes import ReusedCode
    from geography.queries.coverages import PublishedCoverage
    from geography.queries.overlaps import ArtefactShare, FsaRegions, Share
    from geography.queries.region_rows import RegionRow

# About 0.1 m, as the finest level of the boundaries.
DEGREE_DECIMALS = 6
SHARE_DECIMALS = 6

PEOPLE_ATTRIBUTION = Message("Shares of people: GeoNames postal codes (CC BY 4.0), changed.")
# The people of a place are those of its FSAs.
POPULATION_ATTRIBUTION = Message(
    "Populations of FSAs: Statistics Canada, 2016 Census, 98-402-X2016001 (Statistics Canada Open Licence)."
)
NOTICE = Message("Demonstration boundaries: approximate, not for decisions.")


@cache
def province_payload(pruid: str, language: str) -> dict[str, str] | None:
    """Return PRUID, abbreviation and names of a province or territory; None for an unknown PRUID."""
    province = PROVINCE_BY_PRUID.get(pruid)
    if province is None:
        return None
    return {
        "pruid": province.pruid,
        "abbreviation": province.abbreviation,
        "name": province.name_fr if language == "fr" else province.name_en,
        "name_en": province.name_en,
        "name_fr": province.name_fr,
    }


def vintage_payload(vintage: "Vintage", language: str) -> dict[str, Any]:
    """Return a vintage, as responses describe the vintages that they used."""
    return {
        "coverage": vintage.coverage.slug,
        "label": vintage.label,
        "effective_from": vintage.effective_from,
        "effective_to": vintage.effective_to,
        "representation": vintage.representation,
        "demo": vintage.demo,
        "extract": vintage.extract,
        "attribution": attribution(vintage, language),
        "licence": vintage.licence,
        "licence_url": web_address(vintage.licence_url),
    }


def vintage_listing(vintage: "Vintage", language: str) -> dict[str, Any]:
    """Return a vintage with its source, as /vintages lists it."""
    return vintage_payload(vintage, language) | {
        "product": vintage.product,
        "source_url": web_address(vintage.source_url),
        "region_count": vintage.region_count,
    }


def coverage_listing(published: "PublishedCoverage", language: str) -> dict[str, Any]:
    """Return a coverage, as /coverages lists it."""
    coverage, in_force = published.coverage, published.in_force
    return {
        "coverage": coverage.slug,
        "name": coverage.name_fr if language == "fr" else coverage.name_en,
        "name_en": coverage.name_en,
        "name_fr": coverage.name_fr,
        "vintage": None if in_force is None else vintage_payload(in_force, language),
        "vintages": [vintage.label for vintage in published.vintages],
        "links": [{"rel": "regions", "type": "application/geo+json", "href": f"/coverages/{coverage.slug}/regions"}],
    }


def provenance(vintages: Mapping[str, "Vintage"], language: str, *further_attributions: str) -> dict[str, Any]:
    """Return the provenance of a response: vintages, attribution, licence, and a notice for demonstration data.

    Args:
        vintages: by parameter name (`vintage`, `fsa_vintage`), which is also the name of the member.
        further_attributions: of other data in the response; empty texts are omitted.
    """
    demo = any(vintage.demo for vintage in vintages.values())
    members: dict[str, Any] = {"demo": demo}
    if demo:
        members["notice"] = translate(NOTICE, language)
    members |= {name: vintage_payload(vintage, language) for name, vintage in vintages.items()}
    members["attribution"] = joined([*(attribution(vintage, language) for vintage in vintages.values()), *further_attributions])
    members["licence"] = joined(vintage.licence for vintage in vintages.values())
    return members


def collection(features: Sequence[Mapping[str, Any]], **members: Any) -> dict[str, Any]:
    """Return a FeatureCollection with the bbox of its features. An empty collection has no bbox.

    Args:
        members: foreign members.
    """
    body: dict[str, Any] = {"type": "FeatureCollection"}
    if features:
        boxes = [feature["bbox"] for feature in features]
        sides = list(zip(*boxes, strict=True))
        body["bbox"] = [min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])]
    return body | members | {"features": features}


def page_links(
    *,
    path: str,
    parameters: Mapping[str, str],
    limit: int | None,
    offset: int,
    matched: int,
    label: str | None = None,
    media_type: str = "application/geo+json",
) -> list[dict[str, str]]:
    """Return the links of one page of a list: `self`, and `next` and `prev` if there are such pages.

    URLs are relative to the host, so that they work behind any proxy. `next` and `prev` name the vintage, so that a publication
    between two requests does not shift the pages.

    Args:
        path: path of the list.
        parameters: query parameters of the request.
        limit: page size; None for no limit.
        matched: number of items on all pages together.
        label: label of the vintage; None if it is in the path.
    """

    def link(rel: str, query: Mapping[str, Any]) -> dict[str, str]:
        href = f"{path}?{urlencode(query)}" if query else path
        return {"rel": rel, "type": media_type, "href": href}

    size = limit or min(offset, LIMIT_MAX)
    pinned: dict[str, Any] = {name: text for name, text in parameters.items() if name != "at"} | {"limit": size}
    if label is not None:
        pinned["vintage"] = label
    links = [link("self", parameters)]
    if limit is not None and offset + limit < matched:
        links.append(link("next", pinned | {"offset": offset + limit}))
    if offset > 0:
        links.append(link("prev", pinned | {"offset": max(0, min(offset, matched) - size)}))
    return links


def add_links(response: "HttpResponseBase", links: Iterable[Mapping[str, str]]) -> None:
    """Add the links to other pages of a list to the Link header (RFC 8288)."""
    pages = [f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"' for link in links if link["rel"] != "self"]
    if header := ", ".join([*pages, *filter(None, [response.headers.get("Link")])]):
        response.headers["Link"] = header


def region_names(region: "IndexedRegion | RegionRow | Region", *, code_name: str, language: str) -> dict[str, Any]:
    """Return code, DGUID, names and PRUID of a region; `code_name` is the name of the code: `hruid`, `cfsauid` or `code`."""
    return {
        code_name: region.code,
        "dguid": region.dguid,
        "name": region.name_fr if language == "fr" else region.name_en,
        "name_en": region.name_en,
        "name_fr": region.name_fr,
        "pruid": region.pruid,
    }


def warnings_payload(code: str, reused: "Mapping[str, Sequence[ReusedCode]]", language: str) -> list[dict[str, Any]]:
    """Return the warnings about a region's code; empty for nearly all codes.

    Args:
        reused: `geography.queries.changes.reused_codes` of the region's vintage.
    """
    warnings = []
    for reused_code in reused.get(code, ()):
        name = reused_code.name_fr if language == "fr" else reused_code.name_en
        warnings.append(
            {
                "type": "code-reused",
                "vintage": reused_code.vintage,
                "name": name,
                "detail": translate(
                    Message(
                        "In vintage %(vintage)s, code %(code)s identifies another region: %(name)s.",
                        vintage=reused_code.vintage,
                        code=code,
                        name=name,
                    ),
                    language,
                ),
            }
        )
    return warnings


def located_payload(
    located: "Located", *, reused: "Mapping[str, Sequence[ReusedCode]]", code_name: str, language: str
) -> dict[str, Any] | None:
    """Return the region of one coverage at a position; None without a region. `reused` as in `warnings_payload`."""
    if located.region is None:
        return None
    return region_names(located.region, code_name=code_name, language=language) | {
        "match": located.match,
        "certain": located.certain,
        "warnings": warnings_payload(located.region.code, reused, language),
        "vintage": located.vintage.label,
        "demo": located.vintage.demo,
    }


def fsa_payload(
    fsa_regions: "FsaRegions", fsa_input: "FsaInput", reused: "Mapping[str, Sequence[ReusedCode]]", language: str
) -> dict[str, Any]:
    """Return an FSA without its health regions, and the part of the input that was used; `reused` as in `warnings_payload`."""
    return {
        "code": fsa_regions.fsa.code,
        "is_split": len(fsa_regions.overlaps) > 1,
        "province": province_payload(fsa_regions.fsa.pruid, language),
        "given": "postal_code" if fsa_input.from_postal_code else "fsa",
        "used": fsa_regions.fsa.code,
        "ordered_by": fsa_regions.ordered_by,
        "people_basis": fsa_regions.people_basis,
        "share_outside": round(fsa_regions.share_outside, SHARE_DECIMALS),
        "warnings": warnings_payload(fsa_regions.fsa.code, reused, language),
        "slivers_left_out": fsa_regions.slivers,
        "artefacts": artefacts_payload(fsa_regions.artefacts, code_name="hruid", language=language),
    }


def artefacts_payload(artefacts: "Sequence[ArtefactShare]", *, code_name: str, language: str) -> list[dict[str, Any]]:
    """Return overlaps that exist only because two vintages draw the same border differently."""
    return [
        region_names(artefact.region, code_name=code_name, language=language)
        | {
            "kind": artefact.kind,
            "share_of_fsa": round(artefact.share_of_fsa, SHARE_DECIMALS),
            "width_m": artefact.width_m,
        }
        for artefact in artefacts
    ]


def shares_payload(overlap: "Share") -> dict[str, float | None]:
    """Return the shares and the area of the overlap of an FSA and a health region."""
    people = overlap.share_of_people
    return {
        "share_of_people": None if people is None else round(people, SHARE_DECIMALS),
        "share_of_fsa": round(overlap.share_of_fsa, SHARE_DECIMALS),
        "share_of_region": round(overlap.share_of_region, SHARE_DECIMALS),
        "area_km2": overlap.area_km2,
    }


def attribution(vintage: "Vintage", language: str) -> str:
    """Return the attribution that the licence of the boundaries requires."""
    return vintage.attribution_fr if language == "fr" else vintage.attribution_en


def people_attribution(basis: str | None, language: str) -> str:
    """Return the attribution that the licence of the shares of people requires; empty for shares by blocks or by area."""
    return translate(PEOPLE_ATTRIBUTION, language) if basis == "postal_codes" else ""


def joined(texts: Iterable[str]) -> str:
    """Return attributions or licences as lines, without duplicates and empty texts."""
    return "\n".join(dict.fromkeys(text for text in texts if text))

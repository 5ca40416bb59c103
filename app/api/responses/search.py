"""Payloads of the search: health regions, localities and FSAs in the same form."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from api.http.language import translate
from api.responses.payloads import SHARE_DECIMALS, province_payload
from geography.codes import fsa_province
from geography.queries.search import FoundLocality, FoundRegion
from geography.translation import Message

if TYPE_CHECKING:
    from geography.codes import FsaInput
    from geography.models import Vintage
    from geography.queries.overlaps import FsaRegions

LOCALITIES_ATTRIBUTION = Message("Localities: GeoNames postal codes (CC BY 4.0), changed.")


def match_payload(match: FoundRegion | FoundLocality, vintage: "Vintage", language: str) -> dict[str, Any]:
    """Return a health region or locality. `vintage` is the vintage in force, which contains the regions of localities."""
    return _region(match, language) if isinstance(match, FoundRegion) else _locality(match, vintage, language)


def localities_attribution(language: str) -> str:
    """Return the attribution that the licence of the localities requires."""
    return translate(LOCALITIES_ATTRIBUTION, language)


def _region(match: FoundRegion, language: str) -> dict[str, Any]:
    region, label = match.region, match.vintage.label
    return {
        "type": "health-region",
        "code": region.code,
        **_names(region, language),
        "province": province_payload(region.pruid, language),
        "position": None,
        "vintage": label,
        "former": match.former,
        "health_regions": [_health_region(region, 1.0, language)],
        "certain": None,
        "href": f"/health-regions/{region.code}.html" + (f"?{urlencode({'vintage': label})}" if match.former else ""),
    }


def _locality(match: FoundLocality, vintage: "Vintage", language: str) -> dict[str, Any]:
    locality = match.locality
    return {
        "type": "locality",
        "code": None,
        "name": locality.name,
        "name_en": locality.name,
        "name_fr": locality.name,
        "province": province_payload(locality.pruid, language),
        "position": list(locality.positions[0]),
        "vintage": vintage.label,
        "former": False,
        "health_regions": [_health_region(part.region, part.part, language) for part in match.regions],
        "certain": match.certain,
        "href": f"/health-regions/{match.regions[0].region.code}.html" if match.regions else None,
    }


def fsa_match_payload(fsa: "FsaInput", fsa_regions: "FsaRegions | None", vintage: "Vintage", language: str) -> dict[str, Any]:
    """Return an FSA with its health regions and their shares of its people or area; no regions without a boundary."""
    province = fsa_province(fsa.code)
    overlaps = fsa_regions.overlaps if fsa_regions else ()
    return {
        "type": "fsa",
        "code": fsa.code,
        "name": fsa.code,
        "name_en": fsa.code,
        "name_fr": fsa.code,
        "province": province_payload(province.pruid, language) if province else None,
        "position": None,
        "vintage": vintage.label,
        "former": False,
        "health_regions": [_health_region(share.region, share.share, language) for share in overlaps],
        "certain": len(overlaps) == 1,
        "href": f"/fsa/{fsa.code}.html" if fsa_regions else None,
    }


def _health_region(region: Any, share: float, language: str) -> dict[str, Any]:
    return {"hruid": region.code, **_names(region, language), "share": round(share, SHARE_DECIMALS)}


def _names(region: Any, language: str) -> dict[str, str]:
    return {
        "name": region.name_fr if language == "fr" else region.name_en,
        "name_en": region.name_en,
        "name_fr": region.name_fr,
    }

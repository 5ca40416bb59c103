"""Bodies of OGC API - Features: landing page, conformance, collections, features."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson

from api.http.language import translate
from api.http.links import web_address
from api.ogc.crs import DEFAULT_URI, STORAGE_URI, URIS
from api.ogc.requests import ItemsQuery, load_of
from api.responses.payloads import attribution, provenance, province_payload
from geography.queries.changes import ReusedCode, reused_codes
from geography.queries.coverages import PublishedCoverage
from geography.queries.region_rows import RegionRow
from geography.queries.tiles import vintage_bounds
from geography.translation import Message

if TYPE_CHECKING:
    from geography.models import Vintage

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
)
JSON = "application/json"
GEOJSON = "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"

_TITLE = Message("COVIDTrends Geo: boundaries of Canada")
_DESCRIPTION = Message("Health regions, forward sortation areas and other regions of Canada as features.")


def link(rel: str, href: str, media_type: str, title: str | None = None) -> dict[str, str]:
    """Return a link (RFC 8288) with an absolute address."""
    body = {"rel": rel, "type": media_type, "href": href}
    return body if title is None else body | {"title": title}


def landing_page(root: str, language: str) -> dict[str, Any]:
    """Return the landing page. Args: root: absolute URL of /ogc."""
    return {
        "title": translate(_TITLE, language),
        "description": translate(_DESCRIPTION, language),
        "links": [
            link("self", root, JSON),
            link("service-desc", f"{root}/api", OPENAPI),
            link("service-doc", f"{root.removesuffix('/ogc')}/docs", "text/html"),
            link("conformance", f"{root}/conformance", JSON),
            link("data", f"{root}/collections", JSON),
        ],
    }


def collection_address(root: str, slug: str) -> str:
    """Return the absolute URL of a collection."""
    return f"{root}/collections/{quote(slug)}"


def collection_payload(published: PublishedCoverage, vintage: "Vintage", root: str, language: str) -> dict[str, Any]:
    """Return a collection. Args: vintage: the vintage in force. Queries: 1."""
    coverage = published.coverage
    address = collection_address(root, coverage.slug)
    dated = [vintage for vintage in published.vintages if not vintage.extract]
    ends = [vintage.effective_to for vintage in dated]
    last = None if None in ends else max(end for end in ends if end is not None)
    starts = min(vintage.effective_from for vintage in dated)
    links = [
        link("self", address, JSON),
        link("items", f"{address}/items", GEOJSON, "GeoJSON"),
        link("collection", f"{root}/collections", JSON),
    ]
    if licence_url := web_address(vintage.licence_url):
        links.append(link("license", licence_url, "text/html", vintage.licence))
    return {
        "id": coverage.slug,
        "title": coverage.name_fr if language == "fr" else coverage.name_en,
        "description": translate(
            Message("Regions of vintage %(vintage)s, in force today. Others by datetime or vintage.", vintage=vintage.label),
            language,
        ),
        "attribution": attribution(vintage, language),
        "itemType": "feature",
        "extent": {
            "spatial": {"bbox": [vintage_bounds(vintage)], "crs": DEFAULT_URI},
            "temporal": {
                "interval": [[f"{starts}T00:00:00Z", None if last is None else f"{last}T00:00:00Z"]],
                "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
            },
        },
        "crs": list(URIS),
        "storageCrs": STORAGE_URI,
        "links": links,
    }


def feature_payload(
    row: RegionRow, *, vintage: "Vintage", crs: str, reused: Mapping[str, Sequence[ReusedCode]]
) -> dict[str, Any]:
    """Return a region as a feature. The properties are texts and numbers, which tables of GIS programs can hold.

    `code_reused_in`: labels of other published vintages in which the code means another place; null for nearly all codes.
    """
    shape = row.shape_in(crs)
    province = province_payload(row.pruid, "en")
    return {
        "type": "Feature",
        "id": row.code,
        "geometry": orjson.Fragment(shape) if isinstance(shape, str) else shape,
        "properties": {
            "code": row.code,
            "dguid": row.dguid,
            "name_en": row.name_en,
            "name_fr": row.name_fr,
            "pruid": row.pruid or None,
            "province": None if province is None else province["abbreviation"],
            "population": row.population,
            "land_area_km2": row.land_area_km2,
            "area_km2": row.area_km2,
            "vintage": vintage.label,
            "valid_from": vintage.effective_from,
            "valid_to": vintage.effective_to,
            "code_reused_in": ",".join(code.vintage for code in reused.get(row.code, ())) or None,
        },
    }


def page_payload(
    rows: Sequence[RegionRow],
    *,
    matched: int,
    vintage: "Vintage",
    query: ItemsQuery,
    address: str,
    parameters: Mapping[str, str],
    language: str,
) -> dict[str, Any]:
    """Return a page of features.

    Args:
        matched: number of features on all pages.
        address: absolute URL of the collection.
        parameters: query parameters of the request.

    Queries: those of `reused_codes`.
    """
    reused = reused_codes(vintage)
    features = [feature_payload(row, vintage=vintage, crs=query.crs, reused=reused) for row in rows]
    # Pages after the first continue the same load of the vintage, whatever is published in between.
    pinned = {name: text for name, text in parameters.items() if name not in ("datetime", "offset")}
    pinned |= {"limit": str(query.limit), "vintage": vintage.label, "load": load_of(vintage.load_id)}

    def page(rel: str, offset: int) -> dict[str, str]:
        return link(rel, f"{address}/items?{urlencode(pinned | {'offset': str(offset)})}", GEOJSON)

    links = [
        link("self", f"{address}/items{'?' if parameters else ''}{urlencode(parameters)}", GEOJSON),
        link("collection", address, JSON),
    ]
    following = query.offset + len(features)
    if features and following < matched:
        links.append(page("next", following))
    if query.offset:
        links.append(page("prev", max(0, min(query.offset, matched) - query.limit)))
    return collection_of(features, matched, links) | provenance({"vintage": vintage}, language)


def collection_of(features: Sequence[Mapping[str, Any]], matched: int, links: list[dict[str, str]]) -> dict[str, Any]:
    """Return a FeatureCollection with the members of OGC API - Features."""
    return {
        "type": "FeatureCollection",
        "numberMatched": matched,
        "numberReturned": len(features),
        "timeStamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "links": links,
        "features": features,
    }


def single_payload(
    row: RegionRow, *, vintage: "Vintage", crs: str, address: str, self_address: str, language: str
) -> dict[str, Any]:
    """Return one feature with its links and its source. Queries: those of `reused_codes`."""
    feature = feature_payload(row, vintage=vintage, crs=crs, reused=reused_codes(vintage))
    links = [link("self", self_address, GEOJSON), link("collection", address, JSON)]
    return feature | {"links": links} | provenance({"vintage": vintage}, language)

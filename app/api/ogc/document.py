"""OpenAPI 3.0 document of OGC API - Features, rendered from the request parsers.

Separate from the OpenAPI 3.1 document of the service: conformance class oas30 requires version 3.0, and clients of the standard
read the paths of each collection and the parameter `limit` in this document.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from api.http.renderers import PROBLEM_MEDIA_TYPE
from api.ogc import requests
from api.ogc.payloads import GEOJSON, JSON, OPENAPI
from api.requests.parameters import PROVINCE
from api.requests.parser import Parameter, RequestParser

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NULLABLE_TEXT: Schema = {"type": "string", "nullable": True}
_NULLABLE_NUMBER: Schema = {"type": "number", "nullable": True}
_LINKS: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _feature(**more: Schema) -> Schema:
    return _object(
        {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": _TEXT,
            "geometry": {"$ref": "#/components/schemas/geometry"},
            "properties": {"$ref": "#/components/schemas/regionProperties"},
            **more,
        },
        *("type", "id", "geometry", "properties", *more),
    )


# The standard defines the style of its parameters. QGIS takes all others of this style for properties to filter by.
_NOT_EXPLODED = (
    *(requests.LIMIT, requests.BBOX, requests.BBOX_CRS, requests.CRS_PARAMETER, requests.DATETIME),
    *(requests.CODE, PROVINCE),
)
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SCHEMAS: Schema = {
    "link": _object({"href": _TEXT, "rel": _TEXT, "type": _TEXT, "title": _TEXT}, "href", "rel"),
    "landingPage": _object({"title": _TEXT, "description": _TEXT, "links": _LINKS}, "links"),
    "confClasses": _object({"conformsTo": {"type": "array", "items": _TEXT}}, "conformsTo"),
    "collection": _object(
        {
            **dict.fromkeys(("id", "title", "description", "attribution", "itemType", "storageCrs"), _TEXT),
            "extent": {"type": "object"},
            "crs": {"type": "array", "items": _TEXT},
            "links": _LINKS,
        },
        *("id", "links", "extent", "crs"),
    ),
    "collections": _object(
        {"links": _LINKS, "collections": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}}},
        *("links", "collections"),
    ),
    "geometry": _object(
        {"type": {"type": "string", "enum": ["Polygon", "MultiPolygon"]}, "coordinates": {"type": "array", "items": {}}},
        *("type", "coordinates"),
    ),
    "regionProperties": _object(
        {
            **dict.fromkeys(("code", "name_en", "name_fr", "vintage"), _TEXT),
            **dict.fromkeys(("dguid", "pruid", "province", "code_reused_in"), _NULLABLE_TEXT),
            "population": {"type": "integer", "nullable": True},
            "land_area_km2": _NULLABLE_NUMBER,
            "area_km2": {"type": "number"},
            "valid_from": {"type": "string", "format": "date"},
            "valid_to": {"type": "string", "format": "date", "nullable": True},
        },
        *("code", "vintage"),
    ),
    "feature": _feature(),
    "featureGeoJSON": _feature(links=_LINKS),
    "featureCollectionGeoJSON": _object(
        {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "numberMatched": _COUNT,
            "numberReturned": _COUNT,
            "timeStamp": {"type": "string", "format": "date-time"},
            "links": _LINKS,
            "features": {"type": "array", "items": {"$ref": "#/components/schemas/feature"}},
        },
        *("type", "features", "numberReturned", "links"),
    ),
    "exception": _object({"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT}, "type", "title"),
}


def document(root: str, collections: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the document. Args: root: absolute URL of /ogc; collections: name and title of each collection."""
    paths = {
        "/": _operation(requests.PLAIN, "getLandingPage", "Landing page", {JSON: "landingPage"}),
        "/conformance": _operation(requests.PLAIN, "getConformance", "Conformance classes", {JSON: "confClasses"}),
        "/collections": _operation(requests.PLAIN, "getCollections", "Collections", {JSON: "collections"}),
        "/api": _operation(requests.PLAIN, "getApi", "OpenAPI document", {OPENAPI: None}),
    }
    shared: dict[str, Parameter] = {}
    for name, title in collections:
        path = f"/collections/{quote(name)}"
        collection = _operation(requests.ONE_COLLECTION, f"get.{name}", f"Collection: {title}", {JSON: "collection"})
        items = _operation(requests.ITEMS, f"getFeatures.{name}", f"Features: {title}", {GEOJSON: "featureCollectionGeoJSON"})
        feature = _operation(requests.FEATURE, f"getFeature.{name}", f"One feature: {title}", {GEOJSON: "featureGeoJSON"})
        paths |= {path: collection, f"{path}/items": items, f"{path}/items/{{featureId}}": feature}
    for parser in (requests.PLAIN, requests.ITEMS, requests.FEATURE):
        shared |= {_key(parameter): parameter for parameter in parser.query}
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "COVIDTrends Geo: OGC API - Features",
            "version": "1.0.0",
            "description": "The published coverages as collections. The whole service is documented at /docs.",
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "servers": [{"url": root}],
        "security": [],
        "paths": paths,
        "components": {
            "parameters": {
                **{name: _parameter(parameter, "query") for name, parameter in shared.items()},
                requests.FEATURE_ID.name: _parameter(requests.FEATURE_ID, "path"),
            },
            "schemas": _SCHEMAS,
        },
    }


def _key(parameter: Parameter) -> str:
    """Return the name of a parameter in `components`: `f` differs by resource."""
    return "fItems" if parameter is requests.F_ITEMS else parameter.name


def _parameter(parameter: Parameter, location: str) -> Schema:
    style: Schema = {"style": "form", "explode": False} if parameter in _NOT_EXPLODED else {}
    return style | {
        "name": parameter.name,
        "in": location,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _operation(parser: RequestParser[Any], operation_id: str, summary: str, content: dict[str, str | None]) -> dict[str, Any]:
    parameters = [{"$ref": f"#/components/parameters/{_key(parameter)}"} for parameter in parser.query]
    if requests.FEATURE_ID in parser.path:
        parameters.insert(0, {"$ref": f"#/components/parameters/{requests.FEATURE_ID.name}"})
    body: Schema = {
        media_type: {"schema": {"type": "object"} if schema is None else {"$ref": f"#/components/schemas/{schema}"}}
        for media_type, schema in content.items()
    }
    problem: Schema = {
        "description": "Problem document (RFC 9457).",
        "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/exception"}}},
    }
    statuses = ["400", "default"] if not parser.path else ["400", "404", "default"]
    return {
        "get": {
            "operationId": operation_id,
            "summary": summary,
            "parameters": parameters,
            "responses": {"200": {"description": summary, "content": body}} | dict.fromkeys(statuses, problem),
        }
    }

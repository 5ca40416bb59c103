"""Schemas of regions as features, and of the overlaps of FSAs and health regions."""

from api.openapi.schemas.parts import (
    CFSAUID,
    DGUID,
    HRUID,
    LINKS,
    NAMES,
    ONE_VINTAGE,
    PRUID,
    REGION,
    SHARES,
    SLIVERS,
    TWO_VINTAGES,
    WARNINGS,
    Schema,
    array,
    artefacts,
    collection,
    feature,
    named,
    number,
    or_null,
    record,
    ref,
    text,
)

HEALTH_REGION: Schema = {"hruid": HRUID, **REGION}
FSA: Schema = {"cfsauid": CFSAUID, **REGION}
ANY: Schema = {"code": text("Code of the region; unique within a vintage only."), **REGION}


RINGS = array(array(ref("Coordinates")))


def _geometry(name: str, coordinates: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": {"type": {"type": "string", "const": name}, "coordinates": coordinates},
        "required": ["type", "coordinates"],
    }


def _neighbours(properties: Schema, code: Schema, what: str) -> Schema:
    return collection(
        feature(
            properties | {"border_km": number("Length of the common border, on the ellipsoid; 0 where they meet at a point.")}
        ),
        {
            "region": record({**named(code), "warnings": WARNINGS}, description="The region asked for."),
            "tolerance_m": or_null(number("How far apart lines may lie and still be one border; null without neighbours.")),
            **ONE_VINTAGE,
        },
        f"{what}, longest border first.",
    )


COMPONENTS: dict[str, Schema] = {
    "Province": record(
        {"pruid": PRUID, "abbreviation": text("Canada Post's two letters."), **NAMES}, description="A province or territory."
    ),
    "Link": record(
        {
            "rel": text("What it leads to.", enum=["self", "next", "prev", "regions", "map", "cube", "series"]),
            "type": text("Its media type."),
            "href": text("Reference, relative to the host. `next` and `prev` name the vintage.", format="uri-reference"),
        }
    ),
    "Coordinates": array({"type": "number"}, minItems=2, maxItems=2, description="Longitude, latitude."),
    "Polygon": _geometry("Polygon", RINGS, "GeoJSON Polygon: the exterior ring counter-clockwise, then holes clockwise."),
    "MultiPolygon": _geometry("MultiPolygon", array(RINGS), "GeoJSON MultiPolygon: polygons, each as `Polygon`."),
    "Geometry": {
        "oneOf": [ref("Polygon"), ref("MultiPolygon")],
        "description": "GeoJSON geometry (RFC 7946) in WGS 84, longitude first. d3-geo expects the opposite order of vertices: "
        "reverse every ring before drawing with it.",
    },
    "HealthRegionFeature": record(
        {**feature(HEALTH_REGION, chosen=True), **ONE_VINTAGE}, optional=("notice",), description="A health region."
    ),
    "HealthRegionCollection": collection(
        feature(HEALTH_REGION, chosen=True), {**LINKS, **ONE_VINTAGE}, "Health regions in the order of their codes."
    ),
    "FsaFeature": record(
        {**feature(FSA, chosen=True), **ONE_VINTAGE}, optional=("notice",), description="A forward sortation area."
    ),
    "FsaCollection": collection(feature(FSA, chosen=True), {**LINKS, **ONE_VINTAGE}, "FSAs in the order of their codes."),
    "RegionFeature": record(
        {**feature(ANY, chosen=True), **ONE_VINTAGE}, optional=("notice",), description="A region of any coverage."
    ),
    "RegionCollection": collection(
        feature(ANY, chosen=True), {**LINKS, **ONE_VINTAGE}, "Regions of a coverage in the order of their codes."
    ),
    "FsaHealthRegions": collection(
        feature({**HEALTH_REGION, **SHARES, "region_area_km2": number("Area of the whole region.")}),
        {
            "fsa": ref("Fsa"),
            **TWO_VINTAGES,
        },
        "The health regions that an FSA belongs to, largest share first.",
    ),
    "HealthRegionFsas": collection(
        feature({**FSA, **SHARES, "fsa_area_km2": number("Area of the whole FSA.")}),
        {
            "health_region": record(
                {
                    "hruid": HRUID,
                    "dguid": DGUID,
                    **NAMES,
                    "pruid": PRUID,
                    "warnings": WARNINGS,
                    "slivers_left_out": SLIVERS,
                    "artefacts": artefacts({"cfsauid": CFSAUID}),
                },
                description="The health region asked for.",
            ),
            **TWO_VINTAGES,
        },
        "The FSAs that a health region holds all or a part of, in the order of their codes.",
    ),
    "HealthRegionNeighbours": _neighbours(HEALTH_REGION, {"hruid": HRUID}, "The health regions that a health region touches"),
    "RegionNeighbours": _neighbours(ANY, {"code": ANY["code"]}, "The regions of the same coverage that a region touches"),
}

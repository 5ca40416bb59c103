"""Schemas of region features, and of overlaps of FSAs and health regions."""

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
ANY: Schema = {"code": text("Code of the region, unique within a vintage."), **REGION}


RINGS = array(array(ref("Coordinates")))


def _geometry(name: str, coordinates: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": {"type": {"type": "string", "const": name}, "coordinates": coordinates},
        "required": ["type", "coordinates"],
    }


def _neighbours(name: str, properties: Schema, code: Schema, description: str) -> Schema:
    return collection(
        feature(
            properties
            | {"border_km": number("Length of the common border on the ellipsoid, in km; 0 if the regions meet at a point.")},
            f"{name}Properties",
        ),
        name,
        {
            "region": record({**named(code), "warnings": WARNINGS}, description="The requested region.", name=f"{name}Of"),
            "tolerance_m": or_null(
                number("Maximum distance, in metres, between two lines that count as a common border; null without neighbours.")
            ),
            **ONE_VINTAGE,
        },
        f"{description}, longest border first.",
    )


COMPONENTS: dict[str, Schema] = {
    "Province": record(
        {"pruid": PRUID, "abbreviation": text("Two-letter abbreviation."), **NAMES}, description="A province or territory."
    ),
    "Link": record(
        {
            "rel": text("Relation of the target.", enum=["self", "next", "prev", "regions", "map", "cube", "series"]),
            "type": text("Media type of the target."),
            "href": text("URL, relative to the host. `next` and `prev` name the vintage.", format="uri-reference"),
        }
    ),
    "Coordinates": array({"type": "number"}, minItems=2, maxItems=2, description="Longitude, latitude."),
    "Polygon": _geometry("Polygon", RINGS, "GeoJSON Polygon: the exterior ring counter-clockwise, then holes clockwise."),
    "MultiPolygon": _geometry("MultiPolygon", array(RINGS), "GeoJSON MultiPolygon: polygons, each as `Polygon`."),
    "Geometry": {
        "oneOf": [ref("Polygon"), ref("MultiPolygon")],
        "description": "GeoJSON geometry (RFC 7946) in WGS 84, longitude first. d3-geo expects the opposite winding order: "
        "reverse every ring before drawing with it.",
    },
    "HealthRegionFeature": record(
        {**feature(HEALTH_REGION, "HealthRegionProperties", selectable=True), **ONE_VINTAGE},
        optional=("notice",),
        description="A health region.",
    ),
    "HealthRegionCollection": collection(
        feature(HEALTH_REGION, "HealthRegionProperties", selectable=True),
        "HealthRegionCollectionFeature",
        {**LINKS, **ONE_VINTAGE},
        "Health regions in the order of their codes.",
    ),
    "FsaFeature": record(
        {**feature(FSA, "FsaProperties", selectable=True), **ONE_VINTAGE},
        optional=("notice",),
        description="A forward sortation area.",
    ),
    "FsaCollection": collection(
        feature(FSA, "FsaProperties", selectable=True),
        "FsaCollectionFeature",
        {**LINKS, **ONE_VINTAGE},
        "FSAs in the order of their codes.",
    ),
    "RegionFeature": record(
        {**feature(ANY, "RegionProperties", selectable=True), **ONE_VINTAGE},
        optional=("notice",),
        description="A region of any coverage.",
    ),
    "RegionCollection": collection(
        feature(ANY, "RegionProperties", selectable=True),
        "RegionCollectionFeature",
        {**LINKS, **ONE_VINTAGE},
        "Regions of a coverage in the order of their codes.",
    ),
    "FsaHealthRegions": collection(
        feature(
            {**HEALTH_REGION, **SHARES, "region_area_km2": number("Area of the whole region, in km².")},
            "FsaHealthRegionProperties",
        ),
        "FsaHealthRegion",
        {
            "fsa": ref("Fsa"),
            **TWO_VINTAGES,
        },
        "Health regions that overlap an FSA, by share of its people, or of its area where people are not known; largest first.",
    ),
    "HealthRegionFsas": collection(
        feature({**FSA, **SHARES, "fsa_area_km2": number("Area of the whole FSA, in km².")}, "HealthRegionFsaProperties"),
        "HealthRegionFsa",
        {
            "health_region": record(
                {
                    "hruid": HRUID,
                    "dguid": DGUID,
                    **NAMES,
                    "pruid": PRUID,
                    "warnings": WARNINGS,
                    "slivers_left_out": SLIVERS,
                    "artefacts": artefacts({"cfsauid": CFSAUID}, "FsaArtefact"),
                },
                description="The requested health region.",
                name="HealthRegionOfFsas",
            ),
            **TWO_VINTAGES,
        },
        "FSAs that overlap a health region, in the order of their codes.",
    ),
    "HealthRegionNeighbours": _neighbours(
        "HealthRegionNeighbour", HEALTH_REGION, {"hruid": HRUID}, "Neighbours of a health region"
    ),
    "RegionNeighbours": _neighbours(
        "RegionNeighbour", ANY, {"code": ANY["code"]}, "Neighbours of a region in the same coverage"
    ),
}

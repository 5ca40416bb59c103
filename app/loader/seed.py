"""Seed data: fake boundaries for development, loaded through the same pipeline as real ones."""

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
# South-west corner of the grid in EPSG:3347, in the middle of the country.
_WEST, _SOUTH = 5_600_000.0, 1_700_000.0
_LETTERS = "ABCEGHJKLMNPRSTVWXYZ"


def seed(number: int, *, steps: Steps) -> list[Outcome]:
    """Publish `number` fake health regions and `number` fake FSAs that overlap them, in one transaction.

    The same number gives the same data. Both vintages have `demo` set.

    Raises: SourceError for a number out of range; PublishError where real boundaries are published.
    """
    if not 1 <= number <= MOST:
        raise SourceError(f"Invalid number of fake regions: it must be from 1 to {MOST}.")
    real = Vintage.objects.select_related("coverage").filter(status=Status.PUBLISHED, demo=False).first()
    if real is not None:
        raise PublishError(f"This database holds real boundaries ({real}): fake data is refused.")
    codes = {COVERAGE_HEALTH_REGIONS: _hruid, COVERAGE_FSA: _cfsauid}
    # FSAs are shifted by a fifth of a cell: most lie in several regions, as real ones do, with the largest share in one.
    shifts = {COVERAGE_HEALTH_REGIONS: 0.0, COVERAGE_FSA: _CELL_M / 5}
    # Health regions are published first. FSAs of an earlier demonstration lie outside of them and would fail the gate.
    acceptance = Acceptance(frozenset({"shares"}), "Fake regions do not cover the FSAs of the demonstration that they replace.")
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
    """Return a well-formed HRUID that no health region has: in no province are 76 to 94 in use."""
    return f"{PROVINCES[index % len(PROVINCES)].pruid}{94 - index // len(PROVINCES):02d}"


def _cfsauid(index: int) -> str:
    """Return a well-formed FSA that Canada Post does not use: with the letter Y, only Y0A, Y0B and Y1A exist."""
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
    """Return the rings of a grid with displaced corners. Neighbours share corners, so the coverage is valid."""
    columns = max(int(number**0.5), 1)

    def corner(column: int, row: int) -> list[float]:
        displacement = random.Random(column * 1_000 + row)  # noqa: S311 - the same number gives the same data
        x = _WEST + shift + (column + displacement.uniform(-0.2, 0.2)) * _CELL_M
        y = _SOUTH + shift + (row + displacement.uniform(-0.2, 0.2)) * _CELL_M
        return [round(x, 1), round(y, 1)]

    rings = []
    for index in range(number):
        column, row = index % columns, index // columns
        corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
        rings.append([corner(column + right, row + up) for right, up in corners])
    return rings

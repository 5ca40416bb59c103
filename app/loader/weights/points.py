"""Positions of people: dissemination blocks where a block file is loaded, postal codes otherwise."""

import csv
import gzip
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.conf import settings

from indicators.models import BlockPoint

BLOCKS, POSTAL_CODES = "blocks", "postal_codes"
POSTAL_POINTS_FILE = Path(settings.REPO_DIR) / "geodata" / "localities" / "postal_points.csv.gz"

Floats = npt.NDArray[np.float64]


class Points(NamedTuple):
    """Positions of people, one element each.

    Attributes:
        basis: `blocks` or `postal_codes`.
        lon, lat: WGS 84 degrees.
        fsa: code of the FSA; None for blocks, which do not name it.
        weight: people within an FSA, up to a factor for each FSA: inhabitants, or the number of postal codes.
        people: inhabitants. Those of an FSA are divided among its postal codes; 0 for an FSA without a census population.
    """

    basis: str
    lon: Floats
    lat: Floats
    fsa: npt.NDArray[np.str_] | None
    weight: Floats
    people: Floats


def read_points() -> Points:
    """Return the points of the loaded block file, else those of the embedded postal codes. Queries: 1."""
    rows = list(BlockPoint.objects.values_list("lon", "lat", "people"))
    if not rows:
        return _postal_points(POSTAL_POINTS_FILE)
    lon, lat, people = np.array(rows, dtype=np.float64).T
    return Points(BLOCKS, lon, lat, None, people, people)


@cache
def _postal_points(path: Path) -> Points:
    columns: list[tuple[str, float, float, int, float]] = []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            points = [point.split() for point in row["points"].split(";")]
            codes = sum(int(count) for _, _, count in points)
            people = int(row["people"] or 0) / codes
            columns += [(row["fsa"], float(lon), float(lat), int(count), people * int(count)) for lon, lat, count in points]
    fsa, lon, lat, weight, inhabitants = zip(*columns, strict=True)
    return Points(
        POSTAL_CODES,
        np.array(lon),
        np.array(lat),
        np.array(fsa),
        np.array(weight, dtype=np.float64),
        np.array(inhabitants, dtype=np.float64),
    )

"""Lookup of columns of positions: the engine answers the valid ones around Canada, in chunks."""

from typing import NamedTuple

import numpy as np

from covidtrends_geo.answers import NONE, Answers, answers
from covidtrends_geo.constants import ACCURACY_FACTOR, DATUM_UNCERTAINTY_M, NO_REGION
from covidtrends_geo.engine import Engine
from covidtrends_geo.projection import around_canada
from covidtrends_geo.quadtree import Floats

# Positions per call of the engine: enough that numpy's calls take little of the time.
CHUNK = 16_384


class Columns(NamedTuple):
    """Answers for columns of positions, one element each.

    Attributes:
        valid: whether latitude and longitude are finite numbers in their range. An invalid position has match `none`, no
            region, and is not certain.
        answers: see `answers.Answers`.
    """

    valid: np.ndarray
    answers: Answers


def locate_columns(
    engine: Engine,
    lon: Floats,
    lat: Floats,
    *,
    accuracy_m: float = 0.0,
    max_distance_m: float = 0.0,
    border: bool = False,
) -> Columns:
    """Return the answers for positions in WGS 84 (EPSG:4326), decimal degrees, in the same order.

    Positions far outside Canada have match `none`, which is certain. At the pole every longitude is the same point.

    Args:
        lon, lat: arrays of float64 of one length; NaN for a missing number.
        accuracy_m: radius around a position that contains the true position in 95 of 100 cases.
        max_distance_m: greatest distance of the nearest region where none covers.
        border: whether to find the nearest other region of positions that a region covers, and its distance.
    """
    radius_m = max(accuracy_m * ACCURACY_FACTOR, DATUM_UNCERTAINTY_M)
    with np.errstate(invalid="ignore"):
        valid = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
        around = np.flatnonzero(valid & around_canada(lon, lat))
    count = len(lon)
    columns = Answers(
        match=np.full(count, NONE, dtype=np.uint8),
        region=np.full(count, NO_REGION),
        distance_m=np.full(count, np.nan),
        certain=valid.copy(),
        uncertainty_m=np.where(valid, radius_m, np.nan),
        neighbour=np.full(count, NO_REGION),
        distance_to_border_m=np.full(count, np.nan),
    )
    for first in range(0, len(around), CHUNK):
        chunk = around[first : first + CHUNK]
        hits = engine.hits(lon[chunk], lat[chunk], radius_m, nearest_m=max_distance_m, border=border)
        for column, values in zip(columns, answers(hits, radius_m, max_distance_m, engine.misfits), strict=True):
            column[chunk] = values
    return Columns(valid, columns)

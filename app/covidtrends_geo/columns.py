"""Lookup of columns of positions: the engine answers the valid ones around Canada, in chunks."""

from typing import Any, NamedTuple

import numpy as np

from covidtrends_geo.answers import COVERS, NONE, Answers, answers
from covidtrends_geo.bulk.positions import plausible
from covidtrends_geo.constants import ACCURACY_FACTOR, DATUM_UNCERTAINTY_M, NO_REGION
from covidtrends_geo.engine import Engine, Positions
from covidtrends_geo.projection import around_canada
from covidtrends_geo.quadtree import Floats, Integers

# Batch size: positions per call of the engine, enough that numpy's calls take little of the time.
CHUNK = 16_384


class Placed(NamedTuple):
    """Columns of positions, projected once for all engines.

    Attributes:
        valid: whether latitude and longitude are finite numbers in their range.
        indexes: of the valid positions around Canada, in the order of their keys: neighbours need the same parts of a file.
        at: those positions.
    """

    valid: Any
    indexes: Integers
    at: Positions

    @classmethod
    def of(cls, lon: Floats, lat: Floats) -> "Placed":
        """Return positions in WGS 84 (EPSG:4326), decimal degrees; NaN for a missing number."""
        with np.errstate(invalid="ignore"):
            valid = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
            around = np.flatnonzero(valid & around_canada(lon, lat))
        at = Positions.of(lon[around], lat[around])
        order = np.argsort(at.keys)
        return cls(valid, around[order], at.where(order))

    @classmethod
    def of_plausible(cls, lon: Floats, lat: Floats) -> "Placed":
        """Return positions as `of`. Those that are not plausible (`bulk.positions.plausible`) are not valid."""
        good = plausible(lon, lat)
        return cls.of(lon, lat) if good.all() else cls.of(np.where(good, lon, np.nan), np.where(good, lat, np.nan))


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
    placed = Placed.of(lon, lat)
    return Columns(
        placed.valid,
        locate_placed(engine, placed, accuracy_m=accuracy_m, max_distance_m=max_distance_m, border=border),
    )


def locate_placed(
    engine: Engine, placed: Placed, *, accuracy_m: float = 0.0, max_distance_m: float = 0.0, border: bool = False
) -> Answers:
    """Return the answers for positions: see `locate_columns`."""
    radius_m = max(accuracy_m * ACCURACY_FACTOR, DATUM_UNCERTAINTY_M)
    valid, indexes, at = placed
    count = len(valid)
    columns = Answers(
        match=np.full(count, NONE, dtype=np.uint8),
        region=np.full(count, NO_REGION),
        distance_m=np.full(count, np.nan),
        certain=valid.copy(),
        uncertainty_m=np.where(valid, radius_m, np.nan),
        neighbour=np.full(count, NO_REGION),
        distance_to_border_m=np.full(count, np.nan),
    )
    rest = np.arange(len(indexes))
    if not border:
        region, misfits, settled = engine.settled(at, radius_m)
        rest, inside = np.flatnonzero(~settled), indexes[settled]
        columns.match[inside], columns.region[inside], columns.distance_m[inside] = COVERS, region[settled], 0.0
        columns.uncertainty_m[inside] = radius_m + misfits[settled]
    for first in range(0, len(rest), CHUNK):
        chunk = rest[first : first + CHUNK]
        hits = engine.hits_at(at.where(chunk), radius_m, nearest_m=max_distance_m, border=border, all_near=False)
        for column, values in zip(columns, answers(hits, radius_m, max_distance_m, engine.misfits), strict=True):
            column[indexes[chunk]] = values
    return columns

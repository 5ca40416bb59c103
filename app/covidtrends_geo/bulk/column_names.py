"""Column detection: the columns of a table, or members of a JSON object, that hold the input, by name or by rank."""

from collections.abc import Sequence
from functools import lru_cache

from covidtrends_geo.bulk.text import normalize

NAME_MAX_CHARACTERS = 60

# Likely names, normalized (`normalize_name`), most likely first; names of a rank pair with those of the same rank of the other
# list. stop_lat is from GTFS, decimalLatitude from Darwin Core. X and Y, from ArcGIS, are last, since they are often in metres.
LAT_RANKS = (
    ("lat",),
    ("latitude",),
    ("decimallatitude",),
    ("stoplat",),
    ("geolat", "geolatitude", "gpslat", "gpslatitude", "latwgs84", "latitudewgs84", "latdd", "latitudedd"),
    ("y",),
)
LON_RANKS = (
    ("lon", "lng", "long"),
    ("longitude",),
    ("decimallongitude",),
    ("stoplon", "stoplng"),
    (
        *("geolon", "geolng", "geolong", "geolongitude", "gpslon", "gpslng", "gpslong", "gpslongitude"),
        *("lonwgs84", "longwgs84", "longitudewgs84", "londd", "longdd", "longitudedd"),
    ),
    ("x",),
)
Ranks = Sequence[Sequence[str]]


def normalize_name(name: str) -> str:
    """Return a column's name without case, accents, spaces and punctuation: `Decimal_Latitude` is `decimallatitude`."""
    return _normalize_name(name) if len(name) <= NAME_MAX_CHARACTERS else ""


@lru_cache(maxsize=4096)
def _normalize_name(name: str) -> str:
    return normalize(name).replace(" ", "")


def indexes_by_rank(names: Sequence[str], columns: Sequence[Ranks]) -> list[int] | None:
    """Return the index of each column among the names; None if a column is missing.

    Uses the first rank in which all columns are present, otherwise the best rank of each column. The first of equal names
    counts.

    Args:
        columns: the likely names of each column.
    """
    normalized = [normalize_name(name) for name in names]
    for same_rank in zip(*columns, strict=True):
        paired = [_first_index(normalized, likely_names) for likely_names in same_rank]
        if None not in paired:
            return [index for index in paired if index is not None]
    indexes = []
    for ranks in columns:
        index = _first_index(normalized, [name for likely_names in ranks for name in likely_names])
        if index is None:
            return None
        indexes.append(index)
    return indexes


def _first_index(normalized: Sequence[str], likely_names: Sequence[str]) -> int | None:
    return next((normalized.index(name) for name in likely_names if name in normalized), None)

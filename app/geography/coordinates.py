"""Positions and boxes on the ground: the only place where text becomes coordinates."""

import math
from typing import NamedTuple

from geography.errors import CoordinateInvalid

# Canada with its waters, generously: used to guess at swapped or unsigned coordinates and to refuse files from elsewhere.
CANADA_WEST, CANADA_SOUTH, CANADA_EAST, CANADA_NORTH = -142.0, 41.0, -52.0, 84.0

_MAX_DIGITS = 40


class LonLat(NamedTuple):
    """A position in WGS 84 (EPSG:4326), decimal degrees, longitude first."""

    lon: float
    lat: float


class Bbox(NamedTuple):
    """A query box in WGS 84 decimal degrees. `west > east` means that it crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float


def parse_position(*, lat: str, lon: str) -> LonLat:
    """Read a latitude and a longitude in decimal degrees.

    Raises: CoordinateInvalid for text that is no finite number, for values out of range, and for a pair that lies in Canada
    only once it is swapped or its longitude is made negative; the hint then holds the corrected pair.
    """
    latitude, longitude = _number(lat, "lat"), _number(lon, "lon")
    hint = _likely_meant(latitude, longitude)
    if not -90 <= latitude <= 90:
        raise CoordinateInvalid("A latitude lies between -90 and 90.", parameter="lat", hint=hint)
    if not -180 <= longitude <= 180:
        raise CoordinateInvalid("A longitude lies between -180 and 180.", parameter="lon", hint=hint)
    if hint:
        raise CoordinateInvalid("This position is far outside Canada.", parameter="lon", hint=hint)
    # -0.0 and 0.0 are one place; the sum makes them one value.
    return LonLat(lon=longitude + 0.0, lat=latitude + 0.0)


def parse_bbox(text: str) -> Bbox:
    """Read `west,south,east,north` in decimal degrees (RFC 7946, section 5).

    `west > east` is allowed and means a box across the antimeridian.

    Raises: CoordinateInvalid for anything but four finite numbers in range with south <= north.
    """
    parts = text.split(",")
    if len(parts) != 4:
        raise CoordinateInvalid("bbox takes four numbers: west,south,east,north.", parameter="bbox")
    west, south, east, north = (_number(part, "bbox") for part in parts)
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        raise CoordinateInvalid(
            "bbox is west,south,east,north in degrees: longitudes from -180 to 180, latitudes from -90 to 90.",
            parameter="bbox",
        )
    if south > north:
        raise CoordinateInvalid(
            "The south of a bbox cannot lie north of its north.",
            parameter="bbox",
            hint=f"Did you mean {west:.12g},{north:.12g},{east:.12g},{south:.12g}?",
        )
    return Bbox(west, south, east, north)


def _number(text: str, parameter: str) -> float:
    # float() also reads "1_000", "nan", "infinity" and digits of other scripts; none of them is a coordinate.
    stripped = text.strip()
    if not stripped or len(stripped) > _MAX_DIGITS or not stripped.isascii() or "_" in stripped:
        raise CoordinateInvalid(f"{parameter} must be a number in decimal degrees.", parameter=parameter)
    try:
        value = float(stripped)
    except ValueError:
        raise CoordinateInvalid(f"{parameter} must be a number in decimal degrees.", parameter=parameter) from None
    if not math.isfinite(value):
        raise CoordinateInvalid(f"{parameter} must be a finite number.", parameter=parameter)
    return value


def _in_canada(lat: float, lon: float) -> bool:
    return CANADA_SOUTH <= lat <= CANADA_NORTH and CANADA_WEST <= lon <= CANADA_EAST


def _likely_meant(lat: float, lon: float) -> str | None:
    """Return the corrected pair where the given one lies in Canada only after swapping or a change of sign."""
    if _in_canada(lat, lon):
        return None
    for guess_lat, guess_lon in ((lat, -lon), (lon, lat), (-lon, lat), (lon, -lat)):
        if _in_canada(guess_lat, guess_lon):
            return f"Did you mean lat={guess_lat:.12g}&lon={guess_lon:.12g}?"
    return None

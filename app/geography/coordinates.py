"""Parsing and validation of positions, bounding boxes and tile addresses."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from covidtrends_geo.constants import (
    ALL_LONGITUDES,
    CANADA_EAST,
    CANADA_NORTH,
    CANADA_SOUTH,
    CANADA_WEST,
    REACH_DEGREES,
)
from geography.constants import CRS84, EPSG_3347, EPSG_4326, MERCATOR_RADIUS_M, TILE_ZOOM_MAX
from geography.errors import CoordinateInvalid, TileUnknown
from geography.normalize import plain
from geography.translation import Message

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


class LambertBox(NamedTuple):
    """A query box in EPSG:3347, metres: easting and northing of two corners, the smaller ones first."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class TileAddress:
    """Address of a tile in the XYZ scheme (EPSG:3857): rows count from the north.

    Raises: TileUnknown for a zoom beyond `TILE_ZOOM_MAX`, and for a column or row outside its zoom.
    """

    zoom: int
    column: int
    row: int

    def __post_init__(self) -> None:
        if not 0 <= self.zoom <= TILE_ZOOM_MAX:
            raise TileUnknown(Message("There are tiles of the zooms 0 to %(most)s.", most=TILE_ZOOM_MAX), parameter="z")
        last = 2**self.zoom - 1
        for name, number in (("x", self.column), ("y", self.row)):
            if not 0 <= number <= last:
                raise TileUnknown(
                    Message("At zoom %(zoom)s, %(name)s lies between 0 and %(most)s.", zoom=self.zoom, name=name, most=last),
                    parameter=name,
                )


def parse_position(*, lat: str, lon: str) -> LonLat:
    """Read a latitude and a longitude in decimal degrees.

    Raises: CoordinateInvalid for text that is not a finite number, for values out of range, and for a pair that is in Canada
    only with latitude and longitude swapped or a sign changed; the hint then contains the corrected pair.
    """
    return check_position(lat=_number(lat, "lat"), lon=_number(lon, "lon"))


def check_position(*, lat: float, lon: float) -> LonLat:
    """Return a latitude and a longitude in decimal degrees as a position. Raises: CoordinateInvalid as `parse_position`."""
    latitude, longitude = lat, lon
    if _in_canada(lat, lon):
        return LonLat(lon=lon, lat=lat)  # the common case
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        parameter = "lon" if math.isfinite(latitude) else "lat"
        raise CoordinateInvalid(Message("%(name)s must be a finite number.", name=parameter), parameter=parameter)
    hint = _likely_meant(latitude, longitude)
    if not -90 <= latitude <= 90:
        raise CoordinateInvalid(Message("A latitude lies between -90 and 90."), parameter="lat", hint=hint)
    if not -180 <= longitude <= 180:
        raise CoordinateInvalid(Message("A longitude lies between -180 and 180."), parameter="lon", hint=hint)
    if hint:
        raise CoordinateInvalid(Message("This position is far outside Canada."), parameter="lon", hint=hint)
    # The sum converts -0.0 to 0.0.
    return LonLat(lon=longitude + 0.0, lat=latitude + 0.0)


def parse_bbox(text: str) -> Bbox:
    """Read `west,south,east,north` in decimal degrees (RFC 7946, section 5).

    `west > east` is valid: the box crosses the antimeridian.

    Raises: CoordinateInvalid unless the text has four finite numbers in range with south <= north, and for a box that meets
    Canada only with latitudes and longitudes swapped; the hint then contains the corrected box.
    """
    parts = text.split(",")
    if len(parts) != 4:
        raise CoordinateInvalid(Message("bbox takes four numbers: west,south,east,north."), parameter="bbox")
    west, south, east, north = (_number(part, "bbox") for part in parts)
    box, swapped = Bbox(west, south, east, north), Bbox(south, west, north, east)
    hint = None
    if not _meets_canada(box) and swapped.south <= swapped.north and _meets_canada(swapped):
        hint = Message("Did you mean %(meant)s?", meant=",".join(f"{side:.12g}" for side in swapped))
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        raise CoordinateInvalid(
            Message("bbox is west,south,east,north in degrees: longitudes from -180 to 180, latitudes from -90 to 90."),
            parameter="bbox",
            hint=hint,
        )
    if hint:
        raise CoordinateInvalid(Message("This box lies far outside Canada."), parameter="bbox", hint=hint)
    if south > north:
        raise CoordinateInvalid(
            Message("The south of a bbox cannot lie north of its north."),
            parameter="bbox",
            hint=Message("Did you mean %(meant)s?", meant=",".join(f"{side:.12g}" for side in (west, north, east, south))),
        )
    return box


def parse_bbox_in(text: str, crs: str) -> Bbox | LambertBox:
    """Read a box of OGC API - Features: two corners in the axis order of a CRS.

    With six numbers each corner has a height, which is ignored: regions have none. In degrees, a west that is greater than the
    east crosses the antimeridian. Unlike `parse_bbox`, a box far outside Canada is valid. A box in EPSG:3857 has meridians and
    parallels as edges, and is returned in degrees, limited to the world.

    Args:
        crs: `CRS84`, `EPSG:4326` (latitude first), `EPSG:3857` or `EPSG:3347`.

    Raises: CoordinateInvalid unless the text has four or six finite numbers, in range and with ordered corners.
    """
    parts = text.split(",")
    if len(parts) not in (4, 6):
        raise CoordinateInvalid(
            Message("bbox takes two corners in the axis order of bbox-crs: four numbers, or six with heights."),
            parameter="bbox",
        )
    numbers = [_number(part, "bbox") for part in parts]
    half = len(numbers) // 2
    (west, south), (east, north) = numbers[:2], numbers[half : half + 2]
    if crs == EPSG_4326:
        west, south, east, north = south, west, north, east
    degrees = crs in (CRS84, EPSG_4326)
    if degrees and not (max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90):
        raise CoordinateInvalid(
            Message("Longitudes of bbox lie between -180 and 180, latitudes between -90 and 90."),
            parameter="bbox",
            hint=Message("The axis order is that of bbox-crs: longitude first in CRS84, latitude first in EPSG:4326."),
        )
    if south > north or (west > east and not degrees):
        raise CoordinateInvalid(Message("The first corner of bbox has the smaller coordinates."), parameter="bbox")
    if crs == EPSG_3347:
        return LambertBox(west, south, east, north)
    return Bbox(west, south, east, north) if degrees else Bbox(*_from_mercator(west, south), *_from_mercator(east, north))


def _from_mercator(x: float, y: float) -> tuple[float, float]:
    """Return longitude and latitude of a position in EPSG:3857, limited to the world."""
    # Beyond 10 radians of the sphere the latitude is that of the pole, and exp() would overflow far beyond.
    ratio = min(max(y / MERCATOR_RADIUS_M, -10.0), 10.0)
    lat = math.degrees(2 * math.atan(math.exp(ratio)) - math.pi / 2)
    return min(max(math.degrees(x / MERCATOR_RADIUS_M), -180.0), 180.0), lat


def _meets_canada(box: Bbox) -> bool:
    """Return whether a box meets the box of Canada; either part of a box across the antimeridian counts."""
    if box.north < CANADA_SOUTH or box.south > CANADA_NORTH:
        return False
    if box.west > box.east:
        return box.west <= CANADA_EAST or box.east >= CANADA_WEST
    return box.west <= CANADA_EAST and box.east >= CANADA_WEST


def _number(text: str, parameter: str) -> float:
    # float() also accepts "1_000", "nan", "infinity" and digits of other scripts, which are not coordinates.
    stripped = text.strip() if text.isascii() else plain(text)
    if not stripped or len(stripped) > _MAX_DIGITS or not stripped.isascii() or "_" in stripped:
        raise CoordinateInvalid(_not_a_number(parameter), parameter=parameter)
    try:
        number = float(stripped)
    except ValueError:
        raise CoordinateInvalid(_not_a_number(parameter), parameter=parameter) from None
    if not math.isfinite(number):
        raise CoordinateInvalid(Message("%(name)s must be a finite number.", name=parameter), parameter=parameter)
    return number


def _not_a_number(parameter: str) -> Message:
    return Message("%(name)s must be a number in decimal degrees.", name=parameter)


def within_reach(position: LonLat) -> bool:
    """Return whether a position is in the box of Canada, or so near that `accuracy` or `max_distance` can reach into the box.

    Meridians converge: a distance spans more degrees of longitude near the pole, and longitude is undefined at the pole.
    """
    lon, lat = position
    if _in_canada(lat, lon):
        return True  # the common case
    if lat < CANADA_SOUTH - REACH_DEGREES:
        return False
    if lat >= ALL_LONGITUDES:
        return True
    # The parallel on the far side of the reach is the shortest.
    span = REACH_DEGREES / math.cos(math.radians(min(lat + REACH_DEGREES, ALL_LONGITUDES)))
    return (lon - (CANADA_WEST - span)) % 360 <= CANADA_EAST - CANADA_WEST + 2 * span


def _in_canada(lat: float, lon: float) -> bool:
    return CANADA_SOUTH <= lat <= CANADA_NORTH and CANADA_WEST <= lon <= CANADA_EAST


def _likely_meant(lat: float, lon: float) -> Message | None:
    """Return a suggestion if swapping the pair or changing a sign moves it into Canada, else None."""
    for guess_lat, guess_lon in ((lat, -lon), (lon, lat), (-lon, lat), (lon, -lat)):
        if _in_canada(guess_lat, guess_lon):
            return Message("Did you mean %(meant)s?", meant=f"lat={guess_lat:.12g}&lon={guess_lon:.12g}")
    return None

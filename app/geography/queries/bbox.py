"""Bounding box filter as SQL conditions."""

from typing import Any, NamedTuple

from covidtrends_geo.constants import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST
from geography.constants import SRID_STATCAN_LAMBERT, SRID_WGS84
from geography.coordinates import Bbox, LambertBox

# Degrees, about a millimetre: a box without width or height is not a polygon, and rounding must not lose a region that touches
# the box.
_MARGIN = 1e-8
_MARGIN_M = 1e-3
# Upper bound, metres, of the distance between a box's parallels and their chords of a quarter of a degree; actually some 10 m.
_NEAR_M = 1_000


class BboxFilter(NamedTuple):
    """SQL conditions on a table `region`, and their parameters.

    Attributes:
        near: pre-filter for the spatial index; it is true for every region that meets the box.
        inside: the region's extent is inside the box, so its boundary need not be tested.
        meets: condition on a table `part` (a piece): the piece intersects the box.
    """

    near: str
    inside: str
    meets: str
    parameters: dict[str, Any]


def bbox_filter(bbox: Bbox | LambertBox) -> BboxFilter | None:
    """Return the conditions for a box; None if the box does not meet Canada.

    `west > east` of a `Bbox` crosses the antimeridian.
    """
    return _lambert_filter(bbox) if isinstance(bbox, LambertBox) else _degrees_filter(bbox)


def _lambert_filter(bbox: LambertBox) -> BboxFilter:
    # The boundaries are in the same projection: the box is a rectangle there, whose edges are straight.
    sides = (bbox.west - _MARGIN_M, bbox.south - _MARGIN_M, bbox.east + _MARGIN_M, bbox.north + _MARGIN_M)
    names = ("west_m", "south_m", "east_m", "north_m")
    box = f"ST_MakeEnvelope({', '.join(f'%({name})s' for name in names)}, {SRID_STATCAN_LAMBERT})"
    # Not `@`, which compares boxes rounded to single precision.
    inside = " AND ".join(
        f"{side}(region.geom) {relation} %({name})s"
        for side, relation, name in zip(
            ("ST_XMin", "ST_YMin", "ST_XMax", "ST_YMax"), (">=", ">=", "<=", "<="), names, strict=True
        )
    )
    near = f"region.geom && {box}"
    return BboxFilter(near, f"({inside})", f"ST_Intersects(part.geom, {box})", dict(zip(names, sides, strict=True)))


def _degrees_filter(bbox: Bbox) -> BboxFilter | None:
    halves = [(bbox.west, bbox.east)] if bbox.west <= bbox.east else [(bbox.west, 180.0), (-180.0, bbox.east)]
    near: list[str] = []
    inside: list[str] = []
    meets: list[str] = []
    parameters: dict[str, Any] = {}
    for number, (west, east) in enumerate(halves):
        # The projection is not defined in the whole world, and all regions are in the box of Canada.
        sides = (
            max(west, CANADA_WEST) - _MARGIN,
            max(bbox.south, CANADA_SOUTH) - _MARGIN,
            min(east, CANADA_EAST) + _MARGIN,
            min(bbox.north + _MARGIN, CANADA_NORTH),
        )
        if sides[0] > sides[2] or sides[1] > sides[3]:
            continue
        names = [f"{side}_{number}" for side in ("west", "south", "east", "north")]
        parameters |= zip(names, sides, strict=True)
        w, s, e, n = (f"%({name})s" for name in names)
        # The edges of a box are meridians and parallels. Parallels are curves in the projection.
        box = f"ST_Transform(ST_Segmentize(ST_MakeEnvelope({w}, {s}, {e}, {n}, {SRID_WGS84}), 0.25), {SRID_STATCAN_LAMBERT})"
        near.append(f"region.geom && ST_Expand({box}, {_NEAR_M})")
        inside.append(
            f"(region.extent[1] >= {w} AND region.extent[2] >= {s} AND region.extent[3] <= {e} AND region.extent[4] <= {n})"
        )
        meets.append(f"ST_Intersects(part.geom, {box})")
    if not near:
        return None
    return BboxFilter(_any_of(near), _any_of(inside), _any_of(meets), parameters)


def _any_of(conditions: list[str]) -> str:
    return f"({' OR '.join(conditions)})"

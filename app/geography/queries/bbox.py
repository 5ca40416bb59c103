"""Bounding box filter as parts of a statement."""

from typing import Any, NamedTuple

from geography.constants import SRID_STATCAN_LAMBERT, SRID_WGS84
from geography.coordinates import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST, Bbox

# Degrees, about a millimetre: a box without width or height is no polygon, and what touches a box must not fall outside
# by a rounding.
_MARGIN = 1e-8
# Metres by which the chords of a box's parallels, a quarter of a degree each, may miss the arcs; really some ten.
_NEAR_M = 1_000


class BboxFilter(NamedTuple):
    """Conditions on a table `region`, with the values of their parameters.

    Attributes:
        near: for an index: what does not meet it lies outside.
        inside: the region's extent lies in the box, so its boundary need not be looked at.
        meets: of a table `part`, a piece of a region: it lies in the box or touches it.
    """

    near: str
    inside: str
    meets: str
    parameters: dict[str, Any]


def bbox_filter(bbox: Bbox) -> BboxFilter | None:
    """Return the conditions for a box; `west > east` crosses the antimeridian. None where nothing of Canada is in it."""
    halves = [(bbox.west, bbox.east)] if bbox.west <= bbox.east else [(bbox.west, 180.0), (-180.0, bbox.east)]
    near: list[str] = []
    inside: list[str] = []
    meets: list[str] = []
    parameters: dict[str, Any] = {}
    for number, (west, east) in enumerate(halves):
        # Only around Canada is the projection defined everywhere, and nothing of ours lies outside.
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
        # A box follows meridians and parallels, which are no straight lines in the projection.
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

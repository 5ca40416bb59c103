"""Point in polygon for one position: the same answers as by columns, in a fraction of the time that arrays of one element take.

Most positions lie far from any border. The few segments of a cell are tested one by one; the segments that can be nearest to a
square of 512 m are searched once, and the numbers of their vertices are cached. No position is stored.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from covidtrends_geo.borders import BorderCache, Borders
from covidtrends_geo.boxes import CELL_MARGIN
from covidtrends_geo.cell_content import CellContent
from covidtrends_geo.constants import BORDER_EPSILON_M, NO_REGION, POLAR_LATITUDE, UNITS_MOST
from covidtrends_geo.engine import Engine
from covidtrends_geo.lookup_file import Region
from covidtrends_geo.projection import distance_m, scale, to_degrees, to_lambert
from covidtrends_geo.search import MIXED

# Side of the squares whose borders are cached, metres in EPSG:3347.
_SIDE = 512.0
# The segments within this distance of a square are cached too. A wider search uses arrays.
_AROUND = 512.0
# A distance on the ellipsoid differs by less from one that is measured in the plane and divided by the scale.
_SLACK = 1.02


class Hit(NamedTuple):
    """Regions at and near one position.

    Attributes:
        near: distance in metres and number of each region within the radius, by number: 0 where it covers. The radius is that
            of the search plus the misfit of the region that covers or, where none does, of the region itself.
        other: distance in metres on the ellipsoid and number of the nearest region other than the first that covers, or of the
            nearest of all where none covers. None where there is none, or where the search did not include it.
    """

    near: tuple[tuple[float, int], ...]
    other: tuple[float, int] | None


class Answer(NamedTuple):
    """Answer for one position.

    Attributes:
        match: `covers`, `nearest` or `none`.
        region: the region that covers the position, or the nearest one within the requested distance.
        distance_m: to that region, metres on the ellipsoid; 0 where it covers, None where there is none.
        certain: with `covers`, True if no other region is within `uncertainty_m`; with `nearest`, False; with `none`, True if
            no region is within `uncertainty_m`.
        uncertainty_m: metres: 1.5 times the accuracy, at least the 2 m between WGS 84 and NAD83, plus the distance by which the
            region's border may be off in its vintage.
        covering: every region that covers the position: more than one on a shared border.
        near: every region within the uncertainty, the covering ones included.
        neighbour: the nearest region other than `region`, where that was requested and `region` covers.
        distance_to_border_m: to that neighbour, metres on the ellipsoid.
    """

    match: str
    region: Region | None
    distance_m: float | None
    certain: bool
    uncertainty_m: float
    covering: tuple[Region, ...]
    near: tuple[Region, ...]
    neighbour: Region | None
    distance_to_border_m: float | None


def answer(hit: Hit, radius_m: float, max_distance_m: float, regions: Sequence[Region]) -> Answer:
    """Return the answer for one position.

    Args:
        radius_m: of the search.
        regions: the regions whose numbers the hit has.
    """
    other_m, other = (None, None) if hit.other is None else (hit.other[0], regions[hit.other[1]])
    near = tuple([regions[number] for _, number in hit.near])
    covering = tuple([region for region, (distance, _) in zip(near, hit.near, strict=True) if distance <= BORDER_EPSILON_M])
    if covering:
        uncertainty_m = radius_m + covering[0].misfit_m
        return Answer("covers", covering[0], 0.0, len(near) == 1, uncertainty_m, covering, near, other, other_m)
    uncertainty_m = radius_m + max((region.misfit_m for region in near), default=0.0)
    if other is not None and other_m is not None and other_m <= max_distance_m:
        return Answer("nearest", other, other_m, False, max(uncertainty_m, radius_m + other.misfit_m), (), near, None, None)
    return Answer("none", None, None, not near, uncertainty_m, (), near, None, None)


class PointEngine:
    """Search at one position in an index. Immutable but for the cache, so threads share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._search = engine, engine.search
        self._misfits: list[float] = engine.misfits.tolist()
        self._most_misfit = max(self._misfits, default=0.0)
        self._borders = BorderCache()

    def hit(self, lon: float, lat: float, radius_m: float, *, nearest_m: float = 0.0, border: bool = False) -> Hit:
        """Return the regions at and near a position around Canada: as `Engine.hits`."""
        if lat > POLAR_LATITUDE:
            return self._by_arrays(lon, lat, radius_m, nearest_m, border=border)
        x, y = to_lambert(lon, lat)
        cell, single = self._search.cell(x, y)
        units = 0.0
        if single == MIXED:
            distances = _distances(self._search.content(cell), x, y)
            close = sorted((region, distance) for region, distance in distances.items() if distance <= CELL_MARGIN)
            if any(distance for _, distance in close):
                units = scale(lon, lat, x, y)
                close = [(region, distance / units) for region, distance in close]
        else:
            close = [(single, 0.0)] if single != NO_REGION else []
        covering = [region for region, distance in close if distance <= BORDER_EPSILON_M]
        if len(covering) > 1:
            return self._by_arrays(lon, lat, radius_m, nearest_m, border=border)
        own = covering[0] if covering else NO_REGION
        reach = radius_m + (self._misfits[own] if covering else self._most_misfit)
        searched = border if covering else nearest_m > 0
        neighbour: tuple[float, int] | None = None
        if searched:
            neighbour = self._nearest(lon, lat, x, y, own, np.inf if covering else nearest_m * UNITS_MOST)
            apart = neighbour[0] > reach * _SLACK if neighbour else bool(covering) or nearest_m >= reach
        else:
            apart = False
        if reach * UNITS_MOST > CELL_MARGIN and not apart:
            if reach * UNITS_MOST > _AROUND:
                return self._by_arrays(lon, lat, radius_m, nearest_m, border=border)
            borders = self._around(x, y)
            near = dict(zip(borders.regions, borders.distances(x, y), strict=True))
            units = units or scale(lon, lat, x, y)
            close = sorted(({region: d / units for region, d in near.items()} | dict.fromkeys(covering, 0.0)).items())
        hit = tuple(
            (distance, region)
            for region, distance in close
            if distance <= radius_m + (self._misfits[own] if covering else self._misfits[region])
        )
        return Hit(hit, neighbour)

    def circle_shares(self, lon: float, lat: float, radius_m: float) -> dict[int, float]:
        """Return the part (0 to 1) of the circle around a position that each region covers, by number."""
        x, y = to_lambert(lon, lat)
        cell, single = self._search.cell(x, y)
        radius = radius_m * scale(lon, lat, x, y)
        # Nearly always no border passes through the circle.
        if min(self._square(x, y, NO_REGION).distances(x, y), default=math.inf) <= radius:
            return self._engine.circle_shares(lon, lat, radius_m)
        if single != MIXED:
            return {single: 1.0} if single != NO_REGION else {}
        distances = _distances(self._search.content(cell), x, y)
        return {region: 1.0 for region, distance in sorted(distances.items()) if not distance}

    def _nearest(self, lon: float, lat: float, x: float, y: float, own: int, limit: float) -> tuple[float, int] | None:
        """Return distance and number of the nearest other region than `own`; None beyond a limit in units of EPSG:3347."""
        nearest = self._square(x, y, own).nearest(x, y)
        if nearest is None or nearest[0] > limit:
            return None
        _, region, there = nearest
        return distance_m(lon, lat, *to_degrees(*there)), region

    def _square(self, x: float, y: float, own: int) -> Borders:
        """Return the segments that can be the nearest border of another region than `own` in the square around a position."""
        box = _box(x, y)
        return self._borders.get((*box[:2], own), lambda: self._search.borders_near(box, own, np.inf, nearest=True))

    def _around(self, x: float, y: float) -> Borders:
        """Return the borders of all regions within `_AROUND` of the square around a position."""
        box = _box(x, y)
        return self._borders.get((*box[:2], None), lambda: self._search.borders_near(box, NO_REGION, _AROUND, nearest=False))

    def _by_arrays(self, lon: float, lat: float, radius_m: float, nearest_m: float, *, border: bool) -> Hit:
        hits = self._engine.hits(np.array([lon]), np.array([lat]), radius_m, nearest_m=nearest_m, border=border)
        near = tuple(zip(hits.distances.tolist(), hits.regions.tolist(), strict=True))
        region = int(hits.other_regions[0])
        return Hit(near, None if region == NO_REGION else (float(hits.other_distances[0]), region))


def _box(x: float, y: float) -> tuple[float, float, float, float]:
    west, south = x // _SIDE * _SIDE, y // _SIDE * _SIDE
    return west, south, west + _SIDE, south + _SIDE


def _distances(cell: CellContent, x: float, y: float) -> dict[int, float]:
    """Return the distance from a position to each region that covers it or has a border in the cell: 0 where it covers."""
    dx, dy = cell.reference_x - x, cell.reference_y - y
    whole = dx * dx + dy * dy
    covers = cell.covers
    squared: dict[int, float] = {}
    for xs, ys, regions in cell.runs:
        ax, ay = xs[0] - x, ys[0] - y
        least, crossings, side = math.inf, 0, dx * ay - dy * ax
        for vertex_x, vertex_y in zip(xs[1:], ys[1:], strict=True):
            bx, by = vertex_x - x, vertex_y - y
            ux, uy = bx - ax, by - ay
            length = ux * ux + uy * uy
            along = -(ax * ux + ay * uy)
            if along <= 0:
                distance = ax * ax + ay * ay
            elif along >= length:
                distance = bx * bx + by * by
            else:
                part = along / length
                px, py = ax + part * ux, ay + part * uy
                distance = px * px + py * py
            least = min(least, distance)
            next_side = dx * by - dy * bx
            if (side >= 0) != (next_side >= 0):
                part = side / (side - next_side)
                if 0 < dx * (ax + part * ux) + dy * (ay + part * uy) < whole:
                    crossings += 1
            ax, ay, side = bx, by, next_side
        for region in regions:
            squared[region] = min(least, squared.get(region, math.inf))
            if crossings & 1:
                covers = covers ^ {region}
    return {region: math.sqrt(distance) for region, distance in squared.items()} | dict.fromkeys(covers, 0.0)

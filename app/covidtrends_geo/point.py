"""Search at one position: the same hits as `engine.Engine.hits`, in a fraction of the time that arrays of one element take.

Most positions lie far from any border. The few segments of a cell are tested one by one; the lines that can be nearest to a
square of 1,024 m are searched once and cached. No position is stored.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import numpy as np
import shapely

from covidtrends_geo.answers import Hit
from covidtrends_geo.boxes import CELL_MARGIN
from covidtrends_geo.cell_content import CellContent
from covidtrends_geo.constants import BORDER_EPSILON_M, NO_REGION, POLAR_LATITUDE, UNITS_MOST
from covidtrends_geo.engine import Engine
from covidtrends_geo.projection import distance_m, scale, to_degrees, to_lambert
from covidtrends_geo.search import MIXED

# Regions in order, and a MultiLineString for each.
Lines = tuple[list[int], Any]
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# Cached for each index, a few kilobytes each. A large city has some thousand squares.
_CELLS_MAX = 8_000
_LINES_MAX = 6_000
_SIDE = 1_024.0
# Metres in EPSG:3347: the lines within this distance of a square are cached too. A wider search uses arrays.
_AROUND = 512.0
# A distance on the ellipsoid differs by less from one that is measured in the plane and divided by the scale.
_SLACK = 1.02


class _Cache(Generic[Key, Value]):
    """Bounded cache, first in, first out. Two threads may make the same value, or evict one more or less: both are harmless."""

    def __init__(self, size: int) -> None:
        self._values: dict[Key, Value] = {}
        # The keys of `_values`, oldest first: eviction takes a constant time.
        self._order: deque[Key] = deque()
        self._size = size

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        value = self._values.get(key)
        if value is None:
            value = make()
            if self._values.setdefault(key, value) is value:
                self._order.append(key)
                if len(self._order) > self._size:
                    self._values.pop(self._order.popleft(), None)
        return value


class PointEngine:
    """Search at one position in an index. Immutable but for the caches, so threads share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._search = engine, engine.search
        self._misfits: list[float] = engine.misfits.tolist()
        self._most_misfit = max(self._misfits, default=0.0)
        self._cells: _Cache[int, CellContent] = _Cache(_CELLS_MAX)
        self._lines: _Cache[tuple[float, float, int | None], Lines] = _Cache(_LINES_MAX)

    def hit(self, lon: float, lat: float, radius_m: float, *, nearest_m: float = 0.0, border: bool = False) -> Hit:
        """Return the regions at and near a position around Canada: as `Engine.hits`."""
        if lat > POLAR_LATITUDE:
            return self._by_arrays(lon, lat, radius_m, nearest_m, border=border)
        x, y = to_lambert(lon, lat)
        cell, single = self._search.cell(x, y)
        units = 0.0
        if single == MIXED:
            distances = self._cells.get(cell, lambda: self._search.content(cell)).distances(x, y)
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
        point = shapely.points([x, y]) if searched or reach * UNITS_MOST > CELL_MARGIN else None
        if searched:
            neighbour = self._nearest(lon, lat, x, y, point, own, np.inf if covering else nearest_m * UNITS_MOST)
            apart = neighbour[0] > reach * _SLACK if neighbour else bool(covering) or nearest_m >= reach
        else:
            apart = False
        if reach * UNITS_MOST > CELL_MARGIN and not apart:
            if reach * UNITS_MOST > _AROUND:
                return self._by_arrays(lon, lat, radius_m, nearest_m, border=border)
            regions, lines = self._around(x, y)
            near = {} if not regions else dict(zip(regions, shapely.distance(lines, point).tolist(), strict=True))
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
        regions, lines = self._square(x, y, NO_REGION)
        # Nearly always no border passes through the circle.
        if regions and shapely.distance(lines, shapely.points([x, y])).min() <= radius:
            return self._engine.circle_shares(lon, lat, radius_m)
        if single != MIXED:
            return {single: 1.0} if single != NO_REGION else {}
        distances = self._cells.get(cell, lambda: self._search.content(cell)).distances(x, y)
        return {region: 1.0 for region, distance in sorted(distances.items()) if not distance}

    def _nearest(
        self, lon: float, lat: float, x: float, y: float, point: Any, own: int, limit: float
    ) -> tuple[float, int] | None:
        """Return distance and number of the nearest other region than `own`; None beyond a limit in units of EPSG:3347."""
        regions, lines = self._square(x, y, own)
        if not regions:
            return None
        distances = shapely.distance(lines, point)
        # Of several that are equally near, the first has the lowest number.
        nearest = int(distances.argmin())
        if distances[nearest] > limit:
            return None
        there = shapely.get_coordinates(shapely.shortest_line(lines[nearest], point))[0].tolist()
        return distance_m(lon, lat, *to_degrees(*there)), regions[nearest]

    def _square(self, x: float, y: float, own: int) -> Lines:
        """Return the lines that can be the nearest border of another region than `own` in the square around a position."""
        box = _box(x, y)
        return self._lines.get((*box[:2], own), lambda: self._search.lines_near(np.array(box), own, np.inf, nearest=True))

    def _around(self, x: float, y: float) -> Lines:
        """Return the borders of all regions within `_AROUND` of the square around a position."""
        box = _box(x, y)
        return self._lines.get(
            (*box[:2], None), lambda: self._search.lines_near(np.array(box), NO_REGION, _AROUND, nearest=False)
        )

    def _by_arrays(self, lon: float, lat: float, radius_m: float, nearest_m: float, *, border: bool) -> Hit:
        hits = self._engine.hits(np.array([lon]), np.array([lat]), radius_m, nearest_m=nearest_m, border=border)
        near = tuple(zip(hits.distances.tolist(), hits.regions.tolist(), strict=True))
        region = int(hits.other_regions[0])
        return Hit(near, None if region == NO_REGION else (float(hits.other_distances[0]), region))


def _box(x: float, y: float) -> tuple[float, float, float, float]:
    west, south = x // _SIDE * _SIDE, y // _SIDE * _SIDE
    return west, south, west + _SIDE, south + _SIDE

"""Engine of lookups in one index: distances in metres on the ground around the search in the plane."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.answers import Hits
from covidtrends_geo.boxes import CELL_MARGIN
from covidtrends_geo.constants import BORDER_EPSILON_M, NO_REGION, POLAR_LATITUDE, UNITS_MOST, UNITS_MOST_POLAR
from covidtrends_geo.pairs import Pairs
from covidtrends_geo.projection import distance_m, scale, to_degrees, to_lambert
from covidtrends_geo.quadtree import Floats, Integers, Keys, key_of
from covidtrends_geo.search import MIXED, TreeSearch
from covidtrends_geo.segments import circle
from covidtrends_geo.shares import polygon_shares
from covidtrends_geo.tiles import TILE_SIDE, TILES
from covidtrends_geo.zones import in_zones, misfits_around, reach_of, tiles_at, unpacked

# Distances in the plane and on the ellipsoid differ by less.
_SURELY = 0.99
Booleans = npt.NDArray[np.bool_]


class Positions(NamedTuple):
    """Positions around Canada as columns: degrees, metres in EPSG:3347, and keys in the quadtree. All engines share them."""

    lon: Floats
    lat: Floats
    x: Floats
    y: Floats
    keys: Keys

    @classmethod
    def of(cls, lon: Floats, lat: Floats) -> "Positions":
        """Return the positions at degrees."""
        x, y = to_lambert(lon, lat)
        return cls(lon, lat, x, y, key_of(x, y))

    def where(self, mask: Any) -> "Positions":
        """Return some of the positions."""
        return Positions(*(column[mask] for column in self))

    def units(self, metres: Floats) -> Floats:
        """Return an upper bound of distances in units of the projection."""
        units: Floats = metres * np.where(self.lat > POLAR_LATITUDE, UNITS_MOST_POLAR, UNITS_MOST)
        return units

    def distances(self, search: TreeSearch, pairs: Pairs) -> Floats:
        """Return the distances on the ellipsoid from positions to segments, metres."""
        of = pairs.positions
        if not len(of):
            return np.empty(0)
        there = to_degrees(*search.feet(self.x[of], self.y[of], pairs.segments).T)
        metres: Floats = distance_m(self.lon[of], self.lat[of], *there)
        return metres


class Engine:
    """Searches of regions at and near positions around Canada, where the projection is defined.

    Attributes:
        misfits: metres by which the border of each region may be off.
    """

    def __init__(self, search: TreeSearch, misfits: Sequence[float], zones: Any = None) -> None:
        """Take a search, and the zones of a file; without zones the answers are the same, and take longer.

        Args:
            zones: packed: see `zones.build_zones`.
        """
        self.search = search
        self.misfits: Floats = np.array(misfits, dtype=np.float64)
        self._most_misfit = float(self.misfits.max(initial=0.0))
        self._packed_zones = zones
        # The last two are for NO_REGION and which are never settled.
        self._misfit_of = np.append(self.misfits, [np.inf, np.inf])
        self._zone_reach = np.append(reach_of(self.misfits) if zones is not None else np.zeros(len(misfits)), [0.0, 0.0])

    @cached_property
    def _zones(self) -> Any:
        return unpacked(self._packed_zones)

    @cached_property
    def _misfits_around(self) -> Floats:
        # A region whose misfit reaches a position has a border within a tile of it.
        if self._most_misfit * UNITS_MOST_POLAR < TILE_SIDE:
            return misfits_around(self.search, self.misfits)
        return np.full(TILES**2, self._most_misfit)

    def settled(self, at: Positions, radius_m: float) -> tuple[Integers, Floats, Booleans]:
        """Return for each position the region that covers it, its misfit in metres, and whether the answer is complete.

        It is complete where the position's cell, or its square in the grid of the cell, lies in one region, and no border of
        another is within the radius plus the misfit of the region. Elsewhere the region is undefined.
        """
        _, single = self.search.cells(at.keys)
        misfits = self._misfit_of[single]
        units = at.units(radius_m + misfits)
        settled = units <= CELL_MARGIN
        wide = np.flatnonzero(~settled & (units <= self._zone_reach[single]))
        if len(wide):
            settled[wide] = ~in_zones(self._zones, at.keys[wide])
        return single, misfits, settled

    def hits(self, lon: Floats, lat: Floats, radius_m: float, *, nearest_m: float = 0.0, border: bool = False) -> Hits:
        """Return the regions at and near positions in degrees: `hits_at`."""
        return self.hits_at(Positions.of(lon, lat), radius_m, nearest_m=nearest_m, border=border)

    def hits_at(
        self, at: Positions, radius_m: float, *, nearest_m: float = 0.0, border: bool = False, all_near: bool = True
    ) -> Hits:
        """Return the regions at and near positions.

        Args:
            radius_m: distance up to which regions are near; the misfit of a region adds to it.
            nearest_m: where no region covers, the distance up to which the nearest is searched; 0 for no search.
            border: where a region covers, whether to search the nearest other region, at any distance.
            all_near: whether all near regions are needed. If not, only the first that covers and the number of near regions,
                up to two, are right.
        """
        cells, single = self.search.cells(at.keys)
        reach = np.full(len(at.lon), radius_m)
        # A cell without borders has none within its margin either.
        clear = (single != MIXED) & (at.units(reach) <= CELL_MARGIN)
        near = self._near(at, cells, np.flatnonzero(~clear), reach)
        inside = np.flatnonzero(clear & (single != NO_REGION))
        pairs = _merged(near, Pairs(inside, single[inside], np.zeros(len(inside)), np.full(len(inside), -1)))
        own = np.full(len(at.lon), NO_REGION)
        covers = pairs.distances <= BORDER_EPSILON_M
        # The last assignment counts: the lowest region.
        own[pairs.positions[covers][::-1]] = pairs.regions[covers][::-1]
        regions, metres = self._others(at, pairs, own, nearest_m, border)
        if self._most_misfit:
            reach += np.where(own == NO_REGION, self._misfits_around[tiles_at(at.keys)], self.misfits[own])
            uncertain = (reach > radius_m) & ((metres <= reach) | (regions == NO_REGION))
            if not all_near:
                # The nearest other region is near enough: no search for more.
                beside = np.flatnonzero(uncertain & (own != NO_REGION) & (metres <= reach * _SURELY))
                uncertain[beside] = False
                pairs = _merged(pairs, Pairs(beside, regions[beside], metres[beside], np.full(len(beside), -1)))
            wider = self._near(at, cells, np.flatnonzero(uncertain), reach)
            own_of = own[wider.positions]
            misfits = self.misfits[np.where(own_of == NO_REGION, wider.regions, own_of)]
            pairs = _merged(pairs.where(~uncertain[pairs.positions]), wider.where(wider.distances <= radius_m + misfits))
        return Hits(pairs.positions, pairs.regions, pairs.distances, regions, metres)

    def circle_shares(self, lon: float, lat: float, radius_m: float) -> dict[int, float]:
        """Return the part (0 to 1) of the circle around a position around Canada that each region covers, by number."""
        x, y = to_lambert(lon, lat)
        return polygon_shares(self.search, circle(x, y, radius_m * scale(lon, lat, x, y)))

    def _near(self, at: Positions, cells: Integers, positions: Integers, reach: Floats) -> Pairs:
        """Return the regions within reach of some of the positions, with distances in metres."""
        units = at.units(reach)
        close = units[positions] <= CELL_MARGIN
        parts = []
        for chosen, search in ((positions[close], self.search.near), (positions[~close], self.search.within)):
            if len(chosen):
                pairs = search(at.x[chosen], at.y[chosen], cells[chosen], units[chosen])
                parts.append(pairs._replace(positions=chosen[pairs.positions]))
        pairs = _merged(*parts) if parts else _NO_PAIRS
        apart = np.flatnonzero(pairs.distances > 0)
        if not len(apart):
            return pairs
        of = pairs.positions[apart]
        metres = pairs.distances.copy()
        metres[apart] /= scale(at.lon[of], at.lat[of], at.x[of], at.y[of])
        # Near the pole the scale changes too fast to hold for more than a few metres.
        polar = apart[(at.lat[of] > POLAR_LATITUDE) & (metres[apart] >= 1)]
        if len(polar):
            metres[polar] = at.distances(self.search, pairs.where(polar))
        pairs = pairs._replace(distances=metres)
        return pairs.where(metres <= reach[pairs.positions])

    def _others(self, at: Positions, pairs: Pairs, own: Integers, nearest_m: float, border: bool) -> tuple[Integers, Floats]:
        """Return the nearest other region of each position, `NO_REGION` for none, and its distance, infinite for none."""
        regions, metres = np.full(len(own), NO_REGION), np.full(len(own), np.inf)
        if border:
            # Of the regions that cover too, the lowest is the answer.
            same = pairs.where((pairs.distances <= BORDER_EPSILON_M) & (pairs.regions != own[pairs.positions]))
            same = same.where(np.flatnonzero(np.diff(same.positions, prepend=-1)))
            regions[same.positions], metres[same.positions] = same.regions, 0.0
            beside = same.where(same.distances > 0)
            metres[beside.positions] = at.distances(self.search, beside)
            inside = np.flatnonzero((own != NO_REGION) & (regions == NO_REGION))
            self._set_nearest(at, inside, own, np.full(len(own), np.inf), regions, metres)
        if nearest_m:
            outside = np.flatnonzero(own == NO_REGION)
            self._set_nearest(at, outside, own, at.units(np.full(len(own), nearest_m)), regions, metres)
        return regions, metres

    def _set_nearest(
        self, at: Positions, positions: Integers, own: Integers, units: Floats, regions: Integers, metres: Floats
    ) -> None:
        """Set region and distance of the nearest border of another region than `own` for some of the positions."""
        if len(positions):
            pairs = self.search.nearest_borders.find(at.x[positions], at.y[positions], own[positions], units[positions])
            pairs = pairs._replace(positions=positions[pairs.positions])
            regions[pairs.positions] = pairs.regions
            metres[pairs.positions] = at.distances(self.search, pairs)


_EMPTY = np.empty(0, dtype=np.int64)
_NO_PAIRS = Pairs(_EMPTY, _EMPTY, np.empty(0), _EMPTY)


def _merged(*parts: Pairs) -> Pairs:
    """Return all pairs, sorted by position, those of a part in their order, those of the first part first."""
    pairs = Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    # A stable sort merges sorted parts in one pass.
    return pairs.where(np.argsort(pairs.positions, kind="stable"))

"""In-memory spatial index of a vintage: pieces, point in polygon, nearest border. Same answers as `postgis`.

Pieces are found through a tree of their boxes. The nearest other region is found among the lines that can be it: most of a
country's borders can never be the nearest to anything inside one region, so each region has a small tree of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely

from geography.constants import (
    BORDER_EPSILON_M,
    CIRCLE_QUARTER_SEGMENTS,
    DATUM_UNCERTAINTY_M,
    POLAR_LATITUDE,
    UNITS_MOST,
    UNITS_MOST_POLAR,
)
from geography.coordinates import LonLat
from geography.lookup import grid
from geography.lookup.border_index import Geometries, Integers, SpatialIndex, build_border_indexes, tree_of
from geography.lookup.grid import BUFFER_M, GridCache, GridCell
from geography.lookup.types import LookupHit, LookupPoints, RegionRef, SearchOptions
from geography.projection import ProjectedPoint, ProjectedPoints, distance_m, to_degrees

_Near = tuple[tuple[float, RegionRef], ...]
_Candidates = dict[int, tuple[float, int]]


@dataclass(slots=True)
class _PendingDistances:
    """What is nearest to some of the positions: whose distance is still to be measured on the ellipsoid."""

    positions: list[Integers] = field(default_factory=list)
    ranks: list[Integers] = field(default_factory=list)
    shapes: list[Geometries] = field(default_factory=list)

    def add(self, positions: Integers, ranks: Integers, shapes: Geometries) -> None:
        self.positions.append(positions)
        self.ranks.append(ranks)
        self.shapes.append(shapes)


class MemoryLocator:
    """The pieces of one vintage in memory. What is in it never changes, so threads share it.

    Attributes:
        vertices: how many there are, in pieces and outlines together: a measure of the memory that it takes.
    """

    def __init__(self, regions: Sequence[RegionRef], owners: Sequence[int], pieces: Geometries) -> None:
        """Build the trees.

        Args:
            regions: of the vintage, by code. The place of a region in this list is its rank.
            owners: for each piece the rank of its region.
            pieces: polygons in EPSG:3347, cut so that each is small.
        """
        self._regions = tuple(regions)
        # By rank. The last is for what is in no region, whose rank is -1.
        self._alone: tuple[_Near, ...] = (*(((0.0, region),) for region in self._regions), ())
        self._nothing_else = tuple(LookupHit(near, None) for near in self._alone)
        self._pieces = SpatialIndex(tree_of(pieces), pieces, np.asarray(owners, dtype=np.intp))
        self._owner_of: list[int] = self._pieces.owners.tolist()
        # Of boxes a little larger than the pieces: one look at a point finds every piece within `DATUM_UNCERTAINTY_M` of it.
        margin = DATUM_UNCERTAINTY_M * UNITS_MOST
        west, south, east, north = shapely.bounds(pieces).T
        self._boxes = tree_of(shapely.box(west - margin, south - margin, east + margin, north + margin))
        self._cells = GridCache(self._pieces)
        self._outlines: tuple[SpatialIndex | None, ...] | None = None
        self.vertices = int(shapely.get_num_coordinates(pieces).sum())

    in_memory = True

    def locate(self, points: LookupPoints, options: SearchOptions) -> list[LookupHit]:
        """Return the regions at and near each position, in the order of the positions."""
        if len(points.positions) == 1:
            return [self.lookup(points.single, options)]
        return self.lookup_many(points.projected, options)

    @property
    def has_border_index(self) -> bool:
        """Say whether `find_borders` is done: before, the layer cannot answer a `Reach` with `border`."""
        return self._outlines is not None

    def build_border_index(self) -> None:
        """Find for every region the outlines of others that can be nearest to a place in it. Takes a second or more."""
        border_indexes = build_border_indexes(self._pieces.shapes, self._pieces.owners, len(self._regions))
        self.vertices += sum(
            int(shapely.get_num_coordinates(border_index.shapes).sum()) for border_index in border_indexes if border_index
        )
        self._outlines = border_indexes

    def lookup(self, place: ProjectedPoint, reach: SearchOptions) -> LookupHit:
        """Return the regions at and near one position: the same as `lookup_many`, by way of the grid cell."""
        most = reach.radius_m * _units_most(place.position.lat)
        own: int | None = None
        rival: int | None = None
        if most <= BUFFER_M:
            cell = self._cells.at(place.x, place.y)
            own, pieces = cell.alone, cell.pieces
        else:  # farther than the cell reaches
            pieces = self._pieces.tree.query(place.point, predicate="dwithin", distance=most)
        if own is not None:
            near = self._alone[own]
        else:
            distances = shapely.distance(self._pieces.shapes[pieces], place.point)
            candidates = self._grouped(pieces.tolist(), distances.tolist(), most)
            near, own, rival = self._near(place, candidates, reach.radius_m)
        if own is None:
            return LookupHit(near, self._nearest_piece(place, reach.nearest_m) if reach.nearest_m else None)
        if not reach.border:
            return LookupHit(near, None)
        if rival is None:
            return LookupHit(near, self._rival(place, self._cells.at(place.x, place.y), own))
        return LookupHit(near, self._end(place, self._pieces.shapes[rival], self._owner_of[rival]))

    def lookup_many(self, places: ProjectedPoints, reach: SearchOptions) -> list[LookupHit]:
        """Return what is near each position, in the same order."""
        units = _units_most(float(places.lat.max()))
        points, most = places.points, reach.radius_m * units
        # With a large radius hardly any square tells.
        near_by = most <= BUFFER_M
        ranks = grid.single_region(places.xy, most, self._pieces) if near_by else np.full(len(points), -1, dtype=np.intp)
        numbers, pieces, distances = self._pairs(points, np.flatnonzero(ranks < 0), most)
        # Nearly every position is in one piece and near no other: its region is all that is near.
        clear = (distances == 0) & (np.bincount(numbers, minlength=len(points))[numbers] == 1)
        ranks[numbers[clear]] = self._pieces.owners[pieces[clear]]
        results = [self._nothing_else[rank] for rank in ranks.tolist()]
        rivals: dict[int, int] = {}
        for number, its_pieces, its_distances in _by_number(numbers[~clear], pieces[~clear], distances[~clear]):
            candidates = self._grouped(its_pieces, its_distances, most)
            near, own, rival = self._near(ProjectedPoint(places.positions[number]), candidates, reach.radius_m)
            results[number] = LookupHit(near, None)
            ranks[number] = -1 if own is None else own
            if own is not None and rival is not None:
                rivals[number] = rival
        ends = _PendingDistances()
        if reach.border:
            near_another = np.array(list(rivals), dtype=np.intp)
            their_rivals = np.array(list(rivals.values()), dtype=np.intp)
            ends.add(near_another, self._pieces.owners[their_rivals], self._pieces.shapes[their_rivals])
            alone = ranks >= 0
            alone[near_another] = False
            self._nearest_outlines(places, np.flatnonzero(alone), ranks, ends)
        outside = np.flatnonzero(ranks < 0)
        if reach.nearest_m and len(outside):
            nearest = grid.nearest(points[outside], places.xy[outside], self._pieces, reach.nearest_m * units)
            ends.add(outside[nearest.numbers], nearest.ranks, nearest.shapes)
        for number, other in self._measured(places, ends).items():
            results[number] = LookupHit(results[number].near, other)
        return results

    def circle_shares(self, position: LonLat, radius_m: float) -> dict[int, float]:
        """Return which part (0 to 1) of the circle around a position each region covers, by the region's id."""
        place = ProjectedPoint(position)
        if radius_m * _units_most(position.lat) <= BUFFER_M and (alone := self._cells.at(place.x, place.y).alone) is not None:
            return {self._regions[alone].id: 1.0}  # the circle lies in what the square knows
        circle = place.point.buffer(radius_m * place.scale, quad_segs=CIRCLE_QUARTER_SEGMENTS)
        numbers = self._pieces.tree.query(circle)
        pieces = self._pieces.shapes[numbers]
        # Nearly always one piece holds the whole circle, which is a much cheaper question than what the two share.
        if shapely.covers(pieces, circle).all():
            areas = [circle.area] * len(pieces)
        else:
            areas = shapely.area(shapely.intersection(pieces, circle)).tolist()
        shares: dict[int, float] = {}
        for number, area in zip(numbers.tolist(), areas, strict=True):
            region = self._regions[self._owner_of[number]].id
            shares[region] = shares.get(region, 0.0) + area / circle.area
        return {region: share for region, share in shares.items() if share}

    def _grouped(self, pieces: Sequence[int], distances: Sequence[float], most: float) -> _Candidates:
        """Return, by rank, the nearest piece of each region that is at most so far, with its distance."""
        result: _Candidates = {}
        for piece, distance in zip(pieces, distances, strict=True):
            if distance <= most:
                rank = self._owner_of[piece]
                value = result.get(rank)
                if value is None or distance < value[0]:
                    result[rank] = (distance, piece)
        return result

    def _pairs(self, points: Geometries, integers: Integers, most: float) -> tuple[Integers, Integers, npt.NDArray[np.float64]]:
        """Return the numbers of the points asked for and of pieces within so many units, in their order, with the distances."""
        if most <= DATUM_UNCERTAINTY_M * UNITS_MOST:
            numbers, pieces = self._boxes.query(points[integers])
        else:
            numbers, pieces = self._pieces.tree.query(points[integers], predicate="dwithin", distance=most)
        numbers = integers[numbers]
        distances = shapely.distance(self._pieces.shapes[pieces], points[numbers])
        within = distances <= most
        return numbers[within], pieces[within], distances[within]

    def _near(self, place: ProjectedPoint, candidates: _Candidates, radius_m: float) -> tuple[_Near, int | None, int | None]:
        """Return the regions within the radius, the rank of the first that covers, and the nearest piece of another region."""
        if not candidates:
            return (), None, None
        if len(candidates) == 1:
            ((rank, (distance, _)),) = candidates.items()
            if distance == 0:
                return self._alone[rank], rank, None
        units = place.scale
        within = sorted((rank, distance / units, piece) for rank, (distance, piece) in candidates.items())
        if place.position.lat > POLAR_LATITUDE:
            # There the scale changes too fast to hold for more than a few metres.
            within = [
                (rank, distance if distance < 1 else self._end(place, self._pieces.shapes[piece], rank)[0], piece)
                for rank, distance, piece in within
            ]
        within = [item for item in within if item[1] <= radius_m]
        own = next((rank for rank, distance, _ in within if distance <= BORDER_EPSILON_M), None)
        # Two that cover are equally near, whatever the last digits say.
        rivals = [
            (0.0 if distance <= BORDER_EPSILON_M else distance, rank, piece) for rank, distance, piece in within if rank != own
        ]
        near = tuple((distance, self._regions[rank]) for rank, distance, _ in within)
        return near, own, min(rivals)[2] if rivals else None

    def _nearest_outlines(self, places: ProjectedPoints, inside: Integers, ranks: Integers, ends: _PendingDistances) -> None:
        """Add what is nearest to the points that lie in one region and are near no other."""
        inside = inside[np.argsort(ranks[inside], kind="stable")]
        for numbers in np.split(inside, np.flatnonzero(np.diff(ranks[inside])) + 1):
            borders = (self._outlines or ())[ranks[numbers[0]]] if len(numbers) else None
            if borders is not None:
                nearest = grid.nearest(places.points[numbers], places.xy[numbers], borders)
                ends.add(numbers[nearest.numbers], nearest.ranks, nearest.shapes)

    def _nearest_piece(self, place: ProjectedPoint, nearest_m: float) -> tuple[float, RegionRef] | None:
        """Return the region nearest to a place that lies in none, with its distance, up to `nearest_m`."""
        most = nearest_m * _units_most(place.position.lat)
        result = self._pieces.tree.query_nearest(place.point, max_distance=most).tolist()
        # Where several are equally near, the region with the lowest code is named.
        nearest = min(result, key=self._owner_of.__getitem__, default=None)
        return None if nearest is None else self._end(place, self._pieces.shapes[nearest], self._owner_of[nearest])

    def _rival(self, place: ProjectedPoint, cell: GridCell, own: int) -> tuple[float, RegionRef] | None:
        """Return the nearest other region than the one that covers a place, where none is near."""
        rivals = cell.nearest_candidates(own, self._outlines or ())
        if rivals is None:
            return None
        # Where several are equally near, the first is the region with the lowest code.
        first = int(shapely.distance(rivals.shapes, place.point).argmin()) if len(rivals.ranks) > 1 else 0
        return self._end(place, rivals.shapes[first], rivals.ranks[first])

    def _end(self, place: ProjectedPoint, shape: shapely.Geometry, rank: int) -> tuple[float, RegionRef]:
        """Return the distance on the ellipsoid from a place to a shape, with the region that the shape belongs to."""
        x, y = shapely.get_coordinates(shapely.shortest_line(shape, place.point))[0].tolist()
        return distance_m(*place.position, *to_degrees(x, y)), self._regions[rank]

    def _measured(self, places: ProjectedPoints, ends: _PendingDistances) -> dict[int, tuple[float, RegionRef]]:
        """Return the same for several, by the number of the position."""
        if not ends.positions:
            return {}
        at = np.concatenate(ends.positions)
        lines = shapely.shortest_line(np.concatenate(ends.shapes), places.points[at])
        there = to_degrees(*shapely.get_coordinates(lines)[::2].T)
        metres = distance_m(places.lon[at], places.lat[at], *there).tolist()
        regions = [self._regions[rank] for rank in np.concatenate(ends.ranks).tolist()]
        return dict(zip(at.tolist(), zip(metres, regions, strict=True), strict=True))


def _units_most(lat: float) -> float:
    """Return more units than a metre on the ground ever is in the projection up to a latitude (see `projection.scale`)."""
    return UNITS_MOST_POLAR if lat > POLAR_LATITUDE else UNITS_MOST


def _by_number(
    numbers: Integers, pieces: Integers, distances: npt.NDArray[np.float64]
) -> Iterator[tuple[int, list[int], list[float]]]:
    """Yield each number with its pieces and their distances."""
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    at, its_pieces, its_distances = numbers.tolist(), pieces.tolist(), distances.tolist()
    for start, end in pairwise(bounds):
        if start < end:
            yield at[start], its_pieces[start:end], its_distances[start:end]

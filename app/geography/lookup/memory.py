"""In-memory spatial index of a vintage: pieces, point in polygon, nearest border. Same answers as `postgis`.

Pieces are found through a tree of their boxes. The nearest other region is searched among the lines that can be nearest: most
borders of the country can never be the nearest to a point in a given region, so each region has a small tree of its own.
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
from geography.lookup.border_index import GeometryArray, IndexArray, SpatialIndex, build_border_indexes, tree_of
from geography.lookup.grid import BUFFER_M, GridCache, GridCell
from geography.lookup.types import LookupHit, LookupPoints, RegionRef, SearchOptions
from geography.projection import ProjectedPoint, ProjectedPoints, distance_m, to_degrees

_Near = tuple[tuple[float, RegionRef], ...]
_Candidates = dict[int, tuple[float, int]]


@dataclass(slots=True)
class _PendingDistances:
    """Nearest shapes of some of the positions, whose distance on the ellipsoid is not measured yet."""

    positions: list[IndexArray] = field(default_factory=list)
    regions: list[IndexArray] = field(default_factory=list)
    shapes: list[GeometryArray] = field(default_factory=list)

    def add(self, positions: IndexArray, regions: IndexArray, shapes: GeometryArray) -> None:
        self.positions.append(positions)
        self.regions.append(regions)
        self.shapes.append(shapes)


class MemoryLocator:
    """Engine of point lookups in one vintage that searches an in-memory index. Immutable but for the grid, so threads share it.

    The number of a region is its index in the list of regions ordered by code.

    Attributes:
        vertices: number of vertices in pieces and border lines together, the measure of memory use.
    """

    def __init__(self, regions: Sequence[RegionRef], owners: Sequence[int], pieces: GeometryArray) -> None:
        """Build the trees.

        Args:
            regions: of the vintage, ordered by code. The index of a region in this list is its number.
            owners: for each piece the number of its region.
            pieces: polygons in EPSG:3347, cut so that each is small.
        """
        self._regions = tuple(regions)
        # Hits in the interior of a region, by its number. The last is for positions in no region, with the number -1.
        self._near_single: tuple[_Near, ...] = (*(((0.0, region),) for region in self._regions), ())
        self._hits_single = tuple(LookupHit(near, None) for near in self._near_single)
        self._pieces = SpatialIndex(tree_of(pieces), pieces, np.asarray(owners, dtype=np.intp))
        self._owner_of: list[int] = self._pieces.owners.tolist()
        # Boxes a little larger than the pieces: a search at a point returns every piece within `DATUM_UNCERTAINTY_M` of it.
        margin = DATUM_UNCERTAINTY_M * UNITS_MOST
        west, south, east, north = shapely.bounds(pieces).T
        self._boxes = tree_of(shapely.box(west - margin, south - margin, east + margin, north + margin))
        self._cells = GridCache(self._pieces)
        self._border_indexes: tuple[SpatialIndex | None, ...] | None = None
        self.vertices = int(shapely.get_num_coordinates(pieces).sum())

    in_memory = True

    def locate(self, points: LookupPoints, options: SearchOptions) -> list[LookupHit]:
        """Return the regions at and near each position, in the order of the positions."""
        if len(points.positions) == 1:
            return [self.lookup(points.single, options)]
        return self.lookup_many(points.projected, options)

    @property
    def has_border_index(self) -> bool:
        """Return whether `build_border_index` is done. Without it, options with `border` cannot be answered."""
        return self._border_indexes is not None

    def build_border_index(self) -> None:
        """Build for every region the tree of border lines that can be nearest to a point in it. Takes a second or more."""
        border_indexes = build_border_indexes(self._pieces.shapes, self._pieces.owners, len(self._regions))
        self.vertices += sum(
            int(shapely.get_num_coordinates(border_index.shapes).sum()) for border_index in border_indexes if border_index
        )
        self._border_indexes = border_indexes

    def lookup(self, point: ProjectedPoint, options: SearchOptions) -> LookupHit:
        """Return the regions at and near one position: the same as `lookup_many`, by way of the grid cell."""
        most = options.radius_m * _units_most(point.position.lat)
        own: int | None = None
        nearest_other_piece: int | None = None
        if most <= BUFFER_M:
            cell = self._cells.at(point.x, point.y)
            own, pieces = cell.single_region, cell.pieces
        else:  # farther than the cell reaches
            pieces = self._pieces.tree.query(point.point, predicate="dwithin", distance=most)
        if own is not None:
            near = self._near_single[own]
        else:
            distances = shapely.distance(self._pieces.shapes[pieces], point.point)
            candidates = self._grouped(pieces.tolist(), distances.tolist(), most)
            near, own, nearest_other_piece = self._near(point, candidates, options.radius_m)
        if own is None:
            return LookupHit(near, self._nearest_piece(point, options.nearest_m) if options.nearest_m else None)
        if not options.border:
            return LookupHit(near, None)
        if nearest_other_piece is None:
            return LookupHit(near, self._nearest_border(point, self._cells.at(point.x, point.y), own))
        shape, region = self._pieces.shapes[nearest_other_piece], self._owner_of[nearest_other_piece]
        return LookupHit(near, self._with_distance(point, shape, region))

    def lookup_many(self, projected: ProjectedPoints, options: SearchOptions) -> list[LookupHit]:
        """Return the regions at and near each position, in the order of the positions."""
        units = _units_most(float(projected.lat.max()))
        points, most = projected.points, options.radius_m * units
        # With a large radius hardly any cell is in a single region. The number of the region that covers is -1 where none does.
        use_cells = most <= BUFFER_M
        own = grid.single_region(projected.xy, most, self._pieces) if use_cells else np.full(len(points), -1, dtype=np.intp)
        numbers, pieces, distances = self._pairs(points, np.flatnonzero(own < 0), most)
        # Nearly every position is in one piece and near no other piece, so only one region is near.
        clear = (distances == 0) & (np.bincount(numbers, minlength=len(points))[numbers] == 1)
        own[numbers[clear]] = self._pieces.owners[pieces[clear]]
        hits = [self._hits_single[region] for region in own.tolist()]
        other_pieces: dict[int, int] = {}
        for number, its_pieces, its_distances in _by_number(numbers[~clear], pieces[~clear], distances[~clear]):
            candidates = self._grouped(its_pieces, its_distances, most)
            near, covering, nearest_other_piece = self._near(
                ProjectedPoint(projected.positions[number]), candidates, options.radius_m
            )
            hits[number] = LookupHit(near, None)
            own[number] = -1 if covering is None else covering
            if covering is not None and nearest_other_piece is not None:
                other_pieces[number] = nearest_other_piece
        pending = _PendingDistances()
        if options.border:
            near_another = np.array(list(other_pieces), dtype=np.intp)
            nearest_pieces = np.array(list(other_pieces.values()), dtype=np.intp)
            pending.add(near_another, self._pieces.owners[nearest_pieces], self._pieces.shapes[nearest_pieces])
            interior = own >= 0
            interior[near_another] = False
            self._nearest_borders(projected, np.flatnonzero(interior), own, pending)
        outside = np.flatnonzero(own < 0)
        if options.nearest_m and len(outside):
            nearest = grid.nearest(points[outside], projected.xy[outside], self._pieces, options.nearest_m * units)
            pending.add(outside[nearest.numbers], nearest.regions, nearest.shapes)
        for number, neighbour in self._measured(projected, pending).items():
            hits[number] = LookupHit(hits[number].near, neighbour)
        return hits

    def circle_shares(self, position: LonLat, radius_m: float) -> dict[int, float]:
        """Return the part (0 to 1) of the circle around a position that each region covers, by the region's id."""
        point = ProjectedPoint(position)
        if radius_m * _units_most(position.lat) <= BUFFER_M:
            single = self._cells.at(point.x, point.y).single_region
            if single is not None:  # the circle lies in the cell and its buffer
                return {self._regions[single].id: 1.0}
        circle = point.point.buffer(radius_m * point.scale, quad_segs=CIRCLE_QUARTER_SEGMENTS)
        numbers = self._pieces.tree.query(circle)
        pieces = self._pieces.shapes[numbers]
        # Nearly always one piece contains the whole circle. That test is much cheaper than an intersection.
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
        """Return the nearest piece of each region within a distance, with its distance, by the number of the region."""
        nearest: _Candidates = {}
        for piece, distance in zip(pieces, distances, strict=True):
            if distance <= most:
                region = self._owner_of[piece]
                best = nearest.get(region)
                if best is None or distance < best[0]:
                    nearest[region] = (distance, piece)
        return nearest

    def _pairs(
        self, points: GeometryArray, wanted: IndexArray, most: float
    ) -> tuple[IndexArray, IndexArray, npt.NDArray[np.float64]]:
        """Return pairs of a wanted point and a piece within a distance in units of EPSG:3347, sorted, with their distances."""
        if most <= DATUM_UNCERTAINTY_M * UNITS_MOST:
            numbers, pieces = self._boxes.query(points[wanted])
        else:
            numbers, pieces = self._pieces.tree.query(points[wanted], predicate="dwithin", distance=most)
        numbers = wanted[numbers]
        distances = shapely.distance(self._pieces.shapes[pieces], points[numbers])
        within = distances <= most
        return numbers[within], pieces[within], distances[within]

    def _near(self, point: ProjectedPoint, candidates: _Candidates, radius_m: float) -> tuple[_Near, int | None, int | None]:
        """Return the regions within the radius, the number of the first that covers, and the nearest piece of another one."""
        if not candidates:
            return (), None, None
        if len(candidates) == 1:
            ((region, (distance, _)),) = candidates.items()
            if distance == 0:
                return self._near_single[region], region, None
        units = point.scale
        within = sorted((region, distance / units, piece) for region, (distance, piece) in candidates.items())
        if point.position.lat > POLAR_LATITUDE:
            # There the scale changes too fast to hold for more than a few metres.
            within = [
                (region, distance if distance < 1 else self._with_distance(point, self._pieces.shapes[piece], region)[0], piece)
                for region, distance, piece in within
            ]
        within = [triple for triple in within if triple[1] <= radius_m]
        own = next((region for region, distance, _ in within if distance <= BORDER_EPSILON_M), None)
        # Regions that cover are equally near, whatever the last digits of their distances.
        other_regions = [
            (0.0 if distance <= BORDER_EPSILON_M else distance, region, piece)
            for region, distance, piece in within
            if region != own
        ]
        near = tuple((distance, self._regions[region]) for region, distance, _ in within)
        return near, own, min(other_regions)[2] if other_regions else None

    def _nearest_borders(
        self, projected: ProjectedPoints, interior: IndexArray, own: IndexArray, pending: _PendingDistances
    ) -> None:
        """Add the nearest border lines of the points that lie in one region and are near no other."""
        interior = interior[np.argsort(own[interior], kind="stable")]
        for numbers in np.split(interior, np.flatnonzero(np.diff(own[interior])) + 1):
            borders = (self._border_indexes or ())[own[numbers[0]]] if len(numbers) else None
            if borders is not None:
                nearest = grid.nearest(projected.points[numbers], projected.xy[numbers], borders)
                pending.add(numbers[nearest.numbers], nearest.regions, nearest.shapes)

    def _nearest_piece(self, point: ProjectedPoint, nearest_m: float) -> tuple[float, RegionRef] | None:
        """Return the region nearest to a point that lies in none, with its distance, up to `nearest_m`."""
        most = nearest_m * _units_most(point.position.lat)
        pieces = self._pieces.tree.query_nearest(point.point, max_distance=most).tolist()
        # Of several that are equally near, the region with the lowest code is the answer.
        nearest = min(pieces, key=self._owner_of.__getitem__, default=None)
        return None if nearest is None else self._with_distance(point, self._pieces.shapes[nearest], self._owner_of[nearest])

    def _nearest_border(self, point: ProjectedPoint, cell: GridCell, own: int) -> tuple[float, RegionRef] | None:
        """Return the nearest other region than the one that covers a point, where none is within the radius."""
        candidates = cell.nearest_candidates(own, self._border_indexes or ())
        if candidates is None:
            return None
        # Of several that are equally near, the first is the region with the lowest code.
        first = int(shapely.distance(candidates.shapes, point.point).argmin()) if len(candidates.regions) > 1 else 0
        return self._with_distance(point, candidates.shapes[first], candidates.regions[first])

    def _with_distance(self, point: ProjectedPoint, shape: shapely.Geometry, region: int) -> tuple[float, RegionRef]:
        """Return the distance on the ellipsoid from a point to a shape, with the region that the shape belongs to."""
        x, y = shapely.get_coordinates(shapely.shortest_line(shape, point.point))[0].tolist()
        return distance_m(*point.position, *to_degrees(x, y)), self._regions[region]

    def _measured(self, projected: ProjectedPoints, pending: _PendingDistances) -> dict[int, tuple[float, RegionRef]]:
        """Return the distances on the ellipsoid with their regions, by the number of the position."""
        if not pending.positions:
            return {}
        at = np.concatenate(pending.positions)
        lines = shapely.shortest_line(np.concatenate(pending.shapes), projected.points[at])
        there = to_degrees(*shapely.get_coordinates(lines)[::2].T)
        metres = distance_m(projected.lon[at], projected.lat[at], *there).tolist()
        regions = [self._regions[region] for region in np.concatenate(pending.regions).tolist()]
        return dict(zip(at.tolist(), zip(metres, regions, strict=True), strict=True))


def _units_most(lat: float) -> float:
    """Return an upper bound of the units of EPSG:3347 in a metre on the ground up to a latitude (see `projection.scale`)."""
    return UNITS_MOST_POLAR if lat > POLAR_LATITUDE else UNITS_MOST


def _by_number(
    numbers: IndexArray, pieces: IndexArray, distances: npt.NDArray[np.float64]
) -> Iterator[tuple[int, list[int], list[float]]]:
    """Yield each number with its pieces and their distances."""
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    at, its_pieces, its_distances = numbers.tolist(), pieces.tolist(), distances.tolist()
    for start, end in pairwise(bounds):
        if start < end:
            yield at[start], its_pieces[start:end], its_distances[start:end]

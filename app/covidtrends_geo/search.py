"""Search in a compiled tree (spatial index): regions that cover positions, and regions within a distance.

Positions and distances are in metres of EPSG:3347; `covidtrends_geo.projection` converts. Most methods take arrays of
positions and return pairs of a position (its index) and a region (its number).
"""

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

from covidtrends_geo import quadtree
from covidtrends_geo.borders import Borders
from covidtrends_geo.boxes import CELL_MARGIN, LEVEL_BITS, BoxSearch, Nodes, level_of
from covidtrends_geo.cell_content import CellContent
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.nearest_borders import NearestBorders
from covidtrends_geo.pairs import Pairs
from covidtrends_geo.quadtree import Floats, Integers, Keys
from covidtrends_geo.ranges import expanded, members
from covidtrends_geo.run_search import Box, RunSearch
from covidtrends_geo.segments import crosses, foot, near_box, squared_distance
from covidtrends_geo.tree import REFERENCES, Tree
from covidtrends_geo.vertices import Vertices

if TYPE_CHECKING:
    from covidtrends_geo.grids import Grids

# In place of the region of a cell or a square: several regions cover it, or a border is near.
MIXED = -2


class TreeSearch:
    """Search in a tree. Immutable, so threads share it."""

    def __init__(self, tree: Tree, nodes: Nodes, vertices: Vertices, grids: "Grids | None" = None) -> None:
        """Take the arrays of a file. Without grids the answers are the same, and take longer."""
        self.tree, self.vertices = tree, vertices
        self._filled = np.flatnonzero(np.diff(tree.first_run)).astype(np.uint32)
        self._filled_view: Any = memoryview(self._filled)  # type: ignore[arg-type]
        self.boxes = BoxSearch(nodes, tree, self._filled)
        self.regions = int(max(tree.set_regions.max(initial=-1), tree.borders.max(initial=-1))) + 1
        self.nearest_borders = NearestBorders(tree, vertices, self.boxes, self.regions)
        self._runs = RunSearch(nodes, tree, self._filled)
        self._grids = grids
        sizes = np.diff(tree.set_starts)
        # The region of each set of one, NO_REGION for the empty set.
        single = np.where(sizes == 0, NO_REGION, MIXED)
        single[sizes == 1] = tree.set_regions[tree.set_starts[:-1][sizes == 1]]
        self._single_of_set = single

    def cells(self, keys: Keys) -> tuple[Integers, Integers]:
        """Return the cells of positions with these keys, and for each the region at it, `NO_REGION` or `MIXED`.

        A region or `NO_REGION` is that of all of the cell, or of its square in the grid of the cell, and no border is within
        `boxes.CELL_MARGIN`.
        """
        tree = self.tree
        cells = tree.find(keys)
        single = self._single_of_set[tree.cover_sets[cells]]
        mixed = np.flatnonzero(tree.first_run[cells + 1] > tree.first_run[cells])
        single[mixed] = MIXED
        if self._grids is not None and len(mixed):
            of = cells[mixed]
            single[mixed] = self._grids.regions_at(
                keys[mixed], np.searchsorted(self._filled, of.astype(np.uint32)), tree.shapes[of]
            )
        return cells, single

    def segments_of(self, cells: Integers, *, but: int | None = None) -> tuple[Integers, Floats, Floats]:
        """Return for each segment in cells the index of the cell, and its vertices as rows of x and y.

        Args:
            but: region whose borders are left out unless they are another region's, too; None for no region.
        """
        tree = self.tree
        at, runs = members(tree.first_run, cells)
        if but is not None:
            borders = tree.borders[tree.run_borders[runs]]
            foreign = ((borders != NO_REGION) & (borders != but)).any(axis=1)
            at, runs = at[foreign], runs[foreign]
        pairs, segments = expanded(tree.run_starts[runs], tree.run_sizes[runs])
        return at[pairs], self.vertices.at(segments), self.vertices.at(segments + 1)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Return the cell of one position, and the region at it, `NO_REGION` or `MIXED`: as `cells`."""
        tree, key = self.tree, quadtree.key_at(x, y)
        cell = tree.find_single(key)
        if tree.first_run[cell + 1] == tree.first_run[cell]:
            return cell, int(self._single_of_set[tree.cover_sets[cell]])
        if self._grids is None:
            return cell, MIXED
        return cell, self._grids.region_at(key, bisect_left(self._filled_view, cell), tree.level_of_single(cell))

    def content(self, cell: int) -> CellContent:
        """Return the content of a cell."""
        tree = self.tree
        runs = slice(int(tree.first_run[cell]), int(tree.first_run[cell + 1]))
        sizes = tree.run_sizes[runs].astype(np.int64) + 1
        xs, ys = self.vertices.at(expanded(tree.run_starts[runs], sizes)[1]).T.tolist()
        ends = np.cumsum(sizes).tolist()
        borders = tree.borders[tree.run_borders[runs]].tolist()
        chosen = tree.cover_sets[cell]
        covers = frozenset(tree.set_regions[tree.set_starts[chosen] : tree.set_starts[chosen + 1]].tolist())
        parts = [
            (xs[first:last], ys[first:last], [region for region in border if region != NO_REGION])
            for first, last, border in zip([0, *ends], ends, borders, strict=False)
        ]
        return CellContent(*tree.reference_of(cell), covers, parts)

    def borders_near(self, box: Box, own: int, reach: float, *, nearest: bool) -> Borders:
        """Return the borders near a box of all regions but `own`.

        Args:
            box: west, south, east, north.
            own: region whose borders are left out, `NO_REGION` for none. A border of two other regions is there for both.
            reach: greatest distance from the box.
            nearest: whether only segments are needed that can be nearest to a point in the box.
        """
        tree = self.tree
        runs = self._runs.near(box, own, reach, nearest=nearest)
        borders = tree.borders[tree.run_borders[runs]]
        foreign = (borders != NO_REGION) & (borders != own)
        wanted = foreign.any(axis=1)
        runs, borders, foreign = runs[wanted], borders[wanted], foreign[wanted]
        sizes = tree.run_sizes[runs].astype(np.int64) + 1
        run_of, numbers = expanded(tree.run_starts[runs], sizes)
        vertices = self.vertices.at(numbers)
        # All but the last vertex of a run begin a segment.
        begins = np.ones(len(numbers), dtype=bool)
        begins[np.cumsum(sizes) - 1] = False
        begins[begins] = near_box(vertices[begins], vertices[1:][begins[:-1]], box, reach, nearest=nearest)
        run_of, numbers = run_of[begins], numbers[begins]
        at, side = np.nonzero(foreign[run_of])
        return Borders.of_segments(self.vertices, borders[run_of[at], side], numbers[at])

    def near(self, x: Floats, y: Floats, cells: Integers, reach: Any) -> Pairs:
        """Return the regions that cover positions, and those whose border is within `reach`, at most `boxes.CELL_MARGIN`."""
        tree = self.tree
        positions, runs, least, segments, crossings = self._crossed(x, y, cells)
        # A run out of reach that the path crosses an even number of times changes nothing.
        counts = (crossings % 2 == 1) | (least <= (reach if np.ndim(reach) == 0 else reach[positions]))
        positions, runs, least, segments, crossings = (
            column[counts] for column in (positions, runs, least, segments, crossings)
        )
        of_set, covering = members(tree.set_starts, tree.cover_sets[cells])
        borders = tree.borders[tree.run_borders[runs]]
        return self._joined(
            np.concatenate([positions, positions, of_set]),
            np.concatenate([borders[:, 0], borders[:, 1], tree.set_regions[covering]]),
            np.concatenate([least, least, np.full(len(of_set), np.inf)]),
            np.concatenate([segments, segments, np.full(len(of_set), -1)]),
            np.concatenate([crossings, crossings, np.ones(len(of_set), dtype=np.int64)]),
            reach,
        )

    def within(self, x: Floats, y: Floats, cells: Integers, reach: Floats) -> Pairs:
        """Return the regions that cover positions, and those whose border is within the reach of each position."""
        covering = self.near(x, y, cells, 0.0)
        covering = covering.where(covering.distances == 0)
        everywhere = np.full(len(x), NO_REGION)
        positions, at, _ = self.boxes.cells_near(np.column_stack([x, y, x, y]), everywhere, reach, nearest=False)
        pairs, runs = members(self.tree.first_run, at)
        positions = positions[pairs]
        least, segments = self.nearest_borders.of_runs(x, y, positions, runs)
        borders = self.tree.borders[self.tree.run_borders[runs]]
        covers = len(covering.positions)
        return self._joined(
            np.concatenate([covering.positions, positions, positions]),
            np.concatenate([covering.regions, borders[:, 0], borders[:, 1]]),
            np.concatenate([np.full(covers, np.inf), least, least]),
            np.concatenate([np.full(covers, -1), segments, segments]),
            np.concatenate([np.ones(covers, dtype=np.int64), np.zeros(2 * len(positions), dtype=np.int64)]),
            reach,
        )

    def feet(self, x: Floats, y: Floats, segments: Integers) -> Floats:
        """Return the nearest points on segments, one for each position, as rows of x and y."""
        return foot(x, y, self.vertices.at(segments), self.vertices.at(segments + 1))

    def _crossed(self, x: Floats, y: Floats, cells: Integers) -> tuple[Integers, Integers, Floats, Integers, Integers]:
        """Return pairs of a position and a run in its cell, sorted, with distance, nearest segment and crossings.

        Crossings: how often a straight path from the position to the reference point of its cell crosses the run. Distances
        above `CELL_MARGIN` are infinite: most segments are beyond it, and are not measured.

        Args:
            cells: of the positions. The vertices of neighbours in one cell are read once.
        """
        tree = self.tree
        begins = np.ones(len(cells), dtype=bool)
        begins[1:] = cells[1:] != cells[:-1]
        distinct, of_cell = cells[begins], np.cumsum(begins) - 1
        _, cell_runs = members(tree.first_run, distinct)
        sizes, first = tree.run_sizes[cell_runs].astype(np.int64), tree.run_starts[cell_runs].astype(np.int64)
        # The vertices of these runs, one more than segments, and where each run begins among them.
        _, numbers = expanded(first, sizes + 1)
        own_x, own_y = self.vertices.at(numbers).T.copy()
        offsets = np.cumsum(sizes + 1) - sizes - 1
        bounds = np.concatenate([[0], np.cumsum(tree.first_run[distinct + 1].astype(np.int64) - tree.first_run[distinct])])
        positions, at_run = members(bounds, of_cell)
        pair, start = expanded(offsets[at_run], sizes[at_run])
        least, nearest = np.full(len(at_run), np.inf), np.full(len(at_run), -1)
        at = positions[pair]
        at_x, at_y = x[at], y[at]
        start_x, start_y = own_x[start] - at_x, own_y[start] - at_y
        end_x, end_y = own_x[start + 1] - at_x, own_y[start + 1] - at_y
        close = (np.minimum(start_x, end_x) <= CELL_MARGIN) & (np.maximum(start_x, end_x) >= -CELL_MARGIN)
        close &= (np.minimum(start_y, end_y) <= CELL_MARGIN) & (np.maximum(start_y, end_y) >= -CELL_MARGIN)

        def ends(few: Integers) -> tuple[Floats, Floats]:
            first, last = start[few], start[few] + 1
            return np.column_stack([own_x[first], own_y[first]]), np.column_stack([own_x[last], own_y[last]])

        few = np.flatnonzero(close)
        squared = squared_distance(at_x[few], at_y[few], *ends(few))
        # The first of equally near segments counts: the last assignment.
        order = np.lexsort((-few, -squared))
        least[pair[few[order]]], nearest[pair[few[order]]] = np.sqrt(squared[order]), numbers[start[few[order]]]
        to_x, to_y = self._references(distinct)
        to_x, to_y = to_x[of_cell], to_y[of_cell]
        # A straight path can cross only what it has on both sides.
        towards_x, towards_y = to_x[at] - at_x, to_y[at] - at_y
        left = towards_x * start_y - towards_y * start_x >= 0
        few = np.flatnonzero(left != (towards_x * end_y - towards_y * end_x >= 0))
        of = at[few]
        crossing = crosses(at_x[few], at_y[few], to_x[of], to_y[of], *ends(few))
        crossings = np.bincount(pair[few], weights=crossing, minlength=len(at_run)).astype(np.int64)
        return positions, cell_runs[at_run], least, nearest, crossings

    def _references(self, cells: Integers) -> tuple[Floats, Floats]:
        """Return the reference points of cells."""
        west, south = quadtree.corner_of(self.tree.keys_of(cells))
        shapes = self.tree.shapes[cells]
        side, parts = quadtree.side_of(level_of(shapes)), REFERENCES[shapes >> LEVEL_BITS]
        return west + parts[:, 0] * side, south + parts[:, 1] * side

    def _joined(
        self, positions: Integers, regions: Integers, least: Floats, segments: Integers, crossings: Integers, reach: Any
    ) -> Pairs:
        """Return one pair for each position and region: covering where the crossings are odd, otherwise within `reach`."""
        real = regions != NO_REGION
        keys = positions[real] * (self.regions + 1) + regions[real]
        order = np.lexsort((least[real], keys))
        keys, least, segments = keys[order], least[real][order], segments[real][order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        if not len(first):
            return Pairs(keys, keys, least, segments)
        covers = np.add.reduceat(crossings[real][order], first) % 2 == 1
        keys, least, segments = keys[first], np.where(covers, 0.0, least[first]), segments[first]
        joined = Pairs(keys // (self.regions + 1), keys % (self.regions + 1), least, segments)
        limit = reach if np.ndim(reach) == 0 else reach[joined.positions]
        return joined.where(covers | (least <= limit))

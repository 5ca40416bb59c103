"""Compiler of a lookup index: from the polygons of a vintage to cells, runs of segments and coordinates.

Regions are read one at a time and their rings written to a temporary file. Then the segments are taken tile by tile, so that
memory depends on the largest region and the fullest tile, not on the vintage. A border that two regions share, vertex by
vertex, is stored once.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import shapely

from covidtrends_geo import quadtree
from covidtrends_geo.boxes import LEVEL_BITS, widened
from covidtrends_geo.constants import NO_REGION
from covidtrends_geo.quadtree import Floats, Integers
from covidtrends_geo.segments import crosses, meets_box, squared_distance
from covidtrends_geo.tiles import TILE_LEVEL, TILE_SIDE, Spill, Tiles, key_of_tile
from covidtrends_geo.tree import REFERENCES, Leaves, Segments, Tree, TreeWriter

# A cell with more segments is divided, down to cells of 32 m: the first for borders of several regions, the second of one.
# Most positions of people near borders are near those between regions; most cells are at coasts.
CELL_SEGMENTS, COAST_SEGMENTS = 16, 32
_LAST_LEVEL = quadtree.LEVELS - 3
# A border within this distance of a reference point makes another one necessary, metres in EPSG:3347.
_CLEAR_M = 1e-4


def compile_tree(
    geometries: Iterable[shapely.Geometry],
    vertices: BinaryIO,
    *,
    folder: Path | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Tree:
    """Return the tree of the polygons of a vintage.

    Args:
        geometries: polygons and multipolygons in EPSG:3347, valid, in the order of the numbers of the regions.
        vertices: where to write the vertices: rows of x and y, float64, metres in EPSG:3347.
        folder: where to put the temporary file, 16 bytes a vertex.
        advance: called with the number of vertices that have been read or written; each vertex counts twice.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="lookup-") as temporary:
        spill = Spill(Path(temporary))
        before = 0
        for region, geometry in enumerate(geometries):
            spill.add(region, geometry)
            advance(spill.vertices - before)
            before = spill.vertices
        tiles = spill.finish()
        writer = TreeWriter(vertices)
        regions = len(spill.ends)
        for tile in tiles.listed():
            segments = tiles.segments[tiles.bounds[tile] : tiles.bounds[tile + 1]]
            if len(segments):
                _divide(tile, np.sort(segments).astype(np.int64), tiles, regions, writer)
                advance(len(segments))
            else:
                covers = tiles.covers.get(tile * len(REFERENCES), [])
                writer.add_empty(key_of_tile(tile), tuple(covers))
        return writer.finish()


def _distinct(numbers: Integers, tiles: Tiles) -> Segments:
    """Return the segments with these numbers. Two regions that share a segment, in opposite directions, get one."""
    start, end = np.asarray(tiles.xy[numbers]), np.asarray(tiles.xy[numbers + 1])
    left = np.searchsorted(tiles.ends, numbers, side="right")
    right = np.full(len(numbers), NO_REGION)
    forward = (start[:, 0] < end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] < end[:, 1]))
    low, high = np.where(forward[:, None], start, end), np.where(forward[:, None], end, start)
    order = np.lexsort((left, high[:, 1], high[:, 0], low[:, 1], low[:, 0]))
    ordered = np.column_stack([low, high])[order]
    same = (ordered[1:] == ordered[:-1]).all(axis=1) & (forward[order[1:]] != forward[order[:-1]])
    # Of three or more equal segments, each belongs to one pair at most.
    first = np.flatnonzero(same)
    if len(first):
        in_group = np.arange(len(first)) - np.maximum.accumulate(
            np.where(np.diff(first, prepend=first[0] - 2) > 1, np.arange(len(first)), 0)
        )
        first = first[in_group % 2 == 0]
    right[order[first]] = left[order[first + 1]]
    keep = np.ones(len(numbers), dtype=bool)
    keep[order[first + 1]] = False
    distinct = numbers[keep]
    chained = np.diff(distinct, prepend=-2) == 1
    return Segments(start[keep], end[keep], chained, left[keep], right[keep])


def _divide(tile: int, numbers: Integers, tiles: Tiles, regions: int, writer: "TreeWriter") -> None:
    """Divide a tile into cells, level by level, and add them to the writer."""
    segments = _distinct(numbers, tiles)
    level, side = TILE_LEVEL, TILE_SIDE
    key = np.array([tile], dtype=np.uint64)  # at this level
    west, south = quadtree.corner_of(np.array([key_of_tile(tile)]))
    cells = np.zeros(len(segments.start), dtype=np.int64)
    members = np.arange(len(segments.start))
    reference_x, reference_y, number = _references(west, south, side, cells, segments.start, segments.end)
    # Pairs of a cell and a region that covers its reference point, as cell * regions + region.
    covered = np.array(tiles.covers.get(tile * len(REFERENCES) + int(number[0]), []), dtype=np.int64)
    leaves: list[Leaves] = []
    while len(key):
        counts = np.bincount(cells, minlength=len(key))
        lowest, highest = np.full(len(key), regions), np.full(len(key), NO_REGION)
        np.minimum.at(lowest, cells, segments.left[members])
        np.maximum.at(highest, cells, np.maximum(segments.left, segments.right)[members])
        divided = (counts > np.where(lowest < highest, CELL_SEGMENTS, COAST_SEGMENTS)) & (level < _LAST_LEVEL)
        shift = np.uint64(2 * (quadtree.LEVELS - level))
        leaf = np.flatnonzero(~divided)
        renumbered = np.cumsum(~divided) - 1
        in_leaf, of_leaf = ~divided[cells], ~divided[covered // regions]
        leaves.append(
            Leaves(
                key[leaf] << shift,
                (level | number[leaf] << LEVEL_BITS).astype(np.uint8),
                renumbered[cells[in_leaf]],
                members[in_leaf],
                renumbered[covered[of_leaf] // regions] * regions + covered[of_leaf] % regions,
            )
        )
        parents = np.flatnonzero(divided)
        if not len(parents):
            break
        renumbered = np.cumsum(divided) - 1
        inner = divided[cells]
        cells, members = renumbered[cells[inner]], members[inner]
        inner = divided[covered // regions]
        covered = renumbered[covered[inner] // regions] * regions + covered[inner] % regions
        side /= 2
        level += 1
        quarter = np.arange(4)
        key = ((key[parents] << np.uint64(2))[:, None] + quarter.astype(np.uint64)).ravel()
        west = (west[parents][:, None] + (quarter & 1) * side).ravel()
        south = (south[parents][:, None] + (quarter >> 1) * side).ravel()
        from_x, from_y = np.repeat(reference_x[parents], 4), np.repeat(reference_y[parents], 4)
        wide_cells = (cells[:, None] * 4 + quarter).ravel()
        wide = np.repeat(members, 4)
        start, end = segments.start[wide], segments.end[wide]
        reference_x, reference_y, number = _references(west, south, side, wide_cells, start, end)
        at = wide_cells
        crossing = crosses(from_x[at], from_y[at], reference_x[at], reference_y[at], start, end)
        covered = _toggled(
            (np.repeat(covered // regions * 4, 4) + np.tile(quarter, len(covered))) * regions + np.repeat(covered % regions, 4),
            wide_cells[crossing],
            segments.left[wide[crossing]],
            segments.right[wide[crossing]],
            regions,
        )
        meets = meets_box(start, end, *widened(west[at], south[at], side))
        cells, members = wide_cells[meets], wide[meets]
        order = np.argsort(cells, kind="stable")
        cells, members = cells[order], members[order]
    writer.add(leaves, segments, regions)


def _references(
    west: Floats, south: Floats, side: float, cells: Integers, start: Floats, end: Floats
) -> tuple[Floats, Floats, Integers]:
    """Return the reference points of cells, and which of `REFERENCES` each is: the first that lies off all segments."""
    number = np.zeros(len(west), dtype=np.int64)
    for _ in REFERENCES:
        x, y = west + REFERENCES[number, 0] * side, south + REFERENCES[number, 1] * side
        near = squared_distance(x[cells], y[cells], start, end) < _CLEAR_M**2
        if not near.any():
            return x, y, number
        number[np.unique(cells[near])] += 1
        if number.max() == len(REFERENCES):
            break
    raise ValueError("a border passes through every reference point of a cell")


def _toggled(covered: Integers, cells: Integers, left: Integers, right: Integers, regions: int) -> Integers:
    """Return what covers each cell's reference point, from what covers the parent's and the borders crossed on the way."""
    toggles = [cells[side != NO_REGION] * regions + side[side != NO_REGION] for side in (left, right)]
    values, counts = np.unique(np.concatenate([covered, *toggles]), return_counts=True)
    odd: Integers = values[counts % 2 == 1]
    return odd

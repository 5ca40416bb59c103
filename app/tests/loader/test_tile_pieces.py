"""Tile pieces: projection to web mercator, cells of a zoom level, removal of small parts."""

import numpy as np
import pytest
import shapely

from loader.geometry.min_area import drop_small_parts
from loader.geometry.tiles import cells, to_mercator

WORLD = 2 * np.pi * 6_378_137


def test_degrees_are_projected_to_web_mercator() -> None:
    (point,) = shapely.get_coordinates(to_mercator(shapely.Point(-79.3871, 43.6426))).tolist()
    # Expected values from PROJ.
    assert point == pytest.approx([-8837331.5476, 5410299.2713], abs=1e-4)


def test_cells_contain_their_part_with_buffer() -> None:
    rng = np.random.default_rng(5)
    region = shapely.union_all(shapely.buffer(shapely.points(rng.uniform(-9e6, -7e6, (40, 2)) * (1, -0.8)), 90_000))
    zoom = 7
    size = WORLD / 2**zoom
    result = list(cells(region, zoom))
    assert len({(column, row) for column, row, _ in result}) == len(result)
    for column, row, piece in result:
        cell = shapely.box(
            column * size - WORLD / 2, WORLD / 2 - (row + 1) * size, (column + 1) * size - WORLD / 2, WORLD / 2 - row * size
        )
        wide = shapely.buffer(cell, size / 32, join_style="mitre")
        # The cell with the buffer that a tile of the same zoom shows.
        seen = shapely.buffer(cell, size / 64, join_style="mitre")
        assert wide.buffer(1).covers(piece)
        assert shapely.symmetric_difference(shapely.intersection(piece, seen), shapely.intersection(region, seen)).area < 1
    together = shapely.union_all([piece for _, _, piece in result])
    assert shapely.symmetric_difference(together, region).area < 1


def test_zoom_zero_is_not_cut() -> None:
    region = shapely.box(-9e6, 5e6, -8e6, 6e6)
    ((column, row, piece),) = cells(region, 0)
    assert (column, row) == (0, 0)
    assert piece.equals(region)


def coverage(*geometries: shapely.Geometry) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    return np.array([shapely.multipolygons(shapely.get_parts(geometry)) for geometry in geometries], dtype=object)


def test_small_islands_and_lakes_are_dropped() -> None:
    lake, rock = shapely.box(2, 2, 3, 3), shapely.box(20, 0, 21, 1)
    land = shapely.box(0, 0, 10, 10).difference(lake)
    (drawn,) = drop_small_parts(coverage(shapely.union(land, rock)), 2)
    assert drawn.equals(shapely.box(0, 0, 10, 10))
    (parts,) = drop_small_parts(coverage(shapely.union(land, rock)), 0.9)
    assert parts.equals(shapely.union(land, rock))


def test_last_part_of_region_is_kept() -> None:
    rocks = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 0, 6.5, 1)])
    (drawn,) = drop_small_parts(coverage(rocks), 100)
    assert drawn.equals(shapely.box(5, 0, 6.5, 1))


def test_parts_touching_other_regions_are_kept() -> None:
    exclave, enclave = shapely.box(2, 2, 3, 3), shapely.box(5, 5, 6, 6)
    host = shapely.box(0, 0, 10, 10).difference(exclave).difference(enclave)
    owner = shapely.union(shapely.box(20, 0, 30, 10), exclave)
    layer = coverage(host, owner, enclave)
    for before, after in zip(layer, drop_small_parts(layer, 50), strict=True):
        assert after.equals(before)


def test_lake_with_large_island_is_kept() -> None:
    island = shapely.box(3, 3, 6, 6)
    region = shapely.union(shapely.box(0, 0, 10, 10).difference(shapely.box(2, 2, 7, 7)), island)
    (drawn,) = drop_small_parts(coverage(region), 5)
    assert drawn.equals(region)


def test_geometry_beyond_web_mercator_is_clipped() -> None:
    to_the_pole = to_mercator(shapely.Polygon([(-141, 70), (-60, 70), (-60, 90), (-141, 90)]))
    assert np.isfinite(shapely.bounds(to_the_pole)).all()
    assert shapely.bounds(to_the_pole)[3] > WORLD / 2 * (1 + 1 / 16)
    assert [(column, row) for column, row, _ in cells(to_the_pole, 0)] == [(0, 0)]
    assert {row for _, row, _ in cells(to_the_pole, 5)} == set(range(8))
    for south in (85.9, 86.2, 87.0):
        beyond = to_mercator(shapely.Polygon([(-141, south), (-60, south), (-60, 90), (-141, 90)]))
        assert list(cells(beyond, 3)) == []

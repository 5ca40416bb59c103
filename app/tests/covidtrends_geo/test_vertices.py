"""Packed vertices, zones and keys of a lookup file are those that were packed, bit by bit."""

from pathlib import Path

import numpy as np
import pytest

from covidtrends_geo.projection import to_lambert
from covidtrends_geo.quadtree import LEVELS
from covidtrends_geo.tree import Tree
from covidtrends_geo.vertices import pack
from covidtrends_geo.zones import packed, unpacked

COUNT = 5_000
RANDOM = np.random.default_rng(15)
# A line that wanders, jumps to another place now and then, and has a vertex in every corner of the area.
WALK = np.cumsum(RANDOM.normal(0, 80, (COUNT, 2)), axis=0) + np.array([7_000_000.0, 1_000_000.0])
WALK[::997] += RANDOM.uniform(-3e6, 3e6, WALK[::997].shape)
WALK[:2] = (-4_194_304.0, -4_194_304.0), (12_582_911.9, 12_582_911.9)
DECIMALS = np.array([float(f"{value:.6f}") for value in WALK.ravel()]).reshape(-1, 2)
PUBLISHED = {
    "whole metres": (np.rint(WALK), 9),
    "sixteenths of a metre": (np.rint(WALK * 16) / 16, 9),
    "four decimals": (WALK.round(4), 9),
    "six decimals": (DECIMALS, 14),
    "projected from degrees": (np.column_stack(to_lambert(WALK[:, 0] / 1e5 - 150, 43 + WALK[:, 1] % 1e6 / 1e5)), 14),
    "near zero": (RANDOM.normal(0, 1, (COUNT, 2)), 40),
    "no pattern": (RANDOM.uniform(-4e6, 12e6, (COUNT, 2)), 40),
    "few": (WALK[:3], 200),
    "none": (WALK[:0], 0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_packed_vertices_are_the_same_doubles(tmp_path: Path, name: str) -> None:
    published, most_bytes = PUBLISHED[name]
    vertices = pack(published, tmp_path)
    numbers = np.arange(len(published))
    assert len(vertices) == len(published)
    assert vertices.at(numbers).tobytes() == published.tobytes()
    chosen = RANDOM.permutation(numbers)[:100]
    assert vertices.at(chosen).tobytes() == published[chosen].tobytes()
    size = sum(array.nbytes for array in vertices.arrays().values())
    assert size <= most_bytes * len(published)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bounds", [[], [0, 1], [127, 128, 16_383, 16_384, 3_000_000, 2**32 - 1], np.arange(1_000) * 131])
def test_packed_zones_are_the_same_bounds(bounds: list[int]) -> None:
    content = packed(np.array(bounds, dtype=np.int64))
    assert content.dtype == np.uint8
    assert unpacked(content).tolist() == list(bounds)


@pytest.mark.parametrize(("level", "size"), [(16, 4), (17, 8)])
def test_keys_take_four_bytes_where_no_cell_is_smaller_than_256_m(level: int, size: int) -> None:
    keys = np.arange(1_000, dtype=np.uint64) * np.uint64(7) << np.uint64(2 * (LEVELS - level))
    empty = np.empty(0, dtype=np.int64)
    tree = Tree(keys, *[empty] * 9)
    compact = tree.compact()
    assert compact.keys.itemsize == size
    wanted = RANDOM.integers(0, int(keys[-1]) + 100, 2_000).astype(np.uint64)
    assert compact.find(wanted).tolist() == tree.find(wanted).tolist()
    assert [compact.find_single(int(key)) for key in wanted[:50]] == tree.find(wanted[:50]).tolist()
    assert compact.keys_of(slice(None)).tolist() == keys.tolist()

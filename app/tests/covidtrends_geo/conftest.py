"""Coverages of the tests of the lookup package, made of polygons in EPSG:3347, and their indexes."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import shapely

from covidtrends_geo import Lookup, lookup_file
from covidtrends_geo.compiler import compile_tree
from covidtrends_geo.engine import Engine
from covidtrends_geo.grids import build_grids
from covidtrends_geo.projection import to_degrees
from covidtrends_geo.search import TreeSearch
from covidtrends_geo.tree import nodes_of
from covidtrends_geo.vertices import pack
from covidtrends_geo.zones import build_zones

# Near the middle of Ontario.
X, Y = 7_000_000.0, 1_000_000.0


def engine_of(regions: Sequence[shapely.Geometry], misfits: Sequence[float] = ()) -> Engine:
    """Return the engine of regions, with grids and zones as a file has them."""
    vertices = io.BytesIO()
    tree = compile_tree(regions, vertices)
    parts = tree, nodes_of(tree), pack(np.frombuffer(vertices.getvalue()).reshape(-1, 2))
    plain, metres = TreeSearch(*parts), np.array(misfits or [0.0] * len(regions))
    return Engine(TreeSearch(tree.compact(), *parts[1:], build_grids(plain)), metres.tolist(), build_zones(plain, metres))


def squares(side: float, count: int) -> list[shapely.Geometry]:
    """Return squares in rows and columns, with vertices that their neighbours share, at multiples of the side."""
    corners = [(X + column * side, Y + row * side) for row in range(count) for column in range(count)]
    return [shapely.MultiPolygon([shapely.box(x, y, x + side, y + side)]) for x, y in corners]


def cells_about_points(seed: int, count: int, extent: float) -> list[shapely.Geometry]:
    """Return irregular regions that share borders, with densified edges that are displaced in the same way for both."""
    random = np.random.default_rng(seed)
    points = shapely.multipoints(random.uniform((X, Y), (X + extent, Y + extent), (count, 2)))
    box = shapely.box(X, Y, X + extent, Y + extent)
    polygons = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=box))
    clipped = shapely.intersection(polygons, box)

    def bent(xy: np.ndarray) -> np.ndarray:
        # A shear that depends on the place: neighbours stay neighbours, and no edge stays straight.
        displaced: np.ndarray = xy + 400 * np.column_stack([np.sin(xy[:, 1] / 900), np.cos(xy[:, 0] / 700)])
        return displaced

    return [shapely.transform(shapely.segmentize(polygon, 150), bent) for polygon in clipped]


def with_holes_and_islands() -> list[shapely.Geometry]:
    """Return regions with a hole that another fills, an island, an overlap of three, a gap, and forty slivers."""
    outer, hole = shapely.box(X, Y, X + 9_000, Y + 9_000), shapely.Point(X + 4_000, Y + 4_000).buffer(1_500)
    island = shapely.Point(X + 15_000, Y + 2_000).buffer(700)
    return [
        shapely.MultiPolygon([outer.difference(hole), island]),
        hole,
        shapely.box(X + 8_000, Y + 3_000, X + 12_000, Y + 6_000),
        shapely.box(X + 8_500, Y + 2_000, X + 10_000, Y + 5_000),
        shapely.box(X + 12_003, Y + 3_000, X + 13_000, Y + 6_000),
        shapely.MultiPolygon([shapely.box(X + 20_000 + 7 * k, Y, X + 20_003 + 7 * k, Y + 500) for k in range(40)]),
    ]


COVERAGES: dict[str, Callable[[], list[shapely.Geometry]]] = {
    "grid of 1,024 m, on the borders of cells": lambda: squares(1_024.0, 6),
    "grid of 100 m": lambda: squares(100.0, 12),
    "grid of 200 km": lambda: squares(200_000.0, 3),
    "irregular": lambda: cells_about_points(1, 60, 30_000.0),
    "irregular and dense": lambda: cells_about_points(2, 400, 9_000.0),
    "irregular and large": lambda: cells_about_points(3, 12, 900_000.0),
    "holes, islands, overlaps and gaps": with_holes_and_islands,
    "one region": lambda: [shapely.Point(X, Y).buffer(50_000)],
}


@pytest.fixture(scope="session", params=COVERAGES)
def coverage(request: pytest.FixtureRequest) -> tuple[list[shapely.Geometry], Engine]:
    """Return the regions of a coverage and their engine."""
    regions = COVERAGES[request.param]()
    return regions, engine_of(regions)


# South-western corner of the first region, metres in EPSG:3347; every square has a side of 10 km.
WEST, SOUTH, SIDE = 7_000_000.0, 1_000_000.0, 10_000.0


def lonlat(x, y):
    """Return the degrees of a position in metres from the corner."""
    return tuple(np.round(to_degrees(WEST + x, SOUTH + y), 9).tolist())


def square(column, row=0):
    west, south = WEST + column * SIDE, SOUTH + row * SIDE
    return shapely.box(west, south, west + SIDE, south + SIDE)


@pytest.fixture(scope="session")
def lookup_paths(tmp_path_factory):
    """Files of two health regions in Ontario and one in Quebec, side by side, and of two FSAs in Ontario over them."""
    folder = tmp_path_factory.mktemp("lookup")
    health = [
        (lookup_file.Region("3501", None, 'East, "old" Unit', "Circonscription est", "35"), square(0)),
        (lookup_file.Region("3502", None, "West Unit", "Circonscription ouest", "35"), square(1)),
        (lookup_file.Region("2401", None, "Région", "Région", "24"), square(2)),
    ]
    fsas = [
        (lookup_file.Region("K1A", None, "K1A", "K1A", "35"), shapely.union(square(0), square(1))),
        (lookup_file.Region("K2B", None, "K2B", "K2B", "35"), square(2)),
    ]
    paths = []
    for coverage, regions in (("health-regions", health), ("fsa", fsas)):
        path = folder / f"{coverage}-2021-lookup.safetensors"
        metadata = {"coverage": coverage, "vintage": "2021", "licence": "Open"}
        lookup_file.write(path, regions=sorted(regions, key=lambda pair: pair[0].code), metadata=metadata)
        paths.append(path)
    return paths


@pytest.fixture(scope="session")
def lookup(lookup_paths):
    return Lookup.read(lookup_paths[0])

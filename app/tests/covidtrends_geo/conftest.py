"""Lookup files of a few square regions, written by the package."""

import numpy as np
import pytest
import shapely

from covidtrends_geo import Lookup, lookup_file
from covidtrends_geo.projection import to_degrees

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

"""Lookup files of synthetic regions, positions at their borders, and answers of the search, for tests of its wrappers."""

from pathlib import Path
from typing import Any

import numpy as np
import shapely

from covidtrends_geo import lookup_file
from covidtrends_geo.answers import MATCHES
from covidtrends_geo.columns import locate_columns
from covidtrends_geo.lookup_file import Region
from covidtrends_geo.projection import to_degrees

# Metres in EPSG:3347: Lake Ontario to James Bay. The regions leave a strip of it free.
_WEST, _SOUTH, _EAST, _NORTH = 7_000_000.0, 900_000.0, 7_600_000.0, 1_700_000.0
_STRIP = 50_000.0
# No number, no angle, the poles, the antimeridian, and the other side of the world.
NO_PLACES = [(np.nan, 50.0), (-75.0, np.nan), (np.inf, 45.0), (-75.0, -np.inf), (181.0, 45.0), (-75.0, 91.0), (1e308, 1e308)]
FAR_PLACES = [(0.0, 90.0), (-100.0, 90.0), (0.0, -90.0), (180.0, 60.0), (-180.0, 60.0), (-75.0, -45.0), (0.0, 0.0)]


def write_lookup_file(path: Path, coverage: str, *, regions: int, seed: int = 1) -> Path:
    """Write a lookup file of cells around random points, with a vertex at least every kilometre, and return its path."""
    rng = np.random.default_rng(seed)
    seeds = shapely.MultiPoint(rng.uniform((_WEST, _SOUTH), (_EAST, _NORTH), (regions, 2)))
    frame = shapely.box(_WEST + _STRIP, _SOUTH + _STRIP, _EAST - _STRIP, _NORTH - _STRIP)
    cells = shapely.segmentize(shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(seeds)), frame), 1_000.0)
    rows = [
        (Region(f"{number:04d}", None, f"Region {number}", f"Région {number}", "35"), cell)
        for number, cell in enumerate(cells[~shapely.is_empty(cells)], start=3500)
    ]
    lookup_file.write(path, regions=rows, metadata={"coverage": coverage, "vintage": "2022"})
    return path


def vertices_of(path: Path) -> np.ndarray:
    """Return the vertices of a lookup file, as rows of x and y."""
    vertices = lookup_file.open_file(path).engine.search.vertices
    return vertices.at(np.arange(len(vertices)))


def positions_at_borders(paths: list[Path], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return longitudes and latitudes 0.1 mm to 40 m from vertices of borders, and those of `NO_PLACES` and `FAR_PLACES`."""
    rng = np.random.default_rng(2)
    vertices = np.concatenate([vertices_of(path) for path in paths])
    x, y = vertices[rng.integers(0, len(vertices), count)].T
    away, turn = 10 ** rng.uniform(-4, np.log10(40), count), rng.uniform(0, 2 * np.pi, count)
    lon, lat = np.array([*NO_PLACES, *FAR_PLACES]).T
    border_lon, border_lat = to_degrees(x + away * np.cos(turn), y + away * np.sin(turn))
    order = rng.permutation(count + len(lon))
    return np.concatenate([border_lon, lon])[order], np.concatenate([border_lat, lat])[order]


def plain_answers(path: Path, lon: np.ndarray, lat: np.ndarray, **options: Any) -> dict[str, list[Any]]:
    """Return code, match, certain, distance to the border and status of positions, by the search itself."""
    file = lookup_file.open_file(path)
    valid, answers = locate_columns(file.engine, lon, lat, **options)
    return {
        "code": [file.regions[region].code if region >= 0 else None for region in answers.region],
        "match": [MATCHES[match] for match in answers.match],
        "certain": answers.certain.tolist(),
        "distance_to_border_m": [None if np.isnan(metres) else metres for metres in answers.distance_to_border_m],
        "status": ["ok" if ok else "coordinate-invalid" for ok in valid],
    }

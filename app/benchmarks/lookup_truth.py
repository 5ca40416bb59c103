"""Comparison of a lookup file with brute force: the distance of every position to every whole region, by shapely and pyproj.

    cd app && python -m benchmarks.lookup_truth LOOKUP BOUNDARIES [--points 20000]

BOUNDARIES is the file that the vintage was loaded from, or its GeoParquet, in EPSG:3347 with a column of codes. Brute force
uses no cells, pieces or projection of the lookup. Prints for each kind of `hard_positions` the number of positions, and of
answers that differ in code, `covers` or `certain`, one by one and as arrays.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyogrio
import pyproj
import shapely

from covidtrends_geo.answers import COVERS
from covidtrends_geo.columns import locate_columns
from covidtrends_geo.lookup_file import LookupFile, open_file
from covidtrends_geo.point import PointEngine, answer

_BORDER_M, _UNCERTAIN_M = 0.001, 2.0
# Around the two limits, a millimetre and two metres, and beyond them; metres.
AWAY_M = (0.0, 0.0001, 0.0005, 0.0009, 0.0011, 0.002, 0.1, 1.9, 2.1, 10.0, 40.0)
# Side of the squares at whose sides the lookup divides, metres.
_SIDE = 512.0
# Share of the parts of regions that are small.
_SMALL = 0.2
# One position in so many is also looked up by itself.
_SINGLE = 10
Floats = npt.NDArray[np.float64]
to_lambert = pyproj.Transformer.from_crs(4269, 3347, always_xy=True)


def read_boundaries(path: Path, codes: list[str]) -> npt.NDArray[np.object_]:
    """Return the regions of a file in the order of their codes. Raises: ValueError for a file without a column of these."""
    if path.suffix == ".parquet":
        import geopandas  # noqa: PLC0415 - for this format only

        frame = geopandas.read_parquet(path)
        geometries, columns = frame.geometry.to_numpy(), {name: frame[name].to_numpy() for name in frame.columns[:-1]}
    else:
        meta, _, wkb, values = pyogrio.raw.read(path)
        geometries, columns = shapely.from_wkb(wkb), dict(zip(meta["fields"], values, strict=True))
    for values in columns.values():
        if sorted(values.astype(str)) == codes:
            return np.asarray(geometries[np.argsort(values.astype(str))])
    raise ValueError(f"{path} has no column with the codes of the lookup file")


def hard_positions(regions: npt.NDArray[np.object_], count: int) -> Iterator[tuple[str, Floats]]:
    """Yield positions by kind, as rows of longitude and latitude.

    0.1 mm to 40 m from vertices, edges, points where three regions meet, small islands, holes, vertices north of 70 degrees and
    seams (sides of squares of 512 m, where the lookup divides); vertices; positions anywhere; and 83.9 degrees to the pole.
    """
    random = np.random.default_rng(3347)
    vertices, owner = shapely.get_coordinates(regions, return_index=True)

    def about(name: str, xy: Floats) -> tuple[str, Floats]:
        chosen = xy[random.integers(0, len(xy), count)]
        away, turn = random.choice(AWAY_M, count)[:, None], random.uniform(0, 2 * np.pi, count)
        return name, degrees(chosen + away * np.column_stack([np.cos(turn), np.sin(turn)]))

    def degrees(xy: Floats) -> Floats:
        return np.column_stack(to_lambert.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))

    yield "vertices", degrees(vertices[random.integers(0, len(vertices), count)])
    # As many vertices of each region: a fifth of all can be in a single one.
    starts = np.searchsorted(owner, np.arange(len(regions) + 1))
    region = random.integers(0, len(regions), count)
    chosen = random.integers(starts[region], starts[region + 1] - 1)
    yield about("about vertices", vertices[chosen])
    same = owner[chosen] == owner[chosen + 1]
    part = random.uniform(0, 1, (same.sum(), 1))
    yield about("about edges", vertices[chosen[same]] * (1 - part) + vertices[chosen[same] + 1] * part)
    joint, number = np.unique(_distinct(vertices, owner), axis=0, return_counts=True)
    yield about("where three regions meet", joint[number > 2] if (number > 2).any() else joint)
    parts = shapely.get_parts(regions)
    area = shapely.area(parts)
    yield about("small islands", shapely.get_coordinates(parts[area <= np.quantile(area, _SMALL)]))
    holes = [ring for part in parts for ring in shapely.get_rings(part)[1:]]
    yield about("holes", shapely.get_coordinates(holes) if holes else vertices)
    north = np.column_stack(to_lambert.transform(-95.0, 70.0))[0, 1]
    yield about("north", vertices[vertices[:, 1] > north] if (vertices[:, 1] > north).any() else vertices)
    yield about("seams", np.column_stack([np.round(vertices[chosen, 0] / _SIDE) * _SIDE, vertices[chosen, 1]]))
    west, south, east, top = shapely.total_bounds(regions)
    yield "anywhere", degrees(random.uniform((west, south), (east, top), (count, 2)))
    yield (
        "to the pole",
        np.column_stack([random.uniform(-141, -50, count), random.choice([83.9, 84, 85, 89, 89.999, 90], count)]),
    )


def _distinct(vertices: Floats, owner: npt.NDArray[np.intp]) -> Floats:
    """Return each vertex once for each region that has it."""
    return np.unique(np.column_stack([vertices, owner]), axis=0)[:, :2]


def brute_force(
    regions: npt.NDArray[np.object_], misfits: Sequence[float], positions: Floats
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return the number of the first region within a millimetre, -1 where there is none, and whether that is certain.

    It is if no other region is within 2 m and the misfit: of the first region or, where there is none, of the other.
    """
    x, y = to_lambert.transform(*positions.T)
    points, units = shapely.points(x, y), _units(positions)
    margin = (_UNCERTAIN_M + max(misfits)) * units
    first, near = np.full(len(points), -1), np.zeros(len(points), dtype=int)
    candidates = []
    for number, (west, south, east, north) in enumerate(shapely.bounds(regions)):
        inside = (x >= west - margin) & (x <= east + margin) & (y >= south - margin) & (y <= north + margin)
        shapely.prepare(regions[number])
        candidates.append(np.flatnonzero(inside)[shapely.dwithin(regions[number], points[inside], margin[inside])])
        on = candidates[-1][shapely.dwithin(regions[number], points[candidates[-1]], _BORDER_M * units[candidates[-1]])]
        first[on[first[on] < 0]] = number
    misfit = np.where(first < 0, 0.0, np.array([*misfits, 0.0])[first])
    for number, close in enumerate(candidates):
        reach = _UNCERTAIN_M + np.where(first[close] < 0, misfits[number], misfit[close])
        near[close[shapely.dwithin(regions[number], points[close], reach * units[close])]] += 1
    return first, np.where(first >= 0, near == 1, near == 0)


def _units(positions: Floats) -> Floats:
    """Return units of the projection for a metre on the ground, measured over 100 m to the south."""
    lon, lat = positions.T
    south = pyproj.Geod(ellps="WGS84").fwd(lon, lat, np.full(len(lon), 180.0), np.full(len(lon), 100.0))
    (x, y), (x2, y2) = to_lambert.transform(lon, lat), to_lambert.transform(south[0], south[1])
    return np.asarray(np.hypot(x2 - x, y2 - y) / 100)


def differences(file: LookupFile, regions: npt.NDArray[np.object_], positions: Floats) -> int:
    """Return the number of positions whose answers differ from brute force, as an array or one by one."""
    misfits = [region.misfit_m for region in file.regions]
    first, certain = brute_force(regions, misfits, positions)
    answers = locate_columns(file.engine, *positions.T.copy()).answers
    wrong = (answers.region != first) | (answers.certain != certain) | ((answers.match == COVERS) != (first >= 0))
    single, numbers = PointEngine(file.engine), {region: number for number, region in enumerate(file.regions)}
    for index in range(0, len(positions), _SINGLE):
        lon, lat = positions[index].tolist()
        result = answer(single.hit(lon, lat, _UNCERTAIN_M), _UNCERTAIN_M, 0.0, file.regions)
        region = -1 if result.region is None else numbers[result.region]
        wrong[index] |= region != first[index] or result.certain != certain[index]
    return int(wrong.sum())


def main() -> None:
    """Compare, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lookup", type=Path)
    parser.add_argument("boundaries", type=Path)
    parser.add_argument("--points", type=int, default=20_000, help="positions of each kind")
    options = parser.parse_args()
    file = open_file(options.lookup)
    regions = read_boundaries(options.boundaries, [region.code for region in file.regions])
    print(f"{len(regions)} regions, {int(shapely.get_num_coordinates(regions).sum()):,} vertices", flush=True)
    for kind, positions in hard_positions(regions, options.points):
        began = time.process_time()
        wrong = differences(file, regions, positions)
        print(f"{kind:26} {len(positions):9,} {wrong:6} differ, {time.process_time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()

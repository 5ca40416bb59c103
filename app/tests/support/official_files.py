"""Builds boundary files with the size and the extent of Statistics Canada's, which are not in the repository.

    python -m tests.support.official_files fsa-2021-digital --official FOLDER --out lfsa000a21a_e.zip

The coverage is the demonstration's, its codes those of the edition. Its edges are broken into as many vertices as the official
file has, region by region, where FOLDER holds that file's .shx and .dbf (`lfsa000a21a_e.shx`); else into `--vertices` in all.
Digital files run over the sea to the sector's meridians and to the official northernmost vertex, 62 m from the pole.
"""

import argparse
import io
import struct
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyogrio
import shapefile
import shapely

from geography.codes import PROVINCE_BY_PRUID, fsa_province
from geography.projection import to_lambert

_SAMPLE = Path(__file__).resolve().parents[3] / "geodata" / "sample"
_PRJ = (
    'PROJCS["NAD83 / Statistics Canada Lambert",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",'
    'SPHEROID["GRS_1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]],'
    'PROJECTION["Lambert_Conformal_Conic"],PARAMETER["standard_parallel_1",49],PARAMETER["standard_parallel_2",77],'
    'PARAMETER["latitude_of_origin",63.390675],PARAMETER["central_meridian",-91.86666666666666],'
    'PARAMETER["false_easting",6200000],PARAMETER["false_northing",3000000],UNIT["Meter",1]]'
)
# From the headers of lfsa000a21a_e and lpr_000a21a_e; the x of the northernmost vertex from the provinces of 2011.
WEST, SOUTH, EAST, NORTH = 3_658_201.494285751, 658_872.9742857479, 9_019_156.61428576, 6_083_004.851428613
_APEX_X = 6_199_899.0
# The northern sea belongs to the Northwest Territories west of 110 degrees west, to Nunavut east of it.
_SECTOR = (-141.0, -110.0, -60.0)
_SEA_FROM = 60.0
# Edges longer than this are meridians and parallels, which the official files leave straight.
_STRAIGHT_M = 30_000.0
# Of an edge's length: as much as a line wanders to either side.
_ROUGHNESS = 0.004
_HARMONICS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610)
# A sixteenth of a metre: official coordinates have fewer digits than a double holds, and a zip shows that.
_GRID_M = 2.0**-4

_Geometries = npt.NDArray[np.object_]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Edition:
    """What is known of an official file.

    Attributes:
        stem: of its files, and the folder inside the zip.
        sample: the demonstration's layer that gives the shapes.
        vertices: in all, where the official .shx is not at hand.
        north: codes of the regions that the northern sea is given to, west and east; none for a cartographic file.
        fields: of the table, as pyshp declares them.
    """

    stem: str
    sample: str
    vertices: int
    north: tuple[str, str] | None
    fields: tuple[tuple[str, str, int, int], ...]


_FSA_FIELDS = (
    ("CFSAUID", "C", 3, 0),
    ("DGUID", "C", 21, 0),
    ("PRUID", "C", 2, 0),
    ("PRNAME", "C", 55, 0),
    ("LANDAREA", "N", 12, 4),
)
_HR_FIELDS = (("HR_UID", "C", 4, 0), ("DGUID", "C", 21, 0), ("ENGNAME", "C", 150, 0), ("FRENAME", "C", 150, 0))
_PR_FIELDS = (("PRUID", "C", 2, 0), ("DGUID", "C", 21, 0), ("PRENAME", "C", 100, 0), ("PRFNAME", "C", 100, 0))
EDITIONS = {
    "fsa-2021-digital": Edition("lfsa000a21a_e", "fsa", 2_500_000, ("X0E", "X0A"), _FSA_FIELDS),
    "fsa-2021-cartographic": Edition("lfsa000b21a_e", "fsa", 18_500_000, None, _FSA_FIELDS),
    "health-regions-2023-digital": Edition("HR_000a23a_e", "hr", 1_200_000, ("6101", "6201"), _HR_FIELDS),
    "provinces-2021-digital": Edition("lpr_000a21a_e", "pr", 260_000, ("61", "62"), _PR_FIELDS),
}


def build(
    name: str,
    target: Path,
    *,
    official: Path | None = None,
    vertices: int | None = None,
    thinned_m: float = 0.0,
    size: int | None = None,
) -> int:
    """Write the zip of an edition. Returns: its vertices.

    Args:
        official: folder with the official .shx and .dbf; without them codes and sizes are the demonstration's.
        vertices: in all, in place of the edition's or of the official sizes.
        thinned_m: simplify the demonstration by so much first, for a small file.
        size: of the zip, bytes: filled up to it with a member that nobody reads.

    Raises: ValueError where the zip is larger than that.
    """
    edition = EDITIONS[name]
    shapes, rows = _base(edition.sample)
    sizes: dict[str, int] = {}
    table = None
    if official is not None and (official / f"{edition.stem}.dbf").exists():
        table = (official / f"{edition.stem}.dbf").read_bytes()
        codes = [row[0] for row in shapefile.Reader(dbf=io.BytesIO(table), encoding="cp1252").records()]
        shapes = _recoded(shapes, codes)
        if vertices is None:
            sizes = dict(zip(codes, _sizes((official / f"{edition.stem}.shx").read_bytes()), strict=True))
    if edition.sample == "hr":
        shapes, rows = _with_one_more(shapes, rows)
    if thinned_m:
        shapes = dict(zip(shapes, shapely.coverage_simplify(np.array(list(shapes.values())), thinned_m), strict=True))
    if edition.north:
        shapes = _to_the_pole(shapes, edition.north)
    geometries = _roughened(shapes, sizes, vertices or edition.vertices)
    if edition.north:
        geometries = _stretched(geometries)
    table = table or _table(edition, [rows.get(code) or _row(edition, code) for code in shapes])
    _write(target, edition.stem, table, geometries)
    if size is not None:
        _fill(target, f"{edition.stem}/{edition.stem}.xml", size)
    return int(shapely.get_num_coordinates(geometries).sum())


def _base(sample: str) -> tuple[dict[str, shapely.Geometry], dict[str, list[object]]]:
    """Return the demonstration's regions by code, and the rows of their table."""
    path = _SAMPLE / ("health_regions_sample.zip" if sample == "hr" else "fsa_sample.zip")
    inside = next(item for item in zipfile.ZipFile(path).namelist() if item.endswith(".shp"))
    _, _, wkb, values = pyogrio.raw.read(f"/vsizip/{path}/{inside}")
    geometries = shapely.from_wkb(wkb)
    if sample == "pr":
        pruids = np.array([fsa_province(code).pruid for code in values[0]])  # type: ignore[union-attr]
        # Northwest Territories and Nunavut share the letter X.
        pruids[np.isin(values[0], ["X0A", "X0B", "X0C"])] = "62"
        pruids[np.isin(values[0], ["X0E", "X0G", "X1A"])] = "61"
        return {item: shapely.coverage_union_all(geometries[pruids == item]) for item in np.unique(pruids).tolist()}, {}
    shapes = dict(zip(values[0].tolist(), geometries, strict=True))
    return shapes, {row[0]: [str(item) for item in row] for row in zip(*values, strict=True)} if sample == "hr" else {}


def _row(edition: Edition, code: str) -> list[object]:
    if edition.sample == "pr":
        province = PROVINCE_BY_PRUID[code]
        return [code, f"2021A0002{code}", province.name_en, province.name_fr]
    province = fsa_province(code)  # type: ignore[assignment]
    pruid = "62" if code in ("X0A", "X0B", "X0C") else province.pruid
    name = PROVINCE_BY_PRUID[pruid]
    both = name.name_en if name.name_en == name.name_fr else f"{name.name_en} / {name.name_fr}"
    return [code, f"2021A0011{code}", pruid, both, 1.0]


def _with_one_more(
    shapes: Mapping[str, shapely.Geometry], rows: Mapping[str, list[object]]
) -> tuple[dict[str, shapely.Geometry], dict[str, list[object]]]:
    """Return the 104 regions of 2022 and a hundred and fifth: the edition of 2023 has one more."""
    codes = [*shapes, "3597"]
    names: list[object] = ["3597", "2023A00073597", "A health unit that was made up", "Circonscription sanitaire fictive"]
    return _recoded(shapes, codes), {**rows, "3597": names}


def _recoded(shapes: Mapping[str, shapely.Geometry], codes: Sequence[str]) -> dict[str, shapely.Geometry]:
    """Return regions under these codes: their own where they have one, the rest made by halving the largest nearby."""
    result = {code: shapes[code] for code in codes if code in shapes}
    for code, shape in shapes.items():
        if code not in result:
            _join(result, code, shape)
    for code in codes:
        if code not in result:
            peers = [item for item in result if item[0] == code[0] and result[item].geom_type == "Polygon"] or list(result)
            largest = max(peers, key=lambda entry: float(shapely.get_num_coordinates(result[entry])))
            west, south, east, north = shapely.bounds(result[largest])
            half = shapely.box(west - 1, south - 1, (west + east) / 2, north + 1)
            # Where the cut meets a border, the neighbours need a vertex too: one is made for all of them.
            result[code] = shapely.intersection(result[largest], half)
            result[largest] = shapely.difference(result[largest], half)
            result = _noded(result)
    return {code: result[code] for code in codes}


def _join(shapes: dict[str, shapely.Geometry], code: str, shape: shapely.Geometry) -> None:
    """Give a region that has no code any more to the neighbour with the longest common border."""
    names = [shape for shape in shapes if shape[0] == code[0]]
    lengths = shapely.length(shapely.intersection(np.array([shapes[name] for name in names]), shapely.boundary(shape)))
    neighbour = names[int(np.argmax(lengths))]
    shapes[neighbour] = shapely.union(shapes[neighbour], shape)


def _noded(shapes: Mapping[str, shapely.Geometry]) -> dict[str, shapely.Geometry]:
    cleaned = shapely.coverage_clean(np.array(list(shapes.values())))
    return dict(zip(shapes, cleaned, strict=True))


def _to_the_pole(shapes: Mapping[str, shapely.Geometry], north: tuple[str, str]) -> dict[str, shapely.Geometry]:
    """Return the coverage with the northern sea given to two of its regions."""
    result = dict(shapes)
    land = shapely.coverage_union_all(np.array(list(shapes.values())))
    for code, west, east in zip(north, _SECTOR, _SECTOR[1:], strict=False):
        along = np.linspace(west, east, 60)
        arc = np.column_stack(to_lambert(along, np.full(60, _SEA_FROM)))
        fan = shapely.Polygon(np.vstack(([[_APEX_X, NORTH]], arc)))
        sea = shapely.difference(fan, land)
        result[code] = shapely.union_all([result[code], sea])
    return _noded(result)


def _stretched(geometries: _Geometries) -> _Geometries:
    """Return the coverage with its outermost vertices where the official header has them."""
    bounds = shapely.total_bounds(geometries)
    official = ((0, bounds[0], WEST), (1, bounds[1], SOUTH), (0, bounds[2], EAST))

    def stretch(xy: _Floats) -> _Floats:
        moved = xy.copy()
        for axis, outermost, side in official:
            moved[xy[:, axis] == outermost, axis] = side
        return moved

    return np.asarray(shapely.transform(geometries, stretch))


def _roughened(shapes: Mapping[str, shapely.Geometry], sizes: Mapping[str, int], vertices: int) -> _Geometries:
    """Return the regions with every edge broken into wandering lines, common edges alike on both sides.

    Args:
        sizes: vertices by code; empty to spread `vertices` by length.
    """
    geometries = np.array(list(shapes.values()), dtype=object)
    parts, region = shapely.get_parts(geometries, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coords = [shapely.get_coordinates(ring) for ring in rings]
    owner = np.repeat(region[part], [len(value) - 1 for value in coords])
    start, end = np.vstack([value[:-1] for value in coords]), np.vstack([value[1:] for value in coords])
    backwards = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    low, high = np.where(backwards[:, None], end, start), np.where(backwards[:, None], start, end)
    edges, edge = np.unique(np.hstack((low, high)), axis=0, return_inverse=True)
    edge = edge.reshape(-1)
    pieces = _pieces(edges, edge, owner, np.array([sizes.get(code, 0) for code in shapes]), vertices)
    lines, first = _lines(edges, pieces)
    offset = 0
    polygons: dict[int, list[_Floats]] = {}
    for number, value in enumerate(coords):
        mine = slice(offset, offset + len(value) - 1)
        offset += len(value) - 1
        count, begin, reverse = pieces[edge[mine]], first[edge[mine]], backwards[mine]
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        # A line reversed begins at its end.
        place = np.repeat(begin, count) + np.where(np.repeat(reverse, count), np.repeat(count, count) - step, step)
        line = lines[place]
        polygons.setdefault(int(part[number]), []).append(np.vstack((line, line[:1])))
    built = [
        shapely.polygons(shapely.linearrings(shell), [shapely.linearrings(hole) for hole in holes] or None)
        for shell, *holes in (polygons[index] for index in range(len(parts)))
    ]
    ends = np.searchsorted(region, np.arange(len(geometries) + 1))
    return np.array([shapely.multipolygons(built[ends[k] : ends[k + 1]]) for k in range(len(geometries))], dtype=object)


def _pieces(
    edges: _Floats, edge: npt.NDArray[np.intp], owner: npt.NDArray[np.intp], sizes: npt.NDArray[np.int64], vertices: int
) -> npt.NDArray[np.int64]:
    """Return into how many pieces each edge is broken, so that every region comes near its size."""
    length = np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1])
    straight = length > _STRAIGHT_M
    if not sizes.any():
        return np.where(straight, 1, np.maximum(np.rint(length * vertices / length[edge].sum()), 1)).astype(np.int64)
    regions = len(sizes)
    density = np.full(regions, sizes.sum() / length[edge].sum())
    sides = np.bincount(edge, minlength=len(edges))
    count = np.ones(len(edges))
    for _ in range(25):
        mean = np.exp(np.bincount(edge, np.log(density[owner]), len(edges)) / sides)
        count = np.where(straight, 1, np.maximum(np.rint(length * mean), 1))
        now = np.bincount(owner, count[edge], regions)
        density *= np.clip(sizes / now, 0.2, 5) ** 0.8
    return count.astype(np.int64)


def _lines(edges: _Floats, pieces: npt.NDArray[np.int64]) -> tuple[_Floats, npt.NDArray[np.int64]]:
    """Return the vertices of all broken edges, both ends of each included, and where each begins."""
    chance = np.random.default_rng(2021)
    counts = pieces + 1
    first = np.cumsum(counts) - counts
    step = np.arange(counts.sum()) - np.repeat(first, counts)
    t = step / np.repeat(pieces, counts)
    low, along = edges[:, :2], edges[:, 2:] - edges[:, :2]
    aside = np.zeros(len(t))
    for harmonic in _HARMONICS:
        strength = np.where(pieces > harmonic, chance.normal(0, _ROUGHNESS / harmonic, len(edges)), 0)
        aside += np.repeat(strength, counts) * np.sin(np.pi * harmonic * t)
    normal = np.column_stack((-along[:, 1], along[:, 0]))
    lines = np.repeat(low, counts, axis=0) + np.repeat(along, counts, axis=0) * t[:, None]
    lines += np.repeat(normal, counts, axis=0) * aside[:, None]
    between = (step > 0) & (step < np.repeat(pieces, counts))
    lines[between] = np.round(lines[between] / _GRID_M) * _GRID_M
    # The far end to the last bit, as its neighbours have it.
    lines[first + pieces] = edges[:, 2:]
    return lines, first


def _sizes(shx: bytes) -> list[int]:
    """Return the vertices of each record: 16 bytes each, after 48 and 4 for every part, of which most have one."""
    words = np.frombuffer(shx[100:], ">i4").reshape(-1, 2)[:, 1]
    return [int(size) for size in (words.astype(np.int64) * 2 - 48) // 16]


def _table(edition: Edition, rows: Sequence[Sequence[object]]) -> bytes:
    dbf = io.BytesIO()
    with shapefile.Writer(dbf=dbf, encoding="cp1252") as writer:
        for field in edition.fields:
            writer.field(*field)
        for row in rows:
            writer.record(*row)
    content = bytearray(dbf.getvalue())
    # The mark of Windows-1252, as the official tables have it.
    content[29] = 0x57
    return bytes(content)


def _write(target: Path, stem: str, table: bytes, geometries: _Geometries) -> None:
    """Write a zip that holds its files in a folder of the same name, as the official one does."""
    shx = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        records = [_record(orient_polygon) for orient_polygon in shapely.orient_polygons(geometries, exterior_cw=True)]
        size = 100 + sum(len(record) + 8 for record in records)
        box = struct.pack("<4d", *shapely.total_bounds(geometries))
        with archive.open(f"{stem}/{stem}.shp", "w", force_zip64=True) as shp:
            shp.write(_header(size, box))
            shx.write(_header(100 + 8 * len(records), box))
            offset = 100
            for number, record in enumerate(records, 1):
                shp.write(struct.pack(">ii", number, len(record) // 2) + record)
                shx.write(struct.pack(">ii", offset // 2, len(record) // 2))
                offset += len(record) + 8
        for suffix, content in (("shx", shx.getvalue()), ("dbf", table), ("prj", _PRJ.encode())):
            archive.writestr(f"{stem}/{stem}.{suffix}", content)


def _fill(target: Path, name: str, size: int) -> None:
    """Add a member, stored as it is, that makes a zip as large as the official one."""
    # A local header, an entry of the directory, and the name in both.
    missing = size - target.stat().st_size - 30 - 46 - 2 * len(name)
    if missing < 0:
        raise ValueError(f"{target} is {-missing:,} bytes larger than the official file")
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), bytes(missing))


def _header(size: int, box: bytes) -> bytes:
    return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, size // 2) + struct.pack("<2i", 1000, 5) + box + bytes(32)


def _record(geometry: shapely.Geometry) -> bytes:
    """Return a polygon as a record of a shapefile: type, box, beginnings of the rings, vertices."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(geometry))]
    counts = [len(ring) for ring in rings]
    starts = np.cumsum([0, *counts[:-1]]).astype("<i4")
    head = struct.pack("<i4d2i", 5, *shapely.bounds(geometry), len(rings), sum(counts))
    return head + starts.tobytes() + np.vstack(rings).astype("<f8").tobytes()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("edition", choices=EDITIONS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--official", type=Path)
    parser.add_argument("--vertices", type=int)
    parser.add_argument("--size", type=int, help="bytes of the zip, as sources.toml declares them")
    args = parser.parse_args()
    sys.stdout.write(
        f"{build(args.edition, args.out, official=args.official, vertices=args.vertices, size=args.size):,} vertices\n"
    )

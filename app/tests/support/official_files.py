"""Builds boundary files with the size and the extent of Statistics Canada's, which are not in the repository.

    python -m tests.support.official_files fsa-2021-digital --official FOLDER --out lfsa000a21a_e.zip

The coverage is that of the demonstration, with the codes of the vintage. Edges are subdivided until each region has as many
vertices as in the official file, if FOLDER has its .shx and .dbf (`lfsa000a21a_e.shx`); else until all have `--vertices`.
Cartographic health regions, without a .shx, get the skew of the cartographic FSAs: the largest has 19 % of the vertices, ten
have 56 %. Digital files extend over the sea to the meridians of the sector and to the northernmost vertex, 62 m from the pole.
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
from tests.support.official_shapes import recoded, roughened, stretched, to_the_pole

_SAMPLE = Path(__file__).resolve().parents[3] / "geodata" / "sample"
_PRJ = (
    'PROJCS["NAD83 / Statistics Canada Lambert",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",'
    'SPHEROID["GRS_1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]],'
    'PROJECTION["Lambert_Conformal_Conic"],PARAMETER["standard_parallel_1",49],PARAMETER["standard_parallel_2",77],'
    'PARAMETER["latitude_of_origin",63.390675],PARAMETER["central_meridian",-91.86666666666666],'
    'PARAMETER["false_easting",6200000],PARAMETER["false_northing",3000000],UNIT["Meter",1]]'
)
_Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True)
class OfficialFile:
    """Properties of an official file.

    Attributes:
        stem: stem of the file names, and folder inside the zip.
        sample: layer of the demonstration with the shapes.
        vertices: total number, used without the official .shx.
        north: codes of the regions that get the northern sea, west and east; None for a cartographic file.
        fields: fields of the table, as pyshp declares them.
        skewed: whether the numbers of vertices of the regions follow Zipf's law, without the official .shx.
    """

    stem: str
    sample: str
    vertices: int
    north: tuple[str, str] | None
    fields: tuple[tuple[str, str, int, int], ...]
    skewed: bool = False


_FSA_FIELDS = (
    ("CFSAUID", "C", 3, 0),
    ("DGUID", "C", 21, 0),
    ("PRUID", "C", 2, 0),
    ("PRNAME", "C", 55, 0),
    ("LANDAREA", "N", 12, 4),
)
_HR_FIELDS = (("HR_UID", "C", 4, 0), ("DGUID", "C", 21, 0), ("ENGNAME", "C", 150, 0), ("FRENAME", "C", 150, 0))
_PR_FIELDS = (("PRUID", "C", 2, 0), ("DGUID", "C", 21, 0), ("PRENAME", "C", 100, 0), ("PRFNAME", "C", 100, 0))
OFFICIAL_FILES = {
    "fsa-2021-digital": OfficialFile("lfsa000a21a_e", "fsa", 2_500_000, ("X0E", "X0A"), _FSA_FIELDS),
    "fsa-2021-cartographic": OfficialFile("lfsa000b21a_e", "fsa", 18_500_000, None, _FSA_FIELDS),
    "health-regions-2023-digital": OfficialFile("HR_000a23a_e", "hr", 1_200_000, ("6101", "6201"), _HR_FIELDS),
    "health-regions-2023-cartographic": OfficialFile("HR_000b23a_e", "hr", 10_000_000, None, _HR_FIELDS, skewed=True),
    "provinces-2021-digital": OfficialFile("lpr_000a21a_e", "pr", 260_000, ("61", "62"), _PR_FIELDS),
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
    """Write the zip of an official file, and return its number of vertices.

    Args:
        official: folder with the official .shx and .dbf; default: codes and sizes of the demonstration.
        vertices: total number, instead of that of the official file.
        thinned_m: tolerance by which the demonstration is simplified first, for a small file.
        size: size of the zip in bytes, reached with a padding member.

    Raises: ValueError if the zip is larger.
    """
    official_file = OFFICIAL_FILES[name]
    shapes, rows = _base(official_file.sample)
    sizes: dict[str, int] = {}
    table = None
    if official is not None and (official / f"{official_file.stem}.dbf").exists():
        table = (official / f"{official_file.stem}.dbf").read_bytes()
        codes = [row[0] for row in shapefile.Reader(dbf=io.BytesIO(table), encoding="cp1252").records()]
        shapes = recoded(shapes, codes)
        if vertices is None:
            sizes = dict(zip(codes, _sizes((official / f"{official_file.stem}.shx").read_bytes()), strict=True))
    if official_file.sample == "hr":
        shapes, rows = _with_one_more(shapes, rows)
    if thinned_m:
        shapes = dict(zip(shapes, shapely.coverage_simplify(np.array(list(shapes.values())), thinned_m), strict=True))
    if official_file.skewed and not sizes:
        sizes = _by_zipf(shapes, vertices or official_file.vertices)
    if official_file.north:
        shapes = to_the_pole(shapes, official_file.north)
    geometries = roughened(shapes, sizes, vertices or official_file.vertices)
    if official_file.north:
        geometries = stretched(geometries)
    table = table or _table(official_file, [rows.get(code) or _row(official_file, code) for code in shapes])
    _write(target, official_file.stem, table, geometries)
    if size is not None:
        _fill(target, f"{official_file.stem}/{official_file.stem}.xml", size)
    return int(shapely.get_num_coordinates(geometries).sum())


def _base(sample: str) -> tuple[dict[str, shapely.Geometry], dict[str, list[object]]]:
    """Return the regions of the demonstration by code, and the rows of their table."""
    path = _SAMPLE / ("health_regions_sample.zip" if sample == "hr" else "fsa_sample.zip")
    inside = next(member for member in zipfile.ZipFile(path).namelist() if member.endswith(".shp"))
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


def _row(official_file: OfficialFile, code: str) -> list[object]:
    if official_file.sample == "pr":
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
    """Return the 104 regions of vintage 2022 and one more: vintage 2023 has 105."""
    codes = [*shapes, "3597"]
    names: list[object] = ["3597", "2023A00073597", "A health unit that was made up", "Circonscription sanitaire fictive"]
    return recoded(shapes, codes), {**rows, "3597": names}


def _by_zipf(shapes: Mapping[str, shapely.Geometry], vertices: int) -> dict[str, int]:
    """Return numbers of vertices in proportion to 1/rank, the longest border first. Of 105 regions, the largest gets 19 %."""
    ranked = sorted(shapes, key=lambda code: -float(shapely.length(shapes[code])))
    shares = 1 / np.arange(1, len(ranked) + 1)
    return dict(zip(ranked, (vertices * shares / shares.sum()).astype(int).tolist(), strict=True))


def _sizes(shx: bytes) -> list[int]:
    """Return the number of vertices of each record: 16 bytes each, after a header of 48 and 4 bytes for each part."""
    words = np.frombuffer(shx[100:], ">i4").reshape(-1, 2)[:, 1]
    return [int(size) for size in (words.astype(np.int64) * 2 - 48) // 16]


def _table(official_file: OfficialFile, rows: Sequence[Sequence[object]]) -> bytes:
    dbf = io.BytesIO()
    with shapefile.Writer(dbf=dbf, encoding="cp1252") as writer:
        for field in official_file.fields:
            writer.field(*field)
        for row in rows:
            writer.record(*row)
    content = bytearray(dbf.getvalue())
    # Language byte of Windows-1252, as in the official tables.
    content[29] = 0x57
    return bytes(content)


def _write(target: Path, stem: str, table: bytes, geometries: _Geometries) -> None:
    """Write a zip with the files in a folder of the same name, as in the official zip."""
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
    """Add an uncompressed member that pads the zip to the size of the official zip."""
    # Local header, directory entry, and the name in both.
    missing = size - target.stat().st_size - 30 - 46 - 2 * len(name)
    if missing < 0:
        raise ValueError(f"{target} is {-missing:,} bytes larger than the official file")
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), bytes(missing))


def _header(size: int, box: bytes) -> bytes:
    return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, size // 2) + struct.pack("<2i", 1000, 5) + box + bytes(32)


def _record(geometry: shapely.Geometry) -> bytes:
    """Return a polygon as a record of a shapefile: type, box, ring offsets, vertices."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(geometry))]
    counts = [len(ring) for ring in rings]
    starts = np.cumsum([0, *counts[:-1]]).astype("<i4")
    head = struct.pack("<i4d2i", 5, *shapely.bounds(geometry), len(rings), sum(counts))
    return head + starts.tobytes() + np.vstack(rings).astype("<f8").tobytes()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layer", choices=OFFICIAL_FILES)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--official", type=Path)
    parser.add_argument("--vertices", type=int)
    parser.add_argument("--size", type=int, help="bytes of the zip, as sources.toml declares them")
    args = parser.parse_args()
    sys.stdout.write(
        f"{build(args.layer, args.out, official=args.official, vertices=args.vertices, size=args.size):,} vertices\n"
    )

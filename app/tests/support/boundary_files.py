"""Builds valid and faulty boundary files for the loader's tests, mostly boxes of a grid in EPSG:3347 in central Canada."""

import json
import math
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import shapefile
from django.conf import settings
from django.contrib.gis.gdal import CoordTransform, SpatialReference
from django.contrib.gis.geos import Point

from loader.progress import Steps
from loader.source.declarations import Layer, read_sources

# The .prj of Statistics Canada's files: without an EPSG code, with a name of its own.
STATCAN_PRJ = (
    'PROJCS["PCS_Lambert_Conformal_Conic",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",'
    'SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",6200000.0],PARAMETER["False_Northing",3000000.0],'
    'PARAMETER["Central_Meridian",-91.866666666666674],PARAMETER["Standard_Parallel_1",49.0],'
    'PARAMETER["Standard_Parallel_2",77.0],PARAMETER["Latitude_Of_Origin",63.390675],UNIT["Meter",1.0]]'
)
NAD83_PRJ = (
    'GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)

ACCENTED = "Région du Saguenay—Lac-Saint-Jean"

# Origin of the grids: 62 to 64 degrees north, about 91 degrees west.
EAST, NORTH = 6_200_000.0, 2_900_000.0
# Side of a grid cell, in metres of EPSG:3347.
CELL = 10_000.0

Ring = list[tuple[float, float]]
# A row: its values, and its rings (None: no geometry). Exterior rings run clockwise, as in every shapefile.
Row = tuple[Mapping[str, Any], Sequence[Ring] | None]


def box(west: float, south: float, east: float, north: float) -> Ring:
    """Return a clockwise ring in EPSG:3347; arguments are metres from (EAST, NORTH)."""
    corners = [(west, south), (west, north), (east, north), (east, south), (west, south)]
    return [(EAST + x, NORTH + y) for x, y in corners]


def hole(west: float, south: float, east: float, north: float) -> Ring:
    """Return a counter-clockwise ring, as holes run in a shapefile."""
    return box(west, south, east, north)[::-1]


def region(code: str, *rings: Ring, name: str = "Somewhere", french: str = "Quelque part", **more: Any) -> Row:
    """Return a row of a health-region file."""
    return {"HRUID": code, "ENGNAME": name, "FRENAME": french} | more, list(rings)


def fsa(code: str, *rings: Ring, **more: Any) -> Row:
    """Return a row of an FSA file."""
    return {"CFSAUID": code} | more, list(rings)


def grid(count: int = 4, *, size: float = CELL, first: int = 1, across: int = 2) -> list[Row]:
    """Return `count` health regions with shared borders; codes from 4601."""
    return [
        region(f"46{first + index:02d}", cell(index, size=size, across=across), name=f"Region {first + index}")
        for index in range(count)
    ]


def fsa_grid(codes: Sequence[str], *, size: float = CELL, across: int = 2) -> list[Row]:
    """Return FSAs on the cells of `grid`."""
    return [fsa(code, cell(index, size=size, across=across)) for index, code in enumerate(codes)]


def cell(index: int, *, size: float = CELL, across: int = 2) -> Ring:
    """Return a cell of `grid`; adjacent cells share their corners as vertices."""
    x, y = index % across * size, index // across * size
    return box(x, y, x + size, y + size)


def shape(
    folder: Path,
    rows: Iterable[Row],
    *,
    name: str = "regions",
    prj: str | None = STATCAN_PRJ,
    cpg: str | None = "UTF-8",
    encoding: str = "utf-8",
    language: int = 0,
    kind: int = shapefile.POLYGON,
) -> Path:
    """Write a shapefile and return its .shp; `language` is the language byte (code page) of the .dbf."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    rows = list(rows)
    with shapefile.Writer(str(path), shapeType=kind, encoding=encoding, encodingErrors="strict") as writer:
        for field, value in rows[0][0].items():
            if isinstance(value, float):
                writer.field(field, "N", 24, 6)
            elif isinstance(value, int):
                writer.field(field, "N", 18, 0)
            else:
                writer.field(field, "C", 120)
        for values, rings in rows:
            _write_rings(writer, rings, kind)
            writer.record(**values)
    if language:
        with path.with_suffix(".dbf").open("r+b") as table:
            table.seek(29)
            table.write(bytes([language]))
    for suffix, text in ((".prj", prj), (".cpg", cpg)):
        if text is not None:
            path.with_suffix(suffix).write_text(text, encoding="utf-8")
    return path.with_suffix(".shp")


def _write_rings(writer: shapefile.Writer, rings: Sequence[Ring] | None, kind: int) -> None:
    if rings is None:
        writer.null()
    elif kind == shapefile.POLYGONZ:
        writer.polyz([[(x, y, 12.5) for x, y in ring] for ring in rings])
    elif kind == shapefile.POLYGONM:
        writer.polym([[(x, y, 7.5) for x, y in ring] for ring in rings])
    elif kind == shapefile.POINT:
        writer.point(*rings[0][0])
    elif kind == shapefile.POLYLINE:
        writer.line([list(ring) for ring in rings])
    else:
        writer.poly([list(ring) for ring in rings])


def zipped(shp: Path, target: Path | None = None, *, inside: str = "", leave_out: Iterable[str] = ()) -> Path:
    """Pack the files of a shapefile (or one file) and return the zip; `inside` is a folder in it, such as `layer/`."""
    target = target or shp.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(shp.parent.glob(f"{shp.stem}.*")):
            if path != target and path.suffix not in leave_out:
                archive.write(path, inside + path.name)
    return target


def geojson(path: Path, rows: Iterable[Row], *, crs: Any = None, degrees: bool = False) -> Path:
    """Write GeoJSON in metres of EPSG:3347 or, with `degrees`, in degrees."""
    features = [
        {
            "type": "Feature",
            "properties": dict(values),
            "geometry": rings and {"type": "Polygon", "coordinates": in_degrees(rings) if degrees else rings},
        }
        for values, rings in rows
    ]
    document: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs is not None:
        document["crs"] = crs
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def in_degrees(rings: Sequence[Ring]) -> list[Ring]:
    """Return rings of EPSG:3347 as longitude and latitude (NAD83), vertex by vertex."""
    return [[project(x, y, 3347, 4269) for x, y in ring] for ring in rings]


def project(x: float, y: float, source: int, target: int) -> tuple[float, float]:
    """Return a position in another coordinate system, longitude or easting first."""
    point: Any = Point(x, y, srid=source).transform(_way(source, target), clone=True)
    return point.x, point.y


@cache
def _way(source: int, target: int) -> CoordTransform:
    return CoordTransform(SpatialReference(source), SpatialReference(target))


def copied(source: Path, target: Path) -> Path:
    """Copy a file or a folder of files; the copies are writable."""
    if source.is_dir():
        target.mkdir(parents=True)
        for path in source.iterdir():
            shutil.copyfile(path, target / path.name)
    else:
        shutil.copyfile(source, target)
    return target


def quiet() -> Steps:
    """Return steps without output."""
    return Steps(quiet=True)


def real(name: str) -> Path:
    """Return a real boundary file from GEODATA_DIR; skip the test with a reason if it is missing."""
    path = Path(settings.GEODATA_DIR) / name
    if not path.exists():
        pytest.skip(f"GEODATA_DIR ({settings.GEODATA_DIR}) has no {name}")
    return path


def wobbly(count: int, *, amplitude: float, length: float = CELL) -> list[tuple[float, float]]:
    """Return a wavy line from (0, 0) to (length, 0) with `count` vertices between its ends."""
    steps = [index / (count + 1) for index in range(count + 2)]
    return [(length * step, amplitude * math.sin(step * 40) * math.sin(math.pi * step)) for step in steps]


def layer(path: Path | None = None, coverage: str = "health-regions", **options: Any) -> Layer:
    """Return a layer declaration for a test file; options are attributes of Layer."""
    made = read_sources().ad_hoc(
        coverage,
        {
            "vintage": "2022",
            "effective_from": date(2022, 12, 1),
            "representation": "digital",
            "title_en": "Test boundaries",
            "title_fr": "Limites d'essai",
        },
    )
    return replace(made, path=path, **options)

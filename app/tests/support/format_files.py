"""Boundary files of every format, written by GDAL, and helpers that read them as the loader does."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from loader.errors import FileRefused
from loader.geometry.repair import Prepared, prepare_geometry
from loader.source.archive import open_layer
from loader.source.reader import Header, RawFeature, open_reader
from tests.support import boundary_files as files

BOXES = [shapely.Polygon(files.cell(index)) for index in range(3)]
CODES, NAMES = ["4601", "4602", "4603"], ["Région 1", "Île-à-la-Crosse", "Third"]
DEGREES = [shapely.Polygon(files.in_degrees([files.cell(index)])[0]) for index in range(3)]


def write(
    path: Path,
    geometries: Sequence[Any] = BOXES,
    *,
    driver: str | None = None,
    crs: str = "EPSG:3347",
    codes: Sequence[str] = CODES,
    geometry_type: str = "Polygon",
    **options: Any,
) -> Path:
    """Write rows with GDAL; a geometry is a shape, bytes of WKB or None."""
    wkb = [geometry if geometry is None or isinstance(geometry, bytes) else shapely.to_wkb(geometry) for geometry in geometries]
    names = (NAMES * len(wkb))[: len(wkb)]
    pyogrio.raw.write(
        path,
        np.array(wkb, dtype=object),
        [np.array(codes, dtype=object), np.array(names, dtype=object)],
        ["HRUID", "ENGNAME"],
        driver=driver,
        crs=crs,
        geometry_type=geometry_type,
        **options,
    )
    return path


def read(path: Path, coverage: str = "health-regions", **options: Any) -> tuple[Header, list[RawFeature]]:
    """Read a file as a load does; options are attributes of its declaration."""
    layer = files.layer(path, coverage, **options)
    with open_layer(path, layer.layer_name) as opened, open_reader(opened, layer) as reader:
        return reader.header, list(reader.features())


def prepared(path: Path, **options: Any) -> dict[str, Prepared]:
    """Return the geometries ready to be stored, by code."""
    header, rows = read(path, **options)
    return {row.values[header.columns["code"]]: prepare_geometry(row.wkb, header.crs) for row in rows}


def named(path: Path, **options: Any) -> dict[str, str]:
    """Return the English names by code, in file order."""
    header, rows = read(path, **options)
    assert header.count == len(rows)
    return {row.values[header.columns["code"]]: row.values[header.columns["name_en"]] for row in rows}


def refusal(path: Path, coverage: str = "health-regions", **options: Any) -> str:
    """Return the message with which a file is refused."""
    with pytest.raises(FileRefused) as caught:
        read(path, coverage, **options)
    return str(caught.value)


def packed(path: Path, target: Path) -> Path:
    """Zip a file with its side files, or a folder."""
    with zipfile.ZipFile(target, "w") as archive:
        for member in sorted(path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.stem}.*")):
            if member != target:
                archive.write(member, f"data/{member.relative_to(path.parent)}")
    return target


def gml(path: Path, *, schema: str = "", member: str = "") -> Path:
    """Write GML of one region; `schema` are attributes of the root element, `member` further elements."""
    ring = " ".join(f"{lon},{lat}" for lon, lat in DEGREES[0].exterior.coords)
    path.write_text(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<c:Set xmlns:c="http://example.org/" xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {schema}>
<gml:featureMember><c:Region fid="1"><c:HRUID>0460</c:HRUID><c:ENGNAME>Île</c:ENGNAME><c:shape>
<gml:Polygon srsName="EPSG:4269"><gml:outerBoundaryIs><gml:LinearRing><gml:coordinates>{ring}</gml:coordinates>
</gml:LinearRing></gml:outerBoundaryIs></gml:Polygon></c:shape></c:Region></gml:featureMember>{member}</c:Set>""",
        encoding="utf-8",
    )
    return path


def features() -> list[dict[str, Any]]:
    """Return three GeoJSON features."""
    return [
        {"type": "Feature", "properties": {"HRUID": code, "ENGNAME": name}, "geometry": shapely.geometry.mapping(box)}
        for code, name, box in zip(CODES, NAMES, DEGREES, strict=True)
    ]


def collections() -> list[dict[str, Any]]:
    """Return three FeatureCollections, each with one of the features."""
    return [{"type": "FeatureCollection", "features": [feature]} for feature in features()]

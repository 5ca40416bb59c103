"""Export of a vintage as GeoPackage, FlatGeobuf, shapefile and GeoParquet, from a stream of Arrow batches.

GDAL (in pyogrio's wheel) writes the first three. Its build has no Parquet driver, so arro3 writes GeoParquet. Both read a batch
at a time, so memory holds one region.
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyogrio
import pyproj
import shapely
from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema, struct_array
from arro3.io import write_parquet

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, SRID_STATCAN_LAMBERT, SRID_WGS84
from geography.download_formats import code_name
from geography.models import Vintage
from loader.export import rows
from loader.export.metadata import layer_name, licence_text, province_name, published_at, vintage_metadata

_TEXT, _INTEGER, _REAL = DataType.utf8(), DataType.int32(), DataType.float64()
_WKB = {"ARROW:extension:name": "geoarrow.wkb"}
# Regions with neighbouring codes are near each other: a row group covers a small area, and a bbox filter skips the others.
_ROW_GROUP_ROWS = 64
_ROW_GROUP_PIECES = 4_096
# A straight edge in EPSG:3347 is neither a straight line in degrees nor a great circle. Over 1 km it is within 4 cm of the
# straight line at 60 degrees north (15 cm at 83), and within 1.5 cm of the great circle.
_DEGREES_EDGE_M = 1_000.0
_SIDES = ("xmin", "ymin", "xmax", "ymax")

# A column: name, type, and the function that reads its value from a row of `rows`.
Column = tuple[str, DataType, Callable[[Any], Any]]


def write_gpkg(vintage: Vintage, path: Path) -> None:
    """Write a GeoPackage with one layer, a spatial index, and title, licence and source in its metadata tables."""
    metadata = vintage_metadata(vintage)
    layer_options = {
        "GEOMETRY_NAME": "geom",
        "IDENTIFIER": metadata["title"],
        "DESCRIPTION": metadata.get("attribution_en", ""),
    }
    with _fixed_timestamps(vintage):
        _gdal(vintage, path, "GPKG", columns(vintage), dataset_metadata=metadata, layer_options=layer_options)


def write_fgb(vintage: Vintage, path: Path, srid: int = SRID_STATCAN_LAMBERT) -> None:
    """Write a FlatGeobuf in a CRS with a spatial index, for clients that read a bounding box by HTTP range requests."""
    metadata = vintage_metadata(vintage)
    options = {"TITLE": metadata["title"], "DESCRIPTION": _summary(metadata), "TEMPORARY_DIR": str(path.parent)}
    _gdal(vintage, path, "FlatGeobuf", columns(vintage), srid=srid, layer_options=options)


def write_shapefile(vintage: Vintage, path: Path) -> None:
    """Write a zip with a shapefile (Statistics Canada's field names, UTF-8 with .cpg) and the licence as text."""
    folder = path.with_name(f"{path.name}.parts")
    folder.mkdir()
    name = layer_name(vintage)
    moment = published_at(vintage)
    options = {"DBF_DATE_LAST_UPDATE": f"{moment:%Y-%m-%d}"}
    _gdal(vintage, folder / f"{name}.shp", "ESRI Shapefile", _statcan_columns(vintage), layer_options=options, encoding="UTF-8")
    (folder / "LICENCE.txt").write_text(licence_text(vintage), encoding="utf-8")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(part.name, date_time=moment.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with part.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
            part.unlink()
    folder.rmdir()


def write_geoparquet(vintage: Vintage, path: Path) -> None:
    """Write GeoParquet 1.1 in EPSG:3347: zstd, a bbox covering column, small row groups, exterior rings counter-clockwise."""
    _write_regions(vintage, path, SRID_STATCAN_LAMBERT, None)


def write_geoparquet_wgs84(vintage: Vintage, path: Path) -> None:
    """Write the same in WGS 84, with edges of at most 1 km."""
    _write_regions(vintage, path, SRID_WGS84, _DEGREES_EDGE_M)


def _write_regions(vintage: Vintage, path: Path, srid: int, max_edge_m: float | None) -> None:
    regions = (replace(row, wkb=_counter_clockwise(row.wkb)) for row in rows.region_rows(vintage, srid, max_edge_m))
    bbox = rows.extent(vintage, srid, max_edge_m)
    _geoparquet(vintage, path, columns(vintage), regions, geometry_type="MultiPolygon", bbox=bbox, srid=srid)


def write_pieces(vintage: Vintage, path: Path) -> None:
    """Write the pieces of the boundaries, at most 96 vertices each, as GeoParquet 1.1 in EPSG:3347 with the code of the region.

    A join with points needs no index of its own, and reads short polygons. Pieces of a region share seams.
    """
    code: Column = (code_name(vintage.coverage.slug), _TEXT, lambda piece: piece.code)
    pieces, bbox = rows.piece_rows(vintage), rows.extent(vintage)
    _geoparquet(vintage, path, [code], pieces, geometry_type="Polygon", bbox=bbox, row_group=_ROW_GROUP_PIECES)


def _geoparquet(
    vintage: Vintage,
    path: Path,
    fields: Sequence[Column],
    source: Iterable[Any],
    *,
    geometry_type: str,
    bbox: list[float],
    srid: int = SRID_STATCAN_LAMBERT,
    row_group: int = _ROW_GROUP_ROWS,
) -> None:
    geometry = {
        "encoding": "WKB",
        "geometry_types": [geometry_type],
        "bbox": bbox,
        "covering": {"bbox": {side: ["bbox", side] for side in _SIDES}},
        # On a sphere, an edge is a different line, and a ring without an orientation has two insides.
        "edges": "planar",
        "orientation": "counterclockwise",
    }
    if srid != SRID_WGS84:  # without `crs` it is OGC:CRS84: WGS 84, longitude first
        geometry["crs"] = pyproj.CRS.from_epsg(srid).to_json_dict()
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
    # The metadata of the vintage goes into the Arrow schema: the writer puts further keys beside "geo" in random order.
    about = {"about": json.dumps(vintage_metadata(vintage))}
    write_parquet(
        _stream(fields, source, geometry="geometry", boxed=True, metadata=about),
        path,
        compression="zstd(9)",
        key_value_metadata={"geo": json.dumps(geo)},
        max_row_group_size=row_group,
    )


def _counter_clockwise(wkb: bytes | memoryview) -> bytes:
    oriented: bytes = shapely.to_wkb(shapely.orient_polygons(shapely.from_wkb(bytes(wkb))), byte_order=1)
    return oriented


def columns(vintage: Vintage) -> list[Column]:
    """Return the columns of GeoPackage, FlatGeobuf and GeoParquet, named as in schema `geo`."""
    return [
        (code_name(vintage.coverage.slug), _TEXT, lambda row: row.attributes.code),
        ("dguid", _TEXT, lambda row: row.attributes.dguid),
        ("name_en", _TEXT, lambda row: row.attributes.name_en),
        ("name_fr", _TEXT, lambda row: row.attributes.name_fr),
        ("pruid", _TEXT, lambda row: row.attributes.pruid),
        ("population", _INTEGER, lambda row: row.attributes.population),
        ("land_area_km2", _REAL, lambda row: row.attributes.land_area_km2),
        ("area_km2", _REAL, lambda row: row.attributes.area_km2),
        ("vintage", _TEXT, lambda _: vintage.label),
    ]


def _statcan_columns(vintage: Vintage) -> list[Column]:
    """Return the columns of a shapefile, named as in the source files of its coverage."""
    names = {"code": "CODE", "dguid": "DGUID", "name_en": "ENGNAME", "name_fr": "FRENAME", "pruid": "PRUID"}
    names |= {"population": "POPULATION", "land_area_km2": "LANDAREA"}
    declared = {COVERAGE_HEALTH_REGIONS: {"code": "HRUID"}, COVERAGE_FSA: {"code": "CFSAUID"}}
    slug = vintage.coverage.slug
    own = names | declared.get(slug, vintage.report.get("field_names", {}))
    # A .dbf has unique field names of at most ten characters.
    if len({name[:10].upper() for name in own.values()}) == len(own):
        names = {column: name[:10].upper() for column, name in own.items()}
    result: list[Column] = [
        (names["code"], _TEXT, lambda row: row.attributes.code),
        (names["dguid"], _TEXT, lambda row: row.attributes.dguid),
    ]
    if slug != COVERAGE_FSA:
        result += [
            (names["name_en"], _TEXT, lambda row: row.attributes.name_en),
            (names["name_fr"], _TEXT, lambda row: row.attributes.name_fr),
        ]
    if names["pruid"] != names["code"]:
        result += [
            (names["pruid"], _TEXT, lambda row: row.attributes.pruid),
            ("PRNAME", _TEXT, lambda row: province_name(row.attributes.pruid)),
        ]
    result += [
        (names["land_area_km2"], _REAL, lambda row: row.attributes.land_area_km2),
        (names["population"], _INTEGER, lambda row: row.attributes.population),
    ]
    return result


def _gdal(
    vintage: Vintage, path: Path, driver: str, fields: Sequence[Column], *, srid: int = SRID_STATCAN_LAMBERT, **options: Any
) -> None:
    pyogrio.write_arrow(
        _stream(fields, rows.region_rows(vintage, srid), geometry="geom"),
        str(path),
        layer=layer_name(vintage),
        driver=driver,
        geometry_name="geom",
        geometry_type="MultiPolygon",
        crs=f"EPSG:{srid}",
        **options,
    )


def _stream(
    fields: Sequence[Column],
    source: Iterable[Any],
    *,
    geometry: str,
    boxed: bool = False,
    metadata: dict[str, str] | None = None,
) -> RecordBatchReader:
    boxes = [Field(side, _REAL, nullable=False) for side in _SIDES]
    schema = [Field(name, kind) for name, kind, _ in fields]
    if boxed:
        schema.append(Field("bbox", DataType.struct(boxes), nullable=False))
    schema.append(Field(geometry, DataType.binary(), nullable=False, metadata=_WKB))
    whole = Schema(schema, metadata=metadata)

    def batches() -> Iterator[RecordBatch]:
        for row in source:
            arrays: list[Any] = [Array([read(row)], kind) for _, kind, read in fields]
            if boxed:
                arrays.append(struct_array([Array([side], _REAL) for side in row.bbox], fields=boxes))
            arrays.append(Array([bytes(row.wkb)], DataType.binary()))
            yield RecordBatch.from_arrays(arrays, schema=whole)

    # A generator is consumed one batch at a time.
    return RecordBatchReader.from_batches(whole, batches())


def _summary(metadata: dict[str, str]) -> str:
    return "\n".join(f"{key}: {text}" for key, text in metadata.items() if key != "title")


@contextmanager
def _fixed_timestamps(vintage: Vintage) -> Iterator[None]:
    """Have GDAL write the vintage's publication time instead of the current time, so that exports are reproducible."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{published_at(vintage):%Y-%m-%dT%H:%M:%SZ}"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})

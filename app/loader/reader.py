"""Reads a boundary file feature by feature; no more than one feature is in memory at a time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import c_char_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.gis.gdal import DataSource, Driver
from django.contrib.gis.gdal.layer import Layer as OgrLayer
from django.contrib.gis.gdal.prototypes import ds as capi

from loader.archive import LayerFiles
from loader.crs import GDAL_ERRORS, SourceCrs, source_crs
from loader.encoding import encoding_named, table_encoding
from loader.errors import FileRefused
from loader.sources import COLUMNS, Layer

_DRIVERS = {".shp": "ESRI Shapefile", ".gpkg": "GPKG", ".geojson": "GeoJSON"}
_POLYGONAL = {"Polygon", "MultiPolygon", "Unknown", "GeometryCollection"}
# GeoJSON may name its coordinate system by an address, which GDAL fetches whatever its version. A proxy that nobody
# runs keeps it off the network.
_NO_NETWORK = {
    **dict.fromkeys(("GDAL_HTTP_PROXY", "GDAL_HTTPS_PROXY"), "127.0.0.1:1"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "none.invalid"),
}


@dataclass(frozen=True, slots=True)
class RawFeature:
    """A row as it stands in the file.

    Attributes:
        row: 1 for the first.
        values: field name to value; text decoded, not yet trimmed.
        wkb: geometry in the file's own coordinates, None where the row has none.
    """

    row: int
    values: Mapping[str, Any]
    wkb: bytes | None


@dataclass(frozen=True, slots=True)
class Header:
    """What is known before row one.

    Attributes:
        count: number of rows.
        columns: our column to the file's field, for those that the file has.
        encoding: of the text.
        extent: west, south, east, north of the file's own coordinates, as its header has them.
    """

    count: int
    columns: Mapping[str, str]
    crs: SourceCrs
    encoding: str
    extent: tuple[float, float, float, float]


class BoundaryReader:
    """An open boundary file: `header` first, then `features()` once."""

    def __init__(self, ogr_layer: OgrLayer, header: Header) -> None:
        self._layer = ogr_layer
        self.header = header

    def features(self) -> Iterator[RawFeature]:
        """Yield every row in the order of the file. Raises: FileRefused for text and geometry that cannot be read."""
        names = self._layer.fields
        row = 0
        try:
            for row, feature in enumerate(self._layer, start=1):
                values = {name: feature[index].value for index, name in enumerate(names)}
                yield RawFeature(row, values, _wkb(feature))
        except UnicodeDecodeError as error:
            raise FileRefused(
                f"Row {row}: the text is not {self.header.encoding} ({error.object[:40]!r}). "
                "The file (or the layer) names the wrong encoding: give the right one with --encoding, often cp1252 or utf-8."
            ) from error
        except GDAL_ERRORS as error:
            raise FileRefused(f"Row {row + 1} cannot be read ({error}): the file is damaged, download it again.") from error
        # GDAL ends quietly where a file is cut short.
        if row != self.header.count:
            raise FileRefused(f"The file promises {self.header.count} rows and ends after {row}: download it again.")


def _wkb(feature: Any) -> bytes | None:
    try:
        geometry = feature.geom
    except GDAL_ERRORS:  # how Django says that a feature has no geometry
        return None
    return bytes(geometry.wkb)


@contextmanager
def open_reader(files: LayerFiles, layer: Layer) -> Iterator[BoundaryReader]:
    """Open a laid-out file and check its header against what the layer needs.

    Raises: FileRefused for a file of another format than its name says, without rows, without polygons, without the fields
    that the coverage needs, or in a coordinate system that nobody declared.
    """
    encoding = _encoding(files, layer)
    # GDAL would recode by a table of its own, and replace what does not fit; Python refuses instead.
    with _environment({"SHAPE_ENCODING": "", **_NO_NETWORK}):
        source = _open(files.path, encoding)
        try:
            ogr_layer, header = _header(source, files, layer, encoding)
        except UnicodeDecodeError as error:
            raise FileRefused(
                f"{files.display_name}: its field names are not {encoding} ({error.object[:40]!r}). "
                "Give the right encoding with --encoding, often cp1252 or utf-8."
            ) from error
        except GDAL_ERRORS as error:
            raise FileRefused(f"{files.display_name} is damaged ({error}): download it again.") from error
        yield BoundaryReader(ogr_layer, header)


def _header(source: DataSource, files: LayerFiles, layer: Layer, encoding: str) -> tuple[OgrLayer, Header]:
    if source.layer_count != 1:
        names = ", ".join(source[index].name for index in range(source.layer_count)) or "none"
        raise FileRefused(f"{files.display_name} holds {source.layer_count} layers ({names}); one is needed.")
    ogr_layer = source[0]
    if ogr_layer.num_feat == 0:
        raise FileRefused(f"{files.display_name} holds no rows.")
    kind = str(ogr_layer.geom_type)
    if kind.removesuffix("25D").rstrip("ZM") not in _POLYGONAL:
        raise FileRefused(f"{files.display_name} holds {kind} geometries; boundaries are polygons.")
    try:
        extent = ogr_layer.extent.tuple
    except GDAL_ERRORS:
        raise FileRefused(f"{files.display_name} holds rows, but not one geometry.") from None
    crs = source_crs(declared=_declared_crs(ogr_layer), assumed_srid=layer.srid, extent=extent)
    columns = _columns(ogr_layer.fields, layer, files.display_name)
    return ogr_layer, Header(ogr_layer.num_feat, columns, crs, encoding, extent)


def _open(path: Path, encoding: str) -> DataSource:
    """Open with the one driver that the file's name and first bytes call for; no other may look at it."""
    driver = Driver(_DRIVERS[path.suffix])
    allowed = (c_char_p * 2)(driver.name.encode(), None)
    try:
        pointer = capi.open_ds(os.fsencode(path), capi.GDAL_OF_VECTOR, allowed, None, None)
        return DataSource(pointer, ds_driver=driver.ptr, encoding=encoding)
    except GDAL_ERRORS as error:
        raise FileRefused(f"The file is damaged: it cannot be opened as {driver.name}. Download it again.") from error


def _encoding(files: LayerFiles, layer: Layer) -> str:
    if files.path.suffix == ".shp":
        return table_encoding(files.path.with_suffix(".dbf"), wanted=layer.encoding, declared=files.declared_encoding)
    return encoding_named(layer.encoding, "The layer") if layer.encoding else "utf-8"


def _declared_crs(ogr_layer: OgrLayer) -> Any:
    try:
        return ogr_layer.srs
    except GDAL_ERRORS:  # a .prj that is no coordinate system is as good as none
        return None


def _columns(found: list[str], layer: Layer, name: str) -> dict[str, str]:
    """Map our columns to the file's fields. Raises: FileRefused, listing what was found and what was looked for."""
    by_key = {field.lower(): field for field in reversed(found)}
    columns = {}
    for column in COLUMNS:
        for spelling in layer.spellings(column):
            if spelling.lower() in by_key:
                columns[column] = by_key[spelling.lower()]
                break
    for column, wanted_fields in layer.columns.items():
        if columns.get(column, "").lower() not in [field.lower() for field in wanted_fields]:
            raise FileRefused(f"{name} has no field {wanted_fields[0]!r} for {column}. It has {', '.join(found) or 'none'}.")
    needed = ["code"] if layer.coverage.name_is_code else ["code", "name_en"]
    missing = [column for column in needed if column not in columns]
    if missing:
        wanted = "; ".join(f"{column}: {', '.join(layer.spellings(column))}" for column in missing)
        raise FileRefused(
            f"{name} lacks the fields that {layer.coverage.slug} need. It has {', '.join(found) or 'none'}; "
            f"looked for {wanted}. Name them with --field, as in --field {missing[0]}={found[0] if found else 'NAME'}."
        )
    return columns


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

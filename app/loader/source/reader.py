"""Reads a boundary file feature by feature; no more than one feature is in memory at a time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.gdal import DataSource, SpatialReference
from django.contrib.gis.gdal.layer import Layer as OgrLayer

from loader.errors import FileRefused
from loader.source import ogr
from loader.source.archive import LayerFiles
from loader.source.crs import GDAL_ERRORS, SourceCrs, refuse_outside_canada, source_crs
from loader.source.declarations import COLUMNS, Layer
from loader.source.encoding import encoding_named, table_encoding
from loader.source.formats import SHAPEFILE, TOPOJSON
from loader.source.survey import Survey, refuse_other_geometries, survey

# Files name coordinate systems and schemas by addresses, which GDAL fetches whatever its version. A proxy that nobody
# runs keeps it off the network.
_ENVIRONMENT = {
    **dict.fromkeys(("GDAL_HTTP_PROXY", "GDAL_HTTPS_PROXY"), "127.0.0.1:1"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "none.invalid"),
    # GDAL would recode by a table of its own, and replace what does not fit; Python refuses instead.
    "SHAPE_ENCODING": "",
    # A region of millions of vertices on one line.
    "OGR_GEOJSON_MAX_OBJ_SIZE": "0",
    # A code of digits keeps its leading zero.
    "GML_FIELDTYPES": "ALWAYS_STRING",
}


@dataclass(frozen=True, slots=True)
class RawFeature:
    """A row as it stands in the file.

    Attributes:
        row: 1 for the first.
        values: field name to value; text decoded, not yet trimmed.
        wkb: geometry in the file's own coordinates, None where the row has none; arcs are made straight.
    """

    row: int
    values: Mapping[str, Any]
    wkb: bytes | None


@dataclass(frozen=True, slots=True)
class Header:
    """What is known before the fields of row one are read.

    Attributes:
        count: number of rows, counted by reading them.
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
            for row, feature in enumerate(ogr.features(self._layer), start=1):
                values = {name: feature[index].value for index, name in enumerate(names)}
                handle = ogr.geometry(feature)
                yield RawFeature(row, values, ogr.wkb(handle, row) if handle else None)
        except UnicodeDecodeError as error:
            raise FileRefused(
                f"Row {row}: the text is not {self.header.encoding} ({error.object[:40]!r}). "
                "The file (or the layer) names the wrong encoding: give the right one with --encoding, often cp1252 or utf-8."
            ) from error
        except GDAL_ERRORS as error:
            raise FileRefused(f"Row {row + 1} cannot be read ({error}): the file is damaged, download it again.") from error
        if row != self.header.count:
            raise FileRefused(f"The file had {self.header.count} rows and now has {row}: it changed while it was read.")


@contextmanager
def open_reader(files: LayerFiles, layer: Layer) -> Iterator[BoundaryReader]:
    """Open a laid-out file, and judge its fields, geometry types, coordinate system and extent before any row is stored.

    Raises: FileRefused for a file of another format than its name says, without rows, with anything but polygons, without the
    fields that the coverage needs, in a coordinate system that nobody declared, or with rows outside Canada.
    """
    encoding = _encoding(files, layer)
    with _environment(_ENVIRONMENT), ogr.with_curves():
        source = ogr.open_source(files.path, files.format.driver, files.format.options, encoding, files.format.title)
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
    ogr_layer, surveyed = _layer(source, files, layer)
    refuse_other_geometries(surveyed, files.display_name)
    # A driver drops what it cannot make a feature of.
    if files.rows is not None and surveyed.rows != files.rows:
        raise FileRefused(
            f"{files.display_name} holds {files.rows:,} rows, of which {surveyed.rows:,} can be read: the file is damaged or "
            "not quite what its format asks for. Export it again."
        )
    if surveyed.extent is None:
        raise FileRefused(f"{files.display_name} holds rows, but not one geometry with coordinates.")
    columns = _columns(ogr_layer.fields, layer, files.display_name)
    crs = source_crs(declared=_declared_crs(ogr_layer, files), assumed_srid=layer.srid, extent=surveyed.extent)
    refuse_outside_canada(surveyed.boxes, crs)
    return ogr_layer, Header(surveyed.rows, columns, crs, encoding, surveyed.extent)


def _layer(source: DataSource, files: LayerFiles, layer: Layer) -> tuple[OgrLayer, Survey]:
    """Return the layer to read and what stands in it. Raises: FileRefused where it is not clear which one is meant."""
    layers = ogr.layers(source)
    by_name = {layer.name: layer for layer in layers}
    wanted = layer.layer_name
    if wanted in by_name and files.format.several_layers:
        return by_name[wanted], survey(by_name[wanted])
    if wanted and not files.is_called(wanted):
        names = ", ".join(by_name) if files.format.several_layers else files.dataset
        raise FileRefused(f"{files.display_name} has no layer {wanted!r}. It has {names}.")
    if len(layers) == 1:
        return layers[0], survey(layers[0])
    # Tables of styles and of metadata lie beside the one layer that is meant; a layer may also leave its type open.
    spatial = {
        layer.name: layer for layer in layers if ogr.declared_type(layer) in (ogr.UNKNOWN, ogr.COLLECTION, *ogr.SURFACES)
    }
    surveyed = {name: survey(value) for name, value in spatial.items()}
    polygonal = [name for name, result in surveyed.items() if result.polygons]
    if len(polygonal) == 1:
        return spatial[polygonal[0]], surveyed[polygonal[0]]
    if polygonal:
        raise FileRefused(
            f"{files.display_name} holds {len(polygonal)} layers of polygons ({', '.join(polygonal)}): name the one to "
            "load with --layer-name."
        )
    names = ", ".join(f"{layer.name}: {ogr.NAMES.get(ogr.declared_type(layer), 'unknown')}" for layer in layers) or "none"
    raise FileRefused(f"{files.display_name} holds {len(layers)} layers ({names}), and none with polygons.")


def _encoding(files: LayerFiles, layer: Layer) -> str:
    if files.format is SHAPEFILE:
        return table_encoding(files.path.with_suffix(".dbf"), wanted=layer.encoding, declared=files.declared_encoding)
    return encoding_named(layer.encoding, "The layer") if layer.encoding else "utf-8"


def _declared_crs(ogr_layer: OgrLayer, files: LayerFiles) -> SpatialReference | None:
    try:
        declared = ogr_layer.srs
    except GDAL_ERRORS:  # a .prj that is no coordinate system is as good as none
        declared = None
    # A topology has no member for it: like GeoJSON it is in degrees of WGS 84.
    return SpatialReference(4326) if declared is None and files.format is TOPOJSON else declared


def _columns(result: list[str], layer: Layer, name: str) -> dict[str, str]:
    """Map our columns to the file's fields. Raises: FileRefused, listing what was found and what was looked for."""
    by_key = {field.lower(): field for field in reversed(result)}
    columns = {}
    for column in COLUMNS:
        for spelling in layer.spellings(column):
            if spelling.lower() in by_key:
                columns[column] = by_key[spelling.lower()]
                break
    for column, wanted_fields in layer.columns.items():
        if columns.get(column, "").lower() not in [field.lower() for field in wanted_fields]:
            raise FileRefused(f"{name} has no field {wanted_fields[0]!r} for {column}. It has {', '.join(result) or 'none'}.")
    needed = ["code"] if layer.coverage.name_is_code else ["code", "name_en"]
    missing = [column for column in needed if column not in columns]
    if missing:
        wanted = "; ".join(f"{column}: {', '.join(layer.spellings(column))}" for column in missing)
        raise FileRefused(
            f"{name} lacks the fields that {layer.coverage.slug} need. It has {', '.join(result) or 'none'}; "
            f"looked for {wanted}. Name them with --field, as in --field {missing[0]}={result[0] if result else 'NAME'}."
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

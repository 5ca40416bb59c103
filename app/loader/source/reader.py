"""Reader of boundary files: checks of the layer, then its features one at a time, so that memory holds one feature."""

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

# GDAL fetches coordinate systems and schemas that files refer to by URL. A proxy address where nothing listens keeps it off the
# network.
_ENVIRONMENT = {
    **dict.fromkeys(("GDAL_HTTP_PROXY", "GDAL_HTTPS_PROXY"), "127.0.0.1:1"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "none.invalid"),
    # No recoding by GDAL, which replaces invalid bytes; Python refuses them.
    "SHAPE_ENCODING": "",
    # No size limit: a region can have millions of vertices on one line.
    "OGR_GEOJSON_MAX_OBJ_SIZE": "0",
    # No search of the EPSG database for a .prj, which takes a quarter of a second: `crs` recognises the CRS.
    "USE_OSR_FIND_MATCHES": "NO",
    # A code of digits keeps its leading zero.
    "GML_FIELDTYPES": "ALWAYS_STRING",
}


@dataclass(frozen=True, slots=True)
class RawFeature:
    """A row of the file, unprocessed.

    Attributes:
        row: row number, from 1.
        values: value by field name; text is decoded, not trimmed.
        wkb: geometry in the file's CRS with arcs linearised; None where the row has none.
    """

    row: int
    values: Mapping[str, Any]
    wkb: bytes | None


@dataclass(frozen=True, slots=True)
class Header:
    """Result of the first pass over a layer.

    Attributes:
        count: number of rows, counted by reading them.
        columns: the file's field for each column of `region` that it has.
        encoding: of the text.
        extent: west, south, east, north of all coordinates, in the file's CRS.
    """

    count: int
    columns: Mapping[str, str]
    crs: SourceCrs
    encoding: str
    extent: tuple[float, float, float, float]


class BoundaryReader:
    """An open boundary file: its header, and one pass over its features."""

    def __init__(self, ogr_layer: OgrLayer, header: Header) -> None:
        self._layer = ogr_layer
        self.header = header

    def features(self) -> Iterator[RawFeature]:
        """Yield every row in file order. Raises: FileRefused for text and geometry that cannot be read."""
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
                "The file (or layer) declares the wrong encoding: give the right one with --encoding, often cp1252 or utf-8."
            ) from error
        except GDAL_ERRORS as error:
            raise FileRefused(f"Row {row + 1} cannot be read ({error}): the file is damaged. Download it again.") from error
        if row != self.header.count:
            raise FileRefused(
                f"The file had {self.header.count} rows and now has {row}: it changed during the load. Load it again."
            )


@contextmanager
def open_reader(files: LayerFiles, layer: Layer) -> Iterator[BoundaryReader]:
    """Open an unpacked dataset and check fields, geometry types, CRS and extent before any row is stored.

    Raises: FileRefused for a damaged file, a layer without rows or with rows that are no polygons, missing fields, an unknown
    or contradictory CRS, and rows outside Canada.
    """
    encoding = _encoding(files, layer)
    with _environment(_ENVIRONMENT), ogr.with_curves():
        source = ogr.open_source(files.path, files.format.driver, files.format.options, encoding, files.format.title)
        try:
            ogr_layer, header = _header(source, files, layer, encoding)
        except UnicodeDecodeError as error:
            raise FileRefused(
                f"{files.display_name}: the field names are not {encoding} ({error.object[:40]!r}). "
                "Give the right encoding with --encoding, often cp1252 or utf-8."
            ) from error
        except GDAL_ERRORS as error:
            raise FileRefused(f"{files.display_name} is damaged ({error}): download it again.") from error
        yield BoundaryReader(ogr_layer, header)


def _header(source: DataSource, files: LayerFiles, layer: Layer, encoding: str) -> tuple[OgrLayer, Header]:
    ogr_layer, surveyed = _layer(source, files, layer)
    refuse_other_geometries(surveyed, files.display_name)
    # GDAL drivers skip rows that they cannot parse.
    if files.rows is not None and surveyed.rows != files.rows:
        raise FileRefused(
            f"{files.display_name} holds {files.rows:,} rows, of which {surveyed.rows:,} can be read: the file is damaged or "
            "violates its format. Export it again."
        )
    if surveyed.extent is None:
        raise FileRefused(f"{files.display_name} holds rows without coordinates only. Load a file with boundaries.")
    columns = _columns(ogr_layer.fields, layer, files.display_name)
    crs = source_crs(declared=_declared_crs(ogr_layer, files), assumed_srid=layer.srid, extent=surveyed.extent)
    refuse_outside_canada(surveyed.boxes, crs)
    return ogr_layer, Header(surveyed.rows, columns, crs, encoding, surveyed.extent)


def _layer(source: DataSource, files: LayerFiles, layer: Layer) -> tuple[OgrLayer, Survey]:
    """Return the layer to read and its survey. Raises: FileRefused for an unknown or ambiguous layer."""
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
    # Style and metadata tables may be beside the layer of polygons; a layer may declare no geometry type.
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
    raise FileRefused(f"{files.display_name} holds {len(layers)} layers ({names}), none with polygons.")


def _encoding(files: LayerFiles, layer: Layer) -> str:
    if files.format is SHAPEFILE:
        return table_encoding(files.path.with_suffix(".dbf"), wanted=layer.encoding, declared=files.declared_encoding)
    return encoding_named(layer.encoding, "The layer") if layer.encoding else "utf-8"


def _declared_crs(ogr_layer: OgrLayer, files: LayerFiles) -> SpatialReference | None:
    try:
        declared = ogr_layer.srs
    except GDAL_ERRORS:  # an invalid .prj counts as none
        declared = None
    # TopoJSON has no member for a CRS: like GeoJSON it is in WGS 84.
    return SpatialReference(4326) if declared is None and files.format is TOPOJSON else declared


def _columns(field_names: list[str], layer: Layer, name: str) -> dict[str, str]:
    """Return the file's field for each column. Raises: FileRefused for missing fields, with the names in the file."""
    by_key = {field.lower(): field for field in reversed(field_names)}
    columns = {}
    for column in COLUMNS:
        for spelling in layer.spellings(column):
            if spelling.lower() in by_key:
                columns[column] = by_key[spelling.lower()]
                break
    for column, wanted_fields in layer.columns.items():
        if columns.get(column, "").lower() not in [field.lower() for field in wanted_fields]:
            raise FileRefused(
                f"{name} has no field {wanted_fields[0]!r} for {column}. It has {', '.join(field_names) or 'none'}."
            )
    needed = ["code"] if layer.coverage.name_is_code else ["code", "name_en"]
    missing = [column for column in needed if column not in columns]
    if missing:
        wanted = "; ".join(f"{column}: {', '.join(layer.spellings(column))}" for column in missing)
        raise FileRefused(
            f"{name} lacks required fields of {layer.coverage.slug}. It has {', '.join(field_names) or 'none'}; looked for "
            f"{wanted}. Map them with --field, as in --field {missing[0]}={field_names[0] if field_names else 'NAME'}."
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

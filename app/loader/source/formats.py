"""File formats of boundaries: GDAL driver, parts and magic bytes of each, and checks of the content."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.parsers import expat

from loader.errors import FileRefused

# GDAL reads such a file into memory as a whole: measured at 4.5 times its size for KML and 11 times for Esri JSON and TopoJSON,
# which is 2.8 GiB at this limit.
WHOLE_IN_MEMORY_MAX_BYTES = 256 * 2**20
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes:
        title: common name, for messages.
        driver: short name of the GDAL driver, the only one that may open the file.
        suffix: of the file that the driver opens.
        parts: suffixes of its files, the main one first.
        required: parts that a layer must have.
        several_layers: True where a file may hold more than one layer.
        in_memory: True where GDAL reads the whole file into memory.
        options: open options of the driver.
    """

    title: str
    driver: str
    suffix: str
    parts: tuple[str, ...]
    required: tuple[str, ...] = ()
    several_layers: bool = False
    in_memory: bool = False
    options: tuple[str, ...] = ()


SHAPEFILE = Format(
    *("shapefile", "ESRI Shapefile", ".shp", (".shp", ".shx", ".dbf", ".prj", ".cpg")), required=(".shp", ".shx", ".dbf")
)
GEOPACKAGE = Format("GeoPackage", "GPKG", ".gpkg", (".gpkg", ".gpkg-wal"), several_layers=True)
GEOJSON = Format("GeoJSON", "GeoJSON", ".geojson", (".geojson",))
GEOJSON_SEQUENCE = Format("GeoJSONSeq", "GeoJSONSeq", ".geojsons", (".geojsons",))
ESRI_JSON = Format("Esri JSON", "ESRIJSON", ".json", (".json",), in_memory=True)
TOPOJSON = Format("TopoJSON", "TopoJSON", ".topojson", (".topojson",), several_layers=True, in_memory=True)
FLATGEOBUF = Format("FlatGeobuf", "FlatGeobuf", ".fgb", (".fgb",), options=("VERIFY_BUFFERS=YES",))
GEOPARQUET = Format("GeoParquet", "", ".parquet", (".parquet",))
# Without its .xsd, whose includes GDAL would follow. All fields are then text.
GML = Format(*("GML", "GML", ".gml", (".gml",)), several_layers=True, options=("DOWNLOAD_SCHEMA=NO",))
KML = Format("KML", "LIBKML", ".kml", (".kml",), several_layers=True, in_memory=True)
MAPINFO_TAB = Format(
    "MapInfo TAB", "MapInfo File", ".tab", (".tab", ".dat", ".map", ".id", ".ind"), required=(".tab", ".dat", ".map", ".id")
)
MAPINFO_MIF = Format("MapInfo MIF", "MapInfo File", ".mif", (".mif", ".mid"), required=(".mif", ".mid"))
FILE_GEODATABASE = Format("File Geodatabase", "OpenFileGDB", ".gdb", (".gdb",), several_layers=True)

# Suffixes in use for each format. The kinds of JSON are told apart by content (loader.source.json_content).
BY_SUFFIX = {
    ".shp": SHAPEFILE,
    ".gpkg": GEOPACKAGE,
    **dict.fromkeys((".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".jsonl", ".topojson", ".esrijson"), GEOJSON),
    ".fgb": FLATGEOBUF,
    **dict.fromkeys((".parquet", ".geoparquet"), GEOPARQUET),
    ".gml": GML,
    ".kml": KML,
    ".tab": MAPINFO_TAB,
    ".mif": MAPINFO_MIF,
    ".gdb": FILE_GEODATABASE,
}
ARCHIVES = (".zip", ".kmz")
EXPECTED = (
    "a shapefile (.shp), .gpkg, .geojson, .fgb, .parquet, .gml, .kml, .kmz, .tab, .mif or .gdb, alone, in a folder or in a .zip"
)


def check_content(path: Path, file_format: Format, name: str) -> None:
    """Raise FileRefused for a file whose content is not of the format of its suffix, or that refers to other files.

    JSON is checked in loader.source.json_content.
    """
    head = b""
    if file_format is not FILE_GEODATABASE:
        with path.open("rb") as file:
            head = file.read(4096)
        if not head:
            raise FileRefused(f"{name} is not a boundary file: it is empty ({path.suffix} of 0 bytes). Download it again.")
    if file_format in _MAGIC_CHECKS and not _MAGIC_CHECKS[file_format](head):
        raise FileRefused(f"{name} is not a boundary file: its content is not {path.suffix[1:]}.")
    if file_format in (GML, KML):
        _check_xml(path, file_format, name)
    if file_format is MAPINFO_TAB and not re.search(rb"\btype\s+native\b", head, re.IGNORECASE):
        raise FileRefused(
            f"{name} is a MapInfo table that refers to other files (linked, seamless, a view or an image): export it as a "
            "native table or as MIF."
        )
    if file_format.in_memory:
        refuse_too_large(path, file_format, name)


def refuse_too_large(path: Path, file_format: Format, name: str) -> None:
    """Raise FileRefused for a file too large to be read into memory."""
    size = path.stat().st_size
    if size > WHOLE_IN_MEMORY_MAX_BYTES:
        raise FileRefused(
            f"{name} has {size:,} bytes, and {file_format.title} is read into memory as a whole: at most "
            f"{WHOLE_IN_MEMORY_MAX_BYTES:,} bytes. Convert it: ogr2ogr regions.gpkg {name}"
        )


def has_placemarks(stream: IO[bytes]) -> bool:
    """Return whether a KML file holds features; the main file of a .kmz may only link to others."""
    before = b""
    while chunk := stream.read(_CHUNK):
        if b"Placemark" in before + chunk:
            return True
        before = chunk[-10:]
    return False


def _starts_with(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _is_xml(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" or head[:2] in (b"\xff\xfe", b"\xfe\xff")


_MAGIC_CHECKS: dict[Format, Callable[[bytes], bool]] = {
    SHAPEFILE: lambda head: len(head) >= 100 and head[:4] == b"\x00\x00\x27\x0a",
    GEOPACKAGE: _starts_with(b"SQLite format 3\x00"),
    FLATGEOBUF: _starts_with(b"fgb\x03fgb"),
    GEOPARQUET: _starts_with(b"PAR1"),
    GML: _is_xml,
    KML: _is_xml,
    MAPINFO_TAB: lambda head: head.lstrip().lower().startswith(b"!table"),
    MAPINFO_MIF: lambda head: head.lstrip().lower().startswith(b"version"),
}


def _check_xml(path: Path, file_format: Format, name: str) -> None:
    """Parse an XML document. Raises: FileRefused for a DTD, another root element, a server error, and network links."""
    roots: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(":")[2]
        if not roots:
            roots.append(local)
        if file_format is KML and local == "NetworkLink":
            raise FileRefused(f"{name} refers to another KML file (NetworkLink): download that one and load it.")

    def doctype(*_: object) -> None:
        raise FileRefused(
            f"{name} holds a DTD, which {file_format.title} does not need and which is unsafe to read: remove it."
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, doctype
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FileRefused(f"{name} is damaged or truncated ({error}): download it again.") from error
    except (ValueError, LookupError) as error:  # an encoding that expat cannot read
        raise FileRefused(f"{name} is in an encoding that cannot be read ({error}): save it as UTF-8.") from error
    if file_format is KML and roots != ["kml"]:
        raise FileRefused(f"{name} is not KML: its root element is {roots[0]!r}.")
    if roots and roots[0] in ("ExceptionReport", "ServiceExceptionReport", "html"):
        raise FileRefused(f"{name} is an error response of a server instead of the layer: open it to see the reason.")

"""File formats of downloads: names, media types, titles."""

from dataclasses import dataclass

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.translation import Message

# Column names of a region's code, in files and in schema geo.
_CODE_NAMES = {COVERAGE_HEALTH_REGIONS: "hruid", COVERAGE_FSA: "cfsauid"}

CHECKSUMS_NAME = "SHA256SUMS"

# Suffix of the metadata file of a CSV file, as CSV on the Web (W3C) requires.
DESCRIBES = "-metadata.json"


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes:
        name: value of `manage.py export --format`.
        ending: end of the file name, after the coverage and the label.
        media_type: registered media type, or the type in common use.
        title: description for users.
        by_level: True if there is one file for each level.
        by_pair: True if there is one file for each pair of an FSA vintage and a health-region vintage.
    """

    name: str
    ending: str
    media_type: str
    title: Message
    by_level: bool = False
    by_pair: bool = False


FORMATS: dict[str, Format] = {
    file_format.name: file_format
    for file_format in (
        Format("gpkg", ".gpkg", "application/geopackage+sqlite3", Message("GeoPackage, as published (EPSG:3347)")),
        Format("fgb", ".fgb", "application/flatgeobuf", Message("FlatGeobuf, as published (EPSG:3347)")),
        Format("parquet", ".parquet", "application/vnd.apache.parquet", Message("GeoParquet, as published (EPSG:3347)")),
        # For web maps, which do not transform from EPSG:3347.
        Format("fgb-wgs84", "-wgs84.fgb", "application/flatgeobuf", Message("FlatGeobuf, as published (WGS 84)")),
        Format(
            "parquet-wgs84", "-wgs84.parquet", "application/vnd.apache.parquet", Message("GeoParquet, as published (WGS 84)")
        ),
        Format(
            "shapefile", "-shapefile.zip", "application/zip", Message("Shapefile in the form of Statistics Canada (EPSG:3347)")
        ),
        Format("geojson", ".geojson", "application/geo+json", Message("GeoJSON (WGS 84)"), by_level=True),
        Format("pmtiles", ".pmtiles", "application/vnd.pmtiles", Message("PMTiles: all vector tiles in one file")),
        Format("lookup", "-lookup.safetensors", "application/octet-stream", Message("Lookup index, for covidtrends_geo")),
        Format(
            "pack", ".pack", "application/octet-stream", Message("Offline pack: the region at a position, without a service")
        ),
        Format("csv", ".csv", "text/csv; charset=utf-8", Message("Codes and names")),
        Format("csvw", f".csv{DESCRIBES}", "application/csvm+json", Message("Columns, source and licence of the CSV file")),
        Format(
            "shares", ".csv", "text/csv; charset=utf-8", Message("FSAs and health regions with shares of area"), by_pair=True
        ),
        Format(
            "shares-csvw",
            f".csv{DESCRIBES}",
            "application/csvm+json",
            Message("Columns, sources and licences of the file of shares"),
            by_pair=True,
        ),
    )
}


def code_name(coverage: str) -> str:
    """Return the column name of a region's code: `hruid`, `cfsauid`, or `code` for any other coverage."""
    return _CODE_NAMES.get(coverage, "code")


def file_name(
    made: Format, *, coverage: str, label: str, level: str | None = None, paired: tuple[str, str] | None = None
) -> str:
    """Return the name of a file.

    Args:
        level: for a format with one file for each level.
        paired: coverage and label of the second vintage, for a format with one file for each pair.
    """
    stem = "-".join(("-".join((coverage, label)), *((level,) if level else ()), *(paired or ())))
    return stem + made.ending

"""The files that a published vintage can be taken away as: what they are called and what they are."""

from dataclasses import dataclass

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.translation import Message

# How a region's code is called where there is a name for it: in files as in schema geo.
_CODE_NAMES = {COVERAGE_HEALTH_REGIONS: "hruid", COVERAGE_FSA: "cfsauid"}

CHECKSUMS_NAME = "SHA256SUMS"

# What describes a CSV file is called like it, and this after it: where CSV on the Web (W3C) looks for it.
DESCRIBES = "-metadata.json"


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    Attributes:
        name: what `manage.py export --format` takes.
        ending: of the file's name, after the coverage and the label.
        media_type: as registered, or as its readers know it.
        title: what it is, for a reader.
        by_level: True where there is one file for each level of detail.
        by_pair: True where there is one file for each pair of an FSA vintage and a health-region vintage.
    """

    name: str
    ending: str
    media_type: str
    title: Message
    by_level: bool = False
    by_pair: bool = False


FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        Format("gpkg", ".gpkg", "application/geopackage+sqlite3", Message("GeoPackage, as published (EPSG:3347)")),
        Format("fgb", ".fgb", "application/flatgeobuf", Message("FlatGeobuf, as published (EPSG:3347)")),
        Format("parquet", ".parquet", "application/vnd.apache.parquet", Message("GeoParquet, as published (EPSG:3347)")),
        # For web maps, which draw in WGS 84 and do not transform.
        Format("fgb-wgs84", "-wgs84.fgb", "application/flatgeobuf", Message("FlatGeobuf, as published (WGS 84)")),
        Format(
            "parquet-wgs84", "-wgs84.parquet", "application/vnd.apache.parquet", Message("GeoParquet, as published (WGS 84)")
        ),
        Format(
            "shapefile", "-shapefile.zip", "application/zip", Message("Shapefile in the form of Statistics Canada (EPSG:3347)")
        ),
        Format("geojson", ".geojson", "application/geo+json", Message("GeoJSON (WGS 84)"), by_level=True),
        Format("pmtiles", ".pmtiles", "application/vnd.pmtiles", Message("PMTiles: all vector tiles in one file")),
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
    """Return what a region's code is called: `hruid`, `cfsauid`, or `code` for a coverage without a name of its own for it."""
    return _CODE_NAMES.get(coverage, "code")


def file_name(
    made: Format, *, coverage: str, label: str, level: str | None = None, other: tuple[str, str] | None = None
) -> str:
    """Return the name of a file.

    Args:
        level: of detail, for a format that has one file for each.
        other: coverage and label of the other vintage, for a format of pairs.
    """
    stem = "-".join(("-".join((coverage, label)), *((level,) if level else ()), *(other or ())))
    return stem + made.ending

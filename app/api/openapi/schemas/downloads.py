"""Schemas of the list of downloads."""

from api.openapi.schemas.parts import COUNT, Schema, array, or_null, record, ref, text
from geography.constants import LEVEL_NAMES
from geography.download_formats import FORMATS
from indicators.download_formats import FORMATS as INDICATOR_FORMATS

_REFERENCE = {"format": "uri-reference"}

_FILE: Schema = {
    "name": text("Name of the file, unique within the vintage or indicator."),
    "title": text("Description of the file, in the response language."),
    "media_type": text("Media type of the file."),
    "state": text(
        "`ready`, `missing` (not created yet, or not on this server), or `failed` (creation failed).",
        enum=["ready", "missing", "failed"],
    ),
    "bytes": or_null(COUNT | {"description": "Size in bytes; null unless the file is ready."}),
    "sha256": or_null(text("SHA-256 checksum, hexadecimal; null unless the file is ready.")),
    "href": text("URL of the current file with this name.", **_REFERENCE),
    "pinned_href": or_null(text("Immutable URL of this content; null unless the file is ready.", **_REFERENCE)),
}
_VINTAGE_FILE = record(
    {
        **_FILE,
        "format": text("File format.", enum=list(FORMATS)),
        "detail": or_null(text("Level of detail; null for a format with a single level.", enum=list(LEVEL_NAMES))),
        "health_region_vintage": or_null(
            text("Health-region vintage of a file that joins FSAs and health regions; otherwise null.")
        ),
    },
    name="VintageFile",
)
_INDICATOR_FILE = record(
    {
        **_FILE,
        "format": text("File format.", enum=list(INDICATOR_FORMATS)),
        "measure": or_null(text("Measure of a table with a column for each place; otherwise null.")),
    },
    name="IndicatorFile",
)
_CHECKSUMS = text("URL of the checksums of all files, in the format of `sha256sum --check`.", **_REFERENCE)

COMPONENTS: dict[str, Schema] = {
    "DownloadList": record(
        {
            "downloads": array(
                record(
                    {
                        "vintage": ref("Vintage"),
                        "coverage_name": text("Name of the coverage, in the response language."),
                        "region_count": COUNT,
                        "product": text("Title of the source product."),
                        "licence_url": text("URL of the licence."),
                        "checksums": _CHECKSUMS,
                        "files": array(_VINTAGE_FILE),
                    },
                    name="VintageDownloads",
                )
            ),
            "indicators": array(
                record(
                    {
                        "indicator": text("Id of the indicator."),
                        "name": text("Name of the indicator, in the response language."),
                        "issue": ref("Issue"),
                        "held": ref("HeldIssues"),
                        "attribution": text("Attribution to display with the values."),
                        "licence": text("Licence of the values."),
                        "licence_url": text("URL of the licence."),
                        "checksums": _CHECKSUMS,
                        "files": array(_INDICATOR_FILE),
                    },
                    optional=("held",),
                    name="IndicatorDownloads",
                )
            ),
        },
        description="Files of all published vintages, by coverage, latest first, and of all published indicators.",
    ),
    "Download": {"type": "string", "format": "binary", "description": "The file, or the requested byte range."},
}

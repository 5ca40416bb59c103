"""Schemas of the list of downloads."""

from api.openapi.schemas.parts import COUNT, Schema, array, or_null, record, ref, text
from geography.constants import LEVEL_NAMES
from geography.download_formats import FORMATS

_REFERENCE = {"format": "uri-reference"}

_FILE = record(
    {
        "name": text("Name of the file, unique within the vintage."),
        "format": text("File format.", enum=list(FORMATS)),
        "title": text("Description of the file, in the response language."),
        "detail": or_null(text("Level of detail; null for a format with a single level.")) | {"enum": [*LEVEL_NAMES, None]},
        "health_region_vintage": or_null(
            text("Health-region vintage of a file that joins FSAs and health regions; otherwise null.")
        ),
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
)

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
                        "checksums": text(
                            "URL of the checksums of all files, in the format of `sha256sum --check`.", **_REFERENCE
                        ),
                        "files": array(_FILE),
                    }
                )
            )
        },
        description="Files of all published vintages, by coverage, latest first.",
    ),
    "Download": {"type": "string", "format": "binary", "description": "The file, or the requested byte range."},
}

"""Schemas of the list of downloads."""

from api.openapi.schemas.parts import COUNT, Schema, array, or_null, record, ref, text
from geography.constants import LEVEL_NAMES
from geography.download_formats import FORMATS

_REFERENCE = {"format": "uri-reference"}

_FILE = record(
    {
        "name": text("Name of the file, unique within the vintage."),
        "format": text("Kind of file.", enum=list(FORMATS)),
        "title": text("What it is, in the language of the answer."),
        "detail": or_null(text("Level of detail; null where a format has only one.")) | {"enum": [*LEVEL_NAMES, None]},
        "health_region_vintage": or_null(text("Of a file that joins FSAs and health regions: whose regions; else null.")),
        "media_type": text("Its media type."),
        "state": text(
            "`ready`; `missing` (not made yet, or not on this machine); `failed` (making it went wrong).",
            enum=["ready", "missing", "failed"],
        ),
        "bytes": or_null(COUNT | {"description": "Size; null until it is ready."}),
        "sha256": or_null(text("Checksum, hexadecimal; null until it is ready.")),
        "href": text("Where the file of this name is, whatever it holds by then.", **_REFERENCE),
        "pinned_href": or_null(
            text("Where these very bytes are: never anything else, so it may be kept for good.", **_REFERENCE)
        ),
    }
)

COMPONENTS: dict[str, Schema] = {
    "DownloadList": record(
        {
            "downloads": array(
                record(
                    {
                        "vintage": ref("Vintage"),
                        "coverage_name": text("What its regions are called, in the language of the answer."),
                        "region_count": COUNT,
                        "product": text("Title of the source product."),
                        "licence_url": text("Address of the licence."),
                        "checksums": text("Where the checksums of all its files are, for `sha256sum --check`.", **_REFERENCE),
                        "files": array(_FILE),
                    }
                )
            )
        },
        description="Every published vintage as files, by coverage, the latest first.",
    ),
    "Download": {"type": "string", "format": "binary", "description": "The file, or the part of it that was asked for."},
}

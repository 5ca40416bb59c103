"""Payloads of the list of downloads: files of vintages and of indicators."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from api.http.language import translate
from api.http.links import web_address
from api.responses.indicators import source_payload
from api.responses.payloads import vintage_payload
from geography.download_formats import CHECKSUMS_NAME
from indicators.download_formats import GROUP

if TYPE_CHECKING:
    from geography.download_files import DownloadFile
    from geography.models import Vintage
    from geography.queries.downloads import Download
    from indicators.queries.catalogue import PublishedIndicator
    from indicators.queries.downloads import IndicatorDownload


def downloads_payload(vintage: "Vintage", files: Iterable["Download"], language: str) -> dict[str, Any]:
    """Return a vintage with its files, as /downloads lists it. URLs are relative to the host."""
    base = f"/downloads/{vintage.coverage.slug}/{vintage.label}"
    return {
        "vintage": vintage_payload(vintage, language),
        "coverage_name": vintage.coverage.name_fr if language == "fr" else vintage.coverage.name_en,
        "region_count": vintage.region_count,
        "product": vintage.product,
        "licence_url": web_address(vintage.licence_url),
        "checksums": f"{base}/{CHECKSUMS_NAME}",
        "files": [
            _file(file, language) | {"detail": file.level, "health_region_vintage": file.paired.label if file.paired else None}
            for file in files
        ],
    }


def indicator_downloads_payload(
    published: "PublishedIndicator", files: Iterable["IndicatorDownload"], language: str
) -> dict[str, Any]:
    """Return an indicator with its files, as /downloads lists it. URLs are relative to the host."""
    indicator = published.indicator
    return {
        "indicator": indicator.slug,
        "name": indicator.name_fr if language == "fr" else indicator.name_en,
        **source_payload(published, language),
        "checksums": f"/downloads/{GROUP}/{indicator.slug}/{CHECKSUMS_NAME}",
        "files": [_file(file, language) | {"measure": file.measure} for file in files],
    }


def _file(file: "DownloadFile", language: str) -> dict[str, Any]:
    """Return the members that files of vintages and of indicators share."""
    base = f"/downloads/{file.group}"
    return {
        "name": file.name,
        "format": file.format.name,
        "title": translate(file.format.title, language),
        "media_type": file.format.media_type,
        "state": file.state,
        "bytes": file.size,
        "sha256": file.sha256,
        "href": f"{base}/{file.name}",
        "pinned_href": f"{base}/{file.sha256[:16]}/{file.name}" if file.sha256 else None,
    }

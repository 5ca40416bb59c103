"""Download files of published indicators: names, states and paths (see `geography.download_files`)."""

from collections.abc import Iterator
from dataclasses import dataclass

from geography.download_files import DownloadFile, read_manifest, ready_file, with_state
from geography.translation import Message
from indicators.download_formats import FORMATS, GROUP
from indicators.queries.catalogue import PublishedIndicator, published_indicator, published_indicators


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorDownload(DownloadFile):
    """A download file of a published indicator, ready or not.

    Attributes:
        measure: for a format with one file for each measure.
    """

    published: PublishedIndicator
    measure: str | None = None

    @property
    def name(self) -> str:
        """Return the public file name: `cases.csv`, `cases-new_7d-wide.csv`."""
        slug = self.published.indicator.slug
        return (f"{slug}-{self.measure}" if self.measure else slug) + self.format.ending

    @property
    def group(self) -> str:
        """Return the path of the indicator below `/downloads`."""
        return f"{GROUP}/{self.published.indicator.slug}"

    @property
    def publication(self) -> str:
        """Return the name of the publication or rollback."""
        return f"{self.published.changed_at:%Y%m%dT%H%M%S%f}-{self.published.issue.pk}"

    @property
    def licence_urls(self) -> tuple[str, ...]:
        """Return the URL of the indicator's licence."""
        return (self.published.indicator.licence_url,)


def downloads_of(published: PublishedIndicator) -> list[IndicatorDownload]:
    """Return all download files of an indicator with their states, whether or not they exist. Queries: none."""
    expected = list(_expected(published))
    manifest = read_manifest(expected[0].folder)
    return [with_state(download, manifest) for download in expected]


def all_downloads() -> list[tuple[PublishedIndicator, list[IndicatorDownload]]]:
    """Return the download files of all published indicators. Queries: as for `published_indicators`."""
    return [(published, downloads_of(published)) for published in published_indicators().indicators.values()]


def indicator_downloads(slug: str) -> list[IndicatorDownload]:
    """Return the download files of an indicator. Raises and queries: as `published_indicator`."""
    return downloads_of(published_indicator(slug))


def download_get(slug: str, *, name: str, sha256: str | None = None) -> IndicatorDownload:
    """Return a ready file of an indicator.

    Args:
        sha256: prefix of the expected checksum.

    Raises: IndicatorUnknown; as `download_files.ready_file`.
    Queries: as for `published_indicators`.
    """
    unknown = Message("There is no file %(name)s of the indicator %(indicator)s.", name=name, indicator=slug)
    return ready_file(indicator_downloads(slug), name=name, sha256=sha256, unknown=unknown)


def _expected(published: PublishedIndicator) -> Iterator[IndicatorDownload]:
    for file_format in FORMATS.values():
        for measure in published.measures if file_format.by_measure else (None,):
            yield IndicatorDownload(published=published, format=file_format, measure=measure)

"""Download files of published vintages: names, states and paths (see `geography.download_files`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, LEVEL_NAMES
from geography.download_files import DownloadFile, load_name, read_manifest, ready_file, vintage_folder, with_state
from geography.download_formats import FORMATS, file_name
from geography.models import Vintage
from geography.translation import Message
from geography.vintages.catalogue import Catalogue, published
from geography.vintages.resolve import vintage_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(DownloadFile):
    """A download file of a published vintage, ready or not.

    Attributes:
        vintage: vintage of the file; for a pair, the FSA vintage.
        paired: for a file that joins FSAs and health regions, the health-region vintage.
    """

    vintage: Vintage
    paired: Vintage | None = None

    @property
    def name(self) -> str:
        """Return the public file name."""
        paired = (self.paired.coverage.slug, self.paired.label) if self.paired else None
        return file_name(
            self.format, coverage=self.vintage.coverage.slug, label=self.vintage.label, level=self.level, paired=paired
        )

    @property
    def group(self) -> str:
        """Return coverage and label of the vintage."""
        return f"{self.vintage.coverage.slug}/{self.vintage.label}"

    @property
    def publication(self) -> str:
        """Return the name of the load."""
        return load_name(self.vintage)

    @property
    def licence_urls(self) -> tuple[str, ...]:
        """Return the URLs of the licences of the file's vintages."""
        return tuple(vintage.licence_url for vintage in (self.vintage, self.paired) if vintage)

    @property
    def key(self) -> str:
        """Return the key in the manifest: the file name and, for a pair, the load of the other vintage."""
        return f"{self.name} {load_name(self.paired)}" if self.paired else self.name

    @property
    def path(self) -> Path:
        """Return the path of the file, which need not exist."""
        # After a second load of the other vintage, a pair is a different file with the same public name.
        return self.folder / (f"{load_name(self.paired)}-{self.name}" if self.paired else self.name)


def downloads_of(vintage: Vintage, catalogue: Catalogue | None = None) -> list[Download]:
    """Return all download files of a published vintage with their states, whether or not they exist.

    Queries: as for `catalogue.published`; none with a catalogue.
    """
    manifest = read_manifest(vintage_folder(vintage))
    expected = _expected(vintage, catalogue or published())
    return [with_state(download, manifest) for download in expected]


def all_downloads() -> list[tuple[Vintage, list[Download]]]:
    """Return the download files of all published vintages, by coverage, the latest first.

    Queries: as for `catalogue.published`.
    """
    catalogue = published()
    return [(vintage, downloads_of(vintage, catalogue)) for vintage in catalogue.vintages]


def vintage_downloads(*, coverage: str, label: str) -> list[Download]:
    """Return the download files of the vintage with a label. Raises and queries: as `vintage_in_force`."""
    return downloads_of(vintage_in_force(coverage=coverage, label=label))


def download_get(*, coverage: str, label: str, name: str, sha256: str | None = None) -> Download:
    """Return a ready file.

    Args:
        sha256: prefix of the expected checksum.

    Raises: CoverageUnknown, VintageUnknown; as `download_files.ready_file`.
    Queries: as for `vintage_in_force`.
    """
    unknown = Message("There is no file %(name)s of %(coverage)s %(label)s.", name=name, coverage=coverage, label=label)
    return ready_file(vintage_downloads(coverage=coverage, label=label), name=name, sha256=sha256, unknown=unknown)


def _expected(vintage: Vintage, catalogue: Catalogue) -> Iterator[Download]:
    for file_format in FORMATS.values():
        if file_format.by_level:
            yield from (Download(vintage=vintage, format=file_format, level=level) for level in LEVEL_NAMES)
        elif not file_format.by_pair:
            yield Download(vintage=vintage, format=file_format)
        elif vintage.coverage.slug == COVERAGE_FSA:
            health_region_vintages = catalogue.vintages_of(COVERAGE_HEALTH_REGIONS)
            yield from (
                Download(vintage=vintage, format=file_format, paired=health_regions)
                for health_regions in health_region_vintages
            )

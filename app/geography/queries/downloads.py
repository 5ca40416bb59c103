"""Download files of published vintages: names, states and paths.

    DOWNLOADS_DIR/COVERAGE/LABEL/LOAD/   one folder for each load, so that files of two loads never mix
        manifest.json                    states, sizes and checksums of the files; replaced atomically
        fsa-2021.gpkg …

`loader.export` writes the files. This module only reads: the folder, and the catalogue from the database.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS, LEVEL_NAMES
from geography.download_formats import FORMATS, Format, file_name
from geography.errors import DownloadMissing, DownloadNotMade, DownloadUnknown
from geography.models import Vintage
from geography.translation import Message
from geography.vintages.catalogue import Catalogue, published
from geography.vintages.resolve import vintage_in_force

MANIFEST_NAME = "manifest.json"
LOCK_NAME = ".lock"


@dataclass(frozen=True, slots=True)
class Download:
    """A download file of a published vintage, ready or not.

    Attributes:
        vintage: vintage of the file; for a pair, the FSA vintage.
        other: for a pair, the health-region vintage.
        state: `ready`, `failed` (the export failed) or `missing` (not exported yet, or deleted).
        size, sha256: size in bytes and checksum of a ready file, else None.
    """

    vintage: Vintage
    format: Format
    level: str | None = None
    other: Vintage | None = None
    state: str = "missing"
    size: int | None = None
    sha256: str | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        other = (self.other.coverage.slug, self.other.label) if self.other else None
        name = file_name(
            self.format, coverage=self.vintage.coverage.slug, label=self.vintage.label, level=self.level, other=other
        )
        object.__setattr__(self, "name", name)

    @property
    def key(self) -> str:
        """Return the key in the manifest: the file name and, for a pair, the load of the other vintage."""
        return f"{self.name} {load_name(self.other)}" if self.other else self.name

    @property
    def path(self) -> Path:
        """Return the path of the file, which need not exist."""
        # After a second load of the other vintage, a pair is a different file with the same public name.
        return folder(self.vintage) / (f"{load_name(self.other)}-{self.name}" if self.other else self.name)


def load_name(vintage: Vintage) -> str:
    """Return a name of the load that is unique in this database and after a restore."""
    return f"{vintage.created_at:%Y%m%dT%H%M%S%f}-{vintage.pk}"


def folder(vintage: Vintage) -> Path:
    """Return the folder of a vintage's files."""
    return Path(settings.DOWNLOADS_DIR) / vintage.coverage.slug / vintage.label / load_name(vintage)


def downloads_of(vintage: Vintage, catalogue: Catalogue | None = None) -> list[Download]:
    """Return all download files of a published vintage with their states, whether or not they exist.

    Queries: as for `catalogue.published`; none with a catalogue.
    """
    manifest = read_manifest(vintage)
    expected = _expected(vintage, catalogue or published())
    return [_with_state(download, manifest) for download in expected]


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

    Raises: CoverageUnknown, VintageUnknown; DownloadUnknown for an unknown name or another checksum. If the file is not ready:
    DownloadMissing during an export, else DownloadNotMade.
    Queries: as for `vintage_in_force`.
    """
    downloads = vintage_downloads(coverage=coverage, label=label)
    download = next((download for download in downloads if download.name == name), None)
    if download is None:
        raise DownloadUnknown(
            Message("There is no file %(name)s of %(coverage)s %(label)s.", name=name, coverage=coverage, label=label),
            parameter="file",
            hint=Message("/downloads lists what there is."),
        )
    if download.sha256 is None and not _export_runs():
        raise DownloadNotMade(
            Message("%(name)s is not made, and nothing is making it.", name=name),
            parameter="file",
            hint=Message("The operator makes it with bin/manage export; /downloads says which files are ready."),
        )
    if download.sha256 is None:
        raise DownloadMissing(
            Message("%(name)s is not here yet.", name=name), hint=Message("/downloads says which files are ready.")
        )
    if sha256 is not None and not download.sha256.startswith(sha256):
        raise DownloadUnknown(
            Message("%(name)s has another checksum by now.", name=name),
            parameter="sha256",
            hint=Message("/downloads names the current one."),
        )
    return download


def _export_runs() -> bool:
    """Return whether a process holds the lock of exports (`loader.export.store.exclusive`)."""
    try:
        with (Path(settings.DOWNLOADS_DIR) / LOCK_NAME).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_manifest(vintage: Vintage) -> dict[str, Any]:
    """Return the manifest of a vintage's files; empty if it is missing or unreadable."""
    try:
        manifest = json.loads((folder(vintage) / MANIFEST_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    files = manifest.get("files") if isinstance(manifest, dict) else None
    valid = isinstance(files, dict) and all(isinstance(file, dict) for file in files.values())
    return manifest if valid else {}


def _expected(vintage: Vintage, catalogue: Catalogue) -> Iterator[Download]:
    for file_format in FORMATS.values():
        if file_format.by_level:
            yield from (Download(vintage, file_format, level=level) for level in LEVEL_NAMES)
        elif not file_format.by_pair:
            yield Download(vintage, file_format)
        elif vintage.coverage.slug == COVERAGE_FSA:
            health_region_vintages = catalogue.vintages_of(COVERAGE_HEALTH_REGIONS)
            yield from (Download(vintage, file_format, other=health_regions) for health_regions in health_region_vintages)


def _with_state(download: Download, manifest: Mapping[str, Any]) -> Download:
    file = manifest.get("files", {}).get(download.key, {})
    state, size, sha256 = file.get("state", "missing"), file.get("bytes"), file.get("sha256")
    if state == "ready":
        try:
            ready = download.path.stat().st_size == size
        except OSError:
            ready = False
        if ready:
            return replace(download, state="ready", size=size, sha256=sha256)
        state = "missing"
    return replace(download, state=state)

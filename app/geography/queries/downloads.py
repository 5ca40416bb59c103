"""Download files of published vintages: names, states and paths.

    DOWNLOADS_DIR/COVERAGE/LABEL/LOAD/   one folder for each load, so that a corrected file never mixes with the one before
        manifest.json                    what is ready, with sizes and checksums; replaced as a whole
        fsa-2021.gpkg …

Files are put there by `loader.export`. Nothing here asks the database but for what is published, and nothing writes.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
    """A file that there should be.

    Attributes:
        vintage: whose it is; of a pair the FSAs'.
        other: the health regions' vintage of a pair.
        state: `ready`, `failed` (making it went wrong) or `missing` (not made yet, or gone).
        size, sha256: of a ready file, else None.
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
        """Name it in the manifest: its own and, of a pair, which load the other side was."""
        return f"{self.name} {load_name(self.other)}" if self.other else self.name

    @property
    def path(self) -> Path:
        """Return where it lies or should lie."""
        # A pair whose other side was loaded again is another file, though it is called the same.
        return folder(self.vintage) / (f"{load_name(self.other)}-{self.name}" if self.other else self.name)


def load_name(vintage: Vintage) -> str:
    """Return what tells a load from every other, in this database and in any that may come after it."""
    return f"{vintage.created_at:%Y%m%dT%H%M%S%f}-{vintage.pk}"


def folder(vintage: Vintage) -> Path:
    """Return the folder of a vintage's files."""
    return Path(settings.DOWNLOADS_DIR) / vintage.coverage.slug / vintage.label / load_name(vintage)


def downloads_of(vintage: Vintage, catalogue: Catalogue | None = None) -> list[Download]:
    """Return every file that there should be of a published vintage, with the state of each.

    Queries: as for `catalogue.published`; none where a catalogue is given.
    """
    manifest = read_manifest(vintage)
    return [_with_state(item, manifest) for item in _wanted(vintage, catalogue or published())]


def all_downloads() -> list[tuple[Vintage, list[Download]]]:
    """Return the files of every published vintage, by coverage, the latest first. Queries: as for `catalogue.published`."""
    catalogue = published()
    return [(vintage, downloads_of(vintage, catalogue)) for vintage in catalogue.vintages]


def vintage_downloads(*, coverage: str, label: str) -> list[Download]:
    """Return the files of the vintage of this label. Raises and queries: as `vintage_in_force`."""
    return downloads_of(vintage_in_force(coverage=coverage, label=label))


def download_get(*, coverage: str, label: str, name: str, sha256: str | None = None) -> Download:
    """Return a file that is ready.

    Args:
        sha256: how its checksum begins; a file whose checksum does not is another one.

    Raises: CoverageUnknown, VintageUnknown, DownloadUnknown, DownloadMissing while files are being made, else DownloadNotMade.
    Queries: as for `vintage_in_force`.
    """
    wanted = next(
        (
            vintage_download
            for vintage_download in vintage_downloads(coverage=coverage, label=label)
            if vintage_download.name == name
        ),
        None,
    )
    if wanted is None:
        raise DownloadUnknown(
            Message("There is no file %(name)s of %(coverage)s %(label)s.", name=name, coverage=coverage, label=label),
            parameter="file",
            hint=Message("/downloads lists what there is."),
        )
    if wanted.sha256 is None and not _being_made():
        raise DownloadNotMade(
            Message("%(name)s is not made, and nothing is making it.", name=name),
            parameter="file",
            hint=Message("The operator makes it with bin/manage export; /downloads says which files are ready."),
        )
    if wanted.sha256 is None:
        raise DownloadMissing(
            Message("%(name)s is not here yet.", name=name), hint=Message("/downloads says which files are ready.")
        )
    if sha256 is not None and not wanted.sha256.startswith(sha256):
        raise DownloadUnknown(
            Message("%(name)s has another checksum by now.", name=name),
            parameter="sha256",
            hint=Message("/downloads names the current one."),
        )
    return wanted


def _being_made() -> bool:
    """Return whether a process holds the lock of those that make files (`loader.export.store.exclusive`)."""
    try:
        with (Path(settings.DOWNLOADS_DIR) / LOCK_NAME).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_manifest(vintage: Vintage) -> dict[str, Any]:
    """Return what is written down of a vintage's files; nothing where there is no folder or nothing that can be read."""
    try:
        manifest = json.loads((folder(vintage) / MANIFEST_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    files = manifest.get("files") if isinstance(manifest, dict) else None
    sound = isinstance(files, dict) and all(isinstance(file, dict) for file in files.values())
    return manifest if sound else {}


def _wanted(vintage: Vintage, catalogue: Catalogue) -> Iterator[Download]:
    for item in FORMATS.values():
        if item.by_level:
            yield from (Download(vintage, item, level=level) for level in LEVEL_NAMES)
        elif not item.by_pair:
            yield Download(vintage, item)
        elif vintage.coverage.slug == COVERAGE_FSA:
            yield from (Download(vintage, item, other=other) for other in catalogue.vintages_of(COVERAGE_HEALTH_REGIONS))


def _with_state(wanted: Download, manifest: Mapping[str, Any]) -> Download:
    noted = manifest.get("files", {}).get(wanted.key, {})
    state, size, sha256 = noted.get("state", "missing"), noted.get("bytes"), noted.get("sha256")
    if state == "ready":
        try:
            ready = wanted.path.stat().st_size == size
        except OSError:
            ready = False
        if ready:
            return Download(wanted.vintage, wanted.format, wanted.level, wanted.other, "ready", size, sha256)
        state = "missing"
    return Download(wanted.vintage, wanted.format, wanted.level, wanted.other, state)

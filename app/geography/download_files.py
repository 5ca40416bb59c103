"""Download files on disk: paths, states, and lookup of a ready file. `loader.export` writes them; this module only reads.

DOWNLOADS_DIR/GROUP/PUBLICATION/     one folder for each publication, so that files of two publications never mix
    manifest.json                    states, sizes and checksums of the files; replaced atomically
    fsa-2021.gpkg …
"""

import fcntl
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from geography.download_formats import FORMATS, Format, file_name
from geography.errors import DownloadMissing, DownloadNotMade, DownloadUnknown
from geography.models import Vintage
from geography.translation import Message

MANIFEST_NAME = "manifest.json"
LOCK_NAME = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadFile:
    """A download file of a publication, ready or not: base of the files of boundaries and of indicators.

    Attributes:
        level: level of the geometry, for a format with one file for each level.
        state: `ready`, `failed` (the export failed) or `missing` (not exported yet, or deleted).
        size, sha256: size in bytes and checksum of a ready file, else None.
    """

    format: Format
    level: str | None = None
    state: str = "missing"
    size: int | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Return the public file name, unique within the group."""
        raise NotImplementedError

    @property
    def group(self) -> str:
        """Return the path of the file's group below `/downloads`, two segments: `fsa/2021`."""
        raise NotImplementedError

    @property
    def publication(self) -> str:
        """Return the folder name of the publication, unique in this database and after a restore."""
        raise NotImplementedError

    @property
    def licence_urls(self) -> tuple[str, ...]:
        """Return the URLs of the licences; empty texts for sources without one."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """Return the key in the manifest."""
        return self.name

    @property
    def folder(self) -> Path:
        """Return the folder of the publication's files, which need not exist."""
        return Path(settings.DOWNLOADS_DIR) / self.group / self.publication

    @property
    def path(self) -> Path:
        """Return the path of the file, which need not exist."""
        return self.folder / self.name


File = TypeVar("File", bound=DownloadFile)


def load_name(vintage: Vintage) -> str:
    """Return a name of the load that is unique in this database and after a restore."""
    return f"{vintage.created_at:%Y%m%dT%H%M%S%f}-{vintage.pk}"


def vintage_folder(vintage: Vintage) -> Path:
    """Return the folder of a vintage's files."""
    return Path(settings.DOWNLOADS_DIR) / vintage.coverage.slug / vintage.label / load_name(vintage)


def lookup_path(vintage: Vintage) -> Path:
    """Return the path of a vintage's compiled lookup index, which need not exist."""
    return vintage_folder(vintage) / file_name(FORMATS["lookup"], coverage=vintage.coverage.slug, label=vintage.label)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder; empty if it is missing or unreadable."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    files = manifest.get("files") if isinstance(manifest, dict) else None
    valid = isinstance(files, dict) and all(isinstance(file, dict) for file in files.values())
    return manifest if valid else {}


def with_state(download: File, manifest: Mapping[str, Any]) -> File:
    """Return a download with its state: that of the manifest, or `missing` if the file does not have the recorded size."""
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


def ready_file(downloads: Iterable[File], *, name: str, sha256: str | None, unknown: Message) -> File:
    """Return the ready file of a name.

    Args:
        sha256: prefix of the expected checksum; None for any.
        unknown: detail of the error for an unknown name.

    Raises: DownloadUnknown for an unknown name or another checksum. If the file is not ready: DownloadMissing during an export,
    else DownloadNotMade.
    """
    download = next((download for download in downloads if download.name == name), None)
    if download is None:
        raise DownloadUnknown(unknown, parameter="file", hint=Message("/downloads lists the files."))
    if download.sha256 is None and not _export_runs():
        raise DownloadNotMade(
            Message("%(name)s has not been exported, and no export is running.", name=name),
            parameter="file",
            hint=Message("The operator makes it with bin/manage export; /downloads says which files are ready."),
        )
    if download.sha256 is None:
        raise DownloadMissing(
            Message("%(name)s is not available yet.", name=name), hint=Message("/downloads says which files are ready.")
        )
    if sha256 is not None and not download.sha256.startswith(sha256):
        raise DownloadUnknown(
            Message("%(name)s has another checksum now.", name=name),
            parameter="sha256",
            hint=Message("/downloads has the current checksum."),
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

"""Export store: download files and their manifest. A file appears only once complete, and then never changes."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from geography.download_files import LOCK_NAME, MANIFEST_NAME, DownloadFile, read_manifest


@contextmanager
def exclusive() -> Iterator[None]:
    """Hold the file lock of the export store: one exporter at a time, on this machine or on a shared folder.

    Raises: OSError if the folder is not writable.
    """
    root = Path(settings.DOWNLOADS_DIR)
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def store(download: DownloadFile, write: Callable[[Path], None]) -> None:
    """Create a file in a temporary folder, move it into place and record it in the manifest; no partial file is ever visible.

    Raises: any exception of `write`, which is recorded as well; OSError.
    """
    target = download.path
    temporary = target.parent / ".making"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    # GDAL derives the format from the extension.
    created = temporary / download.name
    try:
        write(created)
        with created.open("rb") as source:
            os.fsync(source.fileno())
        status = {"state": "ready", "bytes": created.stat().st_size, "sha256": sha256_of(created)}
        created.replace(target)
    except Exception as error:
        _update_manifest(download, {"state": "failed", "why": _one_line(error)})
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _update_manifest(download, status)


def delete_unreferenced(is_referenced: Callable[[Path], bool]) -> list[Path]:
    """Delete the folders of loads for which `is_referenced` returns False, and return them."""
    root = Path(settings.DOWNLOADS_DIR)
    stale = [path for path in sorted(root.glob("*/*/*/")) if not is_referenced(path)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
        for parent in (path.parent, path.parent.parent):
            if not any(parent.iterdir()):
                parent.rmdir()
    return stale


def delete_older(folder: Path) -> None:
    """Delete the folders of older publications beside a folder, except the newest of them.

    Web processes notice a publication within seconds: until then they send the files of the one before.
    """
    older = sorted(path for path in folder.parent.glob("*/") if path.name < folder.name)
    for path in older[:-1]:
        shutil.rmtree(path, ignore_errors=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _update_manifest(download: DownloadFile, status: dict[str, Any]) -> None:
    manifest = read_manifest(download.folder) or {"files": {}}
    manifest["group"] = download.group
    manifest["files"][download.key] = status | {"at": timezone.now().isoformat()}
    path = download.folder / MANIFEST_NAME
    temporary = path.with_name(f".{MANIFEST_NAME}")
    temporary.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(path)


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]

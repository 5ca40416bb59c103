"""Puts finished files where people find them: a file shows when all of it is there, and then never changes."""

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

from geography.models import Vintage
from geography.queries.downloads import LOCK_NAME, MANIFEST_NAME, Download, folder, read_manifest

_CHUNK = 1 << 20


@contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock that keeps two makers of files apart, on this machine or on a folder that several share.

    Raises: OSError where the folder cannot be written to.
    """
    root = Path(settings.DOWNLOADS_DIR)
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def store(download: Download, write: Callable[[Path], None]) -> None:
    """Make a file beside its place, move it there, and write it down. Whatever ends this leaves no half of a file to be seen.

    Raises: whatever `write` raises, which is written down too; OSError.
    """
    target = download.path
    workplace = target.parent / ".making"
    shutil.rmtree(workplace, ignore_errors=True)
    workplace.mkdir(parents=True)
    # GDAL decides by endings.
    made = workplace / download.name
    try:
        write(made)
        with made.open("rb") as source:
            os.fsync(source.fileno())
        entry = {"state": "ready", "bytes": made.stat().st_size, "sha256": sha256_of(made)}
        made.replace(target)
    except Exception as error:
        _note(download.vintage, download.key, {"state": "failed", "why": _line(error)})
        raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    _note(download.vintage, download.key, entry)


def delete_unreferenced(keep: Callable[[Path], bool]) -> list[Path]:
    """Delete the folders of loads that are not to be kept, and return them."""
    root = Path(settings.DOWNLOADS_DIR)
    doomed = [path for path in sorted(root.glob("*/*/*/")) if not keep(path)]
    for path in doomed:
        shutil.rmtree(path, ignore_errors=True)
        for parent in (path.parent, path.parent.parent):
            if not any(parent.iterdir()):
                parent.rmdir()
    return doomed


def sha256_of(path: Path) -> str:
    """Return a file's checksum, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _note(vintage: Vintage, key: str, entry: dict[str, Any]) -> None:
    manifest = read_manifest(vintage) or {"files": {}}
    manifest["vintage"] = {"coverage": vintage.coverage.slug, "label": vintage.label, "id": vintage.pk}
    manifest["files"][key] = entry | {"at": timezone.now().isoformat()}
    path = folder(vintage) / MANIFEST_NAME
    fresh = path.with_name(f".{MANIFEST_NAME}")
    fresh.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    fresh.replace(path)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]

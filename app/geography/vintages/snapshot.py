"""Snapshot of the catalogue on disk, so that a worker can start while the database is down.

With the snapshot and the response cache (`api.http.disk_cache`), a new process answers the same requests as an older one. The
files are small, in the cache folder of this machine, named after a hash of the database address, and without request data.
"""

import hashlib
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import orjson
from django.db import connections

from geography.db.routing import PRIMARY

logger = logging.getLogger(__name__)

# Minimum interval between confirmations, and so the precision of a snapshot's age.
CONFIRM_S = 60.0


class _Folder:
    """Snapshot folder of this process, the saved files by name, and the time of the last confirmation."""

    path: Path | None = None
    texts: dict[str, bytes] = {}
    confirmed = 0.0


def configure(folder: Path | None) -> None:
    """Set the folder. None disables snapshots, as in every process that does not serve requests."""
    _Folder.path, _Folder.texts, _Folder.confirmed = folder, {}, 0.0


def save(name: str, content: Any) -> None:
    """Save JSON content, with dates and times, under a name. A write error is logged and otherwise ignored."""
    if _Folder.path is not None:
        text = _Folder.texts[name] = orjson.dumps(content)
        _store(_Folder.path, name, text)


def touch() -> None:
    """Confirm all snapshots of this process by their modification time, at most once in `CONFIRM_S`; restore deleted files."""
    now = time.monotonic()
    if _Folder.path is None or now - _Folder.confirmed < CONFIRM_S:
        return
    _Folder.confirmed = now
    for name, text in list(_Folder.texts.items()):
        try:
            os.utime(_file(_Folder.path, name))
        except OSError:
            _store(_Folder.path, name, text)


def load(name: str) -> tuple[Any, float] | None:
    """Return the snapshot with a name and the seconds since its last confirmation; None if it is missing or unreadable."""
    if _Folder.path is None:
        return None
    try:
        with _file(_Folder.path, name).open("rb") as file:
            age_s = time.time() - os.fstat(file.fileno()).st_mtime
            return orjson.loads(file.read()), max(age_s, 0.0)
    except (OSError, ValueError):
        return None


def _store(folder: Path, name: str, text: bytes) -> None:
    path = _file(folder, name)
    part = path.with_name(f"part-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_bytes(text)
        part.replace(path)
    except OSError as error:
        logger.warning("catalogue snapshot not written to %s (%s)", folder, type(error).__name__)


def _file(folder: Path, name: str) -> Path:
    database = connections[PRIMARY].settings_dict
    text = repr([str(database[key]) for key in ("HOST", "PORT", "NAME")])
    return folder / f"{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}-{name}.json"

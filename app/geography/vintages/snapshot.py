"""Snapshot of the catalogue on disk, so that a worker can start while the database is down.

With it, and with the bodies that are kept beside it (`api.http.disk_cache`), a new process answers what an older one would
have. Small files in a folder of this machine's cache, named after the database that they tell of; nothing of anybody's question
is in them.
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

# How exactly a file tells when what it says was last known to hold.
CONFIRM_S = 60.0


class _Folder:
    """Where this process keeps files, what is in them by name, and when it last said that it holds."""

    path: Path | None = None
    texts: dict[str, bytes] = {}
    confirmed = 0.0


def configure(folder: Path | None) -> None:
    """Keep files in this folder from now on; in none, as it is in whatever does not answer requests, for None."""
    _Folder.path, _Folder.texts, _Folder.confirmed = folder, {}, 0.0


def save(name: str, value: Any) -> None:
    """Keep a value of JSON, dates and times under a name. Where that cannot be, nothing is kept."""
    if _Folder.path is not None:
        text = _Folder.texts[name] = orjson.dumps(value)
        _store(_Folder.path, name, text)


def touch() -> None:
    """Say that everything that this process has kept still holds, and keep again what is gone; done once in `CONFIRM_S`."""
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
    """Return the snapshot of a name and its age in seconds since it was last confirmed; None where there is none."""
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

"""What a process knows of what is published, kept on disk for one that starts while the database is away.

With it, and with the bodies that are kept beside it (`api.shelf`), a new process answers what an older one would have. Small
files in a folder of this machine's cache, named after the database that they tell of; nothing of anybody's question is in them.
"""

import hashlib
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
from django.db import connections

from geography.reading import PRIMARY

logger = logging.getLogger(__name__)

# How exactly a file tells when what it says was last known to hold.
CONFIRM_S = 60.0

_folder: Path | None = None
_confirmed: dict[str, float] = {}


def use(folder: Path | None) -> None:
    """Keep files in this folder from now on; in none, as it is in whatever does not answer requests, for None."""
    global _folder  # noqa: PLW0603 - one for the process
    _folder = folder
    _confirmed.clear()


def write(name: str, value: Any) -> None:
    """Keep a value of JSON, dates and times under a name. Where that cannot be, nothing is kept."""
    if _folder is None:
        return
    path = _path(_folder, name)
    try:
        _folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=_folder, prefix="part-", delete=False) as file:
            part = Path(file.name)
            try:
                file.write(orjson.dumps(value))
                file.close()
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        logger.warning("what is published is not kept: %s", type(error).__name__)
    _confirmed[name] = time.monotonic()


def confirm(name: str) -> None:
    """Say that what is kept under a name still holds; written down once in `CONFIRM_S`."""
    if _folder is None or time.monotonic() - _confirmed.get(name, 0.0) < CONFIRM_S:
        return
    _confirmed[name] = time.monotonic()
    try:
        os.utime(_path(_folder, name))
    except OSError as error:
        logger.warning("what is published is not kept: %s", type(error).__name__)


def read(name: str) -> tuple[Any, float] | None:
    """Return what is kept under a name, and for how many seconds nobody has said that it holds; None where nothing is."""
    if _folder is None:
        return None
    try:
        with _path(_folder, name).open("rb") as file:
            age_s = time.time() - os.fstat(file.fileno()).st_mtime
            return orjson.loads(file.read()), max(age_s, 0.0)
    except (OSError, ValueError):
        return None


def _path(folder: Path, name: str) -> Path:
    database = connections[PRIMARY].settings_dict
    told = repr([str(database[key]) for key in ("HOST", "PORT", "NAME")])
    return folder / f"{hashlib.blake2b(told.encode(), digest_size=8).hexdigest()}-{name}.json"

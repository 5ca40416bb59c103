"""Temporary folders that do not outlive the process, however it ends."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "covidtrends-geo-"
_NAME = re.compile(rf"{_PREFIX}(\d+)-")


@contextmanager
def working_folder() -> Iterator[Path]:
    """Yield a new folder that is gone afterwards; first remove those of processes that were killed.

    The folder's name holds the number of the process, so that others can tell whether it still lives.
    """
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as name:
        yield Path(name)


def _sweep(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        match = _NAME.match(folder.name)
        if match and not _lives(int(match[1])):
            # Somebody else's stays: it cannot be removed, and need not be.
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True

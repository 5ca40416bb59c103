"""Temporary directories, with removal of those that killed processes left behind."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "covidtrends-geo-"
_LOCK = ".in-use"


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Yield a new directory that is deleted afterwards. Directories of killed processes are deleted first.

    A process holds a lock on a file in its directory. The kernel releases the lock when the process ends, in any container.
    """
    _remove_stale(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name, (Path(name) / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)


def _remove_stale(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            with (folder / _LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            # In use, owned by another user, or so new that it has no lock file yet.
            continue

"""Bodies kept on disk as they are sent, for every worker of this machine: made by one of them while the others wait.

File names are hashes. Positions and postal codes never come here: what is asked for with them is not kept.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO

from django.conf import settings

from geography.reading import alias
from operations.metrics import count_cache
from operations.places import place

logger = logging.getLogger(__name__)

_LOCKS = 256
# A body that is asked for is marked as used at most this often.
_TOUCH_S = 300
# When the folder is full, the bodies that were not used for the longest go until this part is left.
_SWEEP_TO = 0.75
# A longer body is never in memory as a whole.
WHOLE_MAX_BYTES = 8 << 20


class Shelf:
    """A folder of bodies that never grows far beyond a limit."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        # Whether there is anything on the shelf already is found out by the first sweep.
        self._written = most_bytes
        self._lock = Lock()

    def fetch(self, key: str, make: Callable[[], bytes | Iterable[bytes]]) -> bytes | IO[bytes]:
        """Return the body kept under a key; where there is none, make it and keep it.

        One of more than WHOLE_MAX_BYTES comes as a file, open at its beginning, if it was made in pieces or kept. While one
        thread or process makes a body, the others that want it wait. Where the folder cannot be used or nothing may be
        kept, every body is made anew; an empty one is never kept. Whatever `make` raises is raised.

        Raises: NoPlace where none of the threads that may wait for the database is free.
        """
        if self.most_bytes <= 0:
            return self.spool(make())
        path = self._path(key)
        found = _read(path)
        count_cache("bodies", found is not None)
        if found is not None:
            return found
        # Whoever waits for a body that another one makes waits for the database, too.
        with place(alias()), self._alone(path.name):
            found = _read(path)
            if found is None:
                made = make()
                found = made if isinstance(made, bytes) else self.spool(made)
                self._keep(path, found)
        return found

    def kept(self, key: str) -> bytes | None:
        """Return the body kept under a key; None where there is none, or a long one."""
        found = _read(self._path(key)) if self.most_bytes > 0 else None
        if isinstance(found, bytes):
            count_cache("bodies", True)
            return found
        if found is not None:
            found.close()
        return None

    def spool(self, made: bytes | Iterable[bytes]) -> bytes | IO[bytes]:
        """Return a body that comes in pieces as a file without a name, or whole where it is no longer than WHOLE_MAX_BYTES.

        The file lies on the shelf's disk: what the system has for temporary files may be memory.
        """
        if isinstance(made, bytes):
            return made
        try:
            file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - who sends it closes it
        except OSError:
            file = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            for piece in made:
                file.write(piece)
            return _whole_or_file(file)
        except BaseException:
            file.close()
            raise

    def _path(self, key: str) -> Path:
        return self.folder / hashlib.blake2b(key.encode(), digest_size=20).hexdigest()

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.folder / f"lock-{int(name[:8], 16) % _LOCKS}", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            logger.warning("bodies are not kept: %s", type(error).__name__)
            yield
            return
        try:
            # Ends with the handle, so a worker that is killed leaves no lock behind.
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _keep(self, path: Path, body: bytes | IO[bytes]) -> None:
        size = len(body) if isinstance(body, bytes) else os.fstat(body.fileno()).st_size
        if not size or size > self.most_bytes // 4:
            return
        part = path.with_name(f"part-{path.name}")
        try:
            if isinstance(body, bytes):
                part.write_bytes(body)
            else:
                with part.open("wb") as file:
                    shutil.copyfileobj(body, file, 1 << 18)
                body.seek(0)
            part.replace(path)
            self._sweep(size)
        except OSError as error:
            logger.warning("a body is not kept: %s", type(error).__name__)

    def _sweep(self, added: int) -> None:
        """Delete what was not used for the longest, once this process has written a sixteenth of the limit."""
        with self._lock:
            self._written += added
            if self._written < self.most_bytes // 16:
                return
            self._written = 0
        with os.scandir(self.folder) as entries:
            files = [(one.stat().st_mtime, one.stat().st_size, one.path) for one in entries if not one.name.startswith("lock-")]
        total = sum(size for _, size, _ in files)
        if total <= self.most_bytes:
            return
        for _, size, name in sorted(files):
            Path(name).unlink(missing_ok=True)
            total -= size
            if total <= self.most_bytes * _SWEEP_TO:
                return


def _read(path: Path) -> bytes | IO[bytes] | None:
    try:
        file = path.open("rb")
        used = os.fstat(file.fileno()).st_mtime
        if time.time() - used > _TOUCH_S:
            os.utime(path)
        return _whole_or_file(file)
    except OSError:
        return None


def _whole_or_file(file: IO[bytes]) -> bytes | IO[bytes]:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > WHOLE_MAX_BYTES:
        return file
    with file:
        return file.read()


def shelf() -> Shelf:
    """Return the shelf that the settings name."""
    global _shelf  # noqa: PLW0603 - one for a process; the tests change the settings
    folder, most = Path(settings.GEODATA_CACHE) / "bodies", settings.BODY_CACHE_MB * 2**20
    if _shelf is None or (_shelf.folder, _shelf.most_bytes) != (folder, most):
        _shelf = Shelf(folder, most)
    return _shelf


_shelf: Shelf | None = None

"""Response cache on disk, shared by all workers of a machine, with single flight: one worker creates a body, others wait.

Bodies are stored compressed, as they are sent. File names are hashes of the keys. Responses to requests with a position or a
postal code are never stored.
"""

import fcntl
import hashlib
import logging
import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from api.http.eviction import LOCK_PREFIX, PART_PREFIX, Evictor
from geography.db.routing import current_alias
from operations.db_permits import acquire_permit
from operations.metrics import count_cache

logger = logging.getLogger(__name__)

_LOCKS = 256
# The modification time of a file is its last use, updated at most once in this many seconds.
_TOUCH_S = 300
# Longer bodies are never in memory as a whole: they are sent from their files.
WHOLE_MAX_BYTES = 1 << 20
_BLOCK = 1 << 18
_MAGIC = b"geobody1"
# Magic, length of the body, BLAKE2b of the body.
_TRAILER = struct.Struct("<8sQ16s")


@dataclass(frozen=True, slots=True)
class BodyFile:
    """A body in an open file: the first `size` bytes. The caller that receives it closes `file`."""

    file: IO[bytes]
    size: int


class DiskCache:
    """A folder of bodies within limits of bytes and files.

    Attributes:
        most_bytes: limit of the bytes in allocated blocks; 0 disables the cache.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.evictor = Evictor(folder, most_bytes)

    def get_or_create(self, key: str, make: Callable[[], bytes | Iterable[bytes]]) -> bytes | BodyFile:
        """Return the body stored under a key; on a miss, create it by `make` and store it.

        A body of more than WHOLE_MAX_BYTES comes as a file. While a thread or process creates a body, others that need it wait
        (single flight). Where the folder is not writable, or the disk or the cache is full, every request creates its body.
        Empty bodies are never stored. Exceptions of `make` are passed on.

        Raises: PoolExhausted where no database permit is available.
        """
        if self.most_bytes <= 0:
            return self.spool_to_file(make())
        path = self._path(key)
        stored = _read(path)
        count_cache("bodies", stored is not None)
        if stored is not None:
            return stored
        # The wait for another thread's body is a wait for the database: it needs a permit.
        with acquire_permit(current_alias()), self._single_flight(path.name):
            stored = _read(path)
            if stored is not None:
                return stored
            body = self.spool_to_file(make())
            self._store(path, body)
            return body

    def get(self, key: str) -> bytes | None:
        """Return the body stored under a key; None on a miss, and for a body of more than WHOLE_MAX_BYTES."""
        stored = _read(self._path(key)) if self.most_bytes > 0 else None
        if isinstance(stored, bytes):
            count_cache("bodies", True)
            return stored
        if stored is not None:
            stored.file.close()
        return None

    def spool_to_file(self, made: bytes | Iterable[bytes]) -> bytes | BodyFile:
        """Return a body as bytes up to WHOLE_MAX_BYTES, a longer one in an unnamed temporary file.

        The file is on the cache's disk, since the system's folder for temporary files may be in memory.
        """
        if isinstance(made, bytes) and len(made) <= WHOLE_MAX_BYTES:
            return made
        try:
            file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - closed by the response
        except OSError:
            file = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            for chunk in (made,) if isinstance(made, bytes) else made:
                file.write(chunk)
            size = file.tell()
            file.seek(0)
            if size > WHOLE_MAX_BYTES:
                return BodyFile(file, size)
            with file:
                return file.read()
        except BaseException:
            file.close()
            raise

    def _path(self, key: str) -> Path:
        return self.folder / hashlib.blake2b(key.encode(), digest_size=20).hexdigest()

    @contextmanager
    def _single_flight(self, name: str) -> Iterator[None]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.folder / f"{LOCK_PREFIX}{int(name[:8], 16) % _LOCKS}", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            logger.warning("response cache disabled: cannot write to %s (%s)", self.folder, type(error).__name__)
            yield
            return
        try:
            # The lock ends with the handle, so a killed worker leaves no lock behind.
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _store(self, path: Path, body: bytes | BodyFile) -> None:
        size = len(body) if isinstance(body, bytes) else body.size
        if not size or size > self.most_bytes // 4 or not self.evictor.admits(size + _TRAILER.size):
            return
        part = path.with_name(f"{PART_PREFIX}{path.name}")
        try:
            with part.open("wb") as file:
                _write(file, body)
                file.flush()
                # Without fsync a crash can leave an empty file under the new name.
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            logger.warning("response cache: body not stored: %s in %s", type(error).__name__, self.folder)


def _write(out: IO[bytes], body: bytes | BodyFile) -> None:
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(body, bytes):
        out.write(body)
        digest.update(body)
        size = len(body)
    else:
        body.file.seek(0)
        while chunk := body.file.read(_BLOCK):
            out.write(chunk)
            digest.update(chunk)
        body.file.seek(0)
        size = body.size
    out.write(_TRAILER.pack(_MAGIC, size, digest.digest()))


def _read(path: Path) -> bytes | BodyFile | None:
    """Return a stored body after a check of its length and digest. A damaged file is deleted and counts as a miss."""
    try:
        file = path.open("rb")
    except OSError:
        return None
    body: bytes | BodyFile | None = None
    try:
        body = _checked(file)
        if body is None:
            path.unlink(missing_ok=True)
            logger.warning("response cache: damaged file removed, the body is created again")
        elif time.time() - os.fstat(file.fileno()).st_mtime > _TOUCH_S:
            os.utime(path)
    except OSError:
        pass
    finally:
        if not isinstance(body, BodyFile):
            file.close()
    return body


def _checked(file: IO[bytes]) -> bytes | BodyFile | None:
    size = os.fstat(file.fileno()).st_size - _TRAILER.size
    if size <= 0:
        return None
    digest = hashlib.blake2b(digest_size=16)
    whole = file.read(size) if size <= WHOLE_MAX_BYTES else b""
    digest.update(whole)
    left = size - len(whole)
    while left and (chunk := file.read(min(_BLOCK, left))):
        digest.update(chunk)
        left -= len(chunk)
    if file.read(_TRAILER.size) != _TRAILER.pack(_MAGIC, size, digest.digest()):
        return None
    if whole:
        return whole
    file.seek(0)
    return BodyFile(file, size)


def response_cache() -> DiskCache:
    """Return the process's cache in the folder GEODATA_CACHE, limited to BODY_CACHE_MB."""
    global _response_cache  # noqa: PLW0603 - one per process; tests change the settings
    folder, most = Path(settings.GEODATA_CACHE) / "bodies", settings.BODY_CACHE_MB * 2**20
    if _response_cache is None or (_response_cache.folder, _response_cache.most_bytes) != (folder, most):
        _response_cache = DiskCache(folder, most)
    return _response_cache


_response_cache: DiskCache | None = None

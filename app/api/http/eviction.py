"""Eviction from the response cache (`api.http.disk_cache`): least recently used first, in a background thread of each process.

The limits apply to disk usage: allocated blocks, not lengths, and the number of files. Every file takes a block and an inode,
however short it is, so the number of files is limited to one for each `_BYTES_PER_FILE` of the limit. That also bounds the work
of an eviction run.

Between two runs a process stores at most `_BUDGET` of either limit. A process with no budget left stores nothing until a run
has ended, so the folder exceeds the limits by at most that for each process, however slow the disk is.
"""

import fcntl
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

LOCK_PREFIX = "lock-"
PART_PREFIX = "part-"
_EVICTION_LOCK = "lock-sweep"

_BYTES_PER_FILE = 16_384
# Share of the limits that a process may add between two runs; a run begins at half of it.
_BUDGET = 1 / 8
# A run ends at this share of the limits.
_TARGET = 0.75
# A body is written in seconds: an older part file belongs to a killed process.
_PART_MAX_AGE_S = 600
_DISK_BLOCK = 4_096


class Evictor:
    """Limits of a folder, and the eviction thread that enforces them.

    Attributes:
        most_bytes: limit of the bytes in allocated blocks.
        most_files: limit of the number of files.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.most_files = max(most_bytes // _BYTES_PER_FILE, 16)
        self._lock = threading.Lock()
        self._added_bytes = 0
        self._added_files = 0
        # The usage by earlier processes is unknown: the first body starts a run.
        self._completed = False
        self._running = False

    def admits(self, size: int) -> bool:
        """Reserve room for a file of `size` bytes. Return False while eviction is behind. Never waits."""
        with self._lock:
            added_bytes = self._added_bytes + _on_disk(size)
            share = max(added_bytes / self.most_bytes, (self._added_files + 1) / self.most_files)
            admitted = share <= _BUDGET or self._added_files == 0
            if admitted:
                self._added_bytes, self._added_files = added_bytes, self._added_files + 1
            start = not self._running and (not self._completed or not admitted or share >= _BUDGET / 2)
            self._running |= start
        if start:
            threading.Thread(target=self._run, name="response-cache-eviction", daemon=True).start()
        return admitted

    def _run(self) -> None:
        try:
            with self._lock:
                before = (self._added_bytes, self._added_files)
            if self.evict():
                with self._lock:
                    self._added_bytes -= before[0]
                    self._added_files -= before[1]
                    self._completed = True
        except OSError as error:
            logger.warning("response cache: eviction failed: %s in %s", type(error).__name__, self.folder)
        finally:
            with self._lock:
                self._running = False

    def evict(self) -> bool:
        """Delete files until both limits hold; return whether they do. Waits for the run of another process."""
        handle = os.open(self.folder / _EVICTION_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            files = self._files()
            total, count = sum(size for _, size, _ in files), len(files)
            if total > self.most_bytes or count > self.most_files:
                for _, size, name in sorted(files):
                    if total <= self.most_bytes * _TARGET and count <= self.most_files * _TARGET:
                        break
                    Path(name).unlink(missing_ok=True)
                    total, count = total - size, count - 1
            return total <= self.most_bytes and count <= self.most_files
        finally:
            os.close(handle)

    def _files(self) -> list[tuple[float, int, str]]:
        """Return last use, bytes on disk and path of every body. Part files of killed processes are deleted."""
        files, now = [], time.time()
        with os.scandir(self.folder) as directory:
            for entry in directory:
                if entry.name.startswith(LOCK_PREFIX):
                    continue
                with suppress(FileNotFoundError):
                    stat = entry.stat(follow_symlinks=False)
                    if entry.name.startswith(PART_PREFIX) and now - stat.st_mtime > _PART_MAX_AGE_S:
                        Path(entry.path).unlink(missing_ok=True)
                        continue
                    files.append((stat.st_mtime, max(stat.st_blocks * 512, _on_disk(stat.st_size)), entry.path))
        return files


def _on_disk(size: int) -> int:
    """Return the bytes of the blocks of a file, plus 512 for its inode and directory entry."""
    return -(-size // _DISK_BLOCK) * _DISK_BLOCK + 512

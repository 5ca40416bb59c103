"""Eviction from the disk cache of bodies (`api.http.disk_cache`): least recently used first, in a background thread of each
process.

The limits hold for what is on disk: blocks, not lengths, and files. A file takes a block and an inode however short it is, so
the number of files is limited to one for each `_BYTES_PER_FILE` of the limit, which also bounds the work of a sweep.

Between two sweeps a process stores at most `_BUDGET` of either limit. A process that has used up its budget stores nothing
until a sweep has ended, so the folder never exceeds the limits by more than that for each process, however slow the disk is.
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
_SWEEP_LOCK = "lock-sweep"

_BYTES_PER_FILE = 16_384
# Part of the limits that a process may add between two sweeps; a sweep begins at half of it.
_BUDGET = 1 / 8
# A sweep leaves this part of the limits.
_SWEEP_TO = 0.75
# A body is written in seconds: an older part belongs to a process that was killed.
_PART_MAX_AGE_S = 600
_DISK_BLOCK = 4_096


class Evictor:
    """Limits of a folder, and the thread that enforces them.

    Attributes:
        most_bytes: limit of the blocks on disk.
        most_files: limit of the number of files.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.most_files = max(most_bytes // _BYTES_PER_FILE, 16)
        self._lock = threading.Lock()
        self._added_bytes = 0
        self._added_files = 0
        # What earlier processes stored is unknown: the first body starts a sweep.
        self._swept = False
        self._sweeping = False

    def admits(self, size: int) -> bool:
        """Reserve room for a file of `size` bytes and return True; False while eviction is behind. Never waits."""
        with self._lock:
            added_bytes = self._added_bytes + _on_disk(size)
            share = max(added_bytes / self.most_bytes, (self._added_files + 1) / self.most_files)
            admitted = share <= _BUDGET or self._added_files == 0
            if admitted:
                self._added_bytes, self._added_files = added_bytes, self._added_files + 1
            start = not self._sweeping and (not self._swept or not admitted or share >= _BUDGET / 2)
            self._sweeping |= start
        if start:
            threading.Thread(target=self._run, name="body-cache-eviction", daemon=True).start()
        return admitted

    def _run(self) -> None:
        try:
            with self._lock:
                before = (self._added_bytes, self._added_files)
            if self.sweep():
                with self._lock:
                    self._added_bytes -= before[0]
                    self._added_files -= before[1]
                    self._swept = True
        except OSError as error:
            logger.warning("response cache: eviction failed (%s); no body stored while it is full", type(error).__name__)
        finally:
            with self._lock:
                self._sweeping = False

    def sweep(self) -> bool:
        """Delete files until both limits hold; return whether they do. Waits for a sweep of another process."""
        handle = os.open(self.folder / _SWEEP_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            files = self._files()
            total, count = sum(size for _, size, _ in files), len(files)
            if total > self.most_bytes or count > self.most_files:
                for _, size, name in sorted(files):
                    if total <= self.most_bytes * _SWEEP_TO and count <= self.most_files * _SWEEP_TO:
                        break
                    Path(name).unlink(missing_ok=True)
                    total, count = total - size, count - 1
            return total <= self.most_bytes and count <= self.most_files
        finally:
            os.close(handle)

    def _files(self) -> list[tuple[float, int, str]]:
        """Return last use, bytes on disk and path of every body; parts of killed processes are deleted."""
        files, now = [], time.time()
        with os.scandir(self.folder) as entries:
            for entry in entries:
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
    """Return the bytes of the blocks that a file takes, with a block for its inode and entry."""
    return -(-size // _DISK_BLOCK) * _DISK_BLOCK + 512

"""Response cache on disk: single flight, eviction, damaged files, full disk."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from api.http.disk_cache import WHOLE_MAX_BYTES, DiskCache
from tests.support.processes import wait_until


def test_single_flight_computes_a_body_once(tmp_path):
    computed = []
    begin = threading.Barrier(8)

    def make():
        computed.append(threading.get_ident())
        return b"body"

    def get_body():
        begin.wait()
        # Each thread has its own DiskCache, as each process does.
        assert DiskCache(tmp_path, 10_000).get_or_create("key", make) == b"body"

    threads = [threading.Thread(target=get_body) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 1


def wait_for_eviction(cache):
    wait_until(lambda: not cache.evictor._running, "the eviction thread is idle")


def disk_usage(folder):
    files = [path.stat() for path in folder.iterdir() if not path.name.startswith("lock-")]
    return len(files), sum(max(stat.st_blocks * 512, 4_096) for stat in files)


def test_cache_size_is_bounded_in_blocks_and_files(tmp_path):
    limit = 2_000_000
    cache = DiskCache(tmp_path, limit)
    for number in range(2_000):
        cache.get_or_create(str(number), lambda: b"x" * 120)  # tiles: 240 kB in all, but 8 MB of blocks
        if number % 10 == 0:
            wait_for_eviction(cache)
    wait_for_eviction(cache)
    count, size = disk_usage(tmp_path)
    assert limit // 16_384 // 2 < count <= limit // 16_384 * 9 / 8 + 1
    assert size <= limit * 9 / 8


def test_failed_eviction_stops_storing(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path, 2_000_000)
    monkeypatch.setattr(cache.evictor, "evict", lambda: False)
    for number in range(1_000):
        assert cache.get_or_create(str(number), lambda: b"x" * 120) == b"x" * 120
    wait_for_eviction(cache)
    count, _ = disk_usage(tmp_path)
    assert count <= 2_000_000 // 16_384 // 8 + 1


def test_eviction_runs_outside_requests(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path, 2_000_000)
    threads = []
    files = cache.evictor._files
    monkeypatch.setattr(cache.evictor, "_files", lambda: threads.append(threading.current_thread()) or files())  # type: ignore[func-returns-value]
    for number in range(200):
        cache.get_or_create(str(number), lambda: b"x" * 120)
    wait_for_eviction(cache)
    assert threads
    assert threading.current_thread() not in threads


def test_recently_used_body_is_not_evicted(tmp_path):
    cache = DiskCache(tmp_path, 2_000_000)
    cache.get_or_create("used", lambda: b"used")
    (path,) = (path for path in tmp_path.iterdir() if "-" not in path.name)
    for number in range(300):
        cache.get_or_create(str(number), lambda: b"x" * 120)
        wait_for_eviction(cache)
        os.utime(path, (time.time() - 301, time.time() - 301))
        assert cache.get("used") == b"used"
    assert cache.get("used") == b"used"
    assert cache.get("0") is None


@pytest.mark.parametrize("size", [100, WHOLE_MAX_BYTES + 1])
@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda text: text[: len(text) // 2],
        lambda text: text[:-1],
        lambda text: text[:50] + bytes([text[50] ^ 1]) + text[51:],
        lambda text: text + text,
        lambda text: bytes(len(text)),
    ],
)
def test_damaged_cache_file_is_removed(tmp_path, size, damage):
    cache, body = DiskCache(tmp_path, 100_000_000), bytes(range(250)) * (size // 250 + 1)

    def fetched():
        stored = cache.get_or_create("key", lambda: body)
        if isinstance(stored, bytes):
            return stored
        with stored.file:
            return stored.file.read(stored.size)

    assert fetched() == body
    (path,) = (path for path in tmp_path.iterdir() if "-" not in path.name)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert cache.get("key") is None
    assert not path.exists()
    path.write_bytes(damage(whole))
    assert fetched() == body
    assert path.read_bytes() == whole


def test_fsync_precedes_rename(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace

    def synced(number):
        order.append("fsync")
        return fsync(number)

    monkeypatch.setattr(os, "fsync", synced)

    def recorded(path, target):
        order.append("replace")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", recorded)
    DiskCache(tmp_path, 1_000_000).get_or_create("key", lambda: b"body")
    assert order == ["fsync", "replace"]


def test_full_disk_returns_bodies_without_storing(tmp_path, monkeypatch, caplog):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    cache = DiskCache(tmp_path, 1_000_000)
    assert [cache.get_or_create("key", lambda: b"body") for _ in range(2)] == [b"body", b"body"]
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("lock-")] == []
    assert "response cache: body not stored: OSError" in caplog.text


def test_failed_body_is_not_cached(tmp_path):
    cache = DiskCache(tmp_path, 100_000)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_create("key", lambda: b"x" * (1 // 0))
    assert cache.get_or_create("key", lambda: b"right") == b"right"


def test_unwritable_folder_disables_the_cache(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    cache = DiskCache(tmp_path / "file" / "bodies", 100_000)
    computed = iter([b"one", b"two"])
    assert [cache.get_or_create("key", lambda: next(computed)) for _ in range(2)] == [b"one", b"two"]
    assert "response cache disabled: cannot write to" in caplog.text


def test_zero_limit_ignores_cached_bodies(tmp_path):
    DiskCache(tmp_path, 1_000_000).get_or_create("key", lambda: b"kept")
    assert DiskCache(tmp_path, 0).get_or_create("key", lambda: b"made anew") == b"made anew"


def test_zero_limit_stores_nothing(tmp_path):
    computed = iter([b"one", b"two"])
    cache = DiskCache(tmp_path, 0)
    assert [cache.get_or_create("key", lambda: next(computed)) for _ in range(2)] == [b"one", b"two"]

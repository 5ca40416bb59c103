"""Response cache on disk: single flight, eviction, damaged files, full disk."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from api.http.disk_cache import WHOLE_MAX_BYTES, DiskCache


def test_of_many_that_want_the_same_body_one_makes_it(tmp_path):
    made = []
    begin = threading.Barrier(8)

    def make():
        made.append(threading.get_ident())
        return b"body"

    def ask():
        begin.wait()
        # A cache of its own for each, as processes have.
        assert DiskCache(tmp_path, 10_000).get_or_create("key", make) == b"body"

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def swept(cache):
    """Wait until the cache's thread has nothing to do."""
    for _ in range(1_000):
        if not cache.evictor._running:
            return
        threading.Event().wait(0.01)
    pytest.fail("eviction does not end")


def on_disk(folder):
    files = [path.stat() for path in folder.iterdir() if not path.name.startswith("lock-")]
    return len(files), sum(max(stat.st_blocks * 512, 4_096) for stat in files)


def test_the_cache_is_bounded_in_blocks_and_in_files(tmp_path):
    limit = 2_000_000
    cache = DiskCache(tmp_path, limit)
    for number in range(2_000):
        cache.get_or_create(str(number), lambda: b"x" * 120)  # tiles: 240 kB in all, but 8 MB of blocks
        if number % 10 == 0:
            swept(cache)
    swept(cache)
    count, size = on_disk(tmp_path)
    assert limit // 16_384 // 2 < count <= limit // 16_384 * 9 / 8 + 1
    assert size <= limit * 9 / 8


def test_without_eviction_nothing_more_is_stored(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path, 2_000_000)
    monkeypatch.setattr(cache.evictor, "evict", lambda: False)
    for number in range(1_000):
        assert cache.get_or_create(str(number), lambda: b"x" * 120) == b"x" * 120
    swept(cache)
    count, _ = on_disk(tmp_path)
    assert count <= 2_000_000 // 16_384 // 8 + 1


def test_eviction_runs_in_no_request(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path, 2_000_000)
    threads = []
    files = cache.evictor._files
    monkeypatch.setattr(cache.evictor, "_files", lambda: threads.append(threading.current_thread()) or files())  # type: ignore[func-returns-value]
    for number in range(200):
        cache.get_or_create(str(number), lambda: b"x" * 120)
    swept(cache)
    assert threads
    assert threading.current_thread() not in threads


def test_what_was_used_last_stays(tmp_path):
    cache = DiskCache(tmp_path, 2_000_000)
    cache.get_or_create("used", lambda: b"used")
    (path,) = (path for path in tmp_path.iterdir() if "-" not in path.name)
    for number in range(300):
        cache.get_or_create(str(number), lambda: b"x" * 120)
        swept(cache)
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
def test_a_damaged_file_is_a_miss_and_removed(tmp_path, size, damage):
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


def test_a_body_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
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


def test_on_a_full_disk_bodies_are_answered_and_no_part_is_left(tmp_path, monkeypatch, caplog):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    cache = DiskCache(tmp_path, 1_000_000)
    assert [cache.get_or_create("key", lambda: b"body") for _ in range(2)] == [b"body", b"body"]
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("lock-")] == []
    assert "response cache: body not stored: OSError" in caplog.text


def test_a_body_that_fails_is_not_kept(tmp_path):
    cache = DiskCache(tmp_path, 100_000)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_create("key", lambda: b"x" * (1 // 0))
    assert cache.get_or_create("key", lambda: b"right") == b"right"


def test_without_a_folder_every_body_is_made_anew(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    cache = DiskCache(tmp_path / "file" / "bodies", 100_000)
    made = iter([b"one", b"two"])
    assert [cache.get_or_create("key", lambda: next(made)) for _ in range(2)] == [b"one", b"two"]
    assert "response cache disabled: cannot write to" in caplog.text


def test_with_a_limit_of_nought_what_another_process_keeps_is_not_used_either(tmp_path):
    DiskCache(tmp_path, 1_000_000).get_or_create("key", lambda: b"kept")
    assert DiskCache(tmp_path, 0).get_or_create("key", lambda: b"made anew") == b"made anew"


def test_with_a_limit_of_nought_nothing_is_kept(tmp_path):
    made = iter([b"one", b"two"])
    cache = DiskCache(tmp_path, 0)
    assert [cache.get_or_create("key", lambda: next(made)) for _ in range(2)] == [b"one", b"two"]

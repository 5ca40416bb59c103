"""geography.vintages.catalogue: published vintages, cached by each process and in a snapshot on disk."""

import shutil
import threading
from datetime import date

import pytest
from django.db import OperationalError

from geography.models import Status
from geography.vintages import catalogue, snapshot
from geography.vintages.resolve import vintage_in_force
from tests.support import demo_regions as worlds


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that only the test moves; undo the patches of the maximum ages."""
    monkeypatch.undo()

    class Clock:
        now = 1_000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(catalogue, "time", clock)
    catalogue.clear()
    yield clock
    catalogue.clear()


@pytest.fixture
def stop_database(monkeypatch):
    """Return a function that makes the database unavailable."""

    def stop():
        def fail():
            raise OperationalError("gone")

        monkeypatch.setattr(catalogue, "_load_from_database", fail)

    return stop


def test_fresh_catalogue_takes_no_query(world, clock, django_assert_num_queries):
    with django_assert_num_queries(1):
        first = catalogue.published()
        clock.now += catalogue.MAX_AGE_S * 0.9
        assert catalogue.published() is first
        assert vintage_in_force(coverage="fsa").label == "2021"


def test_unchanged_catalogue_is_not_reloaded(world, clock, django_assert_num_queries):
    first = catalogue.published()
    clock.now += catalogue.MAX_AGE_S
    with django_assert_num_queries(1):
        assert catalogue.published() is first
    worlds.make_vintage("fsa", "2026", date(2026, 1, 1))
    clock.now += catalogue.MAX_AGE_S
    with django_assert_num_queries(2):
        assert len(catalogue.published().vintages) == len(first.vintages) + 1


def test_publication_is_seen_after_max_age(world, clock):
    before = catalogue.published()
    worlds.make_vintage("fsa", "2026", date(2026, 1, 1))
    assert catalogue.published().vintage_labelled("fsa", "2026") is None
    clock.now += catalogue.MAX_AGE_S
    after = catalogue.published()
    assert after.vintage_labelled("fsa", "2026") is not None
    assert after.revision != before.revision


def test_unchanged_catalogue_is_the_same_object(world, clock):
    before = catalogue.published()
    clock.now += 10
    assert catalogue.published() is before


def test_revision_changes_with_a_retirement(world, clock):
    before = catalogue.published().revision
    catalogue.clear()
    assert catalogue.published().revision == before
    world.vintages["fsa", "extract"].status = Status.RETIRED
    world.vintages["fsa", "extract"].save()
    catalogue.clear()
    assert catalogue.published().revision != before


def test_stale_catalogue_is_used_up_to_stale_max(world, clock, stop_database):
    cached = catalogue.published()
    stop_database()
    assert catalogue.staleness_s() is None
    clock.now += catalogue.STALE_MAX_S - 1
    assert catalogue.published() is cached
    assert catalogue.staleness_s() == catalogue.STALE_MAX_S - 1
    clock.now += 2
    with pytest.raises(OperationalError):
        catalogue.published()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Store the catalogue snapshot in a folder; confirm it at every load."""
    monkeypatch.setattr(snapshot, "CONFIRM_S", 0.0)
    snapshot.configure(tmp_path / "published")
    yield tmp_path / "published"
    snapshot.configure(None)


def values(result):
    """Return all fields of the vintages and their coverages, except `report`, which is not loaded with them."""
    return [
        [
            getattr(row, field.attname)
            for row in (vintage, vintage.coverage)
            for field in row._meta.fields
            if field.name != "report"
        ]
        for vintage in result.vintages
    ]


def test_snapshot_serves_a_process_started_without_database(world, clock, folder, stop_database, django_assert_num_queries):
    before = catalogue.published()
    catalogue.clear()
    stop_database()
    with django_assert_num_queries(0):
        after = catalogue.published()
        assert after is not before
        assert values(after) == values(before)
    assert after.revision == before.revision


def test_deleted_snapshot_is_written_again(world, clock, folder):
    catalogue.published()
    shutil.rmtree(folder)
    clock.now += 1
    catalogue.published()
    assert len(list(folder.iterdir())) == 1
    assert snapshot.load("published") is not None


@pytest.mark.parametrize("details", [b"", b"[", b"3", b'[{"model":"geography.atlantis"}]', b'[{"pk":1}]', b'["a"]'])
def test_damaged_snapshot_is_ignored(world, clock, folder, stop_database, details):
    catalogue.published()
    (file,) = folder.iterdir()
    file.write_bytes(details)
    catalogue.clear()
    stop_database()
    with pytest.raises(OperationalError):
        catalogue.published()


def test_unavailable_database_is_not_queried_every_time(world, clock, monkeypatch):
    catalogue.published()
    queries = []

    def fail():
        queries.append(1)
        raise OperationalError("gone")

    monkeypatch.setattr(catalogue, "_load_from_database", fail)
    clock.now += 1
    for _ in range(10):
        catalogue.published()
    assert len(queries) == 1


def test_waiting_thread_gets_the_stale_catalogue(world, clock, stop_database):
    cached = catalogue.published()
    stop_database()
    clock.now += 1
    catalogue.published()
    # Simulates a thread that began to wait before the query of the other thread failed.
    assert catalogue._refresh(catalogue._cache["default"], clock.now - 0.1) is cached
    clock.now += catalogue.STALE_MAX_S
    with pytest.raises(OperationalError):
        catalogue._refresh(catalogue._cache["default"], clock.now)


@pytest.mark.django_db
def test_database_unavailable_without_cache_raises(clock, stop_database):
    stop_database()
    with pytest.raises(OperationalError):
        catalogue.published()


def test_concurrent_threads_query_once(world, clock, monkeypatch):
    now, queries, go = catalogue._load_from_database(), [], threading.Event()

    def slow():
        queries.append(1)
        go.wait(5)
        return now

    ticks = iter(range(1_000, 2_000))
    monkeypatch.setattr(catalogue, "_load_from_database", slow)
    monkeypatch.setattr(clock, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 500)
    results = []
    threads = [threading.Thread(target=lambda: results.append(catalogue.published())) for _ in range(5)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert len(queries) == 1
    assert len({id(result) for result in results}) == 1

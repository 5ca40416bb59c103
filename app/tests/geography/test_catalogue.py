"""geography.vintages.catalogue: what a process remembers of what is published."""

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
    """Return a clock that stands still until it is moved, and let ages be as they are in production."""
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
def away(monkeypatch):
    """Return a function that takes the database away, and one that brings it back."""

    def leave():
        def fail():
            raise OperationalError("gone")

        monkeypatch.setattr(catalogue, "_load_from_database", fail)

    return leave


def test_within_its_age_nothing_is_asked_again(world, clock, django_assert_num_queries):
    with django_assert_num_queries(1):
        first = catalogue.published()
        clock.now += catalogue.MAX_AGE_S * 0.9
        assert catalogue.published() is first
        assert vintage_in_force(coverage="fsa").label == "2021"


def test_what_is_published_is_read_again_only_where_it_is_something_else(world, clock, django_assert_num_queries):
    first = catalogue.published()
    clock.now += catalogue.MAX_AGE_S
    with django_assert_num_queries(1):
        assert catalogue.published() is first
    worlds.make_vintage("fsa", "2026", date(2026, 1, 1))
    clock.now += catalogue.MAX_AGE_S
    with django_assert_num_queries(2):
        assert len(catalogue.published().vintages) == len(first.vintages) + 1


def test_a_publication_is_seen_once_it_is_older(world, clock):
    before = catalogue.published()
    worlds.make_vintage("fsa", "2026", date(2026, 1, 1))
    assert catalogue.published().vintage_labelled("fsa", "2026") is None
    clock.now += catalogue.MAX_AGE_S
    after = catalogue.published()
    assert after.vintage_labelled("fsa", "2026") is not None
    assert after.revision != before.revision


def test_as_long_as_nothing_changes_the_vintages_are_the_same_objects(world, clock):
    before = catalogue.published()
    clock.now += 10
    assert catalogue.published() is before


def test_the_revision_is_the_same_in_every_process_and_changes_with_a_retirement(world, clock):
    before = catalogue.published().revision
    catalogue.clear()
    assert catalogue.published().revision == before
    world.vintages["fsa", "extract"].status = Status.RETIRED
    world.vintages["fsa", "extract"].save()
    catalogue.clear()
    assert catalogue.published().revision != before


def test_while_the_database_is_away_it_answers_from_memory_for_a_day_and_not_for_ever(world, clock, away):
    remembered = catalogue.published()
    away()
    assert catalogue.staleness_s() is None
    clock.now += catalogue.STALE_MAX_S - 1
    assert catalogue.published() is remembered
    assert catalogue.staleness_s() == catalogue.STALE_MAX_S - 1
    clock.now += 2
    with pytest.raises(OperationalError):
        catalogue.published()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Let this process keep on disk what is published, and say so every time."""
    monkeypatch.setattr(snapshot, "CONFIRM_S", 0.0)
    snapshot.configure(tmp_path / "published")
    yield tmp_path / "published"
    snapshot.configure(None)


def values(result):
    """Return all that is known of the vintages and their coverages, but for what is never read with them."""
    return [
        [
            getattr(row, field.attname)
            for row in (vintage, vintage.coverage)
            for field in row._meta.fields
            if field.name != "report"
        ]
        for vintage in result.vintages
    ]


def test_a_process_that_starts_while_the_database_is_away_finds_what_another_one_knew(
    world, clock, folder, away, django_assert_num_queries
):
    before = catalogue.published()
    catalogue.clear()
    away()
    with django_assert_num_queries(0):
        after = catalogue.published()
        assert after is not before
        assert values(after) == values(before)
    assert after.revision == before.revision


def test_what_is_kept_and_vanishes_is_kept_again(world, clock, folder):
    catalogue.published()
    shutil.rmtree(folder)
    clock.now += 1
    catalogue.published()
    assert len(list(folder.iterdir())) == 1
    assert snapshot.load("published") is not None


@pytest.mark.parametrize("details", [b"", b"[", b"3", b'[{"model":"geography.atlantis"}]', b'[{"pk":1}]', b'["a"]'])
def test_what_is_kept_and_cannot_be_read_is_nothing(world, clock, folder, away, details):
    catalogue.published()
    (file,) = folder.iterdir()
    file.write_bytes(details)
    catalogue.clear()
    away()
    with pytest.raises(OperationalError):
        catalogue.published()


def test_while_the_database_is_away_it_is_not_asked_by_every_request(world, clock, monkeypatch):
    catalogue.published()
    requests = []

    def fail():
        requests.append(1)
        raise OperationalError("gone")

    monkeypatch.setattr(catalogue, "_load_from_database", fail)
    clock.now += 1
    for _ in range(10):
        catalogue.published()
    assert len(requests) == 1


def test_who_waited_while_another_asked_in_vain_gets_what_is_remembered_too(world, clock, away):
    remembered = catalogue.published()
    away()
    clock.now += 1
    catalogue.published()
    # As if this thread had come before the other one knew.
    assert catalogue._refresh(catalogue._cache["default"], clock.now - 0.1) is remembered
    clock.now += catalogue.STALE_MAX_S
    with pytest.raises(OperationalError):
        catalogue._refresh(catalogue._cache["default"], clock.now)


@pytest.mark.django_db
def test_without_anything_to_remember_an_absent_database_is_an_error(clock, away):
    away()
    with pytest.raises(OperationalError):
        catalogue.published()


def test_threads_that_ask_together_ask_once(world, clock, monkeypatch):
    now, requested, go = catalogue._load_from_database(), [], threading.Event()

    def slow():
        requested.append(1)
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
    assert len(requested) == 1
    assert len({id(result) for result in results}) == 1

"""geography.lookup.registry: what a process holds in memory, and how it gets there."""

import threading
import time
import uuid
from datetime import date
from typing import Any

import pytest
from django.db import OperationalError

from geography.coordinates import LonLat
from geography.lookup import grid, registry
from geography.lookup.locate import position_locate
from geography.models import Status, Vintage
from geography.vintages import catalogue
from geography.vintages.resolve import vintage_in_force
from loader.publication.publish import delete
from tests.support import demo_regions as worlds

# Elsewhere tests.conftest takes it away.
in_background = registry.load_async


@pytest.fixture
def room(settings):
    settings.LOOKUP_MEMORY_VERTICES = 1_000_000


@pytest.fixture
def threads(room, monkeypatch):
    """Let threads read, and wait for them: none may outlive the tables of its test."""
    monkeypatch.setattr(registry, "load_async", in_background)
    yield
    wait_for(lambda: not any(thread.name.startswith("lookup-index") for thread in threading.enumerate()))


def loaded(vintage):
    layer = registry.load(vintage)
    assert layer is not None
    return layer


@pytest.mark.usefixtures("room")
class TestWhatIsHeld:
    def test_is_read_once_and_then_no_table_is_asked(self, world, django_assert_num_queries):
        vintage = world.vintages["health-regions", "2022"]
        layer = registry.load(vintage)
        with django_assert_num_queries(0):
            assert registry.get_index(vintage, border=True) is layer

    def test_of_fsas_knows_no_borders_since_nobody_asks(self, world):
        fsa = world.vintages["fsa", "2021"]
        assert not loaded(fsa).has_border_index
        assert registry.get_index(fsa) is not None
        assert registry.get_index(fsa, border=True) is None

    def test_is_let_go_when_it_is_no_longer_published(self, world):
        old, new = world.vintages["health-regions", "2018"], world.vintages["health-regions", "2022"]
        registry.load(old)
        old.status = Status.RETIRED
        old.save()
        registry.load(new)
        assert set(registry._registry.indexes) == {new.load_id}

    def test_is_never_another_load_with_the_same_primary_key(self, world):
        """After a restore the sequence goes on from the backup: the next load gets a primary key that a process remembers."""
        vintage = world.vintages["health-regions", "2022"]
        registry.load(vintage)
        key = vintage.pk
        delete(vintage)
        catalogue.clear()
        again = worlds.make_vintage("health-regions", "2022", date(2022, 1, 1), pk=key)
        worlds.add_places(again, worlds.HEALTH_REGIONS_2018)
        vintage = vintage_in_force(coverage="health-regions")
        assert (vintage.pk, vintage.label) == (key, "2022")
        assert registry.get_index(vintage) is None
        (locate,) = position_locate(position=LonLat(*worlds.lonlat(12_000, 5_000)), vintages=[vintage])
        assert locate.region is not None
        assert (locate.region.code, locate.region.name_en) == ("3501", "Whole Health Unit")

    def test_is_not_read_from_rows_of_another_load(self, world):
        vintage = world.vintages["health-regions", "2022"]
        Vintage.objects.filter(pk=vintage.pk).update(load_id=uuid.uuid4())
        with pytest.raises(registry.RowsReplaced):
            registry.load(vintage)
        assert registry.get_index(vintage) is None

    def test_stays_within_its_bound(self, world, settings):
        settings.LOOKUP_MEMORY_VERTICES = 60
        layers = [registry.load(vintage) for vintage in world.vintages.values() if vintage.status == Status.PUBLISHED]
        assert layers.count(None)
        assert sum(layer.vertices for layer in layers if layer) <= 60 + max(layer.vertices for layer in layers if layer)

    def test_squares_stay_within_theirs(self, world, monkeypatch):
        monkeypatch.setattr(grid, "CELLS_MAX", 5)
        vintage = world.vintages["health-regions", "2022"]
        layer = loaded(vintage)
        for x in range(0, 30_000, 1_000):
            position_locate(position=LonLat(*worlds.lonlat(x, 5_000)), vintages=[vintage])
        assert len(layer._cells._made) == len(layer._cells._order) == 5

    def test_a_full_grid_makes_room_without_looking_at_every_square(self, world, monkeypatch):
        """The dictionary of squares is never iterated or copied."""

        class Squares(dict[Any, Any]):
            def __iter__(self):
                pytest.fail("iterated")

            keys = items = values = __iter__

        monkeypatch.setattr(grid, "CELLS_MAX", 5)
        layer = loaded(world.vintages["health-regions", "2022"])
        layer._cells._made = Squares()
        for x in range(20):
            layer._cells.at(x * grid.CELL_SIDE_M, 0.0)
        assert len(layer._cells._made) == 5


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestInTheBackground:
    def test_a_vintage_is_read_after_the_first_question_and_answers_from_then_on(self, django_assert_num_queries):
        vintage = worlds.build().vintages["health-regions", "2022"]
        position = LonLat(*worlds.lonlat(2_000, 5_000))
        first = position_locate(position=position, vintages=[vintage])
        wait_for(lambda: registry.get_index(vintage) is not None)
        with django_assert_num_queries(0):
            assert position_locate(position=position, vintages=[vintage]) == first

    def test_a_publication_is_answered_at_once(self):
        worlds.build()
        registry.preload()
        wait_for(lambda: len(registry._registry.indexes) == 2)
        newer = worlds.make_vintage("health-regions", "2024", date(2024, 1, 1))
        worlds.add_places(newer, worlds.HEALTH_REGIONS_2018)
        vintage = vintage_in_force(coverage="health-regions")
        (locate,) = position_locate(position=LonLat(*worlds.lonlat(12_000, 5_000)), vintages=[vintage])
        assert locate.region is not None
        assert (locate.vintage.label, locate.region.code) == ("2024", "3501")
        wait_for(lambda: registry.get_index(vintage) is not None)

    def test_what_does_not_fit_is_not_tried_at_every_question(self, settings, caplog):
        vintage = worlds.build().vintages["health-regions", "2022"]
        settings.LOOKUP_MEMORY_VERTICES = 10
        assert registry.get_index(vintage) is None
        wait_for(lambda: vintage.load_id in registry._registry.not_before and not registry._registry.loading)
        assert "exceeds LOOKUP_MEMORY_VERTICES" in caplog.text
        assert registry.get_index(vintage) is None
        assert not registry._registry.loading

    def test_a_failure_is_tried_again_later(self, monkeypatch):
        vintage = worlds.build().vintages["health-regions", "2022"]

        def fail(vintage):
            raise OperationalError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(registry, "load", fail)
            assert registry.get_index(vintage) is None
            wait_for(lambda: vintage.load_id in registry._registry.not_before and not registry._registry.loading)
        assert registry.get_index(vintage) is None
        monkeypatch.setattr(registry, "_RETRY_S", 0)
        registry._registry.not_before.clear()
        assert registry.get_index(vintage) is None
        wait_for(lambda: registry.get_index(vintage) is not None)

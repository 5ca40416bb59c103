"""geography.lookup.registry: in-memory indexes of a process, loaded in the background."""

import threading
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
from tests.support.processes import wait_until

# A fixture of tests.conftest replaces it in every test.
load_async = registry.load_async


@pytest.fixture
def memory_limit(settings):
    settings.LOOKUP_MEMORY_VERTICES = 1_000_000


@pytest.fixture
def threads(memory_limit, monkeypatch):
    """Load indexes in threads, and wait for the threads: none may outlive the tables of its test."""
    monkeypatch.setattr(registry, "load_async", load_async)
    yield
    wait_until(lambda: not any(thread.name.startswith("lookup-index") for thread in threading.enumerate()))


def loaded(vintage):
    layer = registry.load(vintage)
    assert layer is not None
    return layer


@pytest.mark.usefixtures("memory_limit")
class TestIndexes:
    def test_loaded_index_takes_no_query(self, world, django_assert_num_queries):
        vintage = world.vintages["health-regions", "2022"]
        layer = registry.load(vintage)
        with django_assert_num_queries(0):
            assert registry.get_index(vintage, border=True) is layer

    def test_fsa_index_has_no_border_index(self, world):
        fsa = world.vintages["fsa", "2021"]
        assert not loaded(fsa).has_border_index
        assert registry.get_index(fsa) is not None
        assert registry.get_index(fsa, border=True) is None

    def test_retired_vintage_is_unloaded(self, world):
        old, new = world.vintages["health-regions", "2018"], world.vintages["health-regions", "2022"]
        registry.load(old)
        old.status = Status.RETIRED
        old.save()
        registry.load(new)
        assert set(registry._registry.indexes) == {new.load_id}

    def test_index_is_keyed_by_load_not_primary_key(self, world):
        """After a restore the sequence continues from the backup: a new load may get the primary key of an index in memory."""
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

    def test_rows_of_another_load_are_rejected(self, world):
        vintage = world.vintages["health-regions", "2022"]
        Vintage.objects.filter(pk=vintage.pk).update(load_id=uuid.uuid4())
        with pytest.raises(registry.RowsReplaced):
            registry.load(vintage)
        assert registry.get_index(vintage) is None

    def test_indexes_stay_within_memory_limit(self, world, settings):
        settings.LOOKUP_MEMORY_VERTICES = 60
        layers = [registry.load(vintage) for vintage in world.vintages.values() if vintage.status == Status.PUBLISHED]
        assert layers.count(None)
        assert sum(layer.vertices for layer in layers if layer) <= 60 + max(layer.vertices for layer in layers if layer)

    def test_grid_cells_stay_within_cells_max(self, world, monkeypatch):
        monkeypatch.setattr(grid, "CELLS_MAX", 5)
        vintage = world.vintages["health-regions", "2022"]
        layer = loaded(vintage)
        for x in range(0, 30_000, 1_000):
            position_locate(position=LonLat(*worlds.lonlat(x, 5_000)), vintages=[vintage])
        assert len(layer._cells._made) == len(layer._cells._order) == 5

    def test_full_grid_evicts_without_iterating_cells(self, world, monkeypatch):
        """The dictionary of cells is never iterated or copied."""

        class Cells(dict[Any, Any]):
            def __iter__(self):
                pytest.fail("iterated")

            keys = items = values = __iter__

        monkeypatch.setattr(grid, "CELLS_MAX", 5)
        layer = loaded(world.vintages["health-regions", "2022"])
        layer._cells._made = Cells()
        for x in range(20):
            layer._cells.at(x * grid.CELL_SIDE_M, 0.0)
        assert len(layer._cells._made) == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestBackgroundLoading:
    def test_first_lookup_loads_the_index(self, django_assert_num_queries):
        vintage = worlds.build().vintages["health-regions", "2022"]
        position = LonLat(*worlds.lonlat(2_000, 5_000))
        first = position_locate(position=position, vintages=[vintage])
        wait_until(lambda: registry.get_index(vintage) is not None)
        with django_assert_num_queries(0):
            assert position_locate(position=position, vintages=[vintage]) == first

    def test_publication_is_served_before_its_index_is_loaded(self):
        worlds.build()
        registry.preload()
        wait_until(lambda: len(registry._registry.indexes) == 2)
        newer = worlds.make_vintage("health-regions", "2024", date(2024, 1, 1))
        worlds.add_places(newer, worlds.HEALTH_REGIONS_2018)
        vintage = vintage_in_force(coverage="health-regions")
        (locate,) = position_locate(position=LonLat(*worlds.lonlat(12_000, 5_000)), vintages=[vintage])
        assert locate.region is not None
        assert (locate.vintage.label, locate.region.code) == ("2024", "3501")
        wait_until(lambda: registry.get_index(vintage) is not None)

    def test_oversized_vintage_is_not_retried_at_every_lookup(self, settings, caplog):
        vintage = worlds.build().vintages["health-regions", "2022"]
        settings.LOOKUP_MEMORY_VERTICES = 10
        assert registry.get_index(vintage) is None
        wait_until(lambda: vintage.load_id in registry._registry.not_before and not registry._registry.loading)
        assert "exceeds LOOKUP_MEMORY_VERTICES" in caplog.text
        assert registry.get_index(vintage) is None
        assert not registry._registry.loading

    def test_failed_load_is_retried_later(self, monkeypatch):
        vintage = worlds.build().vintages["health-regions", "2022"]

        def fail(vintage):
            raise OperationalError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(registry, "load", fail)
            assert registry.get_index(vintage) is None
            wait_until(lambda: vintage.load_id in registry._registry.not_before and not registry._registry.loading)
        assert registry.get_index(vintage) is None
        monkeypatch.setattr(registry, "_RETRY_S", 0)
        registry._registry.not_before.clear()
        assert registry.get_index(vintage) is None
        wait_until(lambda: registry.get_index(vintage) is not None)

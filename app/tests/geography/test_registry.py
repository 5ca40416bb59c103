"""geography.lookup.registry: compiled indexes that a process has opened."""

import time
import uuid
from datetime import date

import pytest

from geography.coordinates import LonLat
from geography.download_files import lookup_path
from geography.lookup import registry
from geography.lookup.locate import position_locate
from geography.models import Status
from geography.vintages import catalogue
from geography.vintages.resolve import vintage_in_force
from loader.publication.publish import delete
from tests.support import demo_regions as worlds
from tests.support.lookup_index import build_index
from tests.support.processes import wait_until

HERE = LonLat(*worlds.lonlat(12_000, 5_000))


@pytest.fixture
def vintage(world):
    return world.vintages["health-regions", "2022"]


def test_open_index_takes_no_query(vintage, django_assert_num_queries):
    index = build_index(vintage)
    with django_assert_num_queries(0):
        assert registry.locator_for(vintage) is index


def test_postgis_answers_without_a_file_until_there_is_one(vintage, caplog, monkeypatch):
    monkeypatch.setattr(registry, "_RETRY_S", 0.0)
    (before,) = position_locate(position=HERE, vintages=[vintage])
    assert not registry.locator_for(vintage).in_memory
    assert [record.getMessage() for record in caplog.records if "no file" in record.getMessage()][1:] == []
    build_index(vintage)
    assert registry.locator_for(vintage).in_memory
    (after,) = position_locate(position=HERE, vintages=[vintage])
    assert (after.region, after.certain) == (before.region, before.certain)


def test_missing_file_is_opened_again_after_an_interval_only(vintage):
    assert registry.get_index(vintage) is None
    assert registry._Registry.not_before[vintage.load_id] > time.monotonic()


def test_unusable_file_is_rebuilt_once(vintage):
    calls = []
    registry._Registry.rebuild = lambda: calls.append(1)
    registry._RETRY_S, before = 0.0, registry._RETRY_S
    try:
        assert registry.get_index(vintage) is None
        assert registry.get_index(vintage) is None
    finally:
        registry._RETRY_S = before
    assert calls == [1]


def test_index_of_retired_vintage_is_closed(world, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    old, new = world.vintages["health-regions", "2018"], world.vintages["health-regions", "2022"]
    build_index(new)
    registry.clear()
    build_index(old)
    old.status = Status.RETIRED
    old.save()
    catalogue.clear()
    catalogue.published()
    assert registry.get_index(new) is not None
    assert set(registry._Registry.indexes) == {new.load_id}


def test_index_is_keyed_by_load_not_primary_key(vintage):
    """After a restore the sequence continues from the backup: a new load may get the primary key of an open index."""
    build_index(vintage)
    key = vintage.pk
    delete(vintage)
    catalogue.clear()
    again = worlds.make_vintage("health-regions", "2022", date(2022, 1, 1), pk=key)
    worlds.add_places(again, worlds.HEALTH_REGIONS_2018)
    current = vintage_in_force(coverage="health-regions")
    assert (current.pk, current.label) == (key, "2022")
    assert registry.get_index(current) is None
    (located,) = position_locate(position=HERE, vintages=[current])
    assert located.region is not None
    assert (located.region.code, located.region.name_en) == ("3501", "Whole Health Unit")


def test_file_of_another_load_is_refused(vintage, caplog):
    build_index(vintage)
    registry.clear()
    vintage.load_id = uuid.uuid4()
    assert registry.get_index(vintage) is None
    assert "belongs to another load" in caplog.text
    assert not lookup_path(vintage).exists()


@pytest.mark.parametrize("damage", ["truncated", "header", "empty", "content"])
def test_damaged_file_is_refused_and_deleted(vintage, caplog, damage):
    build_index(vintage)
    path = lookup_path(vintage)
    content = bytearray(path.read_bytes())
    match damage:
        case "truncated":
            content = content[:-1]
        case "header":
            content[9] ^= 0xFF
        case "empty":
            content = bytearray()
        case "content":
            content[-9] ^= 0x01
    path.write_bytes(content)
    registry.clear()
    # Damaged content is found in the background.
    registry.get_index(vintage)
    wait_until(lambda: not path.exists() and registry.get_index(vintage) is None)
    assert "unusable" in caplog.text
    (located,) = position_locate(position=HERE, vintages=[vintage])
    assert located.region is not None


def test_publication_is_answered_from_its_own_index(world):
    build_index(world.vintages["health-regions", "2022"])
    newer = worlds.make_vintage("health-regions", "2024", date(2024, 1, 1))
    worlds.add_places(newer, worlds.HEALTH_REGIONS_2018)
    vintage = vintage_in_force(coverage="health-regions")
    (before,) = position_locate(position=HERE, vintages=[vintage])
    build_index(vintage)
    (after,) = position_locate(position=HERE, vintages=[vintage])
    assert before.region is not None
    assert after.region is not None
    assert before.region.code == after.region.code == "3501"
    assert after.vintage.label == "2024"

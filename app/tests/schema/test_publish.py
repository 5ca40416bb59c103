"""Readers during a publication, on separate connections."""

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.db import connection

from geography.models import Status, Vintage
from loader.publication import publish
from loader.relations.changes import compute_changes
from tests.support.demo_regions import Place, World, add_overlaps, add_places, lonlat, make_vintage
from tests.support.roles import connected

pytestmark = pytest.mark.django_db(transaction=True)

NEXT = tuple(Place(f"35{number}", "35", ((0, 0, 10_000, 10_000),), name_en="Next") for number in range(10, 30))
VIEWS = ("vintages", "regions", "regions_all", "health_regions", "health_regions_all", "region_parts")


@pytest.fixture
def staged(world: World) -> Vintage:
    """Stage a vintage of health regions that takes effect after all others, with overlaps."""
    vintage = make_vintage("health-regions", "2023", date(2023, 1, 1), status=Status.STAGED, region_count=len(NEXT))
    add_places(vintage, NEXT)
    add_overlaps(world.vintages["fsa", "2021"], vintage)
    compute_changes(world.vintages["health-regions", "2022"], vintage, lambda _: None)
    return vintage


@pytest.fixture
def reader() -> Iterator[Any]:
    with connected("geo_reader") as cursor:
        yield cursor


def codes(cursor: Any, view: str = "health_regions") -> set[str]:
    cursor.execute(f"SELECT hruid FROM geo.{view}")
    return {code for (code,) in cursor}


def traces(cursor: Any, vintage: Vintage) -> list[str]:
    """Return the views and functions that show a vintage."""
    lon, lat = lonlat(5_000, 5_000)
    results = []
    for view in VIEWS:
        cursor.execute(f"SELECT count(*) FROM geo.{view} WHERE vintage_id = %s", [vintage.pk])
        results += [view] * (cursor.fetchone() != (0,))
    for view in ("fsa_health_regions", "fsa_health_regions_all"):
        cursor.execute(f"SELECT count(*) FROM geo.{view} WHERE health_region_vintage_id = %s", [vintage.pk])
        results += [view] * (cursor.fetchone() != (0,))
    cursor.execute("SELECT count(*) FROM geo.changes WHERE %s IN (vintage_id, other_vintage_id)", [vintage.pk])
    results += ["changes"] * (cursor.fetchone() != (0,))
    for call, column in (
        ("vintages_at('2024-01-01')", "vintage_id"),
        (f"health_region_at({lon!r}, {lat!r})", "vintage_id"),
        ("health_regions_of_fsa('M5V')", "health_region_vintage_id"),
    ):
        cursor.execute(f"SELECT count(*) FROM geo.{call} WHERE {column} = %s", [vintage.pk])
        results += [call.split("(")[0]] * (cursor.fetchone() != (0,))
    return results


def test_views_show_published_vintages_only(staged: Vintage, reader: Any) -> None:
    assert traces(reader, staged) == []
    publish.publish(staged)
    assert len(traces(reader, staged)) == len(VIEWS) + 6
    publish.rollback(staged)
    assert traces(reader, staged) == []


def test_running_query_finishes_on_its_snapshot(staged: Vintage, reader: Any) -> None:
    before = codes(reader)
    with reader.connection as other, other.cursor("slow") as slow:
        other.autocommit = False
        slow.itersize = 1
        slow.execute("SELECT hruid FROM geo.health_regions")
        first = slow.fetchone()
        publish.publish(staged)
        assert {first[0], *(code for (code,) in slow)} == before
        with other.cursor() as same_transaction:
            assert codes(same_transaction) == {place.code for place in NEXT}


def test_repeatable_read_sees_a_deleted_vintage(staged: Vintage, reader: Any) -> None:
    old = Vintage.objects.get(label="2022")
    before = codes(reader)
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert codes(reader) == before
    publish.publish(staged)
    Vintage.objects.filter(pk=old.pk).update(status=Status.RETIRED)
    publish.prune()
    assert codes(reader) == before
    reader.execute("SELECT count(*) FROM geo.health_regions WHERE st_isvalid(geom)")
    assert reader.fetchone() == (len(before),)
    reader.execute("COMMIT")
    assert codes(reader) == {place.code for place in NEXT}


def test_publication_keeps_views_grants_and_prepared_plans(staged: Vintage, reader: Any) -> None:
    objects = "SELECT c.oid, c.relname, c.relacl::text FROM pg_class c WHERE relnamespace = 'geo'::regnamespace ORDER BY 1"
    reader.execute("PREPARE region AS SELECT hruid FROM geo.health_regions WHERE pruid = $1 ORDER BY 1")
    reader.execute("SET plan_cache_mode = force_generic_plan")
    reader.execute("EXECUTE region('35')")
    before = reader.fetchall()
    reader.execute(objects)
    before_publication = reader.fetchall()
    publish.publish(staged)
    reader.execute("EXECUTE region('35')")
    assert reader.fetchall() == [(place.code,) for place in NEXT] != before
    reader.execute("SELECT generic_plans FROM pg_prepared_statements WHERE name = 'region'")
    assert reader.fetchone() == (2,)
    reader.execute(objects)
    assert reader.fetchall() == before_publication


def test_publication_does_not_wait_for_readers(staged: Vintage, reader: Any) -> None:
    reader.execute("BEGIN")
    codes(reader)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
        publish.publish(staged)
        cursor.execute("RESET lock_timeout")
    reader.execute("COMMIT")


def test_concurrent_readers_see_old_or_new_vintage(staged: Vintage) -> None:
    seen: list[frozenset[str]] = []
    errors: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        try:
            with connected("geo_reader") as cursor:
                while not done.is_set():
                    seen.append(frozenset(codes(cursor)))
        except Exception as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for item in readers:
        item.start()
    try:
        for _ in range(10):
            publish.publish(staged)
            staged.refresh_from_db()
            publish.rollback(staged)
    finally:
        done.set()
        for item in readers:
            item.join(timeout=30)
    assert errors == []
    assert len(set(seen)) == 2
    assert {len(item) for item in seen} == {6, len(NEXT)}

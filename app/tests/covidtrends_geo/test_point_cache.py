"""Cache of a search at single positions: bounded by bytes, whatever the detail of the borders."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from covidtrends_geo import borders, point
from covidtrends_geo.borders import BorderCache, Borders
from covidtrends_geo.point import Hit, PointEngine
from covidtrends_geo.projection import to_degrees
from tests.covidtrends_geo.conftest import X, Y, engine_of, squares

ENTRY = borders._ENTRY_BYTES


def borders_of(count: int) -> Borders:
    """Return borders whose numbers have `4 * count` bytes."""
    vertices = engine_of(squares(1_000.0, 1)).search.vertices
    return Borders(vertices, np.zeros(count, dtype=np.uint32), np.empty(0, dtype=np.uint32), [], [])


def test_value_is_made_once_and_the_oldest_is_evicted_beyond_the_bytes() -> None:
    cache, made = BorderCache(2 * ENTRY + 40), []

    def get(key: int, count: int) -> Borders:
        def make() -> Borders:
            made.append(key)
            return borders_of(count)

        return cache.get((float(key), 0.0, None), make)

    for key, count in ((1, 4), (2, 4), (1, 4), (3, 4), (2, 4), (1, 4)):
        assert len(get(key, count).numbers) == count
    assert made == [1, 2, 3, 1]
    # A value beyond the limit by itself is returned, and nothing is kept.
    assert len(get(4, ENTRY).numbers) == ENTRY
    assert (len(cache._values), cache._size) == (0, 0)


def test_threads_leave_the_sum_of_sizes_right() -> None:
    cache = BorderCache(7 * ENTRY + 300)
    values = [borders_of(count) for count in range(20)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: cache.get((number % 20.0, 0.0, None), lambda: values[number % 20]), range(4_000)))
    finally:
        sys.setswitchinterval(interval)
    assert 5 <= len(cache._values) <= 7
    assert cache._size == sum(ENTRY + value.nbytes for value in cache._values.values()) <= 7 * ENTRY + 300


def test_answers_are_the_same_with_a_cache_that_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(squares(1_000.0, 3))
    positions = np.random.default_rng(1).uniform((X - 500, Y - 500), (X + 3_500, Y + 3_500), (50, 2)).tolist()

    def hits() -> list[Hit]:
        search = PointEngine(engine)
        return [search.hit(*to_degrees(x, y), radius_m=300.0, nearest_m=1_000.0, border=True) for x, y in positions]

    expected = hits()
    assert {len(hit.near) for hit in expected} >= {0, 1, 2}
    monkeypatch.setattr(point, "BorderCache", lambda: BorderCache(0))
    assert hits() == expected

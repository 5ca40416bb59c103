"""Cache of a search at single positions: bounded by number and bytes, whatever the detail of the borders."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from covidtrends_geo import point
from covidtrends_geo.point import Hit, PointEngine, _Cache
from covidtrends_geo.projection import to_degrees
from tests.covidtrends_geo.conftest import X, Y, engine_of, squares


def test_oldest_value_is_evicted_beyond_the_number() -> None:
    cache: _Cache[int, str] = _Cache(2, len)
    values = [cache.get(key, lambda number=number: str(number)) for number, key in enumerate((1, 2, 1, 3, 2, 1))]  # type: ignore[misc]
    assert values == ["0", "1", "0", "3", "1", "5"]


def test_oldest_values_are_evicted_beyond_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point, "_BYTES_MAX", 10)
    cache: _Cache[int, bytes] = _Cache(100, len)
    for key, size in enumerate((4, 4, 9)):
        cache.get(key, lambda size=size: bytes(size))  # type: ignore[misc]
    assert list(cache._values) == [2]
    # A value beyond the limit by itself is returned, and not kept.
    assert len(cache.get(9, lambda: bytes(11))) == 11
    assert (list(cache._values), cache._size) == ([], 0)


def test_threads_leave_the_sum_of_sizes_right() -> None:
    cache: _Cache[int, bytes] = _Cache(7, len)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: cache.get(number % 20, lambda: bytes(number % 20)), range(4_000)))
    finally:
        sys.setswitchinterval(interval)
    assert len(cache._values) == 7
    assert cache._size == sum(map(len, cache._values.values()))


def test_answers_are_the_same_with_a_cache_that_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(squares(1_000.0, 3))
    positions = np.random.default_rng(1).uniform((X - 500, Y - 500), (X + 3_500, Y + 3_500), (50, 2)).tolist()

    def hits() -> list[Hit]:
        search = PointEngine(engine)
        return [search.hit(*to_degrees(x, y), radius_m=300.0, nearest_m=1_000.0, border=True) for x, y in positions]

    expected = hits()
    assert {len(hit.near) for hit in expected} >= {0, 1, 2}
    monkeypatch.setattr(point, "_BYTES_MAX", 0)
    assert hits() == expected

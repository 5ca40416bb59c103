"""Concurrency limits."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from threading import Barrier, Event

import orjson
import pytest
from rest_framework.response import Response
from rest_framework.views import APIView

from api.http.concurrency import ConcurrencyLimit, TooManyAtOnce
from api.http.renderers import JSONRenderer


class TestConcurrencyLimit:
    def test_acquire_over_the_limit_raises(self, settings):
        settings.BULK_AT_ONCE = 2
        slots = ConcurrencyLimit()
        with slots.acquire():
            with slots.acquire(), pytest.raises(TooManyAtOnce), slots.acquire():
                pass
            with slots.acquire():
                assert slots.taken == 2
        assert slots.taken == 0

    def test_exception_releases_the_slot(self, settings):
        settings.BULK_AT_ONCE = 1
        slots = ConcurrencyLimit()
        for _ in range(3):
            with pytest.raises(KeyError), slots.acquire():
                raise KeyError
        assert slots.taken == 0

    def test_zero_means_no_limit(self, settings):
        settings.BULK_AT_ONCE = 0
        slots = ConcurrencyLimit()
        with slots.acquire(), slots.acquire(), slots.acquire():
            assert slots.taken == 3

    def test_concurrent_threads_respect_the_limit(self, settings):
        settings.BULK_AT_ONCE = 3
        slots, ready, done = ConcurrencyLimit(), Barrier(20), Event()

        def acquire_slot(number):
            ready.wait()
            try:
                with slots.acquire():
                    done.wait(10)
            except TooManyAtOnce:
                return False
            return True

        with ThreadPoolExecutor(20) as pool:
            futures = [pool.submit(acquire_slot, number) for number in range(20)]
            refused = list(islice(as_completed(futures, timeout=10), 17))
            assert not any(item.result() for item in refused)
            done.set()
            assert sum(future.result() for future in futures) == 3
        assert slots.taken == 0


def test_too_many_at_once_sends_retry_after(rf, settings, assert_problem):
    settings.BULK_AT_ONCE = 1
    slots = ConcurrencyLimit()

    class View(APIView):
        renderer_classes = [JSONRenderer]

        def post(self, request):
            with slots.acquire():
                return Response(len(request.body))

    view = View.as_view()
    assert view(rf.post("/", b"{}", content_type="application/json")).status_code == 200
    with slots.acquire():
        response = view(rf.post("/", b"{}", content_type="application/json")).render()
    response.json = lambda: orjson.loads(response.content)
    assert_problem(response, 503, "too-many-at-once")
    assert response.headers["Retry-After"] == "2"

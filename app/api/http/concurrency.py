"""Concurrency limits (bulkheads) for bulk requests, small request bodies and transfers of large responses."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Lock
from time import monotonic

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from prometheus_client import Gauge

from operations.db_permits import Permits, PoolExhausted
from operations.metrics import BULK_IN_PROGRESS, TRANSFERS_IN_PROGRESS
from operations.request_body import RequestBody

# A body up to this length takes no slot: about 1,000 positions, a few milliseconds of work.
SMALL_BODY_BYTES = 65_536
# Receive timeout of a small body, equal to that of the headers of a request.
_SMALL_TIMEOUT_S = 5.0
# Longest wait for a permit to read a small body. The wait holds a thread too: after a wait without success, requests fail fast.
_READER_PATIENCE_S = 2.5


class TooManyAtOnce(Exception):
    """All slots of a concurrency limit are taken."""


class ConcurrencyLimit:
    """Limit of the concurrent requests that hold a thread for long, so that cheap requests always find a free thread.

    Args:
        setting: name of the setting with the number of slots; 0 means no limit.
        gauge: metric of the slots in use.
    """

    def __init__(self, setting: str = "BULK_AT_ONCE", gauge: Gauge = BULK_IN_PROGRESS) -> None:
        self._setting = setting
        self._gauge = gauge
        self._lock = Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Number of slots in use."""
        return self._taken

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Hold a slot during a `with` block. Fails fast, since a wait would hold a thread too.

        Raises: TooManyAtOnce, answered with 503 and Retry-After.
        """
        with self._lock:
            if 0 < getattr(settings, self._setting) <= self._taken:
                raise TooManyAtOnce
            self._taken += 1
        self._gauge.inc()
        try:
            yield
        finally:
            self._gauge.dec()
            with self._lock:
                self._taken -= 1


@contextmanager
def body_slot(request: HttpRequest) -> Iterator[None]:
    """Hold a slot of `bulk` while a request body is read and processed. A small body takes no slot and is read here.

    A few threads at a time read small bodies, each within `_SMALL_TIMEOUT_S`, so that slow clients cannot hold all threads.

    Raises: TooManyAtOnce; BodyTimeout.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    # A compressed body may expand to a thousand times its Content-Length.
    compressed = "HTTP_CONTENT_ENCODING" in request.META
    if compressed or not (length.isdecimal() and int(length) <= SMALL_BODY_BYTES):
        with bulk.acquire():
            yield
        return
    # The route itself refuses a body over its limit.
    with receiving(request.META.get("wsgi.input")), suppress(RequestDataTooBig):
        request.body  # noqa: B018 - Django stores the body in the request
    yield


@contextmanager
def receiving(body: object) -> Iterator[None]:
    """Hold a permit to read a small body, which has to arrive within `_SMALL_TIMEOUT_S`. Raises: TooManyAtOnce."""
    readers = _readers()
    try:
        readers.acquire()
    except PoolExhausted:
        raise TooManyAtOnce from None
    since = monotonic()
    try:
        if isinstance(body, RequestBody):
            body.hurry(_SMALL_TIMEOUT_S)
        yield
    finally:
        readers.release(monotonic() - since)


@cache
def _readers() -> Permits:
    """Return the permits of threads that read small bodies: all but those of bulk requests, transfers and one spare thread."""
    count = settings.WEB_THREADS - settings.BULK_AT_ONCE - settings.TRANSFERS_AT_ONCE - 1
    return Permits(max(count, 1), _READER_PATIENCE_S)


bulk = ConcurrencyLimit()
# Large responses and files: a thread sends each.
transfers = ConcurrencyLimit("TRANSFERS_AT_ONCE", TRANSFERS_IN_PROGRESS)


class TooManyRequests(Exception):
    """A client exceeds THROTTLE_RATE.

    Attributes:
        retry_after_s: time until the next request is allowed, in whole seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many requests")
        self.retry_after_s = retry_after_s

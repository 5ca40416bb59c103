"""Concurrency limits: how many bulk requests run at once."""

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

# A body up to this length takes no slot: some 1,000 positions, a few milliseconds of work.
SMALL_BODY_BYTES = 65_536
# As for the headers of a request.
_SMALL_TIMEOUT_S = 5.0


class TooManyAtOnce(Exception):
    """As many expensive requests as this process takes at once are under way."""


class ConcurrencyLimit:
    """Slots for requests that hold a thread for long, so that cheap requests always find a free thread.

    Args:
        setting: name of the setting with their number; 0 means no limit.
        gauge: number of slots taken, as a metric.
    """

    def __init__(self, setting: str = "BULK_AT_ONCE", gauge: Gauge = BULK_IN_PROGRESS) -> None:
        self._setting = setting
        self._gauge = gauge
        self._lock = Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Number of slots taken."""
        return self._taken

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Hold a slot for the length of a `with` block. Never waits, since waiting would hold a thread too.

        Raises: TooManyAtOnce, which is answered by a 503 with Retry-After.
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
    """Hold a slot of `bulk` from before the body of a request is read; none for a small body, which is read here at once.

    Small bodies are read by a few threads at a time, each within `_SMALL_TIMEOUT_S`, so that slow clients do not hold them all.

    Raises: TooManyAtOnce; BodyTimeout.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    # A compressed body may be a thousand times as long as it says.
    compressed = "HTTP_CONTENT_ENCODING" in request.META
    if compressed or not (length.isdecimal() and int(length) <= SMALL_BODY_BYTES):
        with bulk.acquire():
            yield
        return
    # A body over the route's limit is refused where the route reads it.
    with _receiving(request.META.get("wsgi.input")), suppress(RequestDataTooBig):
        request.body  # noqa: B018 - Django keeps it
    yield


@contextmanager
def _receiving(body: object) -> Iterator[None]:
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
    """Return the places of threads that read small bodies: what bulk requests and transfers leave, but for one."""
    return Permits(max(settings.WEB_THREADS - settings.BULK_AT_ONCE - settings.TRANSFERS_AT_ONCE - 1, 1))


bulk = ConcurrencyLimit()
# Large answers and files, each sent by a thread.
transfers = ConcurrencyLimit("TRANSFERS_AT_ONCE", TRANSFERS_IN_PROGRESS)


class TooManyRequests(Exception):
    """A client sends more requests than THROTTLE_RATE allows.

    Attributes:
        retry_after_s: when it may ask again, in whole seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many requests")
        self.retry_after_s = retry_after_s

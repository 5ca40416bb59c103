"""How much the service does at once, and for one client."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.conf import settings

from operations.metrics import BULK_IN_PROGRESS


class TooManyAtOnce(Exception):
    """As many expensive requests as this process takes at once are under way."""


class Slots:
    """Places for expensive requests in this process, so that cheap ones always find a free thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many are under way."""
        return self._taken

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one of the `BULK_AT_ONCE` places for the length of a `with` block; 0 means that there are no limits.

        Enter it before the body is read: who sends one slowly holds a place and not a thread that lookups need. Nobody waits
        for a place, since waiting would hold a thread too.

        Raises: TooManyAtOnce, which is answered by a 503 with Retry-After.
        """
        with self._lock:
            if 0 < settings.BULK_AT_ONCE <= self._taken:
                raise TooManyAtOnce
            self._taken += 1
        BULK_IN_PROGRESS.inc()
        try:
            yield
        finally:
            BULK_IN_PROGRESS.dec()
            with self._lock:
                self._taken -= 1


bulk = Slots()


class TooManyRequests(Exception):
    """A client asks more often than THROTTLE_RATE allows.

    Attributes:
        retry_after_s: when it may ask again, in whole seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many requests")
        self.retry_after_s = retry_after_s

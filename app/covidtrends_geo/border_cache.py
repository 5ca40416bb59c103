"""Cache of the borders around squares, for searches at single positions."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from covidtrends_geo.borders import Borders

# 20,000 squares with little detail, 8,000 with much.
BYTES_MAX = 16 * 2**20
# Of the objects of an entry, but for its numbers.
_ENTRY_BYTES = 800

# West and south of a square, and the region whose borders are left out; None where no region's are.
Key = tuple[float, float, int | None]


class BorderCache:
    """Cache, first in, first out, bounded by bytes. Threads share it; two of them may make the same value."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._values: OrderedDict[Key, Borders] = OrderedDict()
        self._size, self._most = 0, bytes_max
        self._lock = Lock()

    def get(self, key: Key, make: Callable[[], Borders]) -> Borders:
        """Return the value of a key; make and add it where it is missing."""
        value = self._values.get(key)
        if value is None:
            value = make()
            with self._lock:
                self._add(key, value)
        return value

    def _add(self, key: Key, value: Borders) -> None:
        if key in self._values:
            return
        self._values[key] = value
        self._size += _size(value)
        while self._size > self._most:
            _, oldest = self._values.popitem(last=False)
            self._size -= _size(oldest)


def _size(value: Borders) -> int:
    return value.nbytes + _ENTRY_BYTES

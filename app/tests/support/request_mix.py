"""Request mix of the load test, and clients that send it and record the responses."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

SHARES = {"lookup": 70, "layer": 15, "tile": 10, "bulk": 5}
TOWNS = [(43.65, -79.38), (45.50, -73.57), (49.28, -123.12), (51.05, -114.07), (46.81, -71.21), (44.65, -63.58)]
PROVINCES = ("NL", "PE", "NS", "NB", "QC", "ON", "MB", "SK", "AB", "BC", "YT", "NT", "NU")
_TILES = [(3, *place) for place in product((1, 2), (2,))] + [(5, *place) for place in product(range(5, 11), range(9, 12))]
_BULK_POINTS = 500


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `kind` is one of `SHARES`."""

    kind: str
    method: str
    path: str
    body: str | None = None


def request_mix(seed: int) -> Iterator[Request]:
    """Yield requests without end, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    kinds, weights = list(SHARES), list(SHARES.values())

    def position() -> tuple[float, float]:
        lat, lon = chance.choice(TOWNS)
        return round(lat + chance.gauss(0, 0.05), 5), round(lon + chance.gauss(0, 0.07), 5)

    while True:
        (kind,) = chance.choices(kinds, weights)
        if kind == "lookup":
            lat, lon = position()
            accuracy = chance.choice(("", "", "&accuracy=35"))
            yield Request(kind, "GET", f"/locate?lat={lat}&lon={lon}{accuracy}")
        elif kind == "layer":
            route = chance.choice(("/health-regions?detail=low", "/health-regions?detail=medium", "/fsa?detail=low"))
            yield Request(kind, "GET", f"{route}&province={chance.choice(PROVINCES)}")
        elif kind == "tile":
            coverage, (zoom, column, row) = chance.choice(("health-regions", "fsa")), chance.choice(_TILES)
            yield Request(kind, "GET", f"/tiles/{coverage}/{zoom}/{column}/{row}.mvt")
        else:
            points = [position()[::-1] for _ in range(_BULK_POINTS)]
            yield Request(kind, "POST", "/locate", json.dumps({"points": points}))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 503 or 429 with Retry-After: kind of request, problem, time of the request (monotonic), duration."""

    kind: str
    problem: str
    at: float
    took_s: float


@dataclass
class Results:
    """Responses that clients received.

    Attributes:
        milliseconds: duration of every successful request, by kind.
        refused: responses 503 and 429 with Retry-After.
        failed: all other failures, by kind and description.
    """

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in SHARES})
    refused: list["Refusal"] = field(default_factory=list)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self) -> int:
        """Return the number of successful responses."""
        return sum(len(millisecond) for millisecond in self.milliseconds.values())

    def add(self, other: "Results") -> None:
        """Add the responses of another client."""
        for kind, batch in other.milliseconds.items():
            self.milliseconds[kind] += batch
        self.refused += other.refused
        self.failed.update(other.failed)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share (0 to 1) of the values lies; 0 without values."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Client(threading.Thread):
    """Sends one request after the other on a persistent connection until `stopped` returns true."""

    def __init__(self, port: int, seed: int, stopped: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self.results = Results()
        self._port, self._stopped, self._requests = port, stopped, request_mix(seed)
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Send requests."""
        while not self._stopped():
            self._send(next(self._requests))
        self._close()

    def _send(self, request: Request) -> None:
        started, at = time.perf_counter(), time.monotonic()
        reused, sent = self._connection is not None, "once"
        try:
            try:
                status, headers, body = self._exchange(request)
            except (ConnectionError, http.client.BadStatusLine):
                # A server may close a persistent connection at any time: clients retry (RFC 9110, section 9.2.2).
                if not reused:
                    raise
                self._close()
                sent = "twice"
                status, headers, body = self._exchange(request)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            self.results.failed[request.kind, f"{type(error).__name__} (sent {sent})"] += 1
            time.sleep(0.05)  # a pause before the client connects again
            return
        if status in {200, 204}:
            self.results.milliseconds[request.kind].append((time.perf_counter() - started) * 1000)
            return
        details = json.loads(body)["type"].rpartition("/")[2] if body.startswith(b"{") else str(status)
        if status in {429, 503} and headers.get("Retry-After"):
            self.results.refused.append(Refusal(request.kind, details, at, time.perf_counter() - started))
        else:
            self.results.failed[request.kind, details] += 1

    def _exchange(self, request: Request) -> tuple[int, http.client.HTTPMessage, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Accept-Encoding": "gzip"} | ({"Content-Type": "application/json"} if request.body else {})
        self._connection.request(request.method, request.path, request.body, headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.will_close:
            self._close()
        return response.status, response.headers, body

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

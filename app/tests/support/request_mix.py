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
class Question:
    """A request; `kind` is one of `SHARES`."""

    kind: str
    method: str
    path: str
    body: str | None = None


def questions(seed: int) -> Iterator[Question]:
    """Yield requests without end, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    kinds, weights = list(SHARES), list(SHARES.values())

    def place() -> tuple[float, float]:
        lat, lon = chance.choice(TOWNS)
        return round(lat + chance.gauss(0, 0.05), 5), round(lon + chance.gauss(0, 0.07), 5)

    while True:
        (kind,) = chance.choices(kinds, weights)
        if kind == "lookup":
            lat, lon = place()
            accuracy = chance.choice(("", "", "&accuracy=35"))
            yield Question(kind, "GET", f"/locate?lat={lat}&lon={lon}{accuracy}")
        elif kind == "layer":
            route = chance.choice(("/health-regions?detail=low", "/health-regions?detail=medium", "/fsa?detail=low"))
            yield Question(kind, "GET", f"{route}&province={chance.choice(PROVINCES)}")
        elif kind == "tile":
            coverage, (zoom, column, row) = chance.choice(("health-regions", "fsa")), chance.choice(_TILES)
            yield Question(kind, "GET", f"/tiles/{coverage}/{zoom}/{column}/{row}.mvt")
        else:
            points = [place()[::-1] for _ in range(_BULK_POINTS)]
            yield Question(kind, "POST", "/locate", json.dumps({"points": points}))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 503 or 429 with Retry-After: kind of request, problem, time of the request (monotonic), duration."""

    kind: str
    problem: str
    at: float
    took_s: float


@dataclass
class Seen:
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

    def add(self, other: "Seen") -> None:
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
        self.seen = Seen()
        self._port, self._stopped, self._questions = port, stopped, questions(seed)
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Send requests."""
        while not self._stopped():
            self._ask(next(self._questions))
        self._close()

    def _ask(self, question: Question) -> None:
        started, at = time.perf_counter(), time.monotonic()
        retained, requested = self._connection is not None, "once"
        try:
            try:
                status, headers, body = self._exchange(question)
            except (ConnectionError, http.client.BadStatusLine):
                # A server may close a persistent connection at any time: clients retry (RFC 9110, section 9.2.2).
                if not retained:
                    raise
                self._close()
                requested = "twice"
                status, headers, body = self._exchange(question)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            self.seen.failed[question.kind, f"{type(error).__name__} (asked {requested})"] += 1
            time.sleep(0.05)  # a pause before the client connects again
            return
        if status in {200, 204}:
            self.seen.milliseconds[question.kind].append((time.perf_counter() - started) * 1000)
            return
        details = json.loads(body)["type"].rpartition("/")[2] if body.startswith(b"{") else str(status)
        if status in {429, 503} and headers.get("Retry-After"):
            self.seen.refused.append(Refusal(question.kind, details, at, time.perf_counter() - started))
        else:
            self.seen.failed[question.kind, details] += 1

    def _exchange(self, question: Question) -> tuple[int, http.client.HTTPMessage, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Accept-Encoding": "gzip"} | ({"Content-Type": "application/json"} if question.body else {})
        self._connection.request(question.method, question.path, question.body, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self._close()
        return answer.status, answer.headers, body

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

"""HTTP traffic on a server while its database fails, and the responses that are expected."""

import http.client
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.support import demo_regions as worlds
from tests.support.processes import wait_until

# Shorter than the statement timeout of the tests: a request that waits for that timeout gets no response, and fails its test.
_CLIENT_TIMEOUT_S = 25


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `status` is 0 if none arrived. `sent_at` is the time of the request (monotonic)."""

    path: str
    status: int
    retry_after: str | None
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    sent_at: float = field(repr=False)


def tile_over(zoom: int, x: float, y: float) -> str:
    """Return column and row, as in a URL, of the tile at an offset in metres in the demo regions."""
    lon, lat = worlds.lonlat(x, y)
    north = math.asinh(math.tan(math.radians(lat))) / math.pi
    return f"{int((lon + 180) / 360 * 2**zoom)}/{int((1 - north) / 2 * 2**zoom)}"


TILE = f"/tiles/health-regions/8/{tile_over(8, 2_000, 5_000)}.mvt"
# Requested with a Range header.
DOWNLOAD = "/downloads/fsa/2021/fsa-2021.csv"
RANGE = "bytes=3-40"
# Paths served from memory or the response cache after a first request; below, paths that need the database.
CACHED_PATHS = (
    "/locate?" + "&".join(f"{key}={value}" for key, value in worlds.position(2_000, 5_000).items()),
    "/health-regions",
    "/health-regions/3501?detail=low",
    "/coverages/fsa/regions?vintage=2021",
    TILE,
    f"{TILE}?vintage=2022",
    DOWNLOAD,
)
OK_STATUSES = {200, 206}
DATABASE_PATHS = ("/fsa/M5V", "/health-regions?q=west&detail=none", "/fsa/M1A/boundary")


class Traffic:
    """Clients that send requests one after the other and record every response, until the `with` block ends."""

    def __init__(self, port: int, paths: tuple[str, ...] = CACHED_PATHS + DATABASE_PATHS, clients: int = 3) -> None:
        self.port, self._paths = port, paths
        self.responses: list[Response] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send_requests, args=(number,), daemon=True) for number in range(clients)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a request hangs"

    def _send_requests(self, number: int) -> None:
        while not self._stop.is_set():
            self.responses.append(send_get(self.port, self._paths[number % len(self._paths)]))
            number += 1
            time.sleep(0.01)  # the pace of a client

    def wait_for_rounds(self, rounds: int = 1) -> None:
        """Wait until every path has been answered that many times, not counting requests that are in progress now."""
        expected = Counter(dict.fromkeys(self._paths, rounds))
        self.wait_for(lambda responses: _answered(responses) >= expected, "every path answered")

    def wait_for_refusals(self) -> None:
        """Wait until each path that needs the database has been refused, and each of the others answered."""
        self.wait_for(
            lambda responses: (
                {response.path for response in responses if response.status == 503} >= set(DATABASE_PATHS)
                and _answered(responses) >= Counter(CACHED_PATHS)
            ),
            "503 for the paths that need the database, and answers to the others",
        )

    def wait_for(self, condition: Callable[[list[Response]], bool], what: str) -> None:
        """Wait until a condition holds for the responses to requests that are sent from now on."""
        started = time.monotonic()

        def holds() -> bool:
            return condition([response for response in list(self.responses) if response.sent_at > started])

        wait_until(holds, what)

    def status_counts(self) -> Counter[int]:
        """Return the number of responses by status."""
        return Counter(response.status for response in list(self.responses))


def _answered(responses: list[Response]) -> Counter[str]:
    """Return the number of successful responses by path."""
    return Counter(response.path for response in responses if response.status in OK_STATUSES)


def send_get(port: int, path: str) -> Response:
    """Send a GET request on a new connection and return its response."""
    sent_at = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CLIENT_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Range": RANGE} if path == DOWNLOAD else {})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        body = response.read()
        return Response(path, response.status, headers.get("retry-after"), body, headers, sent_at)
    except (OSError, http.client.HTTPException):
        return Response(path, 0, None, b"", {}, sent_at)
    finally:
        connection.close()


def wait_until_available(port: int) -> None:
    """Wait until every process responds to every path, without stale responses."""
    responses: list[Response] = []
    for _ in range(100):
        responses = [send_get(port, path) for path in (*CACHED_PATHS, *DATABASE_PATHS) * 3]
        if {response.status for response in responses} == OK_STATUSES and all(
            "cache-status" not in response.headers for response in responses
        ):
            return
        time.sleep(0.2)
    pytest.fail(f"the service does not recover: {[(response.path, response.status) for response in responses]}")


def assert_only_database_paths_refused(traffic: Traffic, *, refused: bool = True) -> None:
    """Check every response so far: no request lost or hanging (status 0), 503 only for paths that need the database."""
    responses = list(traffic.responses)
    wrong = [
        response
        for response in responses
        if response.status not in OK_STATUSES and not (response.status == 503 and response.retry_after)
    ]
    assert not wrong, wrong[:5]
    assert {response.path for response in responses if response.status == 503} <= set(DATABASE_PATHS)
    assert any(response.status == 503 for response in responses) == refused
    assert {response.path for response in responses if response.status in OK_STATUSES} == {*CACHED_PATHS, *DATABASE_PATHS}
    assert {response.status for response in responses if response.path == DOWNLOAD} == {206}

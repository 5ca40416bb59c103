"""Soak test: memory of a server under requests that all differ.

    cd app && ../.venv/bin/python -m benchmarks.soak --minutes 10

Runs a server as bin/serve does, with the demonstration regions of the tests in a private PostgreSQL, on loopback. The requests
have positions in the whole world, random names, codes and parameters, all vintages and languages, tiles, files, valid, broken
and large bodies, unknown methods and headers. Prints each process's memory every half minute and the growth in the second half.

`--hostile` repeats the attacks of `_ATTACKS`, all at the same time, while two clients post single positions, as clicks on the
map do: each click must get 200.
"""

import argparse
import contextlib
import gzip
import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable

from benchmarks.load import resident_mb
from tests.support.fleet import Fleet, ended_in_order

_PATHS = ("locate", "health-regions", "fsa", "fsa/M5V", "fsa/{}", "health-regions/{}", "coverages/{}/regions", "tiles/fsa.json")
_NAMES = ("lat", "lon", "q", "vintage", "at", "lang", "bbox", "detail", "accuracy", "province", "limit", "offset", "x{}")


def request(chance: random.Random) -> tuple[str, str, bytes | None, dict[str, str]]:
    """Return method, path, body and headers of a random request."""
    number = chance.getrandbits(40)
    headers = {
        "Accept-Language": chance.choice(("fr", "en", f"x{number}")),
        "Accept-Encoding": chance.choice(("gzip", "br", "zstd", "")),
        "X-Request-ID": str(number),
        "If-None-Match": f'"{number}"',
    }
    draw = chance.random()
    if draw < 0.45:
        # Most positions are in the demonstration regions, near 43.5° N, 79.7° W.
        lat, lon = 43.5 + chance.gauss(0, 0.1), -79.6 + chance.gauss(0, 0.2)
        return "GET", f"/locate?lat={lat}&lon={lon}&accuracy={chance.randrange(5_000)}", None, headers
    if draw < 0.55:
        points = [[-79.6 + chance.gauss(0, 0.2), 43.5 + chance.gauss(0, 0.1)] for _ in range(chance.choice((1, 100, 20_000)))]
        return "POST", "/locate", json.dumps({"points": points}).encode(), headers | {"Content-Type": "application/json"}
    if draw < 0.65:
        media_type = chance.choice(("application/json", "text/csv", f"a/b{number}"))
        return (
            "POST",
            chance.choice(("/locate", "/fsa")),
            chance.randbytes(chance.randrange(50_000)),
            headers | {"Content-Type": media_type},
        )
    if draw < 0.7:
        return chance.choice(("PUT", "OPTIONS", "HEAD", f"M{number}")), f"/{number}", None, headers
    if draw < 0.8:
        zoom = chance.randrange(15)
        tile = f"{zoom}/{chance.randrange(1 << zoom)}/{chance.randrange(1 << zoom)}"
        return "GET", f"/tiles/{chance.choice(('fsa', 'health-regions'))}/{tile}.mvt", None, headers
    path = chance.choice(_PATHS).format(chance.choice((number, "3501", "M1A", "fsa")))
    values = (number, "3501", "en", "fr", "2022", "2018", "2021-01-01", "low", "full", "-80,43,-79,44", "ON", 1, "é" * 50)
    query = "&".join(
        f"{chance.choice(_NAMES).format(number)}={chance.choice(values)}" for _ in range(chance.choice((0, 0, 1, 1, 2, 5)))
    )
    return "GET", f"/{path}?{query}".replace("é", "%C3%A9"), None, headers


def send_requests(port: int, seed: int, stopped: threading.Event, statuses: Counter[int]) -> None:
    """Send requests until `stopped`; count the statuses, 0 for a failed connection."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    while not stopped.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(*request(chance))
            response = connection.getresponse()
            response.read()
            statuses[response.status] += 1
        except (OSError, http.client.HTTPException):
            statuses[0] += 1
        finally:
            connection.close()


_HEAD = b"POST /locate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Attackers:
    """Clients that repeat the attacks until `stopped`; counts the statuses by attack, 0 for a closed connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stopped = threading.Event()
        self.statuses: Counter[tuple[str, int]] = Counter()
        self._gigabyte_of_zeros = gzip.compress(bytes(1 << 30), 6)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        """Send a request; return the status of the response, which is read whole, or 0 for a closed connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            while response.read(1 << 16):
                pass
            return response.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def post(self, content_type: str, body: bytes, **headers: str) -> int:
        """Post a body to `/locate`; return the status."""
        return self.send("POST", "/locate", body, **{"Content-Type": content_type} | headers)

    def wide_table(self, number: int) -> int:
        """Ten thousand short rows below a header of 20,000 columns."""
        return self.post("text/csv", b"lat,lon" + b"," * 19_998 + b"\n" + b"0\n" * 10_000)

    def many_items(self, number: int) -> int:
        """Sixteen megabytes of the smallest items."""
        return self.post("application/json", b'{"points":[' + b'{"":0},' * 2_300_000 + b'{"":0}]}')

    def nested_id(self, number: int) -> int:
        """An id that is nested 300 deep."""
        nested = "[" * 300 + "]" * 300
        return self.post("application/json", f'{{"points":[{{"id":{nested},"lon":-79,"lat":43}}]}}'.encode())

    def compressed_body(self, number: int) -> int:
        """A gigabyte of zeros in a megabyte."""
        return self.post("application/json", self._gigabyte_of_zeros, **{"Content-Encoding": "gzip"})

    def slow_body(self, number: int) -> int:
        """A body of 100 kB at 2.2 kB/s."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=60) as connected:
            connected.sendall(_HEAD % 100_000)
            for _ in range(45):
                if self.stopped.is_set():
                    break
                connected.sendall(b" " * 2_200)
                time.sleep(1)
            return _status(connected.recv(100))
        return 0

    def slow_reader(self, number: int) -> int:
        """A response of megabytes, read at 2.4 kB/s for a minute."""
        points = json.dumps({"points": [[-79.6, 43.5]] * 20_000}).encode()
        with contextlib.suppress(OSError), socket.socket() as connected:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connected.settimeout(60)
            connected.connect(("127.0.0.1", self.port))
            connected.sendall(_HEAD % len(points) + points)
            status = _status(connected.recv(2_400))
            for _ in range(60):
                if self.stopped.is_set() or not connected.recv(2_400):
                    break
                time.sleep(1)
            return status
        return 0

    def cache_sweep(self, number: int) -> int:
        """A body of the response cache that was not requested before."""
        paths = (f"/tiles/fsa/14/{number % 16_384}/{number // 16_384}.mvt", f"/health-regions?limit=1&offset={number}")
        return self.send("GET", paths[number % 2])

    def click(self, number: int) -> int:
        """A single position, as a click on the map sends it."""
        time.sleep(0.1)
        return self.post("application/json", b'{"points": [[-79.6, 43.5]]}')

    def repeat(self, name: str) -> None:
        """Repeat an attack until `stopped`."""
        number = 0
        while not self.stopped.is_set():
            number += 1
            status = getattr(self, name)(number)
            self.statuses[name, status] += 1
            if status in (0, 503):
                time.sleep(1)


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


# Attacks with the number of clients that repeat each of them.
_ATTACKS = {
    "wide_table": 1,
    "many_items": 1,
    "nested_id": 1,
    "compressed_body": 1,
    "slow_body": 6,
    "slow_reader": 80,
    "cache_sweep": 2,
    "click": 2,
}


def attack(fleet: Fleet, minutes: float) -> bool:
    """Run the attacks. Return True if memory is flat, no process was lost, no response was a 500, and every click got 200."""
    attackers = Attackers(fleet.ports[0])
    print("at rest", resident_mb(fleet), flush=True)
    clients = [
        threading.Thread(target=attackers.repeat, args=(name,)) for name, count in _ATTACKS.items() for _ in range(count)
    ]
    for client in clients:
        client.start()
    flat = watch(fleet, minutes, lambda: _by_attack(attackers.statuses))
    attackers.stopped.set()
    for client in clients:
        client.join()
    print(_by_attack(attackers.statuses))
    clicks = {status for name, status in attackers.statuses if name == "click"}
    return flat and clicks == {200} and not any(status == 500 for _, status in attackers.statuses)


def _by_attack(statuses: Counter[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {status or 'closed'}: {count:,}" for (name, status), count in sorted(statuses.items()))


def watch(fleet: Fleet, minutes: float, progress: Callable[[], object]) -> bool:
    """Print memory and progress every half minute. Return True if the second half added less than 10 % to each process."""
    samples: list[dict[int, float]] = []
    for _ in range(round(minutes * 2)):
        time.sleep(30)
        samples.append(resident_mb(fleet))
        print(f"{len(samples) / 2:5.1f} min  {samples[-1]} MB  {progress()}", flush=True)
    middle, last = samples[len(samples) // 2], samples[-1]
    growth = {pid: last[pid] / middle[pid] - 1 for pid in last if pid in middle}
    print(f"the second half added {', '.join(f'{ratio:+.1%}' for ratio in growth.values())}")
    return len(growth) == 2 and max(growth.values()) < 0.1


def soak(fleet: Fleet, minutes: float) -> bool:
    """Run the test. Return True if memory grew by less than 10 % in the second half and no response was a 500."""
    stopped, statuses = threading.Event(), Counter[int]()
    clients = [threading.Thread(target=send_requests, args=(fleet.ports[0], seed, stopped, statuses)) for seed in range(6)]
    for client in clients:
        client.start()
    flat = watch(fleet, minutes, lambda: dict(statuses))
    stopped.set()
    for client in clients:
        client.join()
    print(f"{sum(statuses.values()):,} requests")
    return flat and not statuses[500]


def main() -> int:
    """Run the test. Return 1 if memory grew, a process ended or a response was a 500."""
    parser = argparse.ArgumentParser(description="Soak test of memory.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--hostile", action="store_true", help="attacks instead of requests that differ")
    options = parser.parse_args()
    ended_in_order()
    with Fleet(webs=1, standby=False, pooler=False, proxy=False, settings={"WEB_WORKERS": "2", "WEB_THREADS": "4"}) as fleet:
        fleet.prepare("shell", "-v0", "-c", "from tests.support import demo_regions as world; world.build()")
        fleet.prepare("draw_tiles", "-v0")
        fleet.serve()
        return 0 if (attack if options.hostile else soak)(fleet, options.minutes) else 1


if __name__ == "__main__":
    raise SystemExit(main())

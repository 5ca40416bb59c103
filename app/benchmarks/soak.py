"""Soak test: memory of a server under requests that all differ.

    cd app && ../.venv/bin/python -m benchmarks.soak --minutes 10

Runs a server as bin/serve does, with the demonstration regions of the tests in a private PostgreSQL, on loopback. The requests
have positions in the whole world, random names, codes and parameters, all vintages and languages, tiles, files, valid, broken
and large bodies, unknown methods and headers. Prints each process's memory every half minute and the growth in the second half.
"""

import argparse
import http.client
import json
import random
import threading
import time
from collections import Counter

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


def soak(fleet: Fleet, minutes: float) -> bool:
    """Run the test. Return True if memory grew by less than 10 % in the second half and no response was a 500."""
    stopped, statuses = threading.Event(), Counter[int]()
    clients = [threading.Thread(target=send_requests, args=(fleet.ports[0], seed, stopped, statuses)) for seed in range(6)]
    for client in clients:
        client.start()
    samples: list[dict[int, float]] = []
    for _ in range(round(minutes * 2)):
        time.sleep(30)
        samples.append(resident_mb(fleet))
        print(f"{len(samples) / 2:5.1f} min  {samples[-1]} MB  {dict(statuses)}", flush=True)
    stopped.set()
    for client in clients:
        client.join()
    middle, last = samples[len(samples) // 2], samples[-1]
    growth = {pid: last[pid] / middle[pid] - 1 for pid in last if pid in middle}
    growths = ", ".join(f"{ratio:+.1%}" for ratio in growth.values())
    print(f"{sum(statuses.values()):,} requests; the second half added {growths}")
    return len(growth) == 2 and max(growth.values()) < 0.1 and not statuses[500]


def main() -> int:
    """Run the test. Return 1 if memory grew, a process ended or a response was a 500."""
    parser = argparse.ArgumentParser(description="Soak test of memory.")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    ended_in_order()
    with Fleet(webs=1, standby=False, pooler=False, proxy=False, settings={"WEB_WORKERS": "2", "WEB_THREADS": "4"}) as fleet:
        fleet.prepare("shell", "-v0", "-c", "from tests.support import demo_regions as world; world.build()")
        fleet.serve()
        return 0 if soak(fleet, options.minutes) else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Soak test: memory of a server while every request differs from the last.

    cd app && ../.venv/bin/python -m benchmarks.soak --minutes 10

A server as bin/serve runs it, over the tiny world of the tests in a PostgreSQL of its own, on loopback. Asked are places all
over the world, names, codes and parameters made up, every edition and language, tiles, files, bodies good, broken and large,
methods and headers that nobody has. Shown is each process's memory, every half minute, and how much the second half added.
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
    """Return method, path, body and headers of something to ask."""
    number = chance.getrandbits(40)
    headers = {
        "Accept-Language": chance.choice(("fr", "en", f"x{number}")),
        "Accept-Encoding": chance.choice(("gzip", "br", "zstd", "")),
        "X-Request-ID": str(number),
        "If-None-Match": f'"{number}"',
    }
    how = chance.random()
    if how < 0.45:
        # Most lie in the tiny world, near 43.5° N, 79.7° W.
        lat, lon = 43.5 + chance.gauss(0, 0.1), -79.6 + chance.gauss(0, 0.2)
        return "GET", f"/locate?lat={lat}&lon={lon}&accuracy={chance.randrange(5_000)}", None, headers
    if how < 0.55:
        points = [[-79.6 + chance.gauss(0, 0.2), 43.5 + chance.gauss(0, 0.1)] for _ in range(chance.choice((1, 100, 20_000)))]
        return "POST", "/locate", json.dumps({"points": points}).encode(), headers | {"Content-Type": "application/json"}
    if how < 0.65:
        kind = chance.choice(("application/json", "text/csv", f"a/b{number}"))
        return (
            "POST",
            chance.choice(("/locate", "/fsa")),
            chance.randbytes(chance.randrange(50_000)),
            headers | {"Content-Type": kind},
        )
    if how < 0.7:
        return chance.choice(("PUT", "OPTIONS", "HEAD", f"M{number}")), f"/{number}", None, headers
    if how < 0.8:
        zoom = chance.randrange(15)
        place = f"{zoom}/{chance.randrange(1 << zoom)}/{chance.randrange(1 << zoom)}"
        return "GET", f"/tiles/{chance.choice(('fsa', 'health-regions'))}/{place}.mvt", None, headers
    path = chance.choice(_PATHS).format(chance.choice((number, "3501", "M1A", "fsa")))
    values = (number, "3501", "en", "fr", "2022", "2018", "2021-01-01", "low", "full", "-80,43,-79,44", "ON", 1, "é" * 50)
    query = "&".join(
        f"{chance.choice(_NAMES).format(number)}={chance.choice(values)}" for _ in range(chance.choice((0, 0, 1, 1, 2, 5)))
    )
    return "GET", f"/{path}?{query}".replace("é", "%C3%A9"), None, headers


def ask(port: int, seed: int, stopped: threading.Event, seen: Counter[int]) -> None:
    """Ask one thing after the other; statuses are counted, 0 for none."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    while not stopped.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(*request(chance))
            answer = connection.getresponse()
            answer.read()
            seen[answer.status] += 1
        except (OSError, http.client.HTTPException):
            seen[0] += 1
        finally:
            connection.close()


def soak(fleet: Fleet, minutes: float) -> bool:
    """Ask for so long and say what memory did; True where the second half added less than a tenth and nothing was a 500."""
    stopped, seen = threading.Event(), Counter[int]()
    clients = [threading.Thread(target=ask, args=(fleet.ports[0], seed, stopped, seen)) for seed in range(6)]
    for client in clients:
        client.start()
    lines: list[dict[int, float]] = []
    for _ in range(round(minutes * 2)):
        time.sleep(30)
        lines.append(resident_mb(fleet))
        print(f"{len(lines) / 2:5.1f} min  {lines[-1]} MB  {dict(seen)}", flush=True)
    stopped.set()
    for client in clients:
        client.join()
    half, last = lines[len(lines) // 2], lines[-1]
    grown = {pid: last[pid] / half[pid] - 1 for pid in last if pid in half}
    print(f"{sum(seen.values()):,} requests; the second half added {', '.join(f'{client:+.1%}' for client in grown.values())}")
    return len(grown) == 2 and max(grown.values()) < 0.1 and not seen[500]


def main() -> int:
    """Measure and print; 1 where memory grows, a process was lost or something was answered with 500."""
    parser = argparse.ArgumentParser(description="Whether memory stays bounded.")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    ended_in_order()
    with Fleet(webs=1, standby=False, pooler=False, proxy=False, settings={"WEB_WORKERS": "2", "WEB_THREADS": "4"}) as fleet:
        fleet.prepare("shell", "-v0", "-c", "from tests.support import demo_regions as world; world.build()")
        fleet.serve()
        return 0 if soak(fleet, options.minutes) else 1


if __name__ == "__main__":
    raise SystemExit(main())

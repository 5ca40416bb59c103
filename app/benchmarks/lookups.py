"""Benchmark of lookups, compared with an empty view and bare SQL in the same run.

    cd app && python benchmarks/lookups.py [--seconds 4] [--rounds 5]

Needs wrk, and official boundaries of both coverages in the database. All servers are granian as in bin/serve, with two workers.
Each round measures every variant; the output has the median of the rounds and the ratio to the empty view of the same round.
The positions are independent of boundary files: towns, meridians and parallels that are borders, positions at sea and in the
north.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

APP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(APP))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from benchmarks.bare import bare
from benchmarks.wrk import wrk
from geography.coordinates import LonLat
from geography.lookup.postgis import PostgisLocator
from geography.lookup.types import Search
from geography.vintages.resolve import vintage_in_force

TOWNS = [
    (43.65, -79.38),
    (45.50, -73.57),
    (49.28, -123.12),
    (51.05, -114.07),
    (53.55, -113.49),
    (45.42, -75.70),
    (49.90, -97.14),
]
TOWNS += [
    (46.81, -71.21),
    (43.26, -79.87),
    (42.98, -81.25),
    (44.65, -63.58),
    (50.45, -104.61),
    (52.13, -106.67),
    (48.43, -123.37),
]
# Offsets from a town's centre in degrees, up to 4 km in each direction.
OFFSETS = [(north * 0.012, east * 0.017) for north in range(-3, 4) for east in range(-3, 4)]
STRATA: dict[str, list[tuple[float, float]]] = {
    "city": [(lat + north, lon + east) for lat, lon in TOWNS for north, east in OFFSETS],
    # Alberta and Saskatchewan meet at 110 degrees west, provinces and territories at 60 north; 0.001 degrees are 60 to 110 m.
    "border": [(49.05 + step * 0.05, -110 + side) for step in range(200) for side in (-0.001, 0.001)]
    + [(60 + side, -119.5 + step * 0.1) for step in range(170) for side in (-0.001, 0.001)],
    "coast": [(44.0 + step * 0.05, -63.0 + step * 0.09) for step in range(60)]
    + [(48.5 + step * 0.05, -123.5 - step * 0.07) for step in range(60)]
    + [(47.0 + step * 0.03, -61.5 + step * 0.06) for step in range(60)],
    "far north": [(62.0 + step * 0.1, -130.0 + step * 0.3) for step in range(180)],
}


@contextmanager
def server(port: int, **environment: str) -> Iterator[str]:
    """Run a server on this database; yield its address after a warm-up."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "2"]
    command += ["--blocking-threads", "4", "--no-ws", "--no-access-log", "--log-level", "error", "config.wsgi:application"]
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.floor", "COVIDTRENDS_GEO_ROLE": "web"}
    with subprocess.Popen(command, cwd=APP, env=os.environ | settings | environment, stderr=subprocess.DEVNULL) as process:
        try:
            time.sleep(3)
            for _ in range(100):
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                    connection.request("GET", "/empty")
                    if connection.getresponse().status == 200:
                        break
                except OSError:
                    time.sleep(0.2)
            time.sleep(8)  # loading of the in-memory indexes
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def sql_lookup(positions: list[LonLat]) -> Callable[[], object]:
    """Return a function that looks up the next of the positions with one statement for each vintage."""
    next_positions = itertools.cycle(positions)
    searches = [
        (PostgisLocator(vintage_in_force(coverage="health-regions")), Search(2.0, 5_000.0, border=True)),
        (PostgisLocator(vintage_in_force(coverage="fsa")), Search(2.0, 5_000.0)),
    ]

    def look_up() -> object:
        position = next(next_positions)
        return [locator.locate([position], search) for locator, search in searches]

    return look_up


def bulk(address: str, points: list[tuple[float, float]], accept: str) -> float:
    """Return points/s of four clients that each post fifty thousand points three times.

    A process accepts two bulk requests at a time; a client retries after a 503, possibly at the other process.
    """
    body = json.dumps({"points": [(lon, lat) for lat, lon in itertools.islice(itertools.cycle(points), 50_000)]})
    completed: list[int] = []

    def post() -> bool:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=300)
        connection.request("POST", "/locate", body, {"Content-Type": "application/json", "Accept": accept})
        answer = connection.getresponse()
        assert answer.status in (200, 503), answer.read(300)
        while answer.read(1 << 20):
            pass
        connection.close()
        return answer.status == 200

    def client() -> None:
        for _ in range(3):
            while not post():
                time.sleep(0.05)
            completed.append(50_000)

    threads = [Thread(target=client) for _ in range(4)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(completed) / (time.monotonic() - started)


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=8990)
    options = parser.parse_args()
    for coverage in ("health-regions", "fsa"):
        print(f"{vintage_in_force(coverage=coverage)}: {vintage_in_force(coverage=coverage).region_count} regions")
    paths_by_stratum = {
        name: [f"/locate?lat={lat:.6f}&lon={lon:.6f}" for lat, lon in points] for name, points in STRATA.items()
    }
    rows: dict[str, list[dict[str, float]]] = {}

    def add(name: str, figures: dict[str, float], floor: float) -> None:
        rows.setdefault(name, []).append(figures | {"ratio": figures["rate"] / floor})

    with server(options.port) as address, server(options.port + 1, FLOOR_BARE="1") as plain:
        for name, paths in paths_by_stratum.items():  # warm-up: first responses are slower
            wrk(address, paths, 2)
            add(f"{name}, first answers", wrk(address, paths, 1), 1)
        rows.clear()
        for _ in range(options.rounds):
            floor = wrk(address, ["/empty"], options.seconds)
            add("empty view", floor, floor["rate"])
            add("empty view, no middleware", wrk(plain, ["/empty"], options.seconds), floor["rate"])
            for name, paths in paths_by_stratum.items():
                add(f"/locate {name}", wrk(address, paths, options.seconds), floor["rate"])
            accurate = [f"{path}&accuracy=35" for path in paths_by_stratum["city"]]
            add("/locate city, accuracy=35", wrk(address, accurate, options.seconds), floor["rate"])
            for name in ("city", "border"):
                positions = [LonLat(lon, lat) for lat, lon in STRATA[name]]
                add(f"bare SQL {name}", {"rate": bare(sql_lookup(positions), options.seconds)}, floor["rate"])
            for name in ("city", "far north"):
                for accept in ("application/json", "text/csv"):
                    add(f"POST {name}, {accept}, points/s", {"rate": bulk(address, STRATA[name], accept)}, floor["rate"])
    print(f"{'':44} {'per s':>10} {'ratio':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for name, rounds in rows.items():
        medians = {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}
        times = " ".join(f"{medians[key]:8.2f}" if key in medians else " " * 8 for key in ("p50", "p95", "p99"))
        print(f"{name:44} {medians['rate']:10,.0f} {medians['ratio']:7.2f} {times}")


if __name__ == "__main__":
    main()

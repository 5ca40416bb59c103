"""Benchmark of one and two web servers behind nginx, with a primary, a standby and PgBouncer, on one machine.

    bin/scale [--seconds 10] [--rounds 3]

Two servers on a machine share its processors, so the relevant figure is the CPU time of each part for a request
(docs/scaling.md). The output has the median of the rounds and, at the end, the time until every server shows a publication on
the primary. Uses the embedded demonstration; needs wrk.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.wrk import wrk
from tests.support.cluster import Cluster
from tests.support.fleet import Fleet, ended_in_order, wait_for
from tests.support.request_mix import TOWNS

_OFFSETS = [(north * 0.012, east * 0.017) for north, east in itertools.product(range(-3, 4), repeat=2)]
PATHS = {
    "lookup": [f"/locate?lat={lat + north:.5f}&lon={lon + east:.5f}" for lat, lon in TOWNS for north, east in _OFFSETS],
    "layer, low": ["/health-regions?detail=low&limit=200"],
    "tile": ["/tiles/health-regions/4/4/5.mvt", "/tiles/health-regions/5/9/11.mvt", "/tiles/fsa/5/9/11.mvt"],
    "FSA": [f"/fsa/{code}?detail=none" for code in ("K0A", "M5V", "H2X", "V6B", "T2P", "B3H")],
}


def processor_time(pids: list[int]) -> float:
    """Return the CPU time in seconds of the processes and their descendants."""
    total, tick = 0.0, os.sysconf("SC_CLK_TCK")
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        except OSError:
            continue
        # Includes children that have ended, such as connections of PostgreSQL.
        total += sum(int(field) for field in fields[11:15]) / tick + processor_time([int(child) for child in children])
    return total


def parts(fleet: Fleet) -> dict[str, list[int]]:
    """Return the process ids of each part of the fleet."""

    def first(cluster: Cluster | None) -> list[int]:
        return [] if cluster is None else [int((cluster.folder / "postmaster.pid").read_text("ascii").splitlines()[0])]

    pooler, proxy = (process.pid for process in fleet.others)
    return {
        "web": [web.pid for web in fleet.webs],
        "nginx": [proxy],
        "PgBouncer": [pooler],
        "primary": first(fleet.primary),
        "standby": first(fleet.standby),
    }


def measured(fleet: Fleet, paths: list[str], seconds: int) -> dict[str, float]:
    """Return the figures of wrk, and the CPU time of each part for a request in milliseconds."""
    pids = parts(fleet)
    before = {part: processor_time(processes) for part, processes in pids.items()}
    figures = wrk(fleet.address, paths, seconds, connections=16)
    used = {part: processor_time(processes) - before[part] for part, processes in pids.items()}
    return figures | {part: seconds_used / figures["count"] * 1000 for part, seconds_used in used.items()}


def publication_delay_s(fleet: Fleet) -> float:
    """Publish on the primary, and return the seconds until every server shows the publication."""
    before = fleet.primary.sql("select max(published_at) from vintage", "covidtrends_geo")
    # Same effect as a publication, in one statement, so that the start of a process does not count.
    fleet.primary.sql(
        "update vintage set label = 'published anew', published_at = now() where id = (select max(id) from vintage)",
        "covidtrends_geo",
    )
    started = time.monotonic()
    assert before
    for port in fleet.ports:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/vintages")
            labels = [vintage["label"] for vintage in json.loads(connection.getresponse().read())["vintages"]]
            connection.close()
            if "published anew" in labels:
                break
            time.sleep(0.01)
    return time.monotonic() - started


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ended_in_order()
    columns = ("rate", "p50", "p99", "web", "nginx", "PgBouncer", "primary", "standby")
    print(f"{'':32} {'per s':>8} {'p50 ms':>8} {'p99 ms':>8}   ms of processor: web, nginx, PgBouncer, primary, standby")
    with Fleet(webs=2, settings={"WEB_WORKERS": "1"}) as fleet:
        fleet.prepare("load_boundaries", "--embedded", "--no-downloads")
        fleet.serve()
        for webs in (2, 1):
            if webs == 1:
                fleet.kill_web(1)
            for paths in PATHS.values():
                wrk(fleet.address, paths, 3)  # warm-up: fills the response cache and the indexes
            time.sleep(5)
            rows: dict[str, list[dict[str, float]]] = {name: [] for name in PATHS}
            for _ in range(options.rounds):
                for name, paths in PATHS.items():
                    rows[name].append(measured(fleet, paths, options.seconds))
            for name, rounds in rows.items():
                rate, *times = (statistics.median(figures[column] for figures in rounds) for column in columns)
                print(f"{webs} web, {name:25} {rate:8,.0f} " + " ".join(f"{median:8.3f}" for median in times), flush=True)
        fleet.webs[1] = fleet.start_web(1)
        wait_for(f"http://127.0.0.1:{fleet.ports[1]}/readyz")
        print(f"a publication is seen everywhere after {publication_delay_s(fleet):.2f} s")


if __name__ == "__main__":
    main()

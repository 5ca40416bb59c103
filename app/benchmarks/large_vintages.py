"""Benchmark of lookups with large vintages in force beside a server with small ones: rate, latency, processor time, memory.

    cd app && python -m benchmarks.large_vintages POSTALCODES.db LARGE.env SMALL.env [--workers 1 4] [--rounds 5]

Each .env file has the settings of one database and its downloads, one NAME=value a line (DB_NAME, DOWNLOADS_DIR,
GEODATA_CACHE). POSTALCODES.db as in `benchmarks.lookup_files`. Needs wrk. For each number of workers, a server on each database
answers the same positions in turns, so that other programs on the machine slow both. The output has the medians of the rounds,
and the ratio of the large to the small of the same round. The first requests, whose squares no cache has, are measured with new
servers in each round, the large and the small one first in turn. Memory: private pages (Private_Dirty of smaps) and
proportional share (Pss) of each worker after 40,000 positions, which have more squares than a cache.
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lookup_files import positions
from benchmarks.wrk import wrk

APP = Path(__file__).resolve().parent.parent
_POSITIONS, _MANY_POSITIONS = 8_000, 40_000
_START_S = 120
# For each worker: until its caches have most of the positions.
_WARM_UP_ROUNDS = 3
# Until the caches are full.
_FILL_S = 60
Servers = dict[str, tuple[int, subprocess.Popen[bytes]]]
Rounds = dict[str, list[dict[str, float]]]


def settings_of(path: Path) -> dict[str, str]:
    """Return the settings of a file by name."""
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


@contextmanager
def server(port: int, workers: int, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server as bin/serve does; yield its process when it answers."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", str(workers)]
    command += ["--blocking-threads", "4", "--no-ws", "--no-access-log", "--log-level", "error", "config.wsgi:application"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "COVIDTRENDS_GEO_ROLE": "web"} | settings
    with subprocess.Popen(command, cwd=APP, env=environment) as process:
        try:
            for _ in range(_START_S * 5):
                if readiness(port) == 200:
                    break
                time.sleep(0.2)
            else:
                raise TimeoutError(f"the server on port {port} is not ready")
            yield process
        finally:
            process.terminate()


def readiness(port: int) -> int:
    """Return the status of /readyz, 0 while nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the process ids of a server's workers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in children.split() if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def memory_mb(pid: int) -> tuple[float, float]:
    """Return the private dirty pages and the proportional share of a process, in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    dirty, share = (int(re.findall(rf"^{name}: +(\d+) kB", text, re.MULTILINE)[0]) / 1024 for name in ("Private_Dirty", "Pss"))
    return dirty, share


def cpu_s(pids: list[int]) -> float:
    """Return the processor time of processes in seconds."""
    stats = (Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for pid in pids)
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")


def measured(port: int, process: subprocess.Popen[bytes], paths: list[str], seconds: int) -> dict[str, float]:
    """Return rate, p50 and milliseconds of the workers' processor time for a request."""
    pids = workers_of(process)
    before = cpu_s(pids)
    figures = wrk(f"http://127.0.0.1:{port}", paths, seconds, connections=4)
    return {
        "rate": figures["rate"],
        "p50": figures["p50"],
        "cpu_ms": (cpu_s(workers_of(process)) - before) / figures["count"] * 1e3,
    }


def medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {key: round(statistics.median(figures[key] for figures in rounds), 3) for key in rounds[0]}


@contextmanager
def servers(options: argparse.Namespace, workers: int) -> Iterator[Servers]:
    """Run both servers; yield port and process of each by name."""
    with (
        server(options.port, workers, settings_of(options.large)) as large,
        server(options.port + 1, workers, settings_of(options.small)) as small,
    ):
        yield {"large": (options.port, large), "small": (options.port + 1, small)}


def first_requests(options: argparse.Namespace, workers: int, paths: list[str]) -> Rounds:
    """Return the figures of requests to servers that have just been started."""
    rounds: Rounds = {"large": [], "small": []}
    for number in range(options.rounds):
        with servers(options, workers) as running:
            for name in sorted(running, reverse=number % 2 == 1):
                rounds[name].append(measured(*running[name], paths, options.seconds))
    return rounds


def repeated_requests(running: Servers, options: argparse.Namespace, workers: int, paths: list[str]) -> Rounds:
    """Return the figures of requests whose squares the caches of all workers have."""
    for _ in range(_WARM_UP_ROUNDS * workers):
        for port, process in running.values():
            measured(port, process, paths, options.seconds)
    rounds: Rounds = {"large": [], "small": []}
    for _ in range(options.rounds):
        for name, (port, process) in running.items():
            rounds[name].append(measured(port, process, paths, options.seconds))
    return rounds


def show(what: str, workers: int, rounds: Rounds) -> None:
    """Print the medians of each server and of the ratios of a round."""
    ratios = [{key: a[key] / b[key] for key in a} for a, b in zip(rounds["large"], rounds["small"], strict=True)]
    for name, figures in {**rounds, "large to small": ratios}.items():
        print(json.dumps({"requests": what, "workers": workers, "vintages": name, **medians(figures)}), flush=True)


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("postal_codes", type=Path)
    parser.add_argument("large", type=Path)
    parser.add_argument("small", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8990)
    options = parser.parse_args()
    table = positions(options.postal_codes, _MANY_POSITIONS)
    pairs = zip(table["lat"].to_pylist(), table["lon"].to_pylist(), strict=True)
    many = [f"/locate?lat={lat}&lon={lon}" for lat, lon in pairs]
    paths = many[:_POSITIONS]
    for workers in options.workers:
        show("first", workers, first_requests(options, workers, paths))
        with servers(options, workers) as running:
            show("repeated", workers, repeated_requests(running, options, workers, paths))
            for name, (port, process) in running.items():
                # Long enough that each worker gets most of the positions.
                wrk(f"http://127.0.0.1:{port}", many, _FILL_S, connections=4 * workers)
                memory = [memory_mb(pid) for pid in workers_of(process)]
                private, share = ([round(pair[index]) for pair in memory] for index in (0, 1))
                print(json.dumps({"workers": workers, "vintages": name, "private_mb": private, "pss_mb": share}), flush=True)
    print(json.dumps({"load": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    main()

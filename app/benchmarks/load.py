"""A server under the mix of questions that people ask, for as long as you like, with a fault every minute or without.

    bin/scale load [--minutes 30] [--clients 8] [--faults]

70 % lookups, 15 % layers, 10 % tiles, 5 % bulk (500 positions each), over the embedded demonstration, at granian as bin/serve
runs it, with two workers, on a PostgreSQL of its own; loopback only. Faults, in turn: a worker is killed, the database is
stopped as if it had crashed and started again after two seconds, the server is told to start its workers anew. Shown are rates,
times, what was refused (503 with Retry-After) and what failed, and each worker's memory over time.
"""

import argparse
import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from multiprocessing import Event, Process, Queue
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fleet import Fleet, ended_in_order
from benchmarks.mix import SHARES, Client, Seen, percentile


def workers(web: "subprocess.Popen[bytes]") -> list[int]:
    """Return the numbers of a server's processes that answer."""
    children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text(encoding="ascii").split()
    found = []
    for pid in children:
        with contextlib.suppress(OSError):
            if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found


def kill_a_worker(fleet: Fleet) -> None:
    """Kill one of the processes that answer."""
    os.kill(workers(fleet.webs[0])[0], signal.SIGKILL)


def crash_the_database(fleet: Fleet) -> None:
    """Let the database be away for two seconds."""
    fleet.primary.stop("immediate")
    time.sleep(2)
    fleet.primary.start()


def reload(fleet: Fleet) -> None:
    """Tell the server to start its processes anew."""
    fleet.webs[0].send_signal(signal.SIGHUP)


FAULTS: tuple[Callable[[Fleet], None], ...] = (kill_a_worker, crash_the_database, reload)


def resident_mb(fleet: Fleet) -> dict[int, float]:
    """Return the memory of each process that answers."""
    page, found = os.sysconf("SC_PAGE_SIZE") / 2**20, {}
    for pid in workers(fleet.webs[0]):
        with contextlib.suppress(OSError):
            found[pid] = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * page
    return found


def _clients(port: int, seeds: list[int], stop: Any, told: Any) -> None:
    clients = [Client(port, seed, stop.is_set) for seed in seeds]
    for client in clients:
        client.start()
    total = Seen()
    for client in clients:
        client.join()
        total.add(client.seen)
    told.put(total)


def run(
    fleet: Fleet, *, seconds: float, clients: int, faults: Iterator[Callable[[Fleet], None]] | None, every_s: float = 60
) -> Seen:
    """Ask for so long, with a fault every so often, and return what was answered."""
    stop, told = Event(), Queue()  # type: ignore[var-annotated]
    port = int(fleet.address.rpartition(":")[2])
    # Two processes, so that the clients are not what is slow.
    asking = [Process(target=_clients, args=(port, list(range(first, clients, 2)), stop, told)) for first in range(2)]
    for process in asking:
        process.start()
    started = time.monotonic()
    next_fault, next_line = every_s / 2, 0.0
    while (elapsed := time.monotonic() - started) < seconds:
        if elapsed >= next_line:
            next_line += 30
            memory = " ".join(f"{pid}: {mb:.0f} MB" for pid, mb in resident_mb(fleet).items())
            print(f"{elapsed:6.0f} s  {memory}", flush=True)
        if faults is not None and elapsed >= next_fault:
            next_fault += every_s
            fault = next(faults)
            print(f"{elapsed:6.0f} s  {fault.__name__}", flush=True)
            fault(fleet)
        time.sleep(0.2)
    stop.set()
    total = Seen()
    for _ in asking:
        total.add(told.get(timeout=120))
    for process in asking:
        process.join()
    return total


def report(seen: Seen, seconds: float) -> None:
    """Print it."""
    print(f"\n{'':8} {'answers':>9} {'per s':>8} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9} {'most ms':>8}")
    everything = list(itertools.chain.from_iterable(seen.milliseconds.values()))
    for kind, some in [*seen.milliseconds.items(), ("all", everything)]:
        times = [percentile(some, share) for share in (0.5, 0.99, 0.999, 1.0)]
        print(f"{kind:8} {len(some):9,} {len(some) / seconds:8.1f} " + " ".join(f"{one:8.1f}" for one in times))
    for name, counts in (("refused, with Retry-After", seen.refused), ("failed", seen.failed)):
        print(f"{name}: {', '.join(f'{kind} {what} {count:,}' for (kind, what), count in sorted(counts.items())) or 'none'}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    ended_in_order()
    with Fleet(webs=1, standby=False, pooler=False, proxy=False, settings={"WEB_WORKERS": "2"}) as fleet:
        fleet.prepare("load_boundaries", "--embedded", "--no-downloads")
        fleet.serve()
        faults = itertools.cycle(FAULTS) if options.faults else None
        print(
            f"{SHARES}, {options.clients} clients, {options.minutes:g} minutes, {'a fault a minute' if faults else 'no faults'}"
        )
        seconds = options.minutes * 60
        seen = run(fleet, seconds=seconds, clients=options.clients, faults=faults)
        report(seen, seconds)
        with urllib.request.urlopen(f"{fleet.address}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        for line in re.findall(r"^geo_problems_total.*|^geo_cache_requests_total.*", text, re.MULTILINE):
            print(line)


if __name__ == "__main__":
    main()

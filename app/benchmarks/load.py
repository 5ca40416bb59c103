"""A server under the mix of questions that people ask, for as long as you like, with a fault every minute or without.

    bin/scale load [--minutes 30] [--clients 8] [--faults [--every 60] [--only NAME]]

70 % lookups, 15 % layers, 10 % tiles, 5 % bulk (500 positions each), over the embedded demonstration, at granian as bin/serve
runs it, with two workers, on a PostgreSQL of its own; loopback only. Faults, in turn (benchmarks.trouble): a worker is killed,
the database crashes, it ends all sessions, an edition is taken back and published again, the server starts its workers anew,
tables are locked, the cache goes. Shown are rates, times, what was refused and what failed, each worker's memory over time, and
how long each fault could be felt after its end.
"""

import argparse
import contextlib
import itertools
import os
import re
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import Event, Process, Queue
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.trouble import FAULTS, Window, happen, within, workers
from tests.support.fleet import Fleet, ended_in_order
from tests.support.request_mix import SHARES, Client, Seen, percentile

# Refused for its number and not because something fails: BULK_AT_ONCE.
LIMIT = "too-many-at-once"
# A refusal that takes longer has kept somebody waiting for nothing.
REFUSED_WITHIN_S = 1.0


def resident_mb(fleet: Fleet) -> dict[int, float]:
    """Return the memory of each process that answers."""
    page, result = os.sysconf("SC_PAGE_SIZE") / 2**20, {}
    for pid in workers(fleet.webs[0]):
        with contextlib.suppress(OSError):
            result[pid] = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * page
    return result


def _clients(port: int, seeds: list[int], stop: Any, details: Any) -> None:
    clients = [Client(port, seed, stop.is_set) for seed in seeds]
    for client in clients:
        client.start()
    total = Seen()
    for client in clients:
        client.join()
        total.add(client.seen)
    details.put(total)


def run(
    fleet: Fleet, *, seconds: float, clients: int, faults: Iterator[Callable[[Fleet], None]] | None, every_s: float = 60
) -> tuple[Seen, list[Window]]:
    """Ask for so long, with a fault every so often, and return what was answered and what went wrong."""
    stop, details = Event(), Queue()  # type: ignore[var-annotated]
    port = int(fleet.address.rpartition(":")[2])
    # Two processes, so that the clients are not what is slow.
    asking = [
        Process(target=_clients, args=(port, list(range(first, clients, 2)), stop, details), daemon=True) for first in range(2)
    ]
    for process in asking:
        process.start()
    started = time.monotonic()
    next_fault, next_line = every_s / 2, 0.0
    windows: list[Window] = []
    processes = len(workers(fleet.webs[0]))
    while (elapsed := time.monotonic() - started) < seconds:
        if elapsed >= next_line:
            next_line += 30
            memory = " ".join(f"{pid}: {mb:.0f} MB" for pid, mb in resident_mb(fleet).items())
            print(f"{elapsed:6.0f} s  {memory}", flush=True)
        # Not so late that the end is no time to recover.
        if faults is not None and elapsed >= next_fault and seconds - elapsed > every_s / 3:
            next_fault += every_s
            fault = next(faults)
            print(f"{elapsed:6.0f} s  {fault.__name__}", flush=True)
            windows.append(happen(fault, fleet, port, processes))
            print(f"{time.monotonic() - started:6.0f} s  {_recovery(windows[-1])}", flush=True)
        time.sleep(0.2)
    stop.set()
    total = Seen()
    for _ in asking:
        total.add(details.get(timeout=120))
    for process in asking:
        process.join()
    return total, windows


def _recovery(window: Window) -> str:
    took = "not within 30 s" if window.recovery_s is None else f"{window.recovery_s:.1f} s after its end"
    return f"{window.name}: {window.ended - window.began:.1f} s long, everything answered {took}"


def judged(seen: Seen, windows: list[Window]) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return what was refused and what failed, by kind and what it was.

    A refusal is one in a fault's window, or of the limit for bulk requests, and comes within a second. Any other has failed.
    """
    refused: Counter[tuple[str, str]] = Counter()
    failed = Counter(seen.failed)
    for item in seen.refused:
        if item.took_s > REFUSED_WITHIN_S:
            failed[item.kind, f"{item.problem} (slow)"] += 1
        elif item.problem == LIMIT or within(windows, item.at, item.at + item.took_s):
            refused[item.kind, item.problem] += 1
        else:
            failed[item.kind, f"{item.problem} (without a fault)"] += 1
    return refused, failed


def report(seen: Seen, seconds: float, windows: list[Window] | None = None) -> None:
    """Print it."""
    windows = windows or []
    print(f"\n{'':8} {'answers':>9} {'per s':>8} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9} {'most ms':>8}")
    everything = list(itertools.chain.from_iterable(seen.milliseconds.values()))
    for kind, batch in [*seen.milliseconds.items(), ("all", everything)]:
        times = [percentile(batch, share) for share in (0.5, 0.99, 0.999, 1.0)]
        print(f"{kind:8} {len(batch):9,} {len(batch) / seconds:8.1f} " + " ".join(f"{item:8.1f}" for item in times))
    if seen.refused:
        times = [item.took_s * 1000 for item in seen.refused]
        join = " ".join(f"{percentile(times, share):8.1f}" for share in (0.5, 0.99, 0.999, 1.0))
        print(f"{'refused':8} {len(times):9,} {len(times) / seconds:8.1f} {join}")
    refused, failed = judged(seen, windows)
    for name, counts in (("refused, with Retry-After", refused), ("failed", failed)):
        print(f"{name}: {', '.join(f'{kind} {what} {count:,}' for (kind, what), count in sorted(counts.items())) or 'none'}")
    for window in windows:
        print(_recovery(window))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--every", type=float, default=60, metavar="SECONDS", help="between two faults")
    named = {fault.__name__: fault for fault in FAULTS}
    parser.add_argument("--only", choices=named, help="just this fault, again and again")
    options = parser.parse_args()
    ended_in_order()
    with Fleet(webs=1, standby=False, pooler=False, proxy=False, settings={"WEB_WORKERS": "2"}) as fleet:
        fleet.prepare("load_boundaries", "--embedded", "--no-downloads")
        if options.faults:  # a second load of the same, to go back from
            fleet.prepare("load_boundaries", "health-regions-sample", "--again", "--no-downloads")
        fleet.serve()
        chosen = [named[options.only]] if options.only else FAULTS
        faults = itertools.cycle(chosen) if options.faults else None
        print(
            f"{SHARES}, {options.clients} clients, {options.minutes:g} minutes, "
            f"{f'a fault every {options.every:g} s' if faults else 'no faults'}"
        )
        seconds = options.minutes * 60
        seen, windows = run(fleet, seconds=seconds, clients=options.clients, faults=faults, every_s=options.every)
        report(seen, seconds, windows)
        with urllib.request.urlopen(f"{fleet.address}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        for line in re.findall(r"^geo_problems_total.*|^geo_cache_requests_total.*", text, re.MULTILINE):
            print(line)


if __name__ == "__main__":
    main()

"""Load test: one web server under a realistic mix of requests, with or without injected faults.

    bin/scale load [--minutes 30] [--clients 8] [--faults [--every 60] [--only NAME]]

70 % lookups, 15 % layers, 10 % tiles, 5 % bulk (500 positions each), on the embedded demonstration. The server is granian
with two workers, started as by bin/serve, with its own PostgreSQL; loopback only. Faults, in turn (benchmarks.faults): a worker
is killed, the database crashes, all sessions are terminated, a publication is rolled back and repeated, the server reloads its
workers, tables are locked, the response cache is deleted. The report has rates, latencies, refusals, failures, the memory of
each worker over time, and the recovery time after each fault.
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

from benchmarks.faults import FAULTS, Window, inject, within, workers
from tests.support.fleet import Fleet, ended_in_order
from tests.support.request_mix import SHARES, Client, Results, percentile

# Refused by the concurrency limit BULK_AT_ONCE, not because of a fault.
LIMIT = "too-many-at-once"
# A refusal must be fast: one that takes longer is a failure.
REFUSED_WITHIN_S = 1.0


def resident_mb(fleet: Fleet) -> dict[int, float]:
    """Return the resident memory of each web worker, in MB."""
    page, result = os.sysconf("SC_PAGE_SIZE") / 2**20, {}
    for pid in workers(fleet.webs[0]):
        with contextlib.suppress(OSError):
            result[pid] = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * page
    return result


def _clients(port: int, seeds: list[int], stop: Any, details: Any) -> None:
    clients = [Client(port, seed, stop.is_set) for seed in seeds]
    for client in clients:
        client.start()
    total = Results()
    for client in clients:
        client.join()
        total.add(client.results)
    details.put(total)


def run(
    fleet: Fleet, *, seconds: float, clients: int, faults: Iterator[Callable[[Fleet], None]] | None, every_s: float = 60
) -> tuple[Results, list[Window]]:
    """Send requests for `seconds`, with a fault every `every_s`; return the results and the windows of the faults."""
    stop, details = Event(), Queue()  # type: ignore[var-annotated]
    port = int(fleet.address.rpartition(":")[2])
    # Two processes, so that the clients are not the bottleneck.
    senders = [
        Process(target=_clients, args=(port, list(range(first, clients, 2)), stop, details), daemon=True) for first in range(2)
    ]
    for process in senders:
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
        # No fault near the end: the service needs time to recover.
        if faults is not None and elapsed >= next_fault and seconds - elapsed > every_s / 3:
            next_fault += every_s
            fault = next(faults)
            print(f"{elapsed:6.0f} s  {fault.__name__}", flush=True)
            windows.append(inject(fault, fleet, port, processes))
            print(f"{time.monotonic() - started:6.0f} s  {_recovery(windows[-1])}", flush=True)
        time.sleep(0.2)
    stop.set()
    total = Results()
    for _ in senders:
        total.add(details.get(timeout=120))
    for process in senders:
        process.join()
    return total, windows


def _recovery(window: Window) -> str:
    took = "not within 30 s" if window.recovery_s is None else f"{window.recovery_s:.1f} s after its end"
    return f"{window.name}: {window.ended - window.began:.1f} s long, all requests answered {took}"


def judged(results: Results, windows: list[Window]) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return the numbers of refusals and failures, by kind of request and problem.

    A 503 or 429 counts as a refusal within the window of a fault, or if it comes from the limit for bulk requests, and if it
    takes at most `REFUSED_WITHIN_S`. Otherwise it is a failure.
    """
    refused: Counter[tuple[str, str]] = Counter()
    failed = Counter(results.failed)
    for item in results.refused:
        if item.took_s > REFUSED_WITHIN_S:
            failed[item.kind, f"{item.problem} (slow)"] += 1
        elif item.problem == LIMIT or within(windows, item.at, item.at + item.took_s):
            refused[item.kind, item.problem] += 1
        else:
            failed[item.kind, f"{item.problem} (without a fault)"] += 1
    return refused, failed


def report(results: Results, seconds: float, windows: list[Window] | None = None) -> None:
    """Print latencies by kind of request, refusals, failures and recoveries."""
    windows = windows or []
    print(f"\n{'':8} {'answers':>9} {'per s':>8} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9} {'most ms':>8}")
    everything = list(itertools.chain.from_iterable(results.milliseconds.values()))
    for kind, batch in [*results.milliseconds.items(), ("all", everything)]:
        times = [percentile(batch, share) for share in (0.5, 0.99, 0.999, 1.0)]
        print(f"{kind:8} {len(batch):9,} {len(batch) / seconds:8.1f} " + " ".join(f"{item:8.1f}" for item in times))
    if results.refused:
        times = [item.took_s * 1000 for item in results.refused]
        join = " ".join(f"{percentile(times, share):8.1f}" for share in (0.5, 0.99, 0.999, 1.0))
        print(f"{'refused':8} {len(times):9,} {len(times) / seconds:8.1f} {join}")
    refused, failed = judged(results, windows)
    for name, counts in (("refused, with Retry-After", refused), ("failed", failed)):
        print(f"{name}: {', '.join(f'{kind} {what} {count:,}' for (kind, what), count in sorted(counts.items())) or 'none'}")
    for window in windows:
        print(_recovery(window))


def main() -> None:
    """Run the load test and print its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--every", type=float, default=60, metavar="SECONDS", help="between two faults")
    named = {fault.__name__: fault for fault in FAULTS}
    parser.add_argument("--only", choices=named, help="repeat this fault only")
    options = parser.parse_args()
    ended_in_order()
    with Fleet(webs=1, standby=False, pooler=False, proxy=False, settings={"WEB_WORKERS": "2"}) as fleet:
        fleet.prepare("load_boundaries", "--embedded", "--no-downloads")
        if options.faults:  # a second load of the same layer, to roll back
            fleet.prepare("load_boundaries", "health-regions-sample", "--again", "--no-downloads")
        fleet.serve()
        chosen = [named[options.only]] if options.only else FAULTS
        faults = itertools.cycle(chosen) if options.faults else None
        print(
            f"{SHARES}, {options.clients} clients, {options.minutes:g} minutes, "
            f"{f'a fault every {options.every:g} s' if faults else 'no faults'}"
        )
        seconds = options.minutes * 60
        results, windows = run(fleet, seconds=seconds, clients=options.clients, faults=faults, every_s=options.every)
        report(results, seconds, windows)
        with urllib.request.urlopen(f"{fleet.address}/metrics", timeout=30) as response:
            text = response.read().decode()
        for line in re.findall(r"^geo_problems_total.*|^geo_cache_requests_total.*", text, re.MULTILINE):
            print(line)


if __name__ == "__main__":
    main()

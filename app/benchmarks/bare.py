"""Benchmark of bare SQL: two processes over psycopg2 without a framework, the upper bound for everything else."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Any

from django.db import connections

_FORK = multiprocessing.get_context("fork")


def _worker(ask: Callable[[], Any], seconds: float, counts: Any) -> None:
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        ask()
        count += 1
    counts.put(count)


def bare(ask: Callable[[], Any], seconds: float) -> float:
    """Return how often a second `ask` can be called."""
    connections.close_all()  # a process that is forked must not share one
    counts: Any = _FORK.Queue()
    workers = [_FORK.Process(target=_worker, args=(ask, seconds, counts)) for _ in range(2)]
    for worker in workers:
        worker.start()
    total = sum(counts.get() for _ in workers)
    for worker in workers:
        worker.join()
    return float(total / seconds)

"""Benchmark of bare SQL: two processes with psycopg2 and no framework, an upper bound for every server."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Any

from django.db import connections

_FORK = multiprocessing.get_context("fork")


def _worker(execute: Callable[[], Any], seconds: float, counts: Any) -> None:
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        execute()
        count += 1
    counts.put(count)


def bare(execute: Callable[[], Any], seconds: float) -> float:
    """Return the calls of `execute` per second."""
    connections.close_all()  # forked processes must not share a connection
    counts: Any = _FORK.Queue()
    workers = [_FORK.Process(target=_worker, args=(execute, seconds, counts)) for _ in range(2)]
    for worker in workers:
        worker.start()
    total = sum(counts.get() for _ in workers)
    for worker in workers:
        worker.join()
    return float(total / seconds)

"""Work on chunks in several processes, this one included, in order, with a bounded number of chunks in memory."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Any, TypeVar

Context = TypeVar("Context")
Task = TypeVar("Task")
Result = TypeVar("Result")

# Fewer chunks take less time than the start of a process.
_FEW = 4
_PENDING_PER_PROCESS = 4
# Maximum number of tasks and results that wait for the first one; above the number of pending tasks, so that this process
# continues while workers start.
_RESULTS_PER_PROCESS = 4


class WorkerLost(RuntimeError):
    """A worker process ended, for example because the system was out of memory."""


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    tasks: Iterable[tuple[Context, Task]], work: Callable[[Task], Result], processes: int
) -> Iterator[tuple[Context, Result]]:
    """Yield the result of each task, in the order of the tasks.

    Few tasks are worked on in this process only. Otherwise it works on a task whenever the workers have enough to do.

    Args:
        tasks: each with a context, which stays in this process and comes back with the result.
        work: sent to each process once, so it has to be picklable.
        processes: number of processes, with this one.

    Raises: WorkerLost, and what `work` or the iteration of the tasks raises.
    """
    rest = iter(tasks)
    first: list[tuple[Context, Task]] = []
    if processes > 1:
        first = list(islice(rest, _FEW))
    if processes <= 1 or len(first) < _FEW:
        for context, task in chain(first, rest):
            yield context, work(task)
        return
    # Processes of their own, not forks: the caller may have threads.
    workers = processes - 1
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (work,))
    pending: deque[tuple[Context, Future[Result]]] = deque()
    try:
        for context, task in chain(first, rest):
            if sum(not future.done() for _, future in pending) < workers * _PENDING_PER_PROCESS:
                future = pool.submit(_run, task)
            else:
                future = Future()
                future.set_result(work(task))
            pending.append((context, future))
            while pending and (pending[0][1].done() or len(pending) > processes * _RESULTS_PER_PROCESS):
                yield _finished(pending)
        while pending:
            yield _finished(pending)
    except BrokenProcessPool:
        raise WorkerLost("A worker process ended before its work was done.") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(pending: "deque[tuple[Context, Future[Result]]]") -> tuple[Context, Result]:
    context, future = pending.popleft()
    return context, future.result()


class _Worker:
    work: Callable[[Any], Any]


def _start(work: Callable[[Any], Any]) -> None:
    _Worker.work = work


def _run(task: Any) -> Any:
    return _Worker.work(task)

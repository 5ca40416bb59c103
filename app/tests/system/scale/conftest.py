"""The service on several machines, on one: only where TEST_SCALE is set, with what `bin/scale` installs."""

import http.client
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.demo_regions import position
from tests.support.fleet import Fleet
from tests.support.optional import left_out
from tests.support.priority import high_priority

__all__ = ["high_priority"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these out of a quick run, and say so."""
    left_out(items, Path(__file__).parent, "scale", "several servers")


@pytest.fixture(scope="package")
def fleet() -> Iterator[Fleet]:
    """Two web servers, a primary and a standby, PgBouncer and nginx, over the tiny world; every answer is a database's."""
    options = {"WEB_WORKERS": "1", "WEB_THREADS": "4", "BULK_AT_ONCE": "0"}
    # A machine that does much else at the same time says nothing for longer than a database that is well.
    options |= {"DB_UNAVAILABLE_AFTER_MS": "2500"}
    options |= {"LOOKUP_MEMORY_VERTICES": "0", "BODY_CACHE_MB": "0", "DB_REPLICA_MAX_LAG_S": "2", "LOG_REQUESTS": "true"}
    with Fleet(settings=options) as running:
        running.prepare("shell", "-v0", "-c", "from tests.support import demo_regions as world; world.build(related=True)")
        running.prepare("draw_tiles", "-v0")
        running.serve()
        until(lambda: all(standing(running, number) == (1, 1) for number in range(2)))
        yield running


def managed_by(url: str, *command: str, **keys: str) -> "subprocess.CompletedProcess[str]":
    """Run manage.py with a database of its own and none of the settings of this one."""
    retained = {key: value for key, value in os.environ.items() if not key.startswith(("DB_", "DATABASE", "PG"))}
    environment = retained | {"DATABASE_URL": url, "SECRET_KEY": "x" * 50} | keys
    command = (sys.executable, "manage.py", *command)
    return subprocess.run(command, cwd=settings.APP_DIR, env=environment, capture_output=True, text=True, check=False)


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so. The time is only there so that a failure is no hanging."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be so"
        time.sleep(0.1)


def get(port: int, path: str) -> tuple[int, str]:
    """Return status and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def standing(fleet: Fleet, number: int) -> tuple[int, int]:
    """Return whether a web server sees the standby, and whether it reads from it."""
    text = get(fleet.ports[number], "/metrics")[1]
    values = dict(line.split() for line in text.splitlines() if line.startswith("geo_replica_") and "{" not in line)
    return int(float(values["geo_replica_up"])), int(float(values["geo_replica_in_use"]))


PLACE = position(2_000, 2_000)
QUESTIONS = (
    f"/locate?lat={PLACE['lat']}&lon={PLACE['lon']}",
    "/health-regions?detail=low",
    "/fsa/M5V?detail=none",
    "/fsa/M5V/boundary?detail=full",
    "/health-regions/3501/neighbours?detail=none",
)


class Traffic:
    """What clients were answered: "200", or what else came of it."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.count = 0


@contextmanager
def traffic(fleet: Fleet) -> Iterator[Traffic]:
    """Ask nginx without a pause, four at a time, each question on a connection of its own or on one that is kept."""
    result, stop, lock = Traffic(), threading.Event(), threading.Lock()
    port = fleet.proxy_port or 0
    many = '{"codes": ["M5V", "M1A", "K1A"]}'

    def ask(number: int) -> None:
        requested = 0
        while not stop.is_set():
            requested += 1
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                if (requested + number) % 6 == 5:
                    connection.request("POST", "/fsa", many, {"Content-Type": "application/json"})
                else:
                    connection.request("GET", QUESTIONS[(requested + number) % 6])
                answer = connection.getresponse()
                body = answer.read()
                details = "200" if answer.status == 200 else f"{answer.status} {body[:150]!r}"
            except (OSError, http.client.HTTPException) as error:
                details = type(error).__name__
            finally:
                connection.close()
            with lock:
                result.answers[details] += 1
                result.count += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: result.count > 20)
        yield result
        # What follows a fault is answered as well.
        reached = result.count + 40
        until(lambda: result.count > reached)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

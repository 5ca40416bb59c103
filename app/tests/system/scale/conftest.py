"""Fixtures of the scale tests (TEST_SCALE): several servers on one machine, with the programs of `bin/scale install`."""

import http.client
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.demo_regions import position
from tests.support.fleet import Fleet
from tests.support.optional import left_out
from tests.support.priority import high_priority
from tests.support.processes import wait_until

__all__ = ["high_priority"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests with a reason unless TEST_SCALE is set."""
    left_out(items, Path(__file__).parent, "scale", "several servers")


@pytest.fixture(scope="package")
def fleet() -> Iterator[Fleet]:
    """Yield two web servers, primary, standby, PgBouncer and nginx with the demo regions, without any cache of the service."""
    options = {"WEB_WORKERS": "1", "WEB_THREADS": "4", "BULK_AT_ONCE": "0"}
    # On a busy machine an available database can take longer to respond.
    options |= {"DB_UNAVAILABLE_AFTER_MS": "2500"}
    options |= {"DOWNLOADS_DIR": "/dev/null/none", "BODY_CACHE_MB": "0", "DB_REPLICA_MAX_LAG_S": "2", "LOG_REQUESTS": "true"}
    with Fleet(settings=options) as running:
        running.prepare("shell", "-v0", "-c", "from tests.support import demo_regions as world; world.build(related=True)")
        running.prepare("draw_tiles", "-v0")
        running.serve()
        wait_until(lambda: all(replica_state(running, number) == (1, 1) for number in range(2)))
        yield running


def managed_by(url: str, *command: str, **keys: str) -> "subprocess.CompletedProcess[str]":
    """Run manage.py with another database, without the database settings of this process."""
    # A browser fixture of the session sets DJANGO_ALLOW_ASYNC_UNSAFE, which is an error of `check --deploy` (async.E001).
    excluded = ("DB_", "DATABASE", "PG", "DJANGO_ALLOW_ASYNC_UNSAFE")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(excluded)}
    environment = inherited | {"DATABASE_URL": url, "SECRET_KEY": "x" * 50} | keys
    command = (sys.executable, "manage.py", *command)
    return subprocess.run(command, cwd=settings.APP_DIR, env=environment, capture_output=True, text=True, check=False)


def get(port: int, path: str) -> tuple[int, str]:
    """Return status and body of a response to GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def replica_state(fleet: Fleet, number: int) -> tuple[int, int]:
    """Return `geo_replica_up` and `geo_replica_in_use` of a web server."""
    text = get(fleet.ports[number], "/metrics")[1]
    values = dict(line.split() for line in text.splitlines() if line.startswith("geo_replica_") and "{" not in line)
    return int(float(values["geo_replica_up"])), int(float(values["geo_replica_in_use"]))


PLACE = position(2_000, 2_000)
PATHS = (
    f"/locate?lat={PLACE['lat']}&lon={PLACE['lon']}",
    "/health-regions?detail=low",
    "/fsa/M5V?detail=none",
    "/fsa/M5V/boundary?detail=full",
    "/health-regions/3501/neighbours?detail=none",
)


class Traffic:
    """Counts of the outcomes of requests: "200", another status with the body, or the name of an exception."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.count = 0


@contextmanager
def traffic(fleet: Fleet) -> Iterator[Traffic]:
    """Send requests to nginx from four threads without a pause, each on a new connection, until the block ends."""
    result, stop, lock = Traffic(), threading.Event(), threading.Lock()
    port = fleet.proxy_port or 0
    many = '{"codes": ["M5V", "M1A", "K1A"]}'

    def send_requests(number: int) -> None:
        sent = 0
        while not stop.is_set():
            sent += 1
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                if (sent + number) % 6 == 5:
                    connection.request("POST", "/fsa", many, {"Content-Type": "application/json"})
                else:
                    connection.request("GET", PATHS[(sent + number) % 6])
                response = connection.getresponse()
                body = response.read()
                details = "200" if response.status == 200 else f"{response.status} {body[:150]!r}"
            except (OSError, http.client.HTTPException) as error:
                details = type(error).__name__
            finally:
                connection.close()
            with lock:
                result.outcomes[details] += 1
                result.count += 1

    threads = [threading.Thread(target=send_requests, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: result.count > 20)
        yield result
        # Requests after a fault are part of the traffic too.
        reached = result.count + 40
        wait_until(lambda: result.count > reached)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

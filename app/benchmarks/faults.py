"""Faults injected during benchmarks/load.py, and the time until recovery.

Each fault ends by itself. Its window is from its beginning until the service has recovered: within it a 503 with Retry-After is
a refusal, outside of it a failure.
"""

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.fleet import APP, Fleet

# After a fault's end everything must be answered again within this.
RECOVERS_WITHIN_S = 30.0
# Rounds of questions that must all be answered, so that every process has been asked.
_ROUNDS = 5
_PROBES = (
    "/locate?lat=43.65&lon=-79.38",
    "/health-regions?detail=low&province=ON",
    "/tiles/health-regions/5/8/11.mvt",
    "/fsa/M5V",
    "/health-regions?q=ottawa&detail=none",
    "/readyz",
)

# Takes the last publication back, and publishes it again.
_PUBLISHING = """
import time, django
django.setup()
from loader.publication import publish
last = publish.last_published("health-regions")
publish.rollback(last)
time.sleep(5)
publish.publish(last)
"""


def workers(web: "subprocess.Popen[bytes]") -> list[int]:
    """Return the numbers of a server's processes that answer."""
    children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text(encoding="ascii").split()
    results = []
    for pid in children:
        with contextlib.suppress(OSError):
            if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes():
                results.append(int(pid))
    return results


def kill_a_worker(fleet: Fleet) -> None:
    """Kill one of the processes that answer."""
    os.kill(workers(fleet.webs[0])[0], signal.SIGKILL)


def crash_the_database(fleet: Fleet) -> None:
    """Let the database be away for two seconds."""
    fleet.primary.stop("immediate")
    time.sleep(2)
    fleet.primary.start()


def end_sessions(fleet: Fleet) -> None:
    """Let the database end all the service's sessions, five times within two seconds."""
    for _ in range(5):
        fleet.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'geo_api'")
        time.sleep(0.3)


def publish_another_edition(fleet: Fleet) -> None:
    """Take the last edition of the health regions back, and publish it again five seconds later."""
    subprocess.run(
        [sys.executable, "-c", _PUBLISHING],
        cwd=APP,
        env=fleet.owner | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": "."},
        check=True,
    )


def reload(fleet: Fleet) -> None:
    """Tell the server to start its processes anew."""
    fleet.webs[0].send_signal(signal.SIGHUP)


def lock_tables(fleet: Fleet) -> None:
    """Lock what regions, their shapes and their tiles are read from, for five seconds."""
    fleet.primary.sql(
        "BEGIN; LOCK TABLE region, region_level, region_part, tile_piece IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT",
        "covidtrends_geo",
    )


def remove_the_cache(fleet: Fleet) -> None:
    """Remove the folder of kept bodies and of what is published."""
    for name in ("bodies", "published"):
        shutil.rmtree(fleet.folder / "web0" / name, ignore_errors=True)


FAULTS: tuple[Callable[[Fleet], None], ...] = (
    kill_a_worker,
    crash_the_database,
    end_sessions,
    publish_another_edition,
    reload,
    lock_tables,
    remove_the_cache,
)


@dataclass(frozen=True, slots=True)
class Window:
    """A fault that happened.

    Attributes:
        began, ended, recovered: on the monotonic clock, which all processes of a machine share; `recovered` is None where it
            was not within `RECOVERS_WITHIN_S` of the end.
    """

    name: str
    began: float
    ended: float
    recovered: float | None

    @property
    def closed(self) -> float:
        """Until when a refusal is the fault's."""
        return self.ended + RECOVERS_WITHIN_S if self.recovered is None else self.recovered

    @property
    def recovery_s(self) -> float | None:
        """For how many seconds after the fault's end something was not answered."""
        return None if self.recovered is None else max(self.recovered - self.ended, 0.0)


def happen(fault: Callable[[Fleet], None], fleet: Fleet, port: int, processes: int) -> Window:
    """Let a fault happen, and wait until the service has recovered: everything answered, by as many processes as before."""
    began = time.monotonic()
    fault(fleet)
    ended = time.monotonic()
    good, since = 0, ended
    while time.monotonic() < ended + RECOVERS_WITHIN_S:
        started = time.monotonic()
        if len(workers(fleet.webs[0])) >= processes and all(_answered(port, path) for path in _PROBES):
            since = since if good else started
            good += 1
            if good == _ROUNDS:
                # What was well all the time has recovered at once.
                return Window(fault.__name__, began, ended, since)
        else:
            good = 0
        time.sleep(0.1)
    return Window(fault.__name__, began, ended, None)


def within(windows: list[Window], requested: float, answered: float) -> bool:
    """Say whether something that was asked and answered then may have met one of the faults."""
    return any(window.began <= answered and requested <= window.closed for window in windows)


def _answered(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in {200, 204}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

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

# Every request must be answered again within this time after the end of a fault.
RECOVERS_WITHIN_S = 30.0
# Rounds of probes that must all be answered, so that every process has answered some.
_ROUNDS = 5
_PROBES = (
    "/locate?lat=43.65&lon=-79.38",
    "/health-regions?detail=low&province=ON",
    "/tiles/health-regions/5/8/11.mvt",
    "/fsa/M5V",
    "/health-regions?q=ottawa&detail=none",
    "/readyz",
)

# Rolls the last publication back, and publishes it again.
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
    """Return the process IDs of the workers of a server."""
    children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text(encoding="ascii").split()
    results = []
    for pid in children:
        with contextlib.suppress(OSError):
            if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes():
                results.append(int(pid))
    return results


def kill_a_worker(fleet: Fleet) -> None:
    """Kill a worker (SIGKILL)."""
    os.kill(workers(fleet.webs[0])[0], signal.SIGKILL)


def crash_the_database(fleet: Fleet) -> None:
    """Stop the database as by a crash, and start it two seconds later."""
    fleet.primary.stop("immediate")
    time.sleep(2)
    fleet.primary.start()


def end_sessions(fleet: Fleet) -> None:
    """Terminate all sessions of the service, five times within two seconds."""
    for _ in range(5):
        fleet.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'geo_api'")
        time.sleep(0.3)


def republish_vintage(fleet: Fleet) -> None:
    """Roll the last publication of health regions back, and publish it again five seconds later."""
    subprocess.run(
        [sys.executable, "-c", _PUBLISHING],
        cwd=APP,
        env=fleet.owner | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": "."},
        check=True,
    )


def reload(fleet: Fleet) -> None:
    """Reload the workers (SIGHUP)."""
    fleet.webs[0].send_signal(signal.SIGHUP)


def lock_tables(fleet: Fleet) -> None:
    """Lock the tables of regions, geometries and tiles for five seconds."""
    fleet.primary.sql(
        "BEGIN; LOCK TABLE region, region_level, region_part, tile_piece IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT",
        "covidtrends_geo",
    )


def remove_the_cache(fleet: Fleet) -> None:
    """Delete the response cache and the snapshot of the catalogue."""
    for name in ("bodies", "published"):
        shutil.rmtree(fleet.folder / "web0" / name, ignore_errors=True)


FAULTS: tuple[Callable[[Fleet], None], ...] = (
    kill_a_worker,
    crash_the_database,
    end_sessions,
    republish_vintage,
    reload,
    lock_tables,
    remove_the_cache,
)


@dataclass(frozen=True, slots=True)
class Window:
    """The time of a fault, until recovery.

    Attributes:
        began, ended, recovered: monotonic clock, which all processes of a machine share; `recovered` is None if the service did
            not recover within `RECOVERS_WITHIN_S` of the end.
    """

    name: str
    began: float
    ended: float
    recovered: float | None

    @property
    def closed(self) -> float:
        """End of the window: refusals up to this time are attributed to the fault."""
        return self.ended + RECOVERS_WITHIN_S if self.recovered is None else self.recovered

    @property
    def recovery_s(self) -> float | None:
        """Recovery time in seconds after the end of the fault; None without recovery."""
        return None if self.recovered is None else max(self.recovered - self.ended, 0.0)


def inject(fault: Callable[[Fleet], None], fleet: Fleet, port: int, processes: int) -> Window:
    """Cause a fault, and wait until the service has recovered: every probe answered, with as many workers as before."""
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
                # A service that never failed has recovered at the end of the fault.
                return Window(fault.__name__, began, ended, since)
        else:
            good = 0
        time.sleep(0.1)
    return Window(fault.__name__, began, ended, None)


def within(windows: list[Window], requested: float, answered: float) -> bool:
    """Return whether a request overlaps the window of a fault."""
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

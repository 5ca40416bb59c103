"""Bootstrap of a web worker: background threads, database permits, preloaded indexes.

`config.wsgi` calls `start()` once in each worker, after the settings are loaded. Management commands never call it, and their
connections use Django's own backend (`settings.DATABASES`): a load has no statement watchdog, circuit breaker or permits.

| started | module | effect |
|---|---|---|
| database permits | operations.db_permits | at most `WEB_THREADS - 1` threads of a process block on the database |
| statement watchdog | operations.statement_watchdog | a thread closes the connection of a statement that outlives its limit |
| circuit breaker | operations.circuit_breaker | a thread probes each database and opens the circuit when it does not answer |
| replica monitor | operations.replica_lag | threads measure how far a standby is behind |
| reader watchdog | operations.reader_watchdog | a thread ends statements and transactions of geo_reader that run too long |
| catalogue snapshot | geography.vintages.snapshot | the catalogue is saved for a worker that starts without a database |
| index preload | geography.lookup.registry | a thread opens the lookup indexes in force; missing ones are compiled |
"""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

from django.conf import settings

from geography.lookup import registry
from geography.vintages import snapshot
from operations import circuit_breaker, db_permits, reader_watchdog, replica_lag, statement_watchdog


def start() -> None:
    """Start all of the above. Call once per worker."""
    db_permits.configure(settings.WEB_THREADS)
    statement_watchdog.start(settings.DB_STATEMENT_TIMEOUT_MS)
    circuit_breaker.start(settings.DB_UNAVAILABLE_AFTER_MS)
    replica_lag.start()
    reader_watchdog.start()
    snapshot.configure(Path(settings.GEODATA_CACHE) / "published" if settings.BODY_CACHE_MB > 0 else None)
    registry.preload(_make_lookup_files)
    tune_garbage_collection()


def _make_lookup_files() -> None:
    """Start a process that makes the missing lookup files of this machine, with the lowest priority; do not wait for it.

    Does nothing where DOWNLOADS_DIR is not writable.
    """
    folder = Path(settings.DOWNLOADS_DIR)
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return
    command = ["nice", "-n", "19", sys.executable, str(settings.APP_DIR / "manage.py"), "export", "--format", "lookup"]
    environment = os.environ | {"COVIDTRENDS_GEO_ROLE": ""}

    def run() -> None:
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603

    threading.Thread(target=run, name="lookup-index-make", daemon=True).start()


def tune_garbage_collection() -> None:
    """Exclude all objects loaded so far from garbage collection, and collect less often.

    Measured: scanning objects that live as long as the process took a third of the time of a bulk lookup.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)

"""The WSGI callable that granian (or any WSGI server) imports."""

import gc
import os
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from operations import (
    circuit_breaker,
    db_permits,
    reader_watchdog,
    replica_lag,
    request_body,
    response_buffer,
    statement_watchdog,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Tells the settings that statements have a limit here. What runs from the command line, such as a load, has none.
os.environ["COVIDTRENDS_GEO_SERVES"] = "1"

django = get_wsgi_application()

# After the settings are there, and in the process that serves.
from api.fast_path import FastPath  # noqa: E402

# Throttling counts every request, which it does on the long way.
application = request_body.with_deadline(
    response_buffer.buffer_response(django if settings.THROTTLE_RATE else FastPath(django)), settings.BODY_TIMEOUT_S
)

db_permits.configure(settings.WEB_THREADS)
statement_watchdog.start(settings.DB_STATEMENT_TIMEOUT_MS)
circuit_breaker.start(settings.DB_SILENT_AFTER_MS)
replica_lag.start()
reader_watchdog.start()

from geography.lookup import registry  # noqa: E402
from geography.vintages import snapshot  # noqa: E402

snapshot.configure(Path(settings.GEODATA_CACHE) / "published" if settings.BODY_CACHE_MB > 0 else None)
registry.preload()

# A third of the time of many positions went into looking for garbage among what is here to stay.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 10, 10)

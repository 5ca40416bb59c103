"""Settings of the benchmark server: the project's settings with an additional empty view as the baseline of lookups.

`FLOOR_BARE=1` removes the middleware.
"""

import os

from config.settings import *  # noqa: F403 - a settings module imports all names

ROOT_URLCONF = "benchmarks.floor_urls"
if os.environ.get("FLOOR_BARE"):
    MIDDLEWARE = []

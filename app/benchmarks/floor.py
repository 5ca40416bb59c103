"""Settings of what a lookup is compared with on the same server: this project's, and a view that does nothing.

`FLOOR_BARE=1` leaves the middleware out.
"""

import os

from config.settings import *  # noqa: F403 - a settings module is what it is made of

ROOT_URLCONF = "benchmarks.floor_urls"
if os.environ.get("FLOOR_BARE"):
    MIDDLEWARE = []

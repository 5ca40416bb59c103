"""The WSGI callable that granian (or any WSGI server) imports."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from operations import request_body, response_buffer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The process role: the settings give statements a time limit here. Commands, such as a load, have none.
os.environ["COVIDTRENDS_GEO_SERVES"] = "1"

django = get_wsgi_application()

# Imported after the settings, which the application loads.
from api.fast_path import FastPath  # noqa: E402
from config import bootstrap  # noqa: E402

# The rate limit counts requests in a Django middleware, so the fast path is off where it is set.
application = request_body.with_deadline(
    response_buffer.buffer_response(django if settings.THROTTLE_RATE else FastPath(django)), settings.BODY_TIMEOUT_S
)

bootstrap.start()

"""WSGI callable that granian (or another WSGI server) imports."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from operations.response_buffer import buffer_response

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Process role: the settings select the guarded database backend and statement timeouts for it. Commands have neither.
os.environ["COVIDTRENDS_GEO_ROLE"] = "web"

django = get_wsgi_application()

# Imported after get_wsgi_application() has set Django up.
from api.fast_path import FastPath  # noqa: E402
from config import bootstrap  # noqa: E402

# The rate limit is a Django middleware, so the fast path is off if THROTTLE_RATE is set.
application = buffer_response(django if settings.THROTTLE_RATE else FastPath(django), settings.BODY_TIMEOUT_S)

bootstrap.start()

"""The WSGI callable that granian (or any WSGI server) imports."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# No answer takes this long. A loader's statements do, so only the server sets it.
os.environ.setdefault("DB_STATEMENT_TIMEOUT_MS", "10000")

application = get_wsgi_application()

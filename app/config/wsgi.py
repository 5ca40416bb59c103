"""The WSGI callable that granian (or any WSGI server) imports."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Tells the settings that statements have a limit here. What runs from the command line, such as a load, has none.
os.environ["COVIDTRENDS_GEO_SERVES"] = "1"

application = get_wsgi_application()

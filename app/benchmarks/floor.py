"""What a lookup is compared with on the same server: a view that does nothing, with this project's middleware and without.

A settings module and a URL configuration in one: `DJANGO_SETTINGS_MODULE=benchmarks.floor`. `FLOOR_BARE=1` leaves the
middleware out.
"""

import os

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from config.settings import *  # noqa: F403 - a settings module is what it is made of

ROOT_URLCONF = "benchmarks.floor"
if os.environ.get("FLOOR_BARE"):
    MIDDLEWARE = []


def empty(request: HttpRequest) -> HttpResponse:
    """Answer with nothing to answer."""
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("empty", empty), path("", include("config.urls"))]

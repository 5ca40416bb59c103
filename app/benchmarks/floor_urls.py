"""Routes of the benchmark server: an empty view, then all routes of the service."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def empty(request: HttpRequest) -> HttpResponse:
    """Return an empty JSON object."""
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("empty", empty), path("", include("config.urls"))]

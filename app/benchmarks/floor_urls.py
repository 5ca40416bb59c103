"""A view that does nothing, before all routes of the service."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def empty(request: HttpRequest) -> HttpResponse:
    """Answer with nothing to answer."""
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("empty", empty), path("", include("config.urls"))]

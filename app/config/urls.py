"""Every route of the service."""

from django.urls import include, path, re_path

from api.problems import unknown_route
from operations.metrics_view import metrics

urlpatterns = [
    # Routes are tried one after the other, and those of the API are asked most.
    path("", include("api.urls")),
    path("", include("web.urls")),
    path("metrics", metrics, name="metrics"),
    # Last: what nothing else answers is a problem document too, with DEBUG as without.
    re_path("", unknown_route),
]

handler400 = "api.problems.request_refused"
handler403 = "api.problems.request_refused"
handler404 = "api.problems.unknown_route"
handler500 = "api.problems.internal_error"
